from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import ConfigError
from planrec.advice import Engine, Question, Subscribers, what_if
from planrec.advice.what_if import ROAMING, UsageChange, load_plan, parse_plan, with_plan, with_usage
from planrec.billing import MAX_USAGE, Catalogue, Plan, Usage, bill_totals
from planrec.billing.catalogue import OnSale, Rounding
from planrec.outlook import SERVICES, History, bill_outlook
from planrec.rules import ExclusionCode, Facts, built_in_rules

MONTH = 24216
SURF, ULTIMATE = 0, 1
DRAFT = b"""plan_id: swell
name: Swell
monthly_fee_cents: 3000
included: {minutes: 800, messages: 100, megabytes: 20480}
overage: {cents_per_minute: 2, cents_per_message: 2, cents_per_data_unit: 800}
on_sale: {from: 2030-01}
"""


def history(*megabytes: float, minutes: float = 400.0) -> History:
    data = np.array([megabytes])
    return History(Usage(np.full_like(data, minutes), np.full_like(data, 10.0), data), np.ones_like(data, dtype=bool))


def asked(card: Catalogue, months: History, question: Question, current: int = SURF, **options: object):  # type: ignore[no-untyped-def]
    people = Subscribers.of(months, Facts.of(MONTH, np.full(len(months.known), current)))
    return what_if(Engine(card, built_in_rules()), people, question, risk_weight=0.0, **options)  # type: ignore[arg-type]


def test_nothing_asked_changes_nothing(megaline: Catalogue) -> None:
    found = asked(megaline, history(9000, 20000), Question())
    np.testing.assert_array_equal(found.now.mean_cents, found.then.mean_cents)
    np.testing.assert_array_equal(found.now.spread_cents, found.then.spread_cents)
    np.testing.assert_array_equal(found.now.best, found.then.best)
    assert not found.changes.any()
    assert found.travel_cents is None
    assert found.catalogue is megaline


def test_more_usage_is_rated_month_by_month(megaline: Catalogue) -> None:
    found = asked(megaline, history(12000, 14000), Question(UsageChange.by(1.2)))
    # 14,400 MB are within 15 units, 16,800 are 17: two beyond; 480 minutes and 12 messages are within.
    assert found.now.mean_cents[0].tolist() == [2000, 7000]
    assert found.then.mean_cents[0].tolist() == [3000, 7000]
    assert found.then.spread_cents[0].tolist() == [1000, 0]


def test_a_month_of_travel_is_one_of_twelve(megaline: Catalogue) -> None:
    found = asked(megaline, history(12288), Question(travel=ROAMING))
    assert found.travel_cents is not None
    assert found.travel_cents[0].tolist() == [5000, 7000]  # 18,432 MB are 18 units: three beyond
    assert found.then.mean_cents[0].tolist() == pytest.approx([(11 * 2000 + 5000) / 12, 7000])
    # A month of the year is 50.00 with chance 1/12 and 20.00 else.
    assert found.then.spread_cents[0].tolist() == pytest.approx([3000 * np.sqrt(11) / 12, 0])


def test_travel_comes_on_top_of_the_change(megaline: Catalogue) -> None:
    found = asked(megaline, history(10240), Question(UsageChange(factor_megabytes=1.2), ROAMING))
    assert found.travel_cents is not None
    assert found.travel_cents[0, SURF] == 2000 + 3 * 1000  # 10,240 x 1.8 = 18,432 MB


def test_a_drafted_plan_is_on_sale_then_and_does_not_exist_now(megaline: Catalogue) -> None:
    found = asked(megaline, history(17000), Question(plan=parse_plan(DRAFT, "draft")))
    assert found.catalogue.plan_ids == ("surf", "ultimate", "swell")
    assert np.isnan(found.now.mean_cents[0, 2])
    assert np.isnan(found.now.spread_cents[0, 2])
    assert found.now.excluded[0].tolist() == [0, 0, ExclusionCode.NOT_YET_ON_SALE]
    assert found.then.excluded[0].tolist() == [0, 0, 0]
    assert found.then.mean_cents[0].tolist() == [4000, 7000, 3000]
    assert (found.now.best[0], found.now.stay[0]) == (SURF, True)
    assert (found.then.best[0], found.then.stay[0]) == (2, False)
    assert found.changes.tolist() == [True]


def test_minimum_gain_and_contract_keep_the_plan_held(megaline: Catalogue) -> None:
    draft = Question(plan=parse_plan(DRAFT, "draft"))
    assert not asked(megaline, history(17000), draft, min_gain_cents=1001).changes.any()
    bound = Subscribers.of(history(17000), Facts.of(MONTH, np.array([SURF]), contract_months_left=3))
    found = what_if(Engine(megaline, built_in_rules()), bound, draft, risk_weight=0.0)
    assert found.then.excluded[0].tolist() == [0, ExclusionCode.CONTRACT_BINDS, ExclusionCode.CONTRACT_BINDS]
    assert found.then.best.tolist() == [SURF]


def test_declined_plans_are_priced_all_the_same(megaline: Catalogue) -> None:
    people = Subscribers.of(history(40000), Facts.of(MONTH, np.array([SURF])), declined=np.array([[False, True]]))
    found = what_if(Engine(megaline, built_in_rules()), people, Question(), risk_weight=0.0)
    assert found.now.best.tolist() == [ULTIMATE]


