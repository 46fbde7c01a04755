"""Batch answers as tables: bills, recommendations and predictions for every subscriber of a file."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.serving.scorer import Scorer
from planrec.billing import Usage, rate
from planrec.catalogue import Catalogue
from planrec.columns import CURRENT_PLAN, MONTH, SUBSCRIBER
from planrec.config import AdviceConfig, PlanRecConfig
from planrec.decision_matrix import plan_indices
from planrec.decision_rows import columns_of, latest_rows, usage_of
from planrec.formulas import History, history_of
from planrec.months import month_text
from planrec.recommend import Advice, AdvicePolicy, ExclusionCode, advise, line_item_means, reasons
from planrec.rules import Rules, facts_of
from planrec.terminal import tracked

__all__ = ["bill_table", "prediction_table", "recommendation_tables"]

_CHUNK = 20_000  # subscribers rated at once; bounds memory, and moves the progress bar

IntArray = NDArray[np.int64]


def bill_table(months: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Return one row for each usage month and plan, with line items in cents.

    Parameters
    ----------
    months : DataFrame
        Usage months.
    catalogue : Catalogue

    Returns
    -------
    DataFrame
        subscriber_id, month, plan_id, total_cents, fee_cents, minutes_cents, messages_cents, data_cents.
    """
    bills = rate(usage_of(months), catalogue)
    n_plans = len(catalogue.plans)
    return pd.DataFrame(
        {
            SUBSCRIBER: np.repeat(months[SUBSCRIBER].to_numpy(), n_plans),
            MONTH: np.repeat(months[MONTH].to_numpy(), n_plans),
            "plan_id": np.tile(np.array(catalogue.plan_ids, dtype=object), len(months)),
            "total_cents": bills.total_cents.ravel(),
            "fee_cents": bills.fee_cents.ravel(),
            "minutes_cents": bills.minutes_cents.ravel(),
            "messages_cents": bills.messages_cents.ravel(),
            "data_cents": bills.data_cents.ravel(),
        }
    )


