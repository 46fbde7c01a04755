"""A draft is judged on the simulated operator by what happened once the plan had launched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.evaluation.intervals import percentile_interval, resampled_weights
from common_utils.parts.pool import answered_in_order
from planrec.billing import Catalogue, Plan
from planrec.billing.catalogue import OnSale, Rounding
from planrec.choice.logit import ConditionalLogit
from planrec.choice.selection import CalibratedChoice
from planrec.columns import CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.decisions import decision_table
from planrec.decisions.rows import CHOSEN_PLAN, usage_ahead
from planrec.months import month_index, month_text
from planrec.outlook import fit_usage_forecast
from planrec.pricing.draft import DraftMarket, DraftScore, PlanDemand, Pricing, check_draft
from planrec.pricing.resampling import ResampledSums
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate

LAUNCH, NEW = "2025-10", "max-voice"
AS_OF = month_index("2025-09")


def scored(pieces: Iterable[pd.DataFrame], pricing: Pricing, draft: Catalogue, **given: Any) -> DraftScore:
    market = DraftMarket(pricing, draft, **given)
    return market.score(map(market.piece, pieces))


@dataclass(frozen=True)
class Operator:
    """Everything recorded, and what could be priced and learnt before the launch."""

    months: pd.DataFrame
    pricing: Pricing
    full: Catalogue

    @property
    def before(self) -> pd.DataFrame:
        return self.months[self.months[MONTH] < LAUNCH].reset_index(drop=True)

    def score(
        self, draft: Catalogue | None = None, months: pd.DataFrame | None = None, **options: object
    ) -> DraftScore:
        given: dict[str, object] = {"as_of": AS_OF, "n_resamples": 100, "seed": 0, **options}
        table = self.before if months is None else months
        return scored([table], self.pricing, draft or self.full, **given)


def operator(catalogue: Catalogue, process: str, seed: int = 1) -> Operator:
    config = SimulatorConfig(subscribers=5000, choice_process=process)  # type: ignore[arg-type]
    months = simulate(config, catalogue, np.random.default_rng(seed)).months
    old = replace(catalogue, plans=tuple(plan for plan in catalogue.plans if plan.plan_id != NEW))
    known = months[months[MONTH] < LAUNCH].reset_index(drop=True)
    rows = decision_table(known, history_months=6)
    model = ConditionalLogit(old).fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object))
    forecast = fit_usage_forecast(*usage_ahead(known, history_months=6, horizon=3))
    return Operator(months, Pricing(CalibratedChoice(model), forecast, old, 6, 6), catalogue)


@pytest.fixture(scope="module")
def logit(catalogue: Catalogue) -> Operator:
    return operator(catalogue, "logit")


@pytest.fixture(scope="module")
def score(logit: Operator) -> DraftScore:
    return logit.score()


def by_id(score: DraftScore) -> dict[str, PlanDemand]:
    return {plan.plan_id: plan for plan in score.plans}


def predicted_and_observed(market: Operator) -> tuple[float, int, int]:
    """Expected and real takers of the new plan, and all who decided, in the three months from its launch on."""
    decided = decision_table(market.months, history_months=6)
    expected, taken, all_ = 0.0, 0, 0
    for month in range(AS_OF + 1, AS_OF + 4):
        rows = decided[decided[MONTH] == month_text(month)]
        past = market.months[market.months[MONTH] < month_text(month)]
        past = past[past[SUBSCRIBER].isin(rows[SUBSCRIBER])].reset_index(drop=True)
        # The model is the one fitted before the launch, in every month.
        score = market.score(months=past, as_of=month - 1, bound_decide=True)
        expected += score.new_demand.estimate
        taken += int((rows[CHOSEN_PLAN] == NEW).sum())
        all_ += score.subscribers
    return expected, taken, all_


def test_takers_of_a_plan_are_predicted_before_it_launches(logit: Operator) -> None:
    expected, taken, decided = predicted_and_observed(logit)
    assert decided > 1500
    assert taken > 200
    assert expected / taken == pytest.approx(1.0, abs=0.15)


def test_a_launch_people_talk_about_takes_more_than_a_model_of_trade_offs_says(catalogue: Catalogue) -> None:
    # Satisficing subscribers look at few plans, and at a new one first: half as many again may take it.
    expected, taken, _ = predicted_and_observed(operator(catalogue, "satisficing"))
    assert 0.55 < expected / taken < 1.0


def test_a_new_plan_takes_from_all_others_and_most_from_those_like_it(score: DraftScore) -> None:
    plans = by_id(score)
    others = [plan for plan in score.plans if not plan.new]
    assert [plan.plan_id for plan in score.plans if plan.new] == [NEW]
    assert plans[NEW].draft == pytest.approx(score.new_demand.estimate)
    assert plans[NEW].change.low > 0
    assert all(plan.change.estimate <= 0 for plan in others)
    assert sum(plan.change.estimate for plan in score.plans) == pytest.approx(0, abs=1e-6)
    assert sum(plan.share_of_new for plan in others) == pytest.approx(1)
    most = max(others, key=lambda plan: plan.share_of_new)
    assert most.plan_id == "voice-free"  # unlimited calls, too
    assert sum(plan.from_holders for plan in score.plans) == pytest.approx(score.new_demand.estimate)
    assert np.isnan(plans[NEW].share_of_new)


def test_every_subscriber_counts_once(score: DraftScore, logit: Operator) -> None:
    assert sum(plan.current for plan in score.plans) == pytest.approx(score.subscribers)
    assert sum(plan.draft for plan in score.plans) == pytest.approx(score.subscribers)
    assert sum(plan.held for plan in score.plans) == score.subscribers
    assert score.subscribers + score.gone == logit.before[SUBSCRIBER].nunique()
    assert score.month == AS_OF + 1
    assert 0 < score.bound < score.subscribers
    gap = sum(plan.draft_revenue_cents - plan.current_revenue_cents for plan in score.plans)
    assert gap == pytest.approx(score.revenue_change_cents.estimate)
    assert score.revenue_change_cents.low < gap < score.revenue_change_cents.high


def test_the_bound_stay_unless_told_otherwise(score: DraftScore, logit: Operator) -> None:
    every = logit.score(bound_decide=True)
    assert every.bound == 0
    assert every.new_demand.estimate > score.new_demand.low
    held, kept = by_id(score)["family-40"].held, by_id(score)["family-40"].draft
    assert kept > 0.8 * held  # two years of contract: most of its holders are bound


def changed(card: Catalogue, plan_id: str, **fields: object) -> Catalogue:
    plans = [p.model_copy(update=fields) if p.plan_id == plan_id else p for p in card.plans]
    return replace(card, plans=tuple(plans))


def test_a_dearer_plan_is_taken_less(logit: Operator) -> None:
    score = logit.score(changed(logit.pricing.current, "basic-6", monthly_fee_cents=1990))
    plans = by_id(score)
    assert plans["basic-6"].change.high < 0
    assert all(p.change.estimate >= 0 for p in score.plans if p.plan_id != "basic-6")
    assert np.isnan(plans["talk-800"].share_of_new)
    assert score.new_demand.estimate == 0


def test_a_plan_withdrawn_keeps_only_its_holders(logit: Operator) -> None:
    last = OnSale.model_validate({"to": "2025-09"})
    plans = by_id(logit.score(changed(logit.pricing.current, "smart-12", on_sale=last)))
    assert plans["smart-12"].change.estimate < 0
    assert 0 < plans["smart-12"].draft < plans["smart-12"].held


def test_prices_of_the_draft_reach_nobody_who_is_bound(logit: Operator) -> None:
    before = logit.before
    free = before.drop(columns="contract_months_left")
    dear = changed(logit.pricing.current, "unlimited", monthly_fee_cents=9990)
    bound = free.assign(contract_months_left=5.0)
    kept = logit.score(dear, months=bound)
    assert kept.revenue_change_cents.estimate == 0
    assert kept.bound == kept.subscribers
    assert logit.score(dear, months=free).bound == 0  # what is not known binds nobody


@pytest.mark.parametrize("cut", [1, 700, 4999])
def test_the_cut_does_not_show(logit: Operator, cut: int) -> None:
    few = logit.before[logit.before[SUBSCRIBER] < "S0300"].reset_index(drop=True)
    whole = logit.score(months=few)
    people = few[SUBSCRIBER].factorize()[0]
    starts = np.searchsorted(people, range(0, int(people[-1]) + 1, max(cut % 300, 40)))
    pieces = [few.iloc[a:b].reset_index(drop=True) for a, b in zip(starts, [*starts[1:], len(few)], strict=True)]
    again = scored(pieces, logit.pricing, logit.full, as_of=AS_OF, n_resamples=100, seed=0)
    assert len(pieces) > 1
    market = DraftMarket(logit.pricing, logit.full, as_of=AS_OF, n_resamples=100, seed=0)
    assert repr(market.score(answered_in_order(market.piece, pieces, 2))) == repr(whole)  # whichever process scored
    assert repr(again) == repr(whole)  # NaN differs from itself


def test_hashed_resamples_are_as_wide_as_drawn_ones() -> None:
    rng = np.random.default_rng(5)
    values = np.column_stack(
        [rng.normal(3, 2, 4000), (rng.random(4000) < 0.1).astype(np.float64), rng.gamma(0.5, 4000, 4000)]
    )
    people = np.array([f"s{number:05d}" for number in range(4000)], dtype=object)
    sums = ResampledSums(3, 500, seed=1)
    sums.add(people, values)
    drawn = np.array([weights @ values for weights in resampled_weights(4000, 500, rng)])
    for found, column, total in zip(sums.intervals(0.95), drawn.T, values.sum(axis=0), strict=True):
        usual = percentile_interval(float(total), column, 0.95)
        assert found.estimate == pytest.approx(total, abs=0.01)
        # A bound of 500 resamples is known to about 2 sd / sqrt(500) at the 2.5 % point: 0.12 of a sd, here of two.
        assert abs(found.low - usual.low) < 0.5 * column.std()
        assert abs(found.high - usual.high) < 0.5 * column.std()
        assert (found.high - found.low) / (usual.high - usual.low) == pytest.approx(1, abs=0.15)


def _other_currency(card: Catalogue) -> Catalogue:
    return replace(card, currency="USD")


def _other_rounding(card: Catalogue) -> Catalogue:
    return replace(card, rounding=Rounding(minutes="month"))


def _one_less(card: Catalogue) -> Catalogue:
    return replace(card, plans=card.plans[1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(_other_currency, "currency must be EUR", id="currency"),
        pytest.param(_other_rounding, r"rounding\.minutes must be 'call'", id="rounding"),
        pytest.param(_one_less, r"plan\(s\) \['prepaid-0'\] .*on_sale", id="plan-missing"),
        pytest.param(lambda card: card, "no plan differs", id="the-same"),
    ],
)
def test_a_draft_that_cannot_be_compared_is_refused(
    catalogue: Catalogue, change: Callable[[Catalogue], Catalogue], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        check_draft(catalogue, change(catalogue))


def test_data_units_may_change(catalogue: Catalogue) -> None:
    check_draft(catalogue, replace(catalogue, rounding=Rounding(minutes="call", data_unit_megabytes=512)))


def test_nobody_there_is_an_error(logit: Operator) -> None:
    with pytest.raises(DataError, match="no recent month up to 2026-03"):
        logit.score(as_of=month_index("2026-03"))


def test_plans_held_have_to_be_known_where_the_model_asks(logit: Operator) -> None:
    without = logit.before.drop(columns=CURRENT_PLAN)
    with pytest.raises(DataError, match="no column 'current_plan'"):
        logit.score(months=without)
    unasked = ConditionalLogit(logit.pricing.current, with_current_plan=False)
    unasked.weights_ = logit.pricing.model.model.weights_
    pricing = replace(logit.pricing, model=CalibratedChoice(unasked))
    score = replace(logit, pricing=pricing).score(months=without)
    assert sum(plan.held for plan in score.plans) == 0
    assert score.new_demand.estimate > 0


def test_a_draft_is_any_plan(logit: Operator) -> None:
    first: Plan = logit.pricing.current.plans[0]
    cheap = first.model_copy(
        update={"plan_id": "gift", "monthly_fee_cents": 0, "included": logit.full.plans[11].included}
    )
    score = logit.score(replace(logit.pricing.current, plans=(*logit.pricing.current.plans, cheap)))
    assert by_id(score)["gift"].draft > 0.5 * (score.subscribers - score.bound)  # everything for nothing
    assert score.revenue_change_cents.high < 0
