"""Batch answers as tables, one piece of a file at a time: bills, ranked plans and predictions.

A piece holds whole subscribers, so that answers do not depend on how a file is cut. Text that repeats is kept as
dictionaries; in a file it is plain text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.monitoring.profiles.counting import Columns
from planrec.advice import Advice, Subscribers
from planrec.advice.reasons import line_item_means, sentences
from planrec.batch.arrow_columns import BASES, filled_table, repeated_text, text_column
from planrec.batch.cell_use import CellUse
from planrec.batch.offerable import offerable_columns, offerable_table, without_consent
from planrec.batch.rankers import Ranker, Ranking, some_subscribers
from planrec.batch.seen import seen_columns
from planrec.batch.tally import Tally
from planrec.billing import Catalogue, rate, whole_cents
from planrec.columns import AGE, CURRENT_PLAN, MONTH, SUBSCRIBER, TENURE
from planrec.decisions import columns_of, latest_rows, plan_indices, recent_rows
from planrec.decisions.rows import usage_of
from planrec.months import RECENT_MONTHS
from planrec.outlook import history_of
from planrec.rules import ExclusionCode, stay_text
from planrec.rules.facts import facts_of
from planrec.usage.plan_names import nearest_plans

__all__ = [
    "BILL_SCHEMA",
    "EXCLUDED_SCHEMA",
    "PieceAnswer",
    "Recommender",
    "bill_schema",
    "bill_tables",
    "ranked_schema",
]

_BILLED = 20_000  # months rated at once for bills: times plans, these are the largest arrays
_RANKED = 1_000  # subscribers ranked at once: months x plans of them fit a processor's cache


_TEXT: Any = pa.dictionary(pa.int32(), pa.large_string())
_KINDS = {"number": pa.float64(), "cents": pa.int64(), "text": _TEXT}


def bill_schema(items: Iterable[str]) -> Any:
    """Return the columns of bills: one row for each usage month and plan, with line items in cents.

    Parameters
    ----------
    items : iterable of str
        Line items, as the rate card names them; of a full card any names.

    Examples
    --------
    >>> bill_schema(["fee", "roaming"]).names
    ['subscriber_id', 'month', 'plan_id', 'total_cents', 'fee_cents', 'roaming_cents']
    """
    amounts = [(f"{item}_cents", pa.int64()) for item in ("total", *items)]
    return pa.schema([(SUBSCRIBER, _TEXT), (MONTH, _TEXT), ("plan_id", _TEXT), *amounts])


_BILL_ITEMS = ("fee", "minutes", "messages", "data")
BILL_SCHEMA: Any = bill_schema(_BILL_ITEMS)
"""The columns of bills on plans in the short form."""

EXCLUDED_SCHEMA: Any = pa.schema([(SUBSCRIBER, _TEXT), ("plan_id", _TEXT), ("reason_code", _TEXT)])
"""One row for each plan that was not offered to a subscriber."""


def ranked_schema(further: Mapping[str, Literal["number", "cents", "text"]], *, explain: bool) -> Any:
    """Return the columns of ranked plans: those of a ranker come after p_pay_more, the sentence last.

    `advice` (and `action`, which goes with the next release) is the same on all rows of a subscriber; `is_current`
    belongs to the plan. A subscriber who may take no plan has one row without a plan: stay, and why.
    """
    return pa.schema(
        [
            (SUBSCRIBER, _TEXT),
            ("rank", pa.int64()),
            ("plan_id", _TEXT),
            ("advice", _TEXT),
            ("action", _TEXT),
            ("is_current", pa.bool_()),
            ("expected_bill_cents", pa.int64()),
            ("saving_cents", pa.int64()),
            ("p_pay_more", pa.float64()),
            *((name, _KINDS[kind]) for name, kind in further.items()),
            ("stay_reason", _TEXT),
            ("basis", _TEXT),
            *([("reasons", pa.large_string())] if explain else []),
        ]
    )


@dataclass(frozen=True, slots=True)
class PieceAnswer:
    """What a piece was answered with.

    Attributes
    ----------
    ranked, excluded : pyarrow.Table
        `excluded` of `EXCLUDED_SCHEMA`.
    tally : Tally
    offerable : pyarrow.Table or None
        Of `OFFERABLE_SCHEMA`; kept for the log of offers.
    ages : mapping of str to float
        By subscriber; kept for the log, where the file has ages.
    seen : mapping of str to array
        As `seen.seen_columns`, of the subscribers with a recent month.
    subscribers : array of str
        Of the same rows.
    """

    ranked: Any
    excluded: Any
    tally: Tally
    offerable: Any = None
    ages: Mapping[str, float] = field(default_factory=dict[str, float])
    seen: Columns = field(default_factory=dict[str, NDArray[Any]])
    subscribers: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True)
class Recommender:
    """Ranks the plans of the subscribers in a piece and makes tables of the answers.

    Parameters
    ----------
    catalogue : Catalogue
    ranker : Ranker
    as_of : int
        Month index; later months are not looked at.
    history_months : int
        Months looked back over, >= 1.
    top : int
        Plans for each subscriber, >= 1.
    explain : bool, default=False
        Whether each answer comes with its sentence; writing them takes longer than all the rest.
    recent_months : int
        How many of the latest months the last usage month may be one of.
    for_log : bool
        Whether each piece comes with every plan that could be offered, and with ages, for the decision log.
    objects : callable, optional
        Says of a subscriber whether they objected to offers; then no consent counts.
    cells : CellUse, optional
        Cells that the ranker prices plans from; the catalogue is then theirs.
    """

    catalogue: Catalogue
    ranker: Ranker
    as_of: int
    history_months: int
    top: int
    explain: bool = False
    recent_months: int = RECENT_MONTHS
    for_log: bool = False
    objects: Callable[[str], bool] | None = None
    cells: CellUse | None = None

    @property
    def schema(self) -> Any:
        """Columns of the ranked plans: those of the ranker come after p_pay_more, the sentence last."""
        return ranked_schema(self.ranker.further_columns, explain=self.explain)

    def answer(self, months: pd.DataFrame) -> PieceAnswer:
        """Return the best plans of every subscriber and what was not offered.

        Parameters
        ----------
        months : DataFrame
            Usage months, sorted by subscriber and month; plan held, tenure and what `facts_of` reads where they are
            given.

        Examples
        --------
        >>> from planrec.advice import AnswerPolicy, Engine
        >>> from planrec.batch.rankers import policy_ranker
        >>> from planrec.rules import built_in_rules
        >>> ranker = policy_ranker(Engine(megaline, built_in_rules()), AnswerPolicy(6, 0.5, 0))
        >>> recommender = Recommender(megaline, ranker, as_of=24216, history_months=6, top=1)
        >>> months = pd.DataFrame({"subscriber_id": ["a"], "month": ["2018-01"], "minutes": [510.0], "messages": [0.0],
        ...                        "megabytes": [0.0], "current_plan": ["ultimate"]})
        >>> recommender.answer(months).ranked.select(["plan_id", "saving_cents"]).to_pylist()
        [{'plan_id': 'surf', 'saving_cents': 4970}]
        """
        known = latest_rows(months, as_of=self.as_of, history_months=self.history_months)
        last = recent_rows(known, as_of=self.as_of, recent_months=self.recent_months)
        subscribers = int(months[SUBSCRIBER].nunique())
        people, foreign, near = self._subscribers(last)
        pieces = [slice(start, start + _RANKED) for start in range(0, len(last), _RANKED)]
        used = None
        if self.cells is not None and len(last):
            used = self.cells.of(months, last, as_of=self.as_of, history_months=self.history_months)
        parts = [
            self._part(
                replace(some_subscribers(people, piece), cells=used and used.rows(piece)), near[piece], piece.start
            )
            for piece in pieces
        ]
        ids = pa.array(last[SUBSCRIBER], pa.large_string())
        closed = sum((part.closed for part in parts), Counter[int]())
        all_ids = (*self.catalogue.plan_ids, *(plan.plan_id for plan in self.catalogue.detailed))
        return PieceAnswer(
            filled_table(self.schema, [part.ranked for part in parts], ids, self.catalogue.plan_ids),
            filled_table(EXCLUDED_SCHEMA, [part.excluded for part in parts], ids, all_ids),
            Tally(
                subscribers,
                subscribers - len(known),
                foreign + sum(part.unpriced for part in parts),
                len(known) - len(last),
                closed,
                sum(part.uncovered for part in parts),
            ),
            offerable_table([part.offerable for part in parts], ids, self.catalogue) if self.for_log else None,
            dict(zip(last[SUBSCRIBER].map(str), last[AGE], strict=True)) if self.for_log and AGE in last else {},
            seen_columns(last),
            last[SUBSCRIBER].to_numpy(dtype=object),
        )

    def _subscribers(self, last: pd.DataFrame) -> tuple[Subscribers, int, NDArray[np.bool_]]:
        """Return what rows of `latest_rows` say, how many hold a plan outside the rate card, and which it may be.

        The last has shape (n, n_plans): whether a plan is the nearest by its name to the unknown one that is held.
        """
        columns = columns_of(last)
        current, foreign = np.full(len(last), -1, dtype=np.int64), 0
        near = np.zeros((len(last), len(self.catalogue.plans)), dtype=np.bool_)
        if CURRENT_PLAN in columns:
            codes, plans = last[CURRENT_PLAN].factorize()  # each distinct plan is looked up once; -1 is a missing one
            current = np.append(plan_indices(plans, self.catalogue), -1)[codes]
            unknown = (codes >= 0) & (current < 0)
            foreign = int(unknown.sum())
            if foreign:
                near[unknown] = np.array([self._near(str(plan)) for plan in plans])[codes[unknown]]
        tenure = np.asarray(columns[TENURE], dtype=np.float64) if TENURE in columns else None
        history = history_of(columns, self.history_months)
        facts = facts_of(columns, current, as_of=self.as_of)
        facts = facts if self.objects is None else without_consent(facts, map(self.objects, last[SUBSCRIBER].map(str)))
        return (
            Subscribers.of(history, facts, tenure_months=tenure),
            foreign,
            near,
        )

    def _near(self, plan: str) -> list[bool]:
        nearest = () if plan in self.catalogue.plan_ids else nearest_plans(plan, self.catalogue)
        return [plan_id in nearest for plan_id in self.catalogue.plan_ids]

    def _part(self, people: Subscribers, near: NDArray[np.bool_], first: int) -> _Part:
        ranking = self.ranker.rank(people)
        ranking = replace(ranking, advice=_without_doubtful_switch(ranking.advice, near))
        advice, unpriced = ranking.advice, 0
        if ranking.held is not None:  # a plan held without a bill is taken as unknown
            unpriced = int((ranking.held != people.facts.current).sum())
            people = replace(people, facts=replace(people.facts, current=ranking.held))
        uncovered = int((advice.excluded == ExclusionCode.NEEDS_USAGE_DETAIL).any(axis=1).sum())
        closed = advice.stay_reason[advice.order[:, 0] < 0]
        codes = np.pad(  # plans without a price of three totals come last, excluded for everybody
            advice.excluded,
            ((0, 0), (0, len(self.catalogue.detailed))),
            constant_values=ExclusionCode.NEEDS_USAGE_DETAIL,
        )
        excluded_row, excluded_plan = np.nonzero(codes)
        excluded: dict[str, NDArray[np.generic]] = {
            SUBSCRIBER: excluded_row + first,
            "plan_id": excluded_plan,
            "reason_code": codes[excluded_row, excluded_plan],
        }
        offerable = offerable_columns(ranking, people, first) if self.for_log else None
        ranked = self._ranked(ranking, people, first)
        return _Part(ranked, excluded, Counter(closed.tolist()), offerable, unpriced, uncovered)

    def _ranked(self, ranking: Ranking, people: Subscribers, first: int) -> dict[str, NDArray[np.generic]]:
        advice, held = ranking.advice, people.facts.current
        order = advice.order[:, : self.top]
        row, rank = np.nonzero((order >= 0) | ((order[:, :1] < 0) & (np.arange(order.shape[1]) == 0)))
        plan = order[row, rank]
        there = plan >= 0
        current, bills = held[row], whole_cents(advice.expected_cents)  # the saving is that of the bills shown
        columns: dict[str, NDArray[np.generic]] = {
            SUBSCRIBER: row + first,
            "rank": rank + 1,
            "plan_id": plan,
            "advice": advice.stay[row].astype(np.int64),
            "action": advice.stay[row].astype(np.int64),
            "is_current": there & (plan == current),
            "expected_bill_cents": np.where(there, bills[row, plan], np.nan),
            "saving_cents": np.where(there & (current >= 0), bills[row, current] - bills[row, plan], np.nan),
            "p_pay_more": np.where(there, advice.p_pay_more[row, plan], np.nan),
        }
        for name in self.ranker.further_columns:
            values = ranking.further[name]
            columns[name] = values[row] if values.ndim == 1 else _where(there, values[row, plan])
        columns["stay_reason"] = advice.stay_reason[row]
        columns["basis"] = np.full(len(row), BASES.index(self.ranker.basis))
        if self.explain:
            # What is said aloud are facts: the subscriber's own months, and then what is expected.
            if self.cells is not None and people.cells is not None:
                items = self.cells.pricing.item_means(people.history, people.cells, held)
            else:
                items = line_item_means(people.history, self.catalogue, held)
            ahead = advice.expected_cents if self.ranker.basis == "forecast" else None
            facts = sentences(
                items, self.catalogue, rows=row[there], plans=plan[there], current=current[there], expected_cents=ahead
            )
            said = np.full(len(row), "", dtype=object)
            said[there] = facts
            columns["reasons"] = np.array(_with_stay(said.tolist(), advice, row, rank), dtype=object)
        return columns


@dataclass(frozen=True, slots=True)
class _Part:
    """Columns of some subscribers' answers; text by its place in the dictionaries."""

    ranked: dict[str, NDArray[np.generic]]
    excluded: dict[str, NDArray[np.generic]]
    closed: Counter[int]
    offerable: dict[str, NDArray[np.generic]] | None = None
    unpriced: int = 0
    uncovered: int = 0


