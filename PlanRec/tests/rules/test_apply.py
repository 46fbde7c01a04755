"""The rules, each by hand, and the reason to stay that they give."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.billing.catalogue import Eligibility, OnSale
from planrec.months import month_index, month_text
from planrec.rules import (
    ExclusionCode,
    Facts,
    Mode,
    Rules,
    apply_rules,
    built_in_rules,
    closed_reasons,
    stay_reasons,
    stay_text,
)
from planrec.rules.apply import Verdict
from planrec.rules.audit import violations
from planrec.rules.rulebook import ContractRule, OfferRules, PlanRule

OCTOBER = month_index("2025-10")
CONTACTABLE: dict[str, Any] = {"consent": True, "contacts_90d": 0.0, "holdout": False, "contract_months_left": 0.0}


def codes_of(
    catalogue: Catalogue, rules: Rules, mode: Mode, held: str | None = "smart-12", **facts: Any
) -> dict[str, str]:
    given = {"age": 40.0, **facts}
    verdict = apply_rules(rules, catalogue, Facts.of(OCTOBER, np.array([catalogue.index(held)]), **given), mode)
    return {p: ExclusionCode(c).name for p, c in zip(catalogue.plan_ids, verdict.codes[0], strict=True)}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        pytest.param({}, "NONE", id="may-be-contacted"),
        pytest.param({"holdout": True}, "HELD_OUT", id="held-out"),
        pytest.param({"holdout": -1}, "HOLDOUT_UNKNOWN", id="hold-out-unknown"),
        pytest.param({"consent": False}, "NO_CONSENT", id="no-consent"),
        pytest.param({"consent": -1}, "CONSENT_UNKNOWN", id="consent-unknown"),
        pytest.param({"contacts_90d": 1.0}, "NONE", id="below-the-cap"),
        pytest.param({"contacts_90d": 2.0}, "CONTACT_CAP", id="cap-reached"),
        pytest.param({"contacts_90d": np.nan}, "CONTACTS_UNKNOWN", id="contacts-unknown"),
        pytest.param({"used": False}, "NO_USAGE", id="used-nothing"),
        pytest.param({"contract_months_left": 1.0}, "CONTRACT_BINDS", id="bound"),
        pytest.param({"contract_months_left": np.nan}, "CONTRACT_UNKNOWN", id="contract-unknown"),
        pytest.param({"contract_months_left": np.nan, "held": "basic-6"}, "NONE", id="a-plan-without-a-term"),
        pytest.param({"contract_months_left": np.nan, "held": None}, "CONTRACT_UNKNOWN", id="plan-unknown"),
        pytest.param({"held": None}, "NONE", id="plan-unknown-but-free"),
        pytest.param({"holdout": True, "consent": False, "contract_months_left": 3.0}, "HELD_OUT", id="first"),
    ],
)  # fmt: skip
def test_an_offer_is_closed_with_the_code_of_the_first_rule(
    catalogue: Catalogue, changed: dict[str, Any], code: str
) -> None:
    codes = codes_of(catalogue, built_in_rules(), "offer", **{**CONTACTABLE, **changed})
    held = changed.get("held", "smart-12")
    assert codes["smart-25"] == code
    assert codes["young-10"] == "ABOVE_MAXIMUM_AGE"  # the rate card's own code comes first
    assert codes["flex-5"] == "NO_LONGER_SOLD"
    assert held is None or codes[held] == "NONE"


@pytest.mark.parametrize(
    ("offers", "changed"),
    [
        pytest.param(OfferRules(respect_holdout=False), {"holdout": True}, id="hold-out"),
        pytest.param(OfferRules(consent_required=False), {"consent": -1}, id="consent"),
        pytest.param(OfferRules(consent_required=False), {"consent": False}, id="consent-refused"),
        pytest.param(OfferRules(respect_holdout=False), {"holdout": -1}, id="hold-out-unknown"),
        pytest.param(OfferRules(max_contacts_90d=None), {"contacts_90d": np.nan}, id="cap"),
        pytest.param(OfferRules(max_contacts_90d=6), {"contacts_90d": 5.0}, id="higher-cap"),
        pytest.param(OfferRules(usage_required=False), {"used": False}, id="usage"),
    ],
)
def test_a_rule_that_is_switched_off_closes_nothing(
    catalogue: Catalogue, offers: OfferRules, changed: dict[str, Any]
) -> None:
    assert codes_of(catalogue, built_in_rules(), "offer", **{**CONTACTABLE, **changed})["smart-25"] != "NONE"
    rules = Rules(version="x", offers=offers)
    assert codes_of(catalogue, rules, "offer", **{**CONTACTABLE, **changed})["smart-25"] == "NONE"


def test_advice_asks_neither_for_consent_nor_for_contacts(catalogue: Catalogue) -> None:
    codes = codes_of(catalogue, built_in_rules(), "advice", consent=False, holdout=True, contacts_90d=90.0)
    assert codes["smart-25"] == "NONE"  # nor does an unknown contract bind who asks for advice


def test_while_bound_only_dearer_plans_of_at_least_the_same_term_are_open(catalogue: Catalogue) -> None:
    rules = Rules(version="x", contract=ContractRule(while_bound="allow_dearer"))
    codes = codes_of(catalogue, rules, "advice", held="voice-free", contract_months_left=5.0)  # 2990, 12 months
    assert {plan for plan, code in codes.items() if code == "NONE"} == {"voice-free", "family-40", "unlimited"}
    assert codes["max-voice"] == "CONTRACT_BINDS"
    unknown_plan = codes_of(catalogue, rules, "advice", held=None, contract_months_left=5.0)
    assert unknown_plan["unlimited"] == "CONTRACT_BINDS"


def test_plans_are_taken_out_by_mode_and_holder(catalogue: Catalogue) -> None:
    rule = PlanRule(plans=("smart-25",), holders_of=("smart-12",), modes=("offer",), why="too near")
    rules = Rules(version="x", plans=(rule, PlanRule(plans=("prepaid-0", "smart-12"), why="old")))
    offered = codes_of(catalogue, rules, "offer", **CONTACTABLE)
    assert (offered["smart-25"], offered["prepaid-0"]) == ("NOT_OFFERED", "NOT_OFFERED")
    assert offered["smart-12"] == "NONE"  # held
    assert codes_of(catalogue, rules, "offer", held="basic-6", **CONTACTABLE)["smart-25"] == "NONE"
    # Who holds nobody knows what might hold that plan: an offer is careful, advice is not.
    assert codes_of(catalogue, rules, "offer", held=None, **CONTACTABLE)["smart-25"] == "NOT_OFFERED"
    assert codes_of(catalogue, rules, "advice", held=None)["smart-25"] == "NONE"


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        pytest.param(None, "2025-10", "NO_LONGER_SOLD", id="ends-with-the-last-month-known"),
        pytest.param(None, "2025-11", "NONE", id="ends-with-the-month-of-the-change"),
        pytest.param("2025-11", None, "NONE", id="begins-with-the-month-of-the-change"),
        pytest.param("2025-12", None, "NOT_YET_ON_SALE", id="begins-after-it"),
    ],
)
def test_a_plan_must_be_on_sale_in_the_month_in_which_the_change_takes_effect(
    catalogue: Catalogue, first: str | None, last: str | None, expected: str
) -> None:
    wanted = catalogue.plans[5].model_copy(update={"on_sale": OnSale(first=first, last=last)})
    card = dataclasses.replace(catalogue, plans=(*catalogue.plans[:5], wanted, *catalogue.plans[6:]))
    verdict = apply_rules(built_in_rules(), card, Facts.of(OCTOBER, np.array([-1]), age=40.0), "advice")
    assert ExclusionCode(verdict.codes[0, 5]).name == expected


@pytest.mark.parametrize(
    ("left", "change_month", "expected"),
    [
        pytest.param(0.0, None, None, id="free-at-the-end-of-the-month"),
        pytest.param(1.0, None, "2025-12", id="one-month-beyond"),
        pytest.param(14.0, None, "2027-01", id="over-the-year"),
        pytest.param(1.0, OCTOBER, "2025-11", id="decision-row"),
        pytest.param(np.nan, None, None, id="unknown"),
    ],
)
def test_earliest_change_is_the_first_month_without_the_contract(
    catalogue: Catalogue, left: float, change_month: int | None, expected: str | None
) -> None:
    facts = Facts.of(OCTOBER, np.array([5]), contract_months_left=left, change_month=change_month)
    first = int(apply_rules(built_in_rules(), catalogue, facts, "advice").earliest_change[0])
    assert (None if first < 0 else month_text(first)) == expected


@pytest.mark.parametrize(
    ("age", "young", "senior"), [(27.0, 0, 3), (27.5, 0, 3), (28.0, 4, 3), (59.9, 4, 3), (60.0, 4, 0)]
)
def test_age_is_counted_in_completed_years(catalogue: Catalogue, age: float, young: int, senior: int) -> None:
    facts = Facts.of(month_index("2025-10"), np.array([-1]), age=age)
    codes = apply_rules(built_in_rules(), catalogue, facts, "advice").codes[0]
    found = [int(codes[catalogue.index(plan)]) for plan in ("young-10", "senior-talk")]
    assert found == [young, senior]
    order = np.array([[catalogue.index("young-10"), catalogue.index("senior-talk")]])
    counts = violations(order, built_in_rules(), catalogue, facts, "advice")
    assert [counts[code] > 0 for code in ("ABOVE_MAXIMUM_AGE", "BELOW_MINIMUM_AGE")] == [young > 0, senior > 0]


def test_stay_is_told_with_what_keeps_the_subscriber(catalogue: Catalogue) -> None:
    facts = Facts.of(OCTOBER, np.full(5, 5), **{**CONTACTABLE, "contract_months_left": [0, 3, 3, 3, 0]},
                     ).rows(np.arange(5))  # fmt: skip
    held_out = dataclasses.replace(facts, holdout=np.array([0, 0, 0, 1, 0], dtype=np.int8))
    verdict = apply_rules(built_in_rules(), catalogue, held_out, "offer")
    gain = np.zeros(verdict.codes.shape)
    gain[:, 3] = [399.0, 400.0, 399.0, 900.0, 900.0]
    stay = np.array([True, True, True, True, False])
    why = [ExclusionCode(code).name for code in stay_reasons(verdict, gain, stay, 400)]
    assert why == ["BELOW_MINIMUM_GAIN", "CONTRACT_BINDS", "BELOW_MINIMUM_GAIN", "HELD_OUT", "NONE"]


def test_a_plan_that_gains_nothing_is_not_what_the_contract_keeps_one_from(catalogue: Catalogue) -> None:
    verdict = apply_rules(
        built_in_rules(), catalogue, Facts.of(OCTOBER, np.array([5]), contract_months_left=3.0), "advice"
    )
    why = stay_reasons(verdict, np.zeros(verdict.codes.shape), np.array([True]), 0)
    assert why.tolist() == [ExclusionCode.BELOW_MINIMUM_GAIN]


def test_every_code_has_words() -> None:
    words = [stay_text(code, -1) for code in ExclusionCode]
    assert len(set(words)) == len(words)
    assert not any(word.endswith(".") for word in words)


def test_codes_keep_their_numbers() -> None:
    assert [code.value for code in ExclusionCode] == list(range(24))
    assert ExclusionCode.AGE_UNKNOWN == 5
    assert ExclusionCode.CONTRACT_BINDS == 6


@pytest.mark.parametrize(
    ("gain", "least", "expected"),
    [
        pytest.param(99.0, 100, "BELOW_MINIMUM_GAIN", id="one-cent-too-little"),
        pytest.param(100.0, 100, "CONTRACT_BINDS", id="exactly-the-minimum"),
        pytest.param(0.0, 0, "BELOW_MINIMUM_GAIN", id="nothing-gained-where-nothing-is-asked"),
        pytest.param(1.0, 0, "CONTRACT_BINDS", id="one-cent-where-nothing-is-asked"),
        pytest.param(-5.0, -10, "BELOW_MINIMUM_GAIN", id="a-loss-is-no-gain"),
    ],
)
def test_a_contract_is_named_where_it_keeps_out_a_gain_that_would_do(gain: float, least: int, expected: str) -> None:
    codes = np.array([[ExclusionCode.CONTRACT_BINDS, ExclusionCode.NONE]])
    verdict = Verdict(codes, np.zeros(1, dtype=np.int64), np.array([OCTOBER]))
    why = stay_reasons(verdict, np.array([[gain, 900.0]]), np.array([True]), least)
    assert [ExclusionCode(code).name for code in why] == [expected]


def test_no_reason_to_stay_is_given_to_who_switches_and_a_barred_offer_comes_first() -> None:
    codes = np.array([[ExclusionCode.CONTRACT_BINDS, ExclusionCode.NONE]] * 2)
    verdict = Verdict(codes, np.array([0, ExclusionCode.NO_CONSENT]), np.full(2, OCTOBER))
    why = stay_reasons(verdict, np.full((2, 2), 500.0), np.array([False, True]), 100)
    assert [ExclusionCode(code).name for code in why] == ["NONE", "NO_CONSENT"]


def test_while_bound_a_dearer_plan_of_the_same_term_is_open(catalogue: Catalogue) -> None:
    held, other = catalogue.plans[5], catalogue.plans[6]
    for_all = {"eligibility": Eligibility(), "on_sale": OnSale(), "contract_months": held.contract_months}
    longer = other.model_copy(update={**for_all, "monthly_fee_cents": 9900})
    card = dataclasses.replace(catalogue, plans=(*catalogue.plans[:6], longer, *catalogue.plans[7:]))
    rules = Rules(version="x", contract=ContractRule(while_bound="allow_dearer"))
    assert held.contract_months > 0
    for change, code in (({}, "NONE"), ({"monthly_fee_cents": held.monthly_fee_cents}, "CONTRACT_BINDS"),
                         ({"contract_months": held.contract_months - 1}, "CONTRACT_BINDS")):  # fmt: skip
        plan = longer.model_copy(update=change)
        one = dataclasses.replace(card, plans=(*card.plans[:6], plan, *card.plans[7:]))
        codes = codes_of(one, rules, "advice", held=held.plan_id, contract_months_left=5.0)
        assert codes[plan.plan_id] == code


def test_a_code_about_the_subscriber_comes_before_any_number_of_codes_about_plans() -> None:
    sold, bound = ExclusionCode.NO_LONGER_SOLD, ExclusionCode.CONTRACT_BINDS
    assert closed_reasons(np.array([[sold] * 5 + [bound]])).tolist() == [bound]
