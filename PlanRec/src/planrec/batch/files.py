"""Batch runs from file to file: read in blocks, answer, write; memory does not grow with the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

import pandas as pd

from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from common_utils.parts.cores import Workers, chosen_workers
from common_utils.parts.pool import answered_in_order
from common_utils.tables import Reading, table_writer
from planrec.batch.answers import PieceAnswer, Recommender
from planrec.batch.parts.expected import Expected, expected_of_blocks
from planrec.batch.parts.jobs import BLOCKS_EACH, BatchJob, Keeping, Written, billing, opened, predicting, recommending
from planrec.batch.parts.part import AnswerPart
from planrec.batch.predictions import PredictedPiece
from planrec.billing import Catalogue
from planrec.bundle import NextChoice
from planrec.usage.pieces.block import BlockAccount, BlockCheck, UsageBlock
from planrec.usage.pieces.stream import UsageStream

__all__ = ["answered", "expected_answers", "write_bills", "write_job", "write_predictions", "write_recommendations"]

Answer = TypeVar("Answer")


def write_bills(
    usage: Path, catalogue: Catalogue, output: Path, *, reading: Reading | None = None, workers: int | None = 1
) -> Written:
    """Rate the usage months of a file on every plan.

    Parameters
    ----------
    usage, output : Path
        CSV or Parquet; `output` appears when it is whole.
    catalogue : Catalogue
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    workers : int or None
        Processes that answer, the same bytes for any number; None: as many as cores and memory allow.

    Raises
    ------
    DataError
        If `usage` cannot be read or holds no row that can be used, or `output` cannot be written.
    """
    return write_job(billing(catalogue), usage, [output], reading=reading, workers=workers)


def write_recommendations(
    usage: Path,
    recommender: Recommender,
    output: Path,
    *,
    excluded_output: Path | None = None,
    reading: Reading | None = None,
    keeping: Keeping[PieceAnswer] | None = None,
    workers: int | None = 1,
) -> Written:
    """Rank the plans of each subscriber of a file.

    Parameters
    ----------
    usage, output : Path
        CSV or Parquet; `output` appears when it is whole, subscribers in ascending order.
    recommender : Recommender
    excluded_output : Path, optional
        Where to write which plans were not offered, and why.
    keeping : Keeping, optional
        What is logged and counted of the answers.
    workers : int or None
        As `write_bills`.

    Raises
    ------
    DataError
        As `write_bills`, or if no subscriber has a usage month up to the one asked for, or may take a plan.
    """
    outputs = [output] if excluded_output is None else [output, excluded_output]
    return write_job(recommending(recommender), usage, outputs, reading=reading, keeping=keeping, workers=workers)


def write_predictions(
    usage: Path,
    choice: NextChoice,
    output: Path,
    *,
    as_of: int,
    recent_months: int,
    reading: Reading | None = None,
    keeping: Keeping[PredictedPiece] | None = None,
    workers: int | None = 1,
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
    keeping : Keeping, optional
        What is logged and counted of the answers.
    workers : int or None
        As `write_bills`.

    Raises
    ------
    DataError
        As `write_recommendations`, or if a column the model takes holds text.
    """
    job = predicting(choice, as_of=as_of, recent_months=recent_months)
    return write_job(job, usage, [output], reading=reading, keeping=keeping, workers=workers)


def write_job(
    job: BatchJob[Answer],
    usage: Path,
    outputs: Sequence[Path],
    *,
    reading: Reading | None = None,
    keeping: Keeping[Answer] | None = None,
    workers: int | None = 1,
) -> Written:
    """Answer a file and write what each output of the job takes; all of them appear once all are whole.

    Parameters
    ----------
    job : BatchJob
    usage : Path
    outputs : sequence of Path
        Of the job's outputs the first ones.
    reading, keeping, workers
        As `write_recommendations`.

    Raises
    ------
    DataError
        As `write_recommendations`.
    """
    keeping = keeping or Keeping()
    with ExitStack() as stack:
        take = None if keeping.log is None else stack.enter_context(keeping.log(outputs[0]))
        pairs = list(zip(job.outputs, outputs, strict=False))
        writers = [stack.enter_context(table_writer(path, output.schema)) for output, path in pairs]
        stream = opened(job, usage, reading)
        made = [replace(output, as_csv=path.suffix.lower() != ".parquet") for output, path in pairs]
        part = AnswerPart(stream.check, job.answer, job.count, made, keeping.watch, whole=keeping.whole)
        chosen = chosen_workers(workers, stream.block_count // BLOCKS_EACH)
        counted: Counter[str] = Counter()
        rows = months = 0
        with tracked(job.label, total=stream.rows) as advance:
            for done in answered_in_order(part, stream.blocks(), chosen.count):
                stream.take(done.account)
                months += done.months
                rows += done.rows
                counted += done.counted
                for write, tables in zip(writers, done.tables, strict=False):
                    for table in tables:
                        write(table)
                if take is not None and done.answer is not None:
                    take(done.answer)
                if keeping.seen is not None:
                    keeping.seen(done.seen)
                advance(done.account.report.read)
        stream.finish()
        nobody = job.nobody(counted, stream.refused)
        if nobody is not None:
            raise DataError(f"{nobody.removesuffix('.')}; nothing is written.")
    return Written(stream.report(), months, rows, chosen, counted, tuple(job.told(counted, stream.refused)))


def answered(
    stream: UsageStream, label: str, answer: Callable[[pd.DataFrame], Answer], workers: int = 1
) -> Generator[Answer]:
    """Yield the answer of each piece, in order; the next piece is read while others are answered.

    Parameters
    ----------
    stream : UsageStream
    label : str
        Of the progress bar.
    answer : callable
        Of the months of a piece; pure.
    workers : int
        As `answered_in_order`.

    Raises
    ------
    DataError
        At the end, as `UsageStream.finish`.
    """
    with tracked(label, total=stream.rows) as advance:
        for account, found in answered_in_order(_Checked(stream.check, answer), stream.blocks(), workers):
            stream.take(account)
            if found is not None:
                yield found
            advance(account.report.read)
    stream.finish()


def expected_answers(stream: UsageStream, answer: Callable[[pd.DataFrame], Answer], workers: Workers) -> Expected:
    """Return what `answered` will take, measured on the first pieces; what answers are then put into is not counted.

    Raises
    ------
    DataError
        If the table holds no row.
    """
    return expected_of_blocks(stream, _Checked(stream.check, answer), _nothing_written, workers)


def _nothing_written(done: tuple[BlockAccount, object]) -> tuple[int, int]:
    return done[0].report.read, 0


@dataclass(frozen=True, slots=True)
class _Checked(Generic[Answer]):
    """Checks a block and answers what can be used of it."""

    check: BlockCheck
    answer: Callable[[pd.DataFrame], Answer]

    def __call__(self, block: UsageBlock) -> tuple[BlockAccount, Answer | None]:
        checked = self.check.check(block)
        return checked.account, self.answer(checked.months) if len(checked.months) else None
