"""What-if answers as tables: for files, and for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from planrec.advice import AnswerPolicy, Engine, Question, Subscribers, what_if
from planrec.advice.what_if import WhatIf
from planrec.batch.cell_use import CellUse
from planrec.batch.parts.jobs import BatchJob, refusals
from planrec.batch.parts.part import Output
from planrec.batch.tally import NO_CELLS, NOT_RECENT
from planrec.billing import whole_cents
from planrec.columns import CURRENT_PLAN, SUBSCRIBER
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.months import RECENT_MONTHS, month_text
from planrec.outlook import history_of
from planrec.reporting.tables import amount_text
from planrec.rules import ExclusionCode
from planrec.rules.facts import facts_of

__all__ = ["WhatIfAnswer", "WhatIfSums", "asking", "counted_of", "what_if_schema", "what_if_table"]

_TITLES = {
    "expected_bill_cents": "bill now",
    "expected_bill_then_cents": "bill then",
    "travel_bill_cents": "month of travel",
}
_BEST = {"best_now": "advised now", "best_then": "advised then"}
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
    uncovered : int
        Of these, those whose cells do not cover the months known.
    """

    table: pd.DataFrame
    known: int
    answered: int
    uncovered: int = 0


@dataclass(frozen=True, slots=True)
class WhatIfSums:
    """Bills and advice by plan, added up over pieces.

    Attributes
    ----------
    counted : mapping of str to int
        Sum of `counted_of` of all pieces.

    Examples
    --------
    >>> bills = {"expected_bill_cents": [2000, 2100], "expected_bill_then_cents": [3000, 3300]}
    >>> best = {"best_now": [True, True], "best_then": [False, True], "advice_changes": [True, False]}
    >>> plans = {"subscriber_id": ["a", "b"], "plan_id": ["surf", "surf"]}
    >>> sums = WhatIfSums(counted_of(WhatIfAnswer(pd.DataFrame({**plans, **bills, **best}), 2, 2)))
    >>> sums.by_plan(["surf"]), sums.changed
    ([{'plan': 'surf', 'bill now': '20.50', 'bill then': '31.50', 'advised now': '2', 'advised then': '1'}], 1)
    """

    counted: Mapping[str, int]

    @property
    def known(self) -> int:
        """Subscribers as `WhatIfAnswer` counts them."""
        return self.counted.get("known", 0)

    @property
    def answered(self) -> int:
        """Those with a recent month."""
        return self.counted.get("answered", 0)

    @property
    def changed(self) -> int:
        """Those whose advice changes."""
        return self.counted.get("changed", 0)

    def by_plan(self, plan_ids: Iterable[str]) -> list[dict[str, str]]:
        """Return mean bills in currency by plan, and for how many it is the best."""
        asked = [name for name in _TITLES if f"asked {name}" in self.counted]
        return [
            {
                "plan": plan_id,
                **{
                    _TITLES[name]: _mean(self._of("cents", name, plan_id), self._of("n", name, plan_id))
                    for name in asked
                },
                **{title: f"{self._of('n', name, plan_id):,}" for name, title in _BEST.items()},
            }
            for plan_id in plan_ids
        ]

    def _of(self, what: str, name: str, plan_id: str) -> int:
        return self.counted.get(f"{what} {name} {plan_id}", 0)


def counted_of(answer: WhatIfAnswer) -> Counter[str]:
    """Return what is counted of the answer to a piece; counts of pieces add up."""
    table = answer.table
    changed = int(table.loc[table["advice_changes"], SUBSCRIBER].nunique())
    counted = Counter({"known": answer.known, "answered": answer.answered, "changed": changed})
    counted["uncovered"] = answer.uncovered
    titles = [name for name in _TITLES if name in table.columns]
    counted.update({f"asked {name}": 1 for name in titles})
    for plan_id, part in table.groupby("plan_id", sort=False):
        for name in titles:
            counted[f"cents {name} {plan_id}"] += int(part[name].sum())
            counted[f"n {name} {plan_id}"] += int(part[name].notna().sum())
        counted.update({f"n {name} {plan_id}": int(part[name].sum()) for name in _BEST})
    return counted


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


def asking(
    engine: Engine,
    question: Question,
    policy: AnswerPolicy,
    *,
    as_of: int,
    recent_months: int = RECENT_MONTHS,
    cells: CellUse | None = None,
) -> BatchJob[WhatIfAnswer]:
    """Return the job that answers a question for every subscriber; as `what_if_table`."""
    schema = what_if_schema(question)
    asked = {"question": question, "policy": policy, "as_of": as_of, "recent_months": recent_months, "cells": cells}
    answer = partial(what_if_table, engine=engine, **asked)
    return BatchJob(
        "asking",
        engine.catalogue,
        answer,
        (Output(schema, partial(_tables, schema=schema)),),
        counted_of,
        _told,
        partial(_nobody, as_of=as_of),
        as_of=as_of,
    )


def _tables(answer: WhatIfAnswer, *, schema: Any) -> list[Any]:
    return [pa.Table.from_pandas(answer.table, schema=schema, preserve_index=False)]


def _told(counted: Counter[str], refused: int) -> Sequence[str]:
    stale = counted["known"] - counted["answered"]
    without = counted["uncovered"]
    lines = ((stale, NOT_RECENT), (without, f"subscriber(s) {NO_CELLS}"))
    return (*refusals(refused), *(f"{n:,} {text}" for n, text in lines if n))


def _nobody(counted: Counter[str], refused: int, *, as_of: int) -> str | None:
    del refused
    if counted["answered"]:
        return None
    old = "no recent month" if counted["known"] else "no month"
    return f"usage: {old} up to {month_text(as_of)}; give other months or another --as-of."


def what_if_table(
    months: pd.DataFrame,
    engine: Engine,
    question: Question,
    policy: AnswerPolicy,
    *,
    as_of: int,
    recent_months: int = RECENT_MONTHS,
    cells: CellUse | None = None,
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
    cells : CellUse, optional
        Cells that the engine prices plans from; its catalogue is then theirs.

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
    used, uncovered = None, 0
    if cells is not None and len(last):
        used = cells.of(months, last, as_of=as_of, history_months=policy.history_months)
    parts: list[pd.DataFrame] = [what_if_schema(question).empty_table().to_pandas()] if last.empty else []
    for start in range(0, len(last), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows = last.iloc[part]
        columns = columns_of(rows)
        facts = facts_of(columns, plan_indices(rows[CURRENT_PLAN], engine.catalogue), as_of=as_of)
        people = Subscribers.of(history_of(columns, policy.history_months), facts)
        people = replace(people, cells=used and used.rows(part))
        found = what_if(engine, people, question, risk_weight=policy.risk_weight, min_gain_cents=policy.min_gain_cents)
        uncovered += int((found.now.excluded == ExclusionCode.NEEDS_USAGE_DETAIL).any(axis=1).sum())
        parts.append(_answers(found, rows[SUBSCRIBER].to_numpy()))
    return WhatIfAnswer(pd.concat(parts, ignore_index=True), len(known), len(last), uncovered)


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
