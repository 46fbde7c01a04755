"""Which plan each subscriber of a piece is expected to choose when next free to, as Arrow columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.monitoring.profiles.counting import Columns
from planrec.batch.arrow_columns import text_column
from planrec.batch.seen import seen_columns
from planrec.bundle import NextChoice
from planrec.columns import AGE, CURRENT_PLAN, SUBSCRIBER
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.months import month_text
from planrec.rules.facts import facts_of

__all__ = ["PredictedPiece", "prediction_schema", "prediction_table"]

_TEXT: Any = pa.dictionary(pa.int32(), pa.large_string())


def prediction_schema(plan_ids: Sequence[str]) -> Any:
    """Return the columns of `prediction_table` for a rate card of these plans."""
    scores = [(f"p_{plan_id}", pa.float64()) for plan_id in plan_ids]
    return pa.schema(
        [
            (SUBSCRIBER, pa.large_string()),
            ("prediction", _TEXT),
            ("probability", pa.float64()),
            ("decides_from", _TEXT),
            *scores,
        ]
    )


@dataclass(frozen=True, slots=True)
class PredictedPiece:
    """What is expected of the subscribers of a piece.

    Attributes
    ----------
    table : pyarrow.Table of `prediction_schema`
        subscriber_id, prediction, probability, decides_from, and `p_<plan id>` for every plan of the rate card.
    stale, without_plan : int
        Not answered: those whose last usage month is not recent; those that may take no plan.
    ages : float64 array or None
        Of the rows; None where the file has no ages.
    seen : mapping of str to array
        As `seen.seen_columns`, of the rows.
    """

    table: Any
    stale: int = 0
    without_plan: int = 0
    ages: FloatArray | None = None
    seen: Columns = field(default_factory=dict[str, NDArray[Any]])


def prediction_table(months: pd.DataFrame, choice: NextChoice, *, as_of: int, recent_months: int) -> PredictedPiece:
    """Return the plan each subscriber is expected to choose when next free to, with P(take) of every plan.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month.
    choice : NextChoice
    as_of : int
        Month index; later months are not looked at.
    recent_months : int
        How many of the latest months the last usage month may be one of.

    Returns
    -------
    PredictedPiece
        No row for a subscriber without a recent month up to `as_of`, or who may take no plan.

    Raises
    ------
    DataError
        If a column the model takes holds text.
    """
    catalogue = choice.model.catalogue
    plans, schema = catalogue.plan_ids, prediction_schema(catalogue.plan_ids)
    known = latest_rows(months, as_of=as_of, history_months=choice.model.history_months)
    rows = recent_rows(known, as_of=as_of, recent_months=recent_months)
    if rows.empty:
        return PredictedPiece(schema.empty_table(), len(known))
    columns = columns_of(rows)
    held = columns[CURRENT_PLAN] if CURRENT_PLAN in columns else np.full(len(rows), None, dtype=object)
    found = choice.expected(columns, facts_of(columns, plan_indices(held, catalogue), as_of=as_of))
    some = np.flatnonzero(found.p_take.any(axis=1))
    scores = found.p_take[some]
    best = scores.argmax(axis=1)
    free, which = np.unique(found.decides_from[some], return_inverse=True)
    answered = [
        pa.array(rows[SUBSCRIBER].to_numpy()[some], pa.large_string()),
        text_column(best, plans),
        pa.array(scores[np.arange(len(scores)), best]),
        text_column(which, [month_text(month) for month in free.tolist()]),
        *(pa.array(np.ascontiguousarray(column)) for column in scores.T),
    ]
    ages = rows[AGE].to_numpy(dtype=np.float64)[some] if AGE in rows else None
    table, seen = pa.table(answered, schema=schema), seen_columns(rows.iloc[some])
    return PredictedPiece(table, len(known) - len(rows), len(rows) - len(some), ages, seen)