def bill_tables(months: pd.DataFrame, catalogue: Catalogue) -> Iterator[Any]:
    """Yield the bills of usage months on every plan, a few months at a time.

    Parameters
    ----------
    months : DataFrame
        Usage months.
    catalogue : Catalogue

    Yields
    ------
    pyarrow.Table of `BILL_SCHEMA`

    Examples
    --------
    >>> months = pd.DataFrame({"subscriber_id": ["a"], "month": ["2018-01"], "minutes": [510.0], "messages": [0.0],
    ...                        "megabytes": [0.0]})
    >>> [table["total_cents"].to_pylist() for table in bill_tables(months, megaline)]
    [[2030, 7000]]
    """
    n_plans = len(catalogue.plans)
    for start in range(0, len(months), _BILLED):
        block = months.iloc[start : start + _BILLED]
        bills = rate(usage_of(block), catalogue)
        items = [getattr(bills, f"{item}_cents").ravel() for item in ("total", *_BILL_ITEMS)]
        keys = [repeated_text(pa.array(block[name], pa.large_string()), n_plans) for name in (SUBSCRIBER, MONTH)]
        plan = text_column(np.tile(np.arange(n_plans), len(block)), catalogue.plan_ids)
        yield pa.table([*keys, plan, *map(pa.array, items)], schema=BILL_SCHEMA)