def recommendation_tables(
    months: pd.DataFrame, catalogue: Catalogue, config: AdviceConfig, rules: Rules, *, as_of: int, top: int
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return the best plans of every subscriber, what was not offered, and what is worth saying.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month; `current_plan` and what `facts_of` reads where present.
    catalogue : Catalogue
    config : AdviceConfig
    rules : Rules
    as_of : int
        Month index; later months are not looked at.
    top : int
        Plans for each subscriber.

    Returns
    -------
    tuple of DataFrame, DataFrame and list of str
        Ranked plans (subscriber_id, rank, plan_id, action, expected_bill_cents, saving_cents, p_pay_more, reasons),
        excluded plans (subscriber_id, plan_id, reason_code), and counts of subscribers that deserve a word.

    Raises
    ------
    DataError
        If no subscriber has a usage month up to `as_of`.
    """
    last = latest_rows(months, as_of=as_of, history_months=config.history_months)
    if last.empty:
        raise DataError(f"usage: no month up to {month_text(as_of)}; give earlier months or a later --as-of.")
    columns = columns_of(last)
    history = history_of(columns, config.history_months)
    plan_held = last[CURRENT_PLAN] if CURRENT_PLAN in last.columns else pd.Series([None] * len(last), dtype=object)
    current = plan_indices(plan_held, catalogue)
    facts = facts_of(columns, current, as_of=as_of)
    policy = AdvicePolicy(config.risk_weight, rules.min_gain_cents("advice"))
    ranked: list[pd.DataFrame] = []
    excluded: list[pd.DataFrame] = []
    without_offer = 0
    subscribers = last[SUBSCRIBER].to_numpy()
    with tracked("recommending", total=len(last)) as advance:
        for start in range(0, len(last), _CHUNK):
            part = slice(start, start + _CHUNK)
            past = _rows(history, part)
            advice = advise(past, catalogue, policy, rules=rules, facts=facts.rows(part))
            ranked.append(_ranked(advice, past, catalogue, subscribers[part], current[part], top))
            excluded.append(_excluded(advice, catalogue, subscribers[part]))
            without_offer += int((advice.order[:, 0] < 0).sum())
            advance(len(advice.stay))
    return (
        pd.concat(ranked, ignore_index=True),
        pd.concat(excluded, ignore_index=True),
        _remarks(months, last, plan_held, current, as_of, without_offer=without_offer),
    )


def prediction_table(months: pd.DataFrame, scorer: Scorer, config: PlanRecConfig, *, as_of: int) -> pd.DataFrame:
    """Return the plan each subscriber is expected to choose next, with P(take) of every plan.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month.
    scorer : Scorer
    config : PlanRecConfig
        The settings the scorer was trained with.
    as_of : int
        Month index; later months are not looked at.

    Returns
    -------
    DataFrame
        subscriber_id, prediction, probability, and `p_<plan id>` for every plan the model knows.

    Raises
    ------
    DataError
        If no subscriber has a usage month up to `as_of`, or a column the model takes is missing.
    """
    rows = latest_rows(months, as_of=as_of, history_months=config.features.history_months)
    if rows.empty:
        raise DataError(f"usage: no month up to {month_text(as_of)}; give earlier months or a later --as-of.")
    source = config.data.chosen()
    for name in (CURRENT_PLAN, *source.extra_columns):
        if name not in rows.columns:
            rows[name] = None if name == CURRENT_PLAN else np.nan
    scores = scorer.score(columns_of(rows))
    best = scores.argmax(axis=1)
    table = pd.DataFrame(
        {
            SUBSCRIBER: rows[SUBSCRIBER].to_numpy(),
            "prediction": np.array(scorer.classes, dtype=object)[best],
            "probability": scores[np.arange(len(scores)), best],
        }
    )
    return table.assign(**{f"p_{plan_id}": scores[:, j] for j, plan_id in enumerate(scorer.classes)})


def _rows(history: History, part: slice) -> History:
    u = history.usage
    return History(Usage(u.minutes[part], u.messages[part], u.megabytes[part]), history.known[part])


def _ranked(
    advice: Advice,
    history: History,
    catalogue: Catalogue,
    subscribers: NDArray[np.object_],
    current: IntArray,
    top: int,
) -> pd.DataFrame:
    order = advice.order[:, :top]
    row, rank = np.nonzero(order >= 0)
    plan = order[row, rank]
    items = line_item_means(history, catalogue, current)
    ids = np.array(catalogue.plan_ids, dtype=object)
    return pd.DataFrame(
        {
            SUBSCRIBER: subscribers[row],
            "rank": rank + 1,
            "plan_id": ids[plan],
            "action": np.where(plan == current[row], "stay", "switch"),
            "expected_bill_cents": _whole(advice.expected_cents[row, plan]),
            "saving_cents": _whole(advice.saving_cents[row, plan]),
            "p_pay_more": advice.p_pay_more[row, plan],
            "reasons": [
                reasons(items, catalogue, row=r, plan=p, current=c)
                for r, p, c in zip(row.tolist(), plan.tolist(), current[row].tolist(), strict=True)
            ],
        }
    )


def _whole(cents: NDArray[np.float64]) -> pd.Series:
    """Whole cents, half to even, empty where unknown."""
    return pd.Series(np.rint(cents)).astype("Int64")


def _excluded(advice: Advice, catalogue: Catalogue, subscribers: NDArray[np.object_]) -> pd.DataFrame:
    row, plan = np.nonzero(advice.excluded)
    names = np.array([code.name for code in ExclusionCode], dtype=object)
    return pd.DataFrame(
        {
            SUBSCRIBER: subscribers[row],
            "plan_id": np.array(catalogue.plan_ids, dtype=object)[plan],
            "reason_code": names[advice.excluded[row, plan]],
        }
    )


def _remarks(
    months: pd.DataFrame, last: pd.DataFrame, plan_held: pd.Series, current: IntArray, as_of: int, *, without_offer: int
) -> list[str]:
    remarks: list[str] = []
    unanswered = int(months[SUBSCRIBER].nunique()) - len(last)
    if unanswered:
        remarks.append(f"{unanswered:,} subscriber(s) have no usage month up to {month_text(as_of)}: not answered")
    if without_offer:
        remarks.append(f"{without_offer:,} subscriber(s) may take no plan of the rate card: not answered")
    foreign = int((plan_held.notna().to_numpy() & (current < 0)).sum())
    if foreign:
        remarks.append(f"{foreign:,} subscriber(s) hold a plan that is not in the rate card: saving left empty")
    return remarks
