"""Re-rating tested in time order: advise from the months before, pay the bill of the month that followed.

Nothing is fitted, so every subscriber-month can be a test. The yardstick of a month is its cheaper plan in hindsight.
Plain re-rating takes the lowest risk-adjusted bill, and the plan held where it is as low. What ships is asked where
`recommend --plans` asks it: `Engine.answer`, with the rules and settings of the command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.evaluation import bootstrap_mean, paired_mean_difference
from planrec.advice import AnswerPolicy, Engine, Subscribers
from planrec.advice.ranking import rank_plans
from planrec.columns import AGE, CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.decisions import columns_of, decision_table, plan_indices
from planrec.months import month_indices
from planrec.outlook import history_of
from planrec.policies.compare import Row, bills_ahead, past_outlook
from planrec.rules import Facts

__all__ = ["AS_SHIPPED", "Backtest", "bill_backtest"]


AS_SHIPPED = "as shipped"
"""The row of what `recommend --plans` advises with no other option."""

_LONG = 3  # months that count as a settled history
_REFERENCE = (3, 0.0)  # history and risk weight the shipped advice is compared with


@dataclass(frozen=True)
class Backtest:
    """What a back-test measured.

    Attributes
    ----------
    rows : list of dict
        One for staying, one for each history and risk weight, and one `AS_SHIPPED`: `policy`, and for all months and
        those with at least three earlier ones the mean regret in cents a month with its interval.
    n_all, n_settled : int
        Subscriber-months behind the two columns.
    against_reference : list of dict
        The shipped advice less the mean of 3 months, paired by month: `months`, `difference_cents`,
        `standard_error_cents`, resampled by subscriber.
    """

    rows: list[Row]
    n_all: int
    n_settled: int
    against_reference: list[Row]


def bill_backtest(
    months: pd.DataFrame,
    engine: Engine,
    policy: AnswerPolicy,
    *,
    histories: Sequence[int],
    risk_weights: Sequence[float],
    resamples: int,
    seed: int,
) -> Backtest:
    """Return the regret of re-rating, month by month.

    A month counts where the calendar month before it is in the table; it is settled where at least three earlier
    months are. Plain re-rating asks for no minimum gain and may advise every plan of the catalogue.

    Parameters
    ----------
    months : DataFrame
        Usage months with the plan held, sorted by subscriber and month.
    engine : Engine
        Rate card and rules; without a forecast.
    policy : AnswerPolicy
        What ships; compared with the mean of 3 months.
    histories : sequence of int
        Months looked back over by plain re-rating.
    risk_weights : sequence of float
        Standard deviations of the bill added to its mean.
    resamples, seed : int
        Of the bootstrap by subscriber.

    Returns
    -------
    Backtest
    """
    catalogue = engine.catalogue
    longest = max(*histories, policy.history_months, _LONG)
    table = decision_table(months, history_months=longest)
    table = table[_month_before_known(months, table)].reset_index(drop=True)
    history = history_of(columns_of(table), longest)
    ahead = bills_ahead(months, table, catalogue, horizon=1).mean_cents
    best = ahead.min(axis=1)
    settled = history.known.sum(axis=1) >= _LONG
    subscribers = table[SUBSCRIBER].to_numpy()
    current = plan_indices(table[CURRENT_PLAN], catalogue)

    def regret_of(plans: NDArray[np.int64]) -> FloatArray:
        return ahead[np.arange(len(plans)), plans] - best

    def re_rated(history_months: int, weight: float) -> FloatArray:
        adjusted = past_outlook(history, catalogue, history_months=history_months).adjusted(weight)
        order, _ = rank_plans(adjusted, np.zeros(adjusted.shape, dtype=np.int64), current, 0)
        return regret_of(order[:, 0])

    parts = (("regret_cents", np.ones(len(table), dtype=np.bool_)), ("settled_cents", settled))

    def mean_of(values: FloatArray, mask: NDArray[np.bool_]) -> dict[str, float] | None:
        if not mask.any():
            return None
        rng = np.random.default_rng(seed)
        return bootstrap_mean(values[mask], groups=subscribers[mask], n_resamples=resamples, rng=rng).to_dict()

    def row(policy: str, regret: FloatArray) -> Row:
        return {"policy": policy, **{name: mean_of(regret, mask) for name, mask in parts}}

    rows = [row("stay on the current plan", regret_of(current))]
    for history_months in histories:
        for weight in risk_weights:
            name = f"{history_months} month{'s'[: history_months > 1]}, risk weight {weight:g}"
            rows.append(row(name, re_rated(history_months, weight)))
    ours, reference = regret_of(_shipped(engine, policy, table)), re_rated(*_REFERENCE)
    rows.append(row(AS_SHIPPED, ours))
    compared: list[Row] = []
    for name, mask in parts:
        if mask.any():
            rng = np.random.default_rng(seed)
            by = subscribers[mask]
            gap = paired_mean_difference(ours[mask], reference[mask], groups=by, n_resamples=resamples, rng=rng)
            compared.append({"months": name, "difference_cents": gap.mean, "standard_error_cents": gap.se})
    return Backtest(rows, len(table), int(settled.sum()), compared)


def _shipped(engine: Engine, policy: AnswerPolicy, table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the plan that comes first in the answer to each row's months before; the plan held where none does."""
    month = month_indices(table[MONTH])
    facts = Facts.of(
        month - 1,
        plan_indices(table[CURRENT_PLAN], engine.catalogue),
        age=table[AGE].to_numpy(dtype=np.float64) if AGE in table.columns else np.nan,
    )
    past = history_of(columns_of(table), policy.history_months)
    first = engine.answer(Subscribers.of(past, facts), policy).advice.order[:, 0]
    return np.where(first >= 0, first, facts.current)


def _month_before_known(months: pd.DataFrame, table: pd.DataFrame) -> NDArray[np.bool_]:
    index = pd.MultiIndex.from_arrays([months[SUBSCRIBER], month_indices(months[MONTH])])
    before = pd.MultiIndex.from_arrays([table[SUBSCRIBER], month_indices(table[MONTH]) - 1])
    return index.get_indexer(before) >= 0
