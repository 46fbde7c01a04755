"""All rules together against a checker of another make: violations are exactly 0, and the audit finds each one."""

from __future__ import annotations

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
from planrec.rules import Facts, Mode, Rules, apply_rules, built_in_rules
from planrec.rules.audit import violations
from planrec.rules.rulebook import ContractRule, MinimumGain, OfferRules, PlanRule

OCTOBER = month_index("2025-10")
CONTACTABLE: dict[str, Any] = {"consent": 1, "contacts_90d": 0.0, "holdout": 0, "contract_months_left": 0.0}
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
    if age is not None and not (-1 if low is None else low) <= int(age) <= (999 if high is None else high):
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
                     contacts_90d=[2.0, 1.0], age=40.0)  # fmt: skip
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


def test_the_audit_counts_every_uncertain_switch_and_every_offer_that_may_drive_away(catalogue: Catalogue) -> None:
    facts = Facts.of(OCTOBER, np.array([5, 5, 5]), **CONTACTABLE, age=40.0)
    order = np.array([[3, 5]] * 3)
    monthly = np.zeros((3, 2, len(IDS)))
    monthly[:, :, 3] = [[300, -100], [300, 100], [0, 0]]
    rules = Rules(version="x", minimum_gain=MinimumGain(advice_certainty=0.65))
    found = violations(order, rules, catalogue, facts, "advice", monthly_saving_cents=monthly)
    assert found["UNCERTAIN_GAIN"] == 2
    changes = np.zeros((3, len(IDS)))
    changes[:, 3] = [0.01, -0.02, 0.03]
    assert violations(order, rules, catalogue, facts, "offer", churn_change=changes)["CHURN_MAY_RISE"] == 2
