"""What a batch run will take, measured on a small part of it: rows, parts, memory, disk and time."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from common_utils.errors import DataError
from common_utils.parts.cores import Workers, allowed_cores, chosen_workers
from common_utils.parts.folder import PartFolder
from common_utils.tables import Reading, table_writer
from planrec.batch.parts.folder import PartWork, spill
from planrec.batch.parts.jobs import BLOCKS_EACH, BatchJob, Keeping, opened
from planrec.batch.parts.part import AnswerPart, PartAnswer
from planrec.usage.pieces.block import UsageBlock
from planrec.usage.pieces.stream import UsageStream

__all__ = ["Expected", "expected_in_file", "expected_in_parts", "expected_of_blocks"]

Answer = TypeVar("Answer")
Done = TypeVar("Done")

_PIECES = 3  # answered to measure, where the table has so many; the first warms up
_PARTS = 2  # likewise
_BATCHES = 2  # sorted into all parts to measure what writing adds to reading


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run will take.

    Attributes
    ----------
    rows : int
        Of the table.
    parts : int
        Files to write; 1 where the output is one file.
    workers : Workers
    seconds : float
        By the clock, from the start of the command to its end, if the machine is as busy as now.
    process_bytes : int
        Memory of the largest process.
    output_bytes, scratch_bytes : int
        On the disk once it is done, and beside it while it runs.
    """

    rows: int
    parts: int
    workers: Workers
    seconds: float
    process_bytes: int
    output_bytes: int
    scratch_bytes: int = 0

    def lines(self) -> list[str]:
        """Return it as text.

        Examples
        --------
        >>> Expected(600, 1, Workers(2, "2 cores"), 90.0, 400_000_000, 5_000_000).lines()[3:]
        ['time: 90 seconds', 'memory: 400 MB a process', 'disk: 5.0 MB']
        """
        beside = f", and {self.scratch_bytes / 1e6:z,.1f} MB beside it while it runs" if self.scratch_bytes else ""
        return [
            f"rows: {self.rows:,}",
            f"parts: {self.parts}",
            self.workers.words,
            f"time: {self.seconds:z,.0f} seconds",
            f"memory: {self.process_bytes / 1e6:z,.0f} MB a process",
            f"disk: {self.output_bytes / 1e6:z,.1f} MB{beside}",
        ]


def expected_in_file(
    job: BatchJob[Answer],
    usage: Path,
    output: Path,
    reading: Reading | None,
    keeping: Keeping[Answer],
    workers: int | None,
) -> Expected:
    """Return what `files.write_job` will take, measured on the first pieces of the table; nothing is kept.

    Raises
    ------
    DataError
        If the table cannot be read, or holds no row.
    """
    stream = opened(job, usage, reading)
    ending = output.suffix.lower() or ".csv"
    made = [replace(job.outputs[0], as_csv=ending == ".csv")]
    part = AnswerPart(stream.check, job.answer, job.count, made, keeping.watch, whole=keeping.whole)
    with tempfile.TemporaryDirectory() as scratch:

        def written(done: PartAnswer[Answer]) -> tuple[int, int]:
            path = Path(scratch, f"answers{ending}")
            with table_writer(path, job.outputs[0].schema) as write:
                for table in done.tables[0] if done.tables else ():
                    write(table)
            return done.account.report.read, path.stat().st_size

        return expected_of_blocks(stream, part, written, chosen_workers(workers, stream.block_count // BLOCKS_EACH))


def expected_of_blocks(
    stream: UsageStream,
    answer: Callable[[UsageBlock], Done],
    written: Callable[[Done], tuple[int, int]],
    workers: Workers,
) -> Expected:
    """Return what a table answered block by block will take, measured on its first blocks.

    Parameters
    ----------
    stream : UsageStream
    answer : callable
        What a worker does with a block.
    written : callable
        What is done with its answer in the first process; rows read and bytes written.
    workers : Workers

    Raises
    ------
    DataError
        If the table cannot be read, or holds no row.
    """
    blocks = (block for block in stream.blocks() if len(block.table))
    taken: list[tuple[int, float, float, int]] = []
    first = 0.0
    for number in range(_PIECES):
        began = time.monotonic()
        block = next(blocks, None)
        if block is None:
            break
        first = first or running_seconds()
        read = time.monotonic()
        done = answer(block)
        answered = time.monotonic()
        rows, size = written(done)
        ours = time.monotonic() - answered + (read - began) * bool(number)  # the first waits for the sorting, too
        taken.append((rows, answered - read, ours, size))
    if not taken:
        raise DataError("usage months: no row; there is nothing to answer.")
    warm = taken[1:] or taken
    rows, answering, ours, size = (sum(column) for column in zip(*warm, strict=True))
    busy = min(workers.count + (workers.count > 1), allowed_cores())
    each = max((answering + ours) / busy, answering / workers.count, ours) / rows
    return Expected(stream.rows, 1, workers, first + each * stream.rows, _peak_bytes(), size * stream.rows // rows)


def expected_in_parts(
    job: BatchJob[Answer],
    usage: Path,
    beside: Sequence[str],
    numbers: Sequence[int],
    reading: Reading | None,
    keeping: Keeping[Answer],
    workers: int | None,
) -> Expected:
    """Return what `parts.folder.write_folder` will take, measured on some parts of the table; nothing is kept.

    The table is gone through once for them; that its digest was taken before counts, too.

    Raises
    ------
    ConfigError, DataError
        As `write_folder`.
    """
    chosen = chosen_workers(workers, len(numbers))
    stream = opened(job, usage, reading)
    with tempfile.TemporaryDirectory() as scratch:
        folder = PartFolder(Path(scratch, "out"), {}, {name: Path(scratch, name) for name in beside})
        folder.begin()
        some, spilled = list(numbers[:_PARTS]), Path(scratch, "rows")
        first = running_seconds()  # the digest of the table, taken before, is in it
        for place in (spilled, Path(scratch, "all"), Path(scratch, "some")):
            place.mkdir()
        of_all = _seconds(lambda: spill(islice(stream.numbered(), _BATCHES), Path(scratch, "all"), numbers))
        of_some = _seconds(lambda: spill(islice(stream.numbered(), _BATCHES), Path(scratch, "some"), some))
        whole = _seconds(lambda: spill(stream.numbered(), spilled, some))
        part = AnswerPart(
            stream.check, job.answer, job.count, job.outputs[: 1 + len(beside)], keeping.watch, whole=keeping.whole
        )
        work = PartWork(part, spilled, folder, ("", *beside))
        each = [_seconds(partial(work, number)) for number in some][-1]
        size, waiting = (
            sum(path.stat().st_size for place in places for path in place.rglob("*") if path.is_file()) // len(some)
            for places in ((folder.path, *folder.beside.values()), (spilled,))
        )
    turns = len(numbers) / min(chosen.count, allowed_cores(), len(numbers))
    seconds = first + whole * max(of_all / of_some, 1.0) + each * turns
    sizes = size * len(numbers), waiting * len(numbers)
    return Expected(stream.rows, len(numbers), chosen, seconds, _peak_bytes(), *sizes)


def running_seconds() -> float:
    """Return how long this process has been running."""
    ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0]) - ticks / os.sysconf("SC_CLK_TCK")


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
