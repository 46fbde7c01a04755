"""What-if answers as tables: for files, and for a terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from planrec.advice import AnswerPolicy, Engine, Question, Subscribers, what_if
from planrec.advice.what_if import WhatIf
from planrec.columns import CURRENT_PLAN, SUBSCRIBER
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.months import RECENT_MONTHS, month_text
from planrec.outlook import history_of
from planrec.reporting.tables import amount_text
from planrec.rules import ExclusionCode
from planrec.rules.facts import facts_of

__all__ = ["what_if_rows", "what_if_table"]

_CHUNK = 2_000  # subscribers rated at once: a forecast has 32 months of each, times plans


def what_if_table(
    months: pd.DataFrame,
    engine: Engine,
    question: Question,
    policy: AnswerPolicy,
    *,
    as_of: int,
    recent_months: int = RECENT_MONTHS,
) -> pd.DataFrame:
    """Return a row for each subscriber and plan.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month; `current_plan` and what `facts_of` reads where present.
    engine : Engine
    question : Question
    policy : AnswerPolicy
    as_of : int
        Month index; later months are not looked at.
    recent_months : int
        Subscribers whose last usage month is older than this many months are left out.

    Returns
    -------
    DataFrame
        subscriber_id, plan_id, expected_bill_cents (empty for a draft), expected_bill_then_cents, travel_bill_cents
        (where travel is asked about), year_bill_cents, year_bill_then_cents, best_now, best_then, advice_changes,
        reason_code (why the plan is not offered then).

    Raises
    ------
    DataError
        If no subscriber has a usage month up to `as_of`.
    """
    known = latest_rows(months, as_of=as_of, history_months=policy.history_months)
    last = recent_rows(known, as_of=as_of, recent_months=recent_months)
    if last.empty:
        old = "no recent month" if len(known) else "no month"
        raise DataError(f"usage: {old} up to {month_text(as_of)}; give other months or another --as-of.")
    if CURRENT_PLAN not in last.columns:
        last[CURRENT_PLAN] = None
    parts: list[pd.DataFrame] = []
    with tracked("asking", total=len(last)) as advance:
        for start in range(0, len(last), _CHUNK):
            rows = last.iloc[start : start + _CHUNK]
            columns = columns_of(rows)
            facts = facts_of(columns, plan_indices(rows[CURRENT_PLAN], engine.catalogue), as_of=as_of)
            people = Subscribers.of(history_of(columns, policy.history_months), facts)
            found = what_if(
                engine, people, question, risk_weight=policy.risk_weight, min_gain_cents=policy.min_gain_cents
            )
            parts.append(_answers(found, rows[SUBSCRIBER].to_numpy()))
            advance(len(rows))
    return pd.concat(parts, ignore_index=True)


def what_if_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return a `what_if_table` by plan: mean bills in currency, and for how many it is the best.

    Examples
    --------
    >>> bills = {"expected_bill_cents": [2000, 2100], "expected_bill_then_cents": [3000, 3300]}
    >>> best = {"best_now": [True, True], "best_then": [False, True]}
    >>> what_if_rows(pd.DataFrame({"plan_id": ["surf", "surf"], **bills, **best}))
    [{'plan': 'surf', 'bill now': '20.50', 'bill then': '31.50', 'advised now': '2', 'advised then': '1'}]
    """
    titles = {
        "expected_bill_cents": "bill now",
        "expected_bill_then_cents": "bill then",
        "travel_bill_cents": "month of travel",
    }
    bills = [name for name in titles if name in table.columns]
    rows: list[dict[str, str]] = []
    for plan_id, part in table.groupby("plan_id", sort=False):
        row = {"plan": str(plan_id)}
        row |= {titles[name]: amount_text(part[name].astype("float64").mean() / 100) for name in bills}
        advised = {"advised now": part["best_now"].sum(), "advised then": part["best_then"].sum()}
        rows.append(row | {title: f"{int(count):,}" for title, count in advised.items()})
    return rows


def _answers(found: WhatIf, subscribers: NDArray[np.object_]) -> pd.DataFrame:
    n, n_plans = found.then.mean_cents.shape
    places = np.arange(n_plans)
    names = np.array([None, *(code.name for code in ExclusionCode if code)], dtype=object)
    travel = {} if found.travel_cents is None else {"travel_bill_cents": _whole(found.travel_cents)}
    return pd.DataFrame(
        {
            SUBSCRIBER: np.repeat(subscribers, n_plans),
            "plan_id": np.tile(np.array(found.catalogue.plan_ids, dtype=object), n),
            "expected_bill_cents": _whole(found.now.bill_cents),
            "expected_bill_then_cents": _whole(found.then.bill_cents),
            **travel,
            "year_bill_cents": _whole(found.now.year_cents),
            "year_bill_then_cents": _whole(found.then.year_cents),
            "best_now": (found.now.best[:, None] == places).ravel(),
            "best_then": (found.then.best[:, None] == places).ravel(),
            "advice_changes": np.repeat(found.changes, n_plans),
            "reason_code": names[found.then.excluded.ravel()],
        }
    )


def _whole(cents: NDArray[np.float64]) -> pd.Series:
    """Whole cents, half to even, empty where there are none."""
    return pd.Series(np.rint(cents.ravel())).astype("Int64")