def _with_stay(said: list[str], advice: Advice, row: IntArray, rank: IntArray) -> list[str]:
    """Add the reason to stay to the first sentence of each subscriber who should stay, as the service does."""
    codes = np.where(rank == 0, advice.stay_reason[row], ExclusionCode.NONE)
    months = advice.earliest_change[row]
    for place in np.flatnonzero(codes).tolist():
        said[place] = f"{said[place]} Stay: {stay_text(int(codes[place]), int(months[place]))}.".lstrip()
    return said


def _without_doubtful_switch(advice: Advice, near: NDArray[np.bool_]) -> Advice:
    """Return "stay" for subscribers whose best plan may be the one they hold.

    Parameters
    ----------
    near : bool array of shape (n, n_plans)
        Whether the plan is the nearest by its name to the unknown one that is held.
    """
    best = advice.order[:, 0]
    held = (best >= 0) & near[np.arange(len(best)), np.maximum(best, 0)]
    if not held.any():
        return advice
    reason = np.where(held, int(ExclusionCode.MAY_BE_HELD), advice.stay_reason)
    return replace(advice, stay=advice.stay | held, stay_reason=reason)


def _where(there: NDArray[np.bool_], values: NDArray[np.generic]) -> NDArray[np.generic]:
    nothing: NDArray[Any] = np.array(np.nan if values.dtype.kind == "f" else None)
    return np.where(there, values, nothing)
