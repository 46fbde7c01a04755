"""A case asked for once is judged as each subscriber of it would be."""

from __future__ import annotations

import pytest

from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import record_facts
from planrec.quick.cases import AdviceCases, OfferCases
from planrec.rules import ExclusionCode, Rules, apply_rules, exclusions
from planrec.rules.rulebook import ContractRule, OfferRules, PlanRule

RULES = Rules(
    version="test",
    contract=ContractRule(while_bound="allow_dearer"),
    plans=(PlanRule(plans=("unlimited",), holders_of=("basic-6",), why="no upgrade"),),
)


@pytest.mark.parametrize("left", [None, 0.0, 0.5, 7.0])
def test_a_case_is_judged_by_the_rules(catalogue: Catalogue, left: float | None) -> None:
    cases = AdviceCases(RULES, catalogue, lambda codes: codes.tolist())
    binds = left is not None and left > 0
    for month in range(24_300, 24_320):  # flex-5 ends and max-voice begins between them
        for held in (-1, *range(len(catalogue.plans))):
            for age in (None, 17.0, 18.0, 27.0, 27.5, 28.0, 59.5, 60.0, 90.0):
                record = SubscriberRecord((), age=age, contract_months_left=left)
                facts = record_facts(record, month=month - 1, current=held)
                assert (
                    cases.of(month, age, held, binds)
                    == apply_rules(RULES, catalogue, facts, "advice").codes[0].tolist()
                )


@pytest.mark.parametrize("consent", [None, False, True])
@pytest.mark.parametrize("holdout", [None, False, True])
@pytest.mark.parametrize("contacts", [None, 0.0, 3.0])
def test_a_case_of_an_offer_is_judged_by_the_rules(
    catalogue: Catalogue, consent: bool | None, holdout: bool | None, contacts: float | None
) -> None:
    rules = RULES.model_copy(update={"offers": OfferRules(usage_required=True)})
    cases = OfferCases(rules, catalogue)
    said = {"consent": consent, "holdout": holdout, "contacts_90d": contacts}
    for month in (24_309, 24_310, 24_311):
        for held in (-1, 3, 8):
            for age, left, minutes in ((None, None, 0.0), (27.5, 0.0, 5.0), (60.0, 2.0, 5.0)):
                months = [UsageMonth(24_310, minutes, 0.0, 0.0)]
                record = SubscriberRecord(months, age=age, contract_months_left=left, **said)
                facts = record_facts(record, month=month, current=held)
                verdict = apply_rules(rules, catalogue, facts, "offer")
                found = cases.of(record, month, held)
                assert found.codes == verdict.codes[0].tolist()
                assert found.barred == verdict.barred[0]
                sold = exclusions(catalogue, facts.change_month, facts.current, facts.age)[0] == ExclusionCode.NONE
                assert found.on_sale == [bool(one) and plan != held for plan, one in enumerate(sold)]
