"""A case asked for once is judged as each subscriber of it would be."""

from __future__ import annotations

import pytest

from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import record_facts
from planrec.quick.cases import AdviceCases
from planrec.rules import Rules, apply_rules
from planrec.rules.rulebook import ContractRule, PlanRule

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
