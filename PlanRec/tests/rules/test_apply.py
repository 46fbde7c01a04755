"""The rules, each by hand, and then all together against a checker of another make: violations are exactly 0."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.advice import advise
from planrec.advice.ranking import AdvicePolicy, rank_plans
from planrec.billing import Catalogue, Plan, Usage, load_catalogue
from planrec.billing.catalogue import Eligibility, OnSale
from planrec.months import month_index, month_text
from planrec.outlook import History
from planrec.rules import ExclusionCode, Facts, Mode, Rules, apply_rules, built_in_rules, stay_reasons, stay_text
from planrec.rules.apply import Verdict
from planrec.rules.audit import violations
from planrec.rules.rulebook import ContractRule, MinimumGain, OfferRules, PlanRule

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
    assert [code.value for code in ExclusionCode] == list(range(21))
    assert ExclusionCode.AGE_UNKNOWN == 5
    assert ExclusionCode.CONTRACT_BINDS == 6


BASE = load_catalogue(Path(__file__).resolve().parents[2] / "configs" / "plans.yaml")
IDS = BASE.plan_ids
MONTHS = [month_text(month) for month in range(OCTOBER - 3, OCTOBER + 4)]
maybe_month = st.none() | st.sampled_from(MONTHS)
maybe_age = st.none() | st.integers(17, 65)


@st.composite
def plans(draw: st.DrawFn, plan: Plan) -> Plan:
    first, last = draw(maybe_month), draw(maybe_month)
    if first is not None and last is not None and last < first:
        first, last = last, first
    return plan.model_copy(
        update={
            "on_sale": OnSale(first=first, last=last),
            "eligibility": Eligibility(min_age=draw(maybe_age), max_age=draw(maybe_age)),
            "contract_months": draw(st.sampled_from([0, 12, 24])),
            "monthly_fee_cents": draw(st.sampled_from([1000, 2000, 3000])),
        }
    )


some_plans = st.lists(st.sampled_from(IDS), min_size=1, max_size=4, unique=True).map(tuple)
modes = st.sampled_from([("advice",), ("offer",), ("advice", "offer")])
plan_rules = st.builds(PlanRule, plans=some_plans, modes=modes, holders_of=st.none() | some_plans, why=st.just("x"))
rule_files = st.builds(
    Rules,
    version=st.just("drawn"),
    contract=st.builds(ContractRule, while_bound=st.sampled_from(["deny", "allow_dearer"])),
    offers=st.builds(
        OfferRules,
        consent_required=st.booleans(),
        max_contacts_90d=st.none() | st.integers(0, 4),
        respect_holdout=st.booleans(),
        usage_required=st.booleans(),
    ),
    plans=st.lists(plan_rules, max_size=3).map(tuple),
)
people = st.tuples(
    st.integers(OCTOBER - 4, OCTOBER + 4),  # month
    st.just(-1) | st.integers(0, len(IDS) - 1),  # plan held
    st.none() | st.sampled_from([16.0, 17.0, 30.5, 65.0, 66.0]),  # age
    st.none() | st.sampled_from([0.0, 1.0, 7.0]),  # contract
    st.sampled_from([None, True, False]),  # consent
    st.none() | st.sampled_from([0.0, 1.0, 2.0, 4.0, 5.0]),  # contacts
    st.sampled_from([None, True, False]),  # hold-out
    st.booleans(),  # used anything
)
Person = tuple[int, int, float | None, float | None, bool | None, float | None, bool | None, bool]


# Row by row, and sharing nothing with the code under test.
def contactable(
    offers: OfferRules, consent: bool | None, contacts: float | None, holdout: bool | None, *, used: bool
) -> bool:
    if offers.usage_required and not used:
        return False
    if offers.respect_holdout and holdout is not False:
        return False
    if offers.consent_required and consent is not True:
        return False
    cap = offers.max_contacts_90d
    return cap is None or (contacts is not None and contacts < cap)


def allowed(plan: Plan, person: Person, rules: Rules, catalogue: Catalogue, mode: str) -> bool:
    month, at, age, left, consent, contacts, holdout, used = person
    held = catalogue.plans[at] if at >= 0 else None
    if held is not None and plan.plan_id == held.plan_id:
        return True
    if not (plan.on_sale.first or "0000-01") <= month_text(month + 1) <= (plan.on_sale.last or "9999-12"):
        return False
    low, high = plan.eligibility.min_age, plan.eligibility.max_age
    if (low is not None or high is not None) and age is None:
        return False
    if age is not None and not (-1 if low is None else low) <= age <= (999 if high is None else high):
        return False
    for rule in rules.plans:
        concerned = rule.holders_of is None or (held.plan_id in rule.holders_of if held else mode == "offer")
        if mode in rule.modes and plan.plan_id in rule.plans and concerned:
            return False
    if mode == "offer" and not contactable(rules.offers, consent, contacts, holdout, used=used):
        return False
    may_bind = held is None or held.contract_months > 0
    bound = left > 0 if left is not None else mode == "offer" and may_bind
    dearer = (
        held is not None
        and plan.monthly_fee_cents > held.monthly_fee_cents
        and plan.contract_months >= held.contract_months
    )
    return not bound or (rules.contract.while_bound == "allow_dearer" and dearer)


def facts_of_people(crowd: list[Person]) -> Facts:
    def known(values: list[Any], unknown: float) -> list[Any]:
        return [unknown if value is None else value for value in values]

    month, current, age, left, consent, contacts, holdout, used = (list(column) for column in zip(*crowd, strict=True))
    return Facts.of(
        np.array(month),
        np.array(current),
        age=known(age, np.nan),
        contract_months_left=known(left, np.nan),
        consent=known(consent, -1),
        contacts_90d=known(contacts, np.nan),
        holdout=known(holdout, -1),
        used=used,
    )


@settings(deadline=None, max_examples=100)
@given(st.data(), rule_files, st.lists(people, min_size=1, max_size=12), st.integers(0, 2**32 - 1), st.integers(0, 800))
def test_no_recommended_plan_ever_breaks_a_rule(
    data: st.DataObject, rules: Rules, crowd: list[Person], seed: int, min_gain: int
) -> None:
    drawn = tuple(data.draw(plans(plan)) for plan in BASE.plans)
    catalogue = Catalogue(BASE.version, BASE.currency, BASE.rounding, drawn)
    facts = facts_of_people(crowd)
    rng = np.random.default_rng(seed)
    usage = Usage.of(*(rng.gamma(1, scale, (len(crowd), 3)) for scale in (300, 60, 9000)))
    history = History(usage, np.ones((len(crowd), 3), dtype=bool))
    advice = advise(history, catalogue, AdvicePolicy(min_gain_cents=min_gain), rules=rules, facts=facts)
    bills = rng.gamma(2, 1500, (len(crowd), len(IDS)))
    verdict = apply_rules(rules, catalogue, facts, "offer")
    offers, _ = rank_plans(bills, verdict.codes, facts.current, min_gain)
    orders: dict[Mode, Any] = {"advice": advice.order, "offer": offers}
    for mode, order in orders.items():
        for person, row in zip(crowd, order.tolist(), strict=True):
            may = {p for p in range(len(IDS)) if allowed(drawn[p], person, rules, catalogue, mode)}
            assert {p for p in row if p >= 0} == may  # nothing forbidden, and nothing kept back
        assert sum(violations(order, rules, catalogue, facts, mode).values()) == 0
    held = np.maximum(facts.current, 0)
    gain = bills[np.arange(len(crowd)), held][:, None] - bills
    found = violations(offers, rules, catalogue, facts, "offer", gain_cents=gain, min_gain_cents=min_gain)
    assert sum(found.values()) == 0


@settings(deadline=None, max_examples=40)
@given(st.data(), rule_files, st.lists(people, min_size=1, max_size=5), st.sampled_from(["advice", "offer"]))
def test_the_audit_finds_every_pair_the_rules_forbid(
    data: st.DataObject, rules: Rules, crowd: list[Person], mode: Mode
) -> None:
    drawn = tuple(data.draw(plans(plan)) for plan in BASE.plans)
    catalogue = Catalogue(BASE.version, BASE.currency, BASE.rounding, drawn)
    facts = facts_of_people(crowd)
    for position, plan in enumerate(drawn):
        for i, person in enumerate(crowd):
            found = violations(np.array([[position]]), rules, catalogue, facts.rows(np.array([i])), mode)
            assert (sum(found.values()) == 0) == allowed(plan, person, rules, catalogue, mode)


def test_the_audit_names_each_broken_rule_and_counts_pairs(catalogue: Catalogue) -> None:
    rules = Rules(version="x", plans=(PlanRule(plans=("smart-25",), why="x"),))
    facts = Facts.of(OCTOBER, np.array([5, 5]), contract_months_left=[2.0, 0.0], consent=[0, 1], holdout=[1, 0],
                     contacts_90d=[9.0, 0.0], age=40.0)  # fmt: skip
    order = np.array([[catalogue.index("smart-25"), catalogue.index("flex-5")], [catalogue.index("young-10"), 5]])
    found = violations(order, rules, catalogue, facts, "offer")
    assert {code: count for code, count in found.items() if count} == {
        "NO_LONGER_SOLD": 1, "ABOVE_MAXIMUM_AGE": 1, "CONTRACT_BINDS": 2, "NOT_OFFERED": 1, "HELD_OUT": 2,
        "NO_CONSENT": 2, "CONTACT_CAP": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gain", "least", "count"),
    [
        pytest.param(99.0, None, 1, id="below-the-rules"),
        pytest.param(100.0, None, 0, id="just-enough"),
        pytest.param(0.0, 0, 1, id="nothing-gained"),
        pytest.param(99.0, 50, 0, id="enough-for-the-override"),
    ],
)
def test_the_audit_holds_rank_one_to_the_minimum_gain(
    catalogue: Catalogue, gain: float, least: int | None, count: int
) -> None:
    facts = Facts.of(OCTOBER, np.array([5, 5, -1]), **CONTACTABLE, age=40.0)
    gains = np.zeros((3, len(IDS)))
    gains[0, 3] = gain
    order = np.array([[3, 5], [5, 3], [3, -1]])  # a switch; staying; nobody knows what is held
    found = violations(order, built_in_rules(), catalogue, facts, "offer", gain_cents=gains, min_gain_cents=least)
    assert sum(found.values()) == found["BELOW_MINIMUM_GAIN"] == count


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


def test_the_audit_counts_every_switch_that_gains_too_little(catalogue: Catalogue) -> None:
    facts = Facts.of(OCTOBER, np.array([5, 5, 5]), **CONTACTABLE, age=40.0)
    gains = np.zeros((3, len(IDS)))
    gains[:, 3] = [99.0, 100.0, 1.0]
    order = np.array([[3, 5]] * 3)
    found = violations(order, built_in_rules(), catalogue, facts, "offer", gain_cents=gains)
    assert found["BELOW_MINIMUM_GAIN"] == 2


@pytest.mark.parametrize(
    ("savings", "certainty", "count"),
    [
        pytest.param([300.0, 100.0], 1.0, 0, id="mean-200-spread-100"),
        pytest.param([300.0, 100.0], 2.0, 1, id="as-much-as-is-asked-is-not-more"),
        pytest.param([300.0, -100.0], 0.65, 1, id="mean-100-spread-200"),
        pytest.param([300.0, -100.0], 0.0, 0, id="not-asked"),
    ],
)
def test_the_audit_counts_switches_that_are_not_certain_enough(
    catalogue: Catalogue, savings: list[float], certainty: float, count: int
) -> None:
    facts = Facts.of(OCTOBER, np.array([5, 5, -1]), **CONTACTABLE, age=40.0)
    monthly = np.zeros((3, 2, len(IDS)))
    monthly[:, :, 3] = savings
    rules = Rules(version="x", minimum_gain=MinimumGain(advice_certainty=certainty))
    order = np.array([[3, 5], [5, 3], [3, -1]])  # a switch; staying; nobody knows what is held
    found = violations(order, rules, catalogue, facts, "advice", monthly_saving_cents=monthly)
    assert sum(found.values()) == found["UNCERTAIN_GAIN"] == count
    # An offer is not asked for certainty.
    assert not violations(order, rules, catalogue, facts, "offer", monthly_saving_cents=monthly)["UNCERTAIN_GAIN"]


@pytest.mark.parametrize(
    ("change", "error", "fall", "count"),
    [
        pytest.param(-0.02, None, 0.0, 0, id="a-fall"),
        pytest.param(0.001, None, 0.0, 1, id="a-rise"),
        pytest.param(-0.02, 0.03, 0.0, 1, id="a-fall-that-may-be-a-rise"),
        pytest.param(-0.02, 0.01, 0.0, 0, id="a-fall-by-its-errors"),
        pytest.param(-0.02, None, 0.03, 1, id="too-small-a-fall"),
        pytest.param(np.nan, None, 0.0, 1, id="nothing-is-known"),
    ],
)
def test_the_audit_counts_offers_that_may_drive_away(
    catalogue: Catalogue, change: float, error: float | None, fall: float, count: int
) -> None:
    facts = Facts.of(OCTOBER, np.array([5, 5, -1]), **CONTACTABLE, age=40.0)
    changes = np.full((3, len(IDS)), change)
    errors = None if error is None else np.full((3, len(IDS)), error)
    rules = Rules(version="x", offers=OfferRules(min_churn_fall=fall, churn_errors=1.5))
    order = np.array([[3, 5], [5, 3], [3, -1]])
    told = {"churn_change": changes, "churn_error": errors}
    found = violations(order, rules, catalogue, facts, "offer", **told)
    assert sum(found.values()) == found["CHURN_MAY_RISE"] == count
    assert not violations(order, rules, catalogue, facts, "advice", **told)["CHURN_MAY_RISE"]
