"""What-if answers as tables: for files, and for a terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables import Reading, table_writer
from planrec.advice import AnswerPolicy, Engine, Question, Subscribers, what_if
from planrec.advice.what_if import WhatIf
from planrec.batch.files import answered
from planrec.billing import whole_cents
from planrec.columns import CURRENT_PLAN, SUBSCRIBER
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.months import RECENT_MONTHS, month_text
from planrec.outlook import history_of
from planrec.reporting.tables import amount_text
from planrec.rules import ExclusionCode
from planrec.rules.facts import facts_of
from planrec.usage.pieces.stream import UsageStream

__all__ = ["WhatIfAnswer", "WhatIfSums", "what_if_schema", "what_if_table", "write_what_if"]

_TITLES = {
    "expected_bill_cents": "bill now",
    "expected_bill_then_cents": "bill then",
    "travel_bill_cents": "month of travel",
}
_CHUNK = 2_000  # subscribers rated at once: a forecast has 32 months of each, times plans


@dataclass(frozen=True, slots=True)
class WhatIfAnswer:
    """What a piece was answered with.

    Attributes
    ----------
    table : DataFrame
        A row for each subscriber and plan, as `what_if_table`.
    known, answered : int
        Subscribers with a month up to the one asked for; of these, those with a recent one.
    """

    table: pd.DataFrame
    known: int
    answered: int


@dataclass
class WhatIfSums:
    """Bills and advice by plan, added up over pieces.

    Attributes
    ----------
    known, answered, changed, rows : int
        Subscribers as `WhatIfAnswer` counts them, those whose advice changes, and rows of the table.

    Examples
    --------
    >>> bills = {"expected_bill_cents": [2000, 2100], "expected_bill_then_cents": [3000, 3300]}
    >>> best = {"best_now": [True, True], "best_then": [False, True], "advice_changes": [True, False]}
    >>> plans = {"subscriber_id": ["a", "b"], "plan_id": ["surf", "surf"]}
    >>> sums = WhatIfSums()
    >>> sums.add(WhatIfAnswer(pd.DataFrame({**plans, **bills, **best}), 2, 2))
    >>> sums.by_plan(), sums.changed
    ([{'plan': 'surf', 'bill now': '20.50', 'bill then': '31.50', 'advised now': '2', 'advised then': '1'}], 1)
    """

    known: int = 0
    answered: int = 0
    changed: int = 0
    rows: int = 0
    _cents: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    _counts: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])

    def add(self, answer: WhatIfAnswer) -> None:
        """Take the answer to a piece."""
        table = answer.table
        self.known += answer.known
        self.answered += answer.answered
        self.rows += len(table)
        self.changed += int(table.loc[table["advice_changes"], SUBSCRIBER].nunique())
        for plan_id, part in table.groupby("plan_id", sort=False):
            cents = self._cents.setdefault(str(plan_id), {})
            counts = self._counts.setdefault(str(plan_id), Counter())
            for name in (name for name in _TITLES if name in table.columns):
                cents[name] = cents.get(name, 0) + int(part[name].sum())
                counts[name] += int(part[name].notna().sum())
            counts.update({name: int(part[name].sum()) for name in ("best_now", "best_then")})

    def by_plan(self) -> list[dict[str, str]]:
        """Return mean bills in currency by plan, and for how many it is the best."""
        return [
            {
                "plan": plan_id,
                **{_TITLES[name]: _mean(total, self._counts[plan_id][name]) for name, total in cents.items()},
                "advised now": f"{self._counts[plan_id]['best_now']:,}",
                "advised then": f"{self._counts[plan_id]['best_then']:,}",
            }
            for plan_id, cents in self._cents.items()
        ]


def what_if_schema(question: Question) -> Any:
    """Return the columns of the answers to a question.

    Examples
    --------
    >>> what_if_schema(Question()).names[:3]
    ['subscriber_id', 'plan_id', 'expected_bill_cents']
    """
    travel = [] if question.travel is None else ["travel_bill_cents"]
    cents = ["expected_bill_cents", "expected_bill_then_cents", *travel, "year_bill_cents", "year_bill_then_cents"]
    return pa.schema(
        [
            *((name, pa.string()) for name in (SUBSCRIBER, "plan_id")),
            *((name, pa.int64()) for name in cents),
            *((name, pa.bool_()) for name in ("best_now", "best_then", "advice_changes")),
            ("reason_code", pa.string()),
        ]
    )


def write_what_if(
    usage: Path,
    engine: Engine,
    question: Question,
    policy: AnswerPolicy,
    output: Path,
    *,
    as_of: int,
    recent_months: int = RECENT_MONTHS,
    reading: Reading | None = None,
) -> tuple[WhatIfSums, UsageStream]:
    """Answer for every subscriber of a file, piece by piece.

    Parameters
    ----------
    usage, output : Path
        CSV or Parquet; `output` appears when it is whole.
    engine, question, policy, as_of, recent_months
        As `what_if_table`.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.

    Returns
    -------
    tuple of WhatIfSums and UsageStream
        What was answered, and the stream that was gone through.

    Raises
    ------
    DataError
        If `usage` cannot be read, nobody has a recent month, or `output` cannot be written.
    """
    schema, sums = what_if_schema(question), WhatIfSums()

    def answer(piece: pd.DataFrame) -> WhatIfAnswer:
        return what_if_table(piece, engine, question, policy, as_of=as_of, recent_months=recent_months)

    with table_writer(output, schema) as write:
        stream = UsageStream(usage, catalogue=engine.catalogue, reading=reading, as_of=as_of)
        for _, found in answered(stream, "asking", answer):
            sums.add(found)
            write(pa.Table.from_pandas(found.table, schema=schema, preserve_index=False))
        if not sums.answered:
            old = "no recent month" if sums.known else "no month"
            raise DataError(f"usage: {old} up to {month_text(as_of)}; give other months or another --as-of.")
    return sums, stream


def what_if_table(
    months: pd.DataFrame,
    engine: Engine,
    question: Question,
    policy: AnswerPolicy,
    *,
    as_of: int,
    recent_months: int = RECENT_MONTHS,
) -> WhatIfAnswer:
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
    WhatIfAnswer
        subscriber_id, plan_id, expected_bill_cents (empty for a draft), expected_bill_then_cents, travel_bill_cents
        (where travel is asked about), year_bill_cents, year_bill_then_cents, best_now, best_then, advice_changes,
        reason_code (why the plan is not offered then).
    """
    known = latest_rows(months, as_of=as_of, history_months=policy.history_months)
    last = recent_rows(known, as_of=as_of, recent_months=recent_months)
    if CURRENT_PLAN not in last.columns:
        last[CURRENT_PLAN] = None
    parts: list[pd.DataFrame] = [what_if_schema(question).empty_table().to_pandas()] if last.empty else []
    for start in range(0, len(last), _CHUNK):
        rows = last.iloc[start : start + _CHUNK]
        columns = columns_of(rows)
        facts = facts_of(columns, plan_indices(rows[CURRENT_PLAN], engine.catalogue), as_of=as_of)
        people = Subscribers.of(history_of(columns, policy.history_months), facts)
        found = what_if(engine, people, question, risk_weight=policy.risk_weight, min_gain_cents=policy.min_gain_cents)
        parts.append(_answers(found, rows[SUBSCRIBER].to_numpy()))
    return WhatIfAnswer(pd.concat(parts, ignore_index=True), len(known), len(last))


def _mean(total: int, count: int) -> str:
    return amount_text((total / count if count else float("nan")) / 100)


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
    """Whole cents, empty where there are none."""
    return pd.Series(whole_cents(cents.ravel())).astype("Int64")
