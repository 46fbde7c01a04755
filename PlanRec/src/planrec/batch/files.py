"""Batch runs from file to file: read in pieces, answer, write; memory does not grow with the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd

from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport, table_writer
from planrec.batch.answers import BILL_SCHEMA, EXCLUDED_SCHEMA, PieceAnswer, Recommender, bill_tables
from planrec.batch.predictions import PredictedPiece, prediction_schema, prediction_table
from planrec.batch.tally import NO_PLAN, NOT_RECENT, Tally
from planrec.billing import Catalogue
from planrec.bundle import NextChoice
from planrec.months import month_text
from planrec.usage.stream import UsageStream

__all__ = ["Written", "answered", "refusals", "write_bills", "write_predictions", "write_recommendations"]

_BILLED = 50_000  # months in a piece of bills; times plans, the bills of two pieces are held

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Written:
    """What a run did.

    Attributes
    ----------
    report : RowReport
        The account of every row of the file.
    months, rows : int
        Usage months read, and rows written.
    remarks : tuple of str
        Counts of subscribers that deserve a word.
    """

    report: RowReport
    months: int
    rows: int
    remarks: tuple[str, ...] = ()


def write_bills(usage: Path, catalogue: Catalogue, output: Path, *, reading: Reading | None = None) -> Written:
    """Rate the usage months of a file on every plan.

    Parameters
    ----------
    usage, output : Path
        CSV or Parquet; `output` appears when it is whole.
    catalogue : Catalogue
    reading : Reading, optional
        How the columns are written, and how much may be rejected.

    Raises
    ------
    DataError
        If `usage` cannot be read or holds no row that can be used, or `output` cannot be written.
    """
    with table_writer(output, BILL_SCHEMA) as write:
        stream = UsageStream(usage, catalogue=catalogue, piece_rows=_BILLED, reading=reading)
        rows = months = 0
        for piece, tables in answered(stream, "rating", lambda piece: list(bill_tables(piece, catalogue))):
            months += piece
            for table in tables:
                write(table)
                rows += table.num_rows
    return Written(stream.report(), months, rows)


def write_recommendations(
    usage: Path,
    recommender: Recommender,
    output: Path,
    *,
    excluded_output: Path | None = None,
    reading: Reading | None = None,
    keep: Callable[[PieceAnswer], None] | None = None,
) -> Written:
    """Rank the plans of each subscriber of a file.

    Parameters
    ----------
    usage, output : Path
        CSV or Parquet; `output` appears when it is whole, subscribers in ascending order.
    recommender : Recommender
    excluded_output : Path, optional
        Where to write which plans were not offered, and why.
    keep : callable, optional
        Also given each piece's answer, for the decision log.

    Raises
    ------
    DataError
        As `write_bills`, or if no subscriber has a usage month up to the one asked for, or may take a plan.
    """
    with ExitStack() as stack:
        write = stack.enter_context(table_writer(output, recommender.schema))
        write_excluded = (
            None if excluded_output is None else stack.enter_context(table_writer(excluded_output, EXCLUDED_SCHEMA))
        )
        stream = UsageStream(
            usage, catalogue=recommender.catalogue, reading=reading, as_of=recommender.as_of, keep_plans=True
        )  # foreign ones are counted by subscriber
        tally, rows, months = Tally(), 0, 0
        for piece, answer in answered(stream, "recommending", recommender.answer):
            months += piece
            tally += answer.tally
            rows += answer.ranked.num_rows
            write(answer.ranked)
            if keep is not None:
                keep(answer)
            if write_excluded is not None:
                write_excluded(answer.excluded)
        if not tally.answered:
            if tally.closed:
                raise DataError(f"usage: nobody may take a plan: {tally.why_closed()}; nothing is written.")
            raise _nobody(recommender.as_of, stale=tally.stale, refused=stream.refused)
    remarks = (*refusals(stream.refused), *tally.remarks(recommender.as_of), *recommender.catalogue.left_out())
    return Written(stream.report(), months, rows, remarks)


def write_predictions(
    usage: Path,
    choice: NextChoice,
    output: Path,
    *,
    as_of: int,
    recent_months: int,
    reading: Reading | None = None,
    keep: Callable[[PredictedPiece], None] | None = None,
) -> Written:
    """Write the plan each subscriber of a file is expected to choose when next free to.

    Parameters
    ----------
    usage, output : Path
        CSV or Parquet; `output` appears when it is whole.
    choice : NextChoice
        A plan that is not in its rate card is taken as unknown.
    as_of : int
        Month index; later months are not looked at.
    recent_months : int
        How many of the latest months the last usage month may be one of.
    keep : callable, optional
        Also given each piece's answer, for the decision log.

    Raises
    ------
    DataError
        As `write_recommendations`, or if a column the model takes holds text.
    """

    def predict(piece: pd.DataFrame) -> PredictedPiece:
        return prediction_table(piece, choice, as_of=as_of, recent_months=recent_months)

    catalogue = choice.model.catalogue
    with table_writer(output, prediction_schema(catalogue.plan_ids)) as write:
        stream = UsageStream(usage, catalogue=catalogue, reading=reading, as_of=as_of)
        rows = months = stale = without = 0
        for piece, found in answered(stream, "predicting", predict):
            months += piece
            stale += found.stale
            without += found.without_plan
            rows += found.table.num_rows
            write(found.table)
            if keep is not None:
                keep(found)
        if not rows + without:
            raise _nobody(as_of, stale=stale, refused=stream.refused)
    remarks = tuple(f"{count:,} {text}" for count, text in ((stale, NOT_RECENT), (without, NO_PLAN)) if count)
    return Written(stream.report(), months, rows, (*refusals(stream.refused), *remarks, *catalogue.left_out()))


def answered(
    stream: UsageStream, label: str, answer: Callable[[pd.DataFrame], _Answer]
) -> Generator[tuple[int, _Answer]]:
    """Yield the months of each piece and its answer, in order; the next piece is read while one is answered.

    Parameters
    ----------
    stream : UsageStream
    label : str
        Of the progress bar.
    answer : callable
        Of a piece.
    """
    with tracked(label, total=stream.rows) as advance, ThreadPoolExecutor(max_workers=1) as pool:
        waiting: deque[tuple[int, Future[_Answer]]] = deque()
        for piece in stream:
            waiting.append((len(piece), pool.submit(answer, piece)))
            if len(waiting) > 1:
                months, done = waiting.popleft()
                yield months, done.result()
                advance(months)
        for months, done in waiting:
            yield months, done.result()
            advance(months)


def refusals(refused: int) -> tuple[str, ...]:
    """Return the remark on subscribers who are not answered because of a rejected row, if there are any.

    Examples
    --------
    >>> refusals(0), refusals(1)[0].split(":")[0]
    ((), '1 subscriber(s) have a rejected row after their last usable month')
    """
    said = "subscriber(s) have a rejected row after their last usable month: not answered"
    return (f"{refused:,} {said}",) if refused else ()


def _nobody(as_of: int, *, stale: int, refused: int) -> DataError:
    if refused and not stale:
        return DataError(f"usage: nobody is answered; {refusals(refused)[0]}.")
    if stale:
        return DataError(f"usage: no recent month up to {month_text(as_of)}; give later months or an earlier --as-of.")
    return DataError(f"usage: no month up to {month_text(as_of)}; give earlier months or a later --as-of.")
