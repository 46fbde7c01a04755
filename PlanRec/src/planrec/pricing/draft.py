"""A draft rate card scored against the current one, on everybody in a table of usage months.

The choice model names no plan, so it says of a plan that is only drafted what it says of any other: P(take), of each
subscriber who is free to change. Summed, that is the demand; the fall in the demand of the others is what the draft
takes from them; times the bill under the forecast, it is revenue.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pandas as pd

from common_utils.array_types import BoolArray, FloatArray
from common_utils.errors import ConfigError, DataError
from common_utils.evaluation import Interval
from planrec.billing import Catalogue, bill_totals, whole_cents
from planrec.bundle import PlanRecBundle
from planrec.columns import CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.months import RECENT_MONTHS, month_text
from planrec.outlook import History, UsageForecast, history_of, mean_bills
from planrec.pricing.resampling import ResampledSums
from planrec.rules.facts import facts_of

__all__ = ["ASSUMPTIONS", "AnyPlanModel", "DraftMarket", "DraftScore", "PlanDemand", "Pricing", "check_draft"]


ASSUMPTIONS = (
    "every subscriber who is free to change decides once, in the month after --as-of; none join and none leave",
    "subscribers under contract keep plan and price, unless --bound-decide; an unknown contract counts as none",
    "prices of the draft hold for everybody who decides; usage does not respond to the plan",
    "people choose as in the model's training data; intervals cover the subscribers at hand, not errors of the model",
)

_CHUNK = 20_000  # subscribers rated at once; bounds memory


class AnyPlanModel(Protocol):
    """A choice model that scores any plan: `bundle.ChoiceModel`, or one that was just fitted."""

    @property
    def with_current_plan(self) -> bool:
        """Whether it looks at the plan held before."""
        ...

    def with_catalogue(self, catalogue: Catalogue) -> AnyPlanModel:
        """Return the same model for another rate card."""
        ...

    def predict_proba(self, X: pd.DataFrame) -> FloatArray:
        """Return P(take) of decision rows by catalogue position; float64 array of shape (n, n_plans)."""
        ...


@dataclass(frozen=True, slots=True)
class Pricing:
    """What prices and choices are made of.

    Attributes
    ----------
    model : AnyPlanModel
    forecast : UsageForecast
    current : Catalogue
        The rate card in force.
    choice_months, bill_months : int
        Months the model, and the forecast, look back over, >= 1.
    recent_months : int
        Subscribers whose last usage month is older than this many months count as gone.
    """

    model: AnyPlanModel
    forecast: UsageForecast
    current: Catalogue
    choice_months: int
    bill_months: int
    recent_months: int = RECENT_MONTHS

    @classmethod
    def of(cls, bundle: PlanRecBundle) -> Pricing:
        """Return what a bundle prices by.

        Raises
        ------
        ArtifactError
            If it holds no choice model.
        """
        trained = bundle.config
        return cls(
            bundle.choice,
            bundle.forecast,
            bundle.catalogue,
            choice_months=trained.features.history_months,
            bill_months=trained.advice.history_months,
            recent_months=trained.features.recent_months,
        )


@dataclass(frozen=True, slots=True)
class PlanDemand:
    """One plan of the draft; demand in subscribers, revenue in cents a month.

    Attributes
    ----------
    plan_id : str
    new : bool
        Whether the current rate card has no such plan.
    held : int
        Subscribers who hold it today.
    current, draft : float
        Expected holders once everybody free has decided, on each rate card.
    change : Interval
        Draft less current.
    from_holders : float
        Expected takers of the new plans among those who hold this plan today.
    share_of_new : float
        Part of the demand of the new plans that this plan loses: its cannibalisation; NaN for a new plan, or without
        demand for one.
    current_revenue_cents, draft_revenue_cents : int
    """

    plan_id: str
    new: bool
    held: int
    current: float
    draft: float
    change: Interval
    from_holders: float
    share_of_new: float
    current_revenue_cents: int
    draft_revenue_cents: int


@dataclass(frozen=True, slots=True)
class DraftScore:
    """What a draft rate card would do.

    Attributes
    ----------
    plans : tuple of PlanDemand
        In the order of the draft.
    month : int
        Month index in which everybody free decides.
    subscribers, bound, gone : int
        Scored; of these, bound by a contract; left out, because they have no recent month.
    new_demand : Interval
        Expected takers of the new plans.
    revenue_change_cents : Interval
        Draft less current, a month; the estimate is the sum of the plans' changes in whole cents.
    """

    plans: tuple[PlanDemand, ...]
    month: int
    subscribers: int
    bound: int
    gone: int
    new_demand: Interval
    revenue_change_cents: Interval


def check_draft(current: Catalogue, draft: Catalogue) -> None:
    """See that a draft can be compared with the rate card in force.

    Raises
    ------
    ConfigError
        If the currency or the rounding of minutes differs, a plan is missing, or nothing differs.

    Examples
    --------
    >>> check_draft(megaline, megaline)
    Traceback (most recent call last):
    common_utils.errors.ConfigError: draft rate card: no plan differs from rate card 'megaline-2018'; change or add one.
    """
    if draft.currency != current.currency:
        raise ConfigError(f"draft rate card: currency must be {current.currency}, as in rate card {current.version!r}.")
    if draft.rounding.minutes != current.rounding.minutes:
        raise ConfigError(
            f"draft rate card: rounding.minutes must be {current.rounding.minutes!r}: the usage months are recorded so."
        )
    gone = [plan_id for plan_id in current.plan_ids if draft.index(plan_id) < 0]
    detailed = next((plan for plan in draft.detailed if plan.plan_id in gone), None)
    if detailed is not None:
        raise ConfigError(f"draft rate card: {detailed.remark}")
    if gone:
        raise ConfigError(
            f"draft rate card: plan(s) {gone[:5]} of rate card {current.version!r} are missing, but their holders keep "
            "them. To sell a plan no more, give it `on_sale: {to: YYYY-MM}`."
        )
    if set(draft.plans) == set(current.plans) and draft.rounding == current.rounding:
        raise ConfigError(f"draft rate card: no plan differs from rate card {current.version!r}; change or add one.")


class DraftMarket:
    """What a draft rate card does, under `ASSUMPTIONS`: demand, cannibalisation and revenue.

    It holds what is worked out once for all subscribers: models, and which plans' bills differ.

    Parameters
    ----------
    pricing : Pricing
    draft : Catalogue
        As `check_draft` asks.
    as_of : int
        Month index of the last month looked at; a subscriber without a recent month is taken as gone.
    bound_decide : bool, default=False
        Whether subscribers under contract decide too.
    n_resamples : int
        Of the subscribers, for the intervals.
    seed : int
        Of the resamples, >= 0.

    Raises
    ------
    ConfigError
        As `check_draft`.
    """

    def __init__(
        self,
        pricing: Pricing,
        draft: Catalogue,
        *,
        as_of: int,
        bound_decide: bool = False,
        n_resamples: int,
        seed: int,
    ) -> None:
        check_draft(pricing.current, draft)
        current = pricing.current
        self._pricing, self._draft, self._as_of, self._bound_decide = pricing, draft, as_of, bound_decide
        self._none = _Sums(pricing, draft, n_resamples, seed)
        # A model makes tables for its rate card when it is first asked: one for each card, not for each piece.
        self._now, self._then = pricing.model.with_catalogue(current), pricing.model.with_catalogue(draft)
        self._place = plan_indices(current.plan_ids, draft)
        same = draft.rounding == current.rounding
        others = [i for i, plan in enumerate(current.plans) if not (same and draft.plans[self._place[i]] == plan)]
        self._others = self._place[others]
        self._repriced = replace(current, plans=tuple(current.plans[i] for i in others)) if others else None

    def piece(self, months: pd.DataFrame) -> ScoredPiece:
        """Return what the subscribers of a piece add up to; pure, so that any process gives the same.

        Parameters
        ----------
        months : DataFrame
            Usage months, all of a subscriber in one piece, sorted by subscriber and month; `current_plan` where the
            model asks for it, `age` and `contract_months_left` where known. How they are cut does not show.

        Raises
        ------
        DataError
            If the plan held is not said.
        """
        rows, gone = _present(months, self._pricing, self._as_of)
        sums = deepcopy(self._none)
        if rows.empty:
            return ScoredPiece(sums, gone, 0)
        bound = _bound(rows, self._pricing.current, self._as_of) & (not self._bound_decide)
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            sums.add(rows.iloc[part], self._decided(rows.iloc[part], bound[part]))
        return ScoredPiece(sums, gone, int(bound.sum()))

    def score(self, pieces: Iterable[ScoredPiece]) -> DraftScore:
        """Return the score, given all pieces in any order.

        Raises
        ------
        DataError
            If fewer than two subscribers have a recent month.
        """
        sums, gone, bound = deepcopy(self._none), 0, 0
        for piece in pieces:
            sums.take(piece.sums)
            gone, bound = gone + piece.gone, bound + piece.bound
        _check_enough(sums.subscribers, self._pricing, self._as_of)
        plans, revenue_change, (new_demand, revenue) = sums.plans()
        return DraftScore(
            plans=plans,
            month=self._as_of + 1,
            subscribers=sums.subscribers,
            bound=bound,
            gone=gone,
            new_demand=new_demand,
            revenue_change_cents=replace(revenue, estimate=revenue_change),
        )

    def _decided(self, rows: pd.DataFrame, bound: BoolArray) -> tuple[FloatArray, ...]:
        """P(holding) on both rate cards, and what is paid on them; shape (n, n_plans of the draft)."""
        shape = (len(rows), len(self._draft.plans))
        deciding = rows.assign(**{MONTH: pd.Series(month_text(self._as_of + 1), index=rows.index, dtype=object)})
        ahead = self._pricing.forecast.scenarios(history_of(columns_of(rows), self._pricing.bill_months))
        now, bill_now = np.zeros(shape), np.zeros(shape)
        now[:, self._place] = self._now.predict_proba(deciding)
        then, bill_then = self._then.predict_proba(deciding), _expected_bills(ahead, self._draft)
        bill_now[:, self._place] = bill_then[:, self._place]
        if self._repriced is not None:
            bill_now[:, self._others] = _expected_bills(ahead, self._repriced)
        kept = plan_indices(rows[CURRENT_PLAN], self._draft)[bound]
        now[bound] = then[bound] = kept[:, None] == np.arange(shape[1])
        bill_then = np.where(bound[:, None], bill_now, bill_then)
        return now, then, now * bill_now, then * bill_then


@dataclass(frozen=True, slots=True)
class ScoredPiece:
    """What the subscribers of a piece add up to; those without a recent month, and those bound by a contract."""

    sums: _Sums
    gone: int
    bound: int


class _Sums:
    """What the scored subscribers add up to, by plan of the draft; the same whatever the cut."""

    def __init__(self, pricing: Pricing, draft: Catalogue, n_resamples: int, seed: int) -> None:
        self._draft = draft
        self._new = np.array([pricing.current.index(plan_id) < 0 for plan_id in draft.plan_ids])
        n = len(draft.plans)
        self._resampled = ResampledSums(n + 2, n_resamples, seed=seed)
        self._exact = ResampledSums(6 * n, 0, seed=seed)

    @property
    def subscribers(self) -> int:
        return self._resampled.subscribers

    def add(self, rows: pd.DataFrame, decided: tuple[FloatArray, ...]) -> None:
        now, then, paid_now, paid_then = decided
        who = rows[SUBSCRIBER].to_numpy(dtype=object)
        taken = then[:, self._new].sum(axis=1)
        change = paid_then.sum(axis=1) - paid_now.sum(axis=1)
        self._resampled.add(who, np.column_stack([then - now, taken, change]))
        held = plan_indices(rows[CURRENT_PLAN], self._draft)[:, None] == np.arange(len(self._new))
        self._exact.add(who, np.hstack([*decided, held, held * taken[:, None]]))

    def take(self, other: _Sums) -> None:
        self._resampled.take(other._resampled)
        self._exact.take(other._exact)

    def plans(self) -> tuple[tuple[PlanDemand, ...], float, list[Interval]]:
        """Return each plan, the change of the revenue in whole cents, and intervals of new demand and of revenue."""
        intervals = self._resampled.intervals(0.95)
        now, then, paid_now, paid_then, held, from_holders = np.split(self._exact.sums(), 6)
        taken = intervals[-2].estimate
        share = -(then - now) / taken if taken > 0 else np.full(len(now), np.nan)
        revenue_now, revenue_then = whole_cents(paid_now), whole_cents(paid_then)
        plans = tuple(
            PlanDemand(
                plan_id=plan_id,
                new=bool(self._new[j]),
                held=int(held[j]),
                current=float(now[j]),
                draft=float(then[j]),
                change=intervals[j],
                from_holders=float(from_holders[j]),
                share_of_new=float("nan") if self._new[j] else float(share[j]),
                current_revenue_cents=int(revenue_now[j]),
                draft_revenue_cents=int(revenue_then[j]),
            )
            for j, plan_id in enumerate(self._draft.plan_ids)
        )
        return plans, float(revenue_then.sum() - revenue_now.sum()), intervals[-2:]


def _present(months: pd.DataFrame, pricing: Pricing, as_of: int) -> tuple[pd.DataFrame, int]:
    """Return what those with a recent month would decide on the month after, and how many others there are."""
    last = latest_rows(months, as_of=as_of, history_months=max(pricing.choice_months, pricing.bill_months))
    rows = recent_rows(last, as_of=as_of, recent_months=pricing.recent_months)
    if CURRENT_PLAN not in rows.columns:
        if pricing.model.with_current_plan:
            raise DataError(f"usage: no column {CURRENT_PLAN!r}, and the choice model asks which plan is held; add it.")
        rows[CURRENT_PLAN] = None
    rows[CURRENT_PLAN] = rows[CURRENT_PLAN].astype(object)  # gone through often: Arrow's text is slow at that
    return rows, len(last) - len(rows)


def _check_enough(subscribers: int, pricing: Pricing, as_of: int) -> None:
    if subscribers < 2:
        found = f"{subscribers} subscriber(s) with a recent month" if subscribers else "no recent month"
        raise DataError(
            f"usage: {found} up to {month_text(as_of)} (features.recent_months: {pricing.recent_months}); a draft is "
            "scored on two subscribers at least. Give their months, or another --as-of."
        )


def _bound(rows: pd.DataFrame, current: Catalogue, as_of: int) -> BoolArray:
    """Return who is known to be bound by a contract after `as_of`, and to which plan."""
    held = plan_indices(rows[CURRENT_PLAN], current)
    return (facts_of(columns_of(rows), held, as_of=as_of).contract_months_left > 0) & (held >= 0)


def _expected_bills(ahead: History, catalogue: Catalogue) -> FloatArray:
    return mean_bills(bill_totals(ahead.usage, catalogue), ahead.known)
