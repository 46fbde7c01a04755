"""What a batch command does with a table of usage months, told apart from where its answers go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Generic, TypeVar

import pandas as pd

from common_utils.errors import DataError
from planrec.batch.answers import BILL_SCHEMA, EXCLUDED_SCHEMA, PieceAnswer, Recommender, bill_tables
from planrec.batch.part import Output
from planrec.batch.predictions import PredictedPiece, prediction_schema, prediction_table
from planrec.batch.tally import NO_PLAN, NOT_RECENT, Tally
from planrec.billing import Catalogue
from planrec.bundle import NextChoice
from planrec.months import month_text

__all__ = ["BatchJob", "billing", "predicting", "recommending"]

Answer = TypeVar("Answer")

_BILLED = 50_000  # months in a block of bills; times plans, the bills of two blocks are held
_STALE, _WITHOUT = "stale", "without_plan"


@dataclass(frozen=True, slots=True)
class BatchJob(Generic[Answer]):
    """A way to answer the usage months of a table, block by block.

    Attributes
    ----------
    label : str
        What is going on, for the progress bar.
    catalogue : Catalogue
        Which plans there are.
    answer : callable
        Usage months of whole subscribers -> answer. Pure, so that any process gives the same.
    outputs : tuple of Output
        What can be written: the answers first.
    count : callable
        Answer -> what is counted of it; counts of blocks add up.
    told : callable
        Counts, and subscribers refused -> remarks for people.
    nobody : callable
        Counts, and subscribers refused -> the error where nobody is answered, else None.
    as_of : int or None
        Month index; later months are not looked at.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.
    block_rows : int or None
        Usage months in a block; None: as `UsageStream` has it.
    """

    label: str
    catalogue: Catalogue
    answer: Callable[[pd.DataFrame], Answer]
    outputs: tuple[Output[Answer], ...]
    count: Callable[[Answer], Counter[str]]
    told: Callable[[Counter[str], int], Sequence[str]]
    nobody: Callable[[Counter[str], int], DataError | None]
    as_of: int | None = None
    keep_plans: bool = False
    block_rows: int | None = None


def billing(catalogue: Catalogue) -> BatchJob[list[Any]]:
    """Return the job that rates usage months on every plan of a rate card.

    Examples
    --------
    >>> months = pd.DataFrame({"subscriber_id": ["a"], "month": ["2018-01"], "minutes": [510.0], "messages": [0.0],
    ...                        "megabytes": [0.0]})
    >>> [table["total_cents"].to_pylist() for table in billing(megaline).answer(months)]
    [[2030, 7000]]
    """
    output: Output[list[Any]] = Output(BILL_SCHEMA, list)
    return BatchJob(
        "rating", catalogue, partial(_bills, catalogue=catalogue), (output,), _no_count, _no_remarks, _no_error,
        block_rows=_BILLED,
    )  # fmt: skip


def recommending(recommender: Recommender) -> BatchJob[PieceAnswer]:
    """Return the job that ranks the plans of each subscriber; its second output says what was not offered, and why."""
    outputs = (Output(recommender.schema, _ranked), Output(EXCLUDED_SCHEMA, _excluded))
    return BatchJob(
        "recommending",
        recommender.catalogue,
        recommender.answer,
        outputs,
        _tallied,
        partial(_said_of_advice, as_of=recommender.as_of, catalogue=recommender.catalogue),
        partial(_nobody_advised, as_of=recommender.as_of),
        as_of=recommender.as_of,
        keep_plans=True,  # foreign ones are counted by subscriber
    )


def predicting(choice: NextChoice, *, as_of: int, recent_months: int) -> BatchJob[PredictedPiece]:
    """Return the job that says which plan each subscriber is expected to choose."""
    catalogue = choice.model.catalogue
    return BatchJob(
        "predicting",
        catalogue,
        partial(prediction_table, choice=choice, as_of=as_of, recent_months=recent_months),
        (Output(prediction_schema(catalogue.plan_ids), _predicted),),
        _missed,
        _said_of_predictions,
        partial(_nobody_predicted, as_of=as_of),
        as_of=as_of,
    )


def _bills(months: pd.DataFrame, catalogue: Catalogue) -> list[Any]:
    return list(bill_tables(months, catalogue))


def _no_count(bills: list[Any]) -> Counter[str]:
    del bills
    return Counter()


def _no_remarks(counted: Counter[str], refused: int) -> Sequence[str]:
    del counted, refused
    return ()


def _no_error(counted: Counter[str], refused: int) -> None:
    del counted, refused


def _ranked(answer: PieceAnswer) -> list[Any]:
    return [answer.ranked]


def _excluded(answer: PieceAnswer) -> list[Any]:
    return [answer.excluded]


_tallied: Callable[[PieceAnswer], Counter[str]] = attrgetter("tally.counts")


def _said_of_advice(counted: Counter[str], refused: int, *, as_of: int, catalogue: Catalogue) -> Sequence[str]:
    detailed = (plan.remark for plan in catalogue.detailed)
    return (*_refusals(refused), *Tally.of(counted).remarks(as_of), *detailed)


def _nobody_advised(counted: Counter[str], refused: int, *, as_of: int) -> DataError | None:
    tally = Tally.of(counted)
    if tally.answered:
        return None
    if tally.closed:
        return DataError(f"usage: nobody may take a plan: {tally.why_closed()}; nothing is written.")
    return _nobody(as_of, stale=tally.stale, refused=refused)


def _predicted(piece: PredictedPiece) -> list[Any]:
    return [piece.table]


def _missed(piece: PredictedPiece) -> Counter[str]:
    return Counter({_STALE: piece.stale, _WITHOUT: piece.without_plan, "rows": piece.table.num_rows})


def _said_of_predictions(counted: Counter[str], refused: int) -> Sequence[str]:
    told = ((counted[_STALE], NOT_RECENT), (counted[_WITHOUT], NO_PLAN))
    return (*_refusals(refused), *(f"{count:,} {text}" for count, text in told if count))


def _nobody_predicted(counted: Counter[str], refused: int, *, as_of: int) -> DataError | None:
    if counted["rows"] + counted[_WITHOUT]:
        return None
    return _nobody(as_of, stale=counted[_STALE], refused=refused)


def _refusals(refused: int) -> tuple[str, ...]:
    said = "subscriber(s) have a rejected row after their last usable month: not answered"
    return (f"{refused:,} {said}",) if refused else ()


def _nobody(as_of: int, *, stale: int, refused: int) -> DataError:
    if refused and not stale:
        return DataError(f"usage: nobody is answered; {_refusals(refused)[0]}.")
    if stale:
        return DataError(f"usage: no recent month up to {month_text(as_of)}; give later months or an earlier --as-of.")
    return DataError(f"usage: no month up to {month_text(as_of)}; give earlier months or a later --as-of.")