def test_a_forecast_is_changed_and_not_its_past(megaline: Catalogue) -> None:
    class Usual:
        """Everybody comes back to 400 minutes and 15 units of data, whatever was."""

        def scenarios(self, past: History, *, extra_sd: np.ndarray) -> History:
            assert (extra_sd == 0).all()
            return history(15360)

    engine = replace(Engine(megaline, built_in_rules()), forecast=Usual())  # type: ignore[arg-type]
    people = Subscribers.of(history(99999), Facts.of(MONTH, np.array([SURF])))
    found = what_if(engine, people, Question(UsageChange(factor_megabytes=1.2)), risk_weight=0.0)
    assert found.now.mean_cents[0, SURF] == 2000
    assert found.then.mean_cents[0, SURF] == 2000 + 3 * 1000


def test_no_plan_on_offer_is_no_change(megaline: Catalogue) -> None:
    closed = replace(
        megaline, plans=tuple(p.model_copy(update={"on_sale": OnSale(to="2017-12")}) for p in megaline.plans)
    )
    found = asked(closed, history(9000), Question(UsageChange.by(3)), current=-1)
    assert (found.now.best.tolist(), found.then.best.tolist()) == ([-1], [-1])
    assert not found.changes.any()


@given(
    st.lists(st.floats(0, 50_000), min_size=1, max_size=4),
    *(st.floats(1, 5) for _ in range(6)),
)
@settings(deadline=None, max_examples=40)
def test_more_usage_or_travel_never_makes_a_bill_smaller(
    megaline: Catalogue, megabytes: list[float], a: float, b: float, c: float, d: float, e: float, f: float
) -> None:
    found = asked(megaline, history(*megabytes), Question(UsageChange(a, b, c), UsageChange(d, e, f)))
    assert found.travel_cents is not None
    assert (found.then.mean_cents >= found.now.mean_cents - 1e-6).all()
    assert (found.travel_cents >= found.then.mean_cents - 1e-6).all()


def test_the_year_is_that_of_its_twelve_months(catalogue: Catalogue) -> None:
    rng = np.random.default_rng(3)
    months = History(Usage(*(rng.gamma(2, size, (4, 3)) for size in (200, 20, 6000))), np.ones((4, 3), dtype=bool))
    found = asked(catalogue, months, Question(travel=ROAMING), current=3)
    away = with_usage(months, ROAMING)
    year = Usage(*(np.hstack([*[getattr(months.usage, s)] * 11, getattr(away.usage, s)]) for s in SERVICES))
    outlook = bill_outlook(bill_totals(year, catalogue), np.ones((4, 36), dtype=bool))
    np.testing.assert_allclose(found.then.mean_cents, outlook.mean_cents, rtol=1e-12)
    np.testing.assert_allclose(found.then.spread_cents, outlook.spread_cents, rtol=1e-9, atol=1e-6)


def test_usage_stays_within_what_the_rater_takes() -> None:
    assert with_usage(history(MAX_USAGE), UsageChange.by(100)).usage.megabytes.tolist() == [[MAX_USAGE]]


@pytest.mark.parametrize("factor", [-0.1, 100.1, float("nan"), float("inf")])
def test_factors_outside_their_bounds_are_refused(factor: float) -> None:
    with pytest.raises(ConfigError, match="factor_messages must lie between 0 and 100"):
        UsageChange(factor_messages=factor)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("plan_id: swell", "plan_id: '=1'", r"line 1, plan_id", id="plan-is-a-formula"),
        pytest.param("name: Swell\n", "", "name: required; add it", id="field-missing"),
        pytest.param("monthly_fee_cents: 3000", "monthly_fee_cents: 30.5", "whole number", id="part-of-a-cent"),
        pytest.param("minutes: 800", "minutes: -1", r"line 4, included\.minutes: .*equal to 0", id="negative"),
        pytest.param("messages: 100", "message: 100", r"included\.message", id="unknown-field"),
        pytest.param("plan_id", "[", "draft plan my.yaml", id="no-yaml"),
    ],
)
def test_a_bad_draft_is_refused_with_field_and_reason(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_plan(DRAFT.decode().replace(old, new).encode(), "my.yaml")


def test_a_draft_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "swell.yaml"
    path.write_bytes(DRAFT)
    assert load_plan(path) == parse_plan(DRAFT, "swell")
    with pytest.raises(ConfigError, match=r"draft plan .*none\.yaml: cannot be read \(FileNotFoundError\)"):
        load_plan(tmp_path / "none.yaml")


def test_a_draft_has_to_fit_the_rate_card(megaline: Catalogue) -> None:
    draft = parse_plan(DRAFT, "draft")

    def refused(card: Catalogue, plan: Plan, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            with_plan(card, plan)

    taken = draft.model_copy(update={"plan_id": "surf"})
    refused(megaline, taken, "draft plan: plan_id: a plan of rate card 'megaline-2018' has it; choose another")
    coarse = replace(megaline, rounding=Rounding(minutes="call", data_unit_megabytes=3000))
    refused(coarse, draft, r"included\.megabytes: not whole data units of 3000")
    plans = tuple(draft.model_copy(update={"plan_id": f"p{i}"}) for i in range(1000))
    refused(replace(megaline, plans=plans), draft, "is full with 1,000 plans")
    unlimited = draft.model_copy(update={"included": draft.included.model_copy(update={"megabytes": None})})
    assert with_plan(coarse, unlimited).plan_ids[-1] == "swell"
