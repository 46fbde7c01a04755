"""What a batch command does with a table of usage months, told apart from where its answers go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd

from common_utils.monitoring.profiles.profile import Profile
from common_utils.parts.cores import Workers
from common_utils.tables import Reading, RowReport
from planrec.batch.answers import BILL_SCHEMA, EXCLUDED_SCHEMA, PieceAnswer, Recommender, bill_tables
from planrec.batch.parts.part import Output
from planrec.batch.predictions import PredictedPiece, prediction_schema, prediction_table
from planrec.batch.tally import NO_PLAN, NOT_RECENT, Tally
from planrec.billing import Catalogue
from planrec.bundle import NextChoice
from planrec.months import month_text
from planrec.usage.pieces.stream import UsageStream

__all__ = [
    "BLOCKS_EACH",
    "BatchJob",
    "Keeping",
    "Written",
    "billing",
    "opened",
    "predicting",
    "recommending",
    "refusals",
]

Answer = TypeVar("Answer")

BLOCKS_EACH = 4  # a process takes a second to start, which so many blocks make up for
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
        Counts, and subscribers refused -> what to say where nobody is answered, else None.
    as_of : int or None
        Month index; later months are not looked at.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.
    piece_rows : int or None
        Usage months in a block; None: as `UsageStream` has it.
    """

    label: str
    catalogue: Catalogue
    answer: Callable[[pd.DataFrame], Answer]
    outputs: tuple[Output[Answer], ...]
    count: Callable[[Answer], Counter[str]]
    told: Callable[[Counter[str], int], Sequence[str]]
    nobody: Callable[[Counter[str], int], str | None]
    as_of: int | None = None
    keep_plans: bool = False
    piece_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a run did.

    Attributes
    ----------
    report : RowReport
        The account of every row of the file.
    months, rows : int
        Usage months read, and rows written.
    workers : Workers
        How many processes answered.
    counted : mapping of str to int
        What the job counts of its answers, added up.
    remarks : tuple of str
        Counts of subscribers that deserve a word.
    """

    report: RowReport
    months: int
    rows: int
    workers: Workers
    counted: Mapping[str, int]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Keeping(Generic[Answer]):
    """What is kept of the answers beside their tables.

    Attributes
    ----------
    log : callable, optional
        The file that answers go to -> a block, in it what is given each answer; they are logged where it ends well.
    whole : bool
        Whether `log` takes answers; else the block is gone through without.
    watch : callable, optional
        Answer -> what monitoring counts of it; made where it is answered.
    seen : callable, optional
        Given what `watch` counted.
    """

    log: Callable[[Path], AbstractContextManager[Callable[[Answer], None] | None]] | None = None
    whole: bool = False
    watch: Callable[[Answer], Profile | None] | None = None
    seen: Callable[[Profile | None], None] | None = None


def opened(job: BatchJob[Answer], usage: Path, reading: Reading | None = None) -> UsageStream:
    """Return the table of a job, its columns looked at.

    Raises
    ------
    DataError
        As `UsageStream`.
    """
    return UsageStream(
        usage,
        catalogue=job.catalogue,
        piece_rows=job.piece_rows,
        reading=reading,
        as_of=job.as_of,
        keep_plans=job.keep_plans,
    )


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
        "rating", catalogue, partial(_bills, catalogue=catalogue), (output,), _no_count,
        partial(_left_out, catalogue=catalogue), _no_error, piece_rows=_BILLED,
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
        partial(_said_of_predictions, catalogue=catalogue),
        partial(_nobody_predicted, as_of=as_of),
        as_of=as_of,
    )


def _bills(months: pd.DataFrame, catalogue: Catalogue) -> list[Any]:
    return list(bill_tables(months, catalogue))


def _no_count(bills: list[Any]) -> Counter[str]:
    del bills
    return Counter()


def _left_out(counted: Counter[str], refused: int, *, catalogue: Catalogue) -> Sequence[str]:
    del counted, refused
    return catalogue.left_out()


def _no_error(counted: Counter[str], refused: int) -> None:
    del counted, refused


def _ranked(answer: PieceAnswer) -> list[Any]:
    return [answer.ranked]


def _excluded(answer: PieceAnswer) -> list[Any]:
    return [answer.excluded]


_tallied: Callable[[PieceAnswer], Counter[str]] = attrgetter("tally.counts")


def _said_of_advice(counted: Counter[str], refused: int, *, as_of: int, catalogue: Catalogue) -> Sequence[str]:
    return (*refusals(refused), *Tally.of(counted).remarks(as_of), *catalogue.left_out())


def _nobody_advised(counted: Counter[str], refused: int, *, as_of: int) -> str | None:
    tally = Tally.of(counted)
    if tally.answered:
        return None
    if tally.closed:
        return f"usage: nobody may take a plan: {tally.why_closed()}."
    return _nobody(as_of, stale=tally.stale, refused=refused)


def _predicted(piece: PredictedPiece) -> list[Any]:
    return [piece.table]


def _missed(piece: PredictedPiece) -> Counter[str]:
    return Counter({_STALE: piece.stale, _WITHOUT: piece.without_plan, "rows": piece.table.num_rows})


def _said_of_predictions(counted: Counter[str], refused: int, *, catalogue: Catalogue) -> Sequence[str]:
    told = ((counted[_STALE], NOT_RECENT), (counted[_WITHOUT], NO_PLAN))
    return (*refusals(refused), *(f"{count:,} {text}" for count, text in told if count), *catalogue.left_out())


def _nobody_predicted(counted: Counter[str], refused: int, *, as_of: int) -> str | None:
    if counted["rows"] + counted[_WITHOUT]:
        return None
    return _nobody(as_of, stale=counted[_STALE], refused=refused)


def refusals(refused: int) -> tuple[str, ...]:
    """Return the remark on subscribers who are not answered because of a rejected row, if there are any.

    Examples
    --------
    >>> refusals(0), refusals(1)[0].split(":")[0]
    ((), '1 subscriber(s) have a rejected row after their last usable month')
    """
    said = "subscriber(s) have a rejected row after their last usable month: not answered"
    return (f"{refused:,} {said}",) if refused else ()


def _nobody(as_of: int, *, stale: int, refused: int) -> str:
    if refused and not stale:
        return f"usage: nobody is answered; {refusals(refused)[0]}."
    if stale:
        return f"usage: no recent month up to {month_text(as_of)}; give later months or an earlier --as-of."
    return f"usage: no month up to {month_text(as_of)}; give earlier months or a later --as-of."
