"""Batch runs into a folder: a fixed number of parts by the hash of the subscriber, each the same whoever computes it.

A job first sorts the rows of the parts it computes into a file for each, in one pass; then processes answer part after
part. What is said of the parts adds up to what a run into one file says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from common_utils.array_types import IntArray
from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from common_utils.monitoring.profiles.profile import Profile, merge
from common_utils.outputs import blamed
from common_utils.parts.cores import Workers, chosen_workers
from common_utils.parts.folder import SUCCESS, PartFolder
from common_utils.parts.hashing import PARTS, part_numbers
from common_utils.parts.pool import answered_in_order
from common_utils.tables import Reading, RowReport, merged_report, table_writer
from common_utils.tables.pieces.grouped import key_text
from common_utils.tables.report import MOST_LISTED
from planrec.batch.parts.jobs import BatchJob, Keeping, Written, opened
from planrec.batch.parts.part import AnswerPart
from planrec.columns import SUBSCRIBER
from planrec.usage.doubts import AmountCounts
from planrec.usage.pieces.block import BlockAccount, UsageBlock
from planrec.usage.pieces.held import HeldPlans
from planrec.usage.pieces.stream import UsageStream, part_blocks

__all__ = ["FolderRun", "PartWork", "spill", "write_folder"]

Answer = TypeVar("Answer")

_BLOCK = 200_000  # rows answered at once
_HELD = 4_000  # rows of a part that wait to be written beside it
_REJECTS: Any = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("column", pa.string())])


@dataclass(frozen=True, slots=True)
class FolderRun:
    """What a job did.

    Attributes
    ----------
    made, kept : int
        Parts computed now, and parts that were there already.
    workers : Workers
    written : Written or None
        The account of the whole table, once all parts are there.
    """

    made: int
    kept: int
    workers: Workers
    written: Written | None


@dataclass(frozen=True, slots=True)
class _PartRun(Generic[Answer]):
    """What a process gives back of a part."""

    number: int
    digests: Mapping[str, str]
    account: Mapping[str, Any]
    seen: Profile | None
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class PartWork(Generic[Answer]):
    """Answers a part from its sorted rows and writes its files; plain values, for any process.

    Attributes
    ----------
    part : AnswerPart
    spilled : Path
        Where `spill` wrote.
    folder : PartFolder
    outputs : tuple of str
        "" for the answers, then the names of further outputs.
    """

    part: AnswerPart[Answer]
    spilled: Path
    folder: PartFolder
    outputs: tuple[str, ...]

    def __call__(self, number: int) -> _PartRun[Answer]:
        """Answer a part, write its files and return its account."""
        months = rows = 0
        counted: Counter[str] = Counter()
        accounts: list[BlockAccount] = []
        seen: list[Profile] = []
        answers: list[Answer] = []
        with ExitStack() as stack:
            pairs = zip(self.outputs, self.part.outputs, strict=True)
            writers = [
                stack.enter_context(table_writer(self.folder.part(number, name), output.schema))
                for name, output in pairs
            ]
            rejects = _Rejects(self.folder.rejects(number), stack)
            for block in _blocks(self.spilled / str(number)):
                _check_part(block, number)
                done = self.part(block)
                months, rows = months + done.months, rows + done.rows
                counted += done.counted
                rejects.write(done.account.rejects)
                accounts.append(replace(done.account, rejects=_first_rows(done.account.rejects)))
                seen += [] if done.seen is None else [done.seen]
                answers += [] if done.answer is None else [done.answer]
                for write, tables in zip(writers, done.tables, strict=False):
                    for table in tables:
                        write(table)
            rejects.finish()
        account = (
            {"months": months, "rows": rows, "counted": dict(counted), **_plain(_sum(accounts))} if accounts else {}
        )
        profile = reduce(merge, seen) if seen else None
        return _PartRun(number, self.folder.digests(number), account, profile, answers)


def write_folder(
    job: BatchJob[Answer],
    usage: Path,
    folder: PartFolder,
    numbers: Sequence[int],
    *,
    reading: Reading | None = None,
    keeping: Keeping[Answer] | None = None,
    workers: int | None = 1,
    read_whole: Callable[[], None] = lambda: None,
) -> FolderRun:
    """Answer those parts of a table that are not in the folder yet; the job that brings the last sums up the run.

    Parameters
    ----------
    job : BatchJob
        Its further outputs are written, too, where the folder has a place for each beside the answers.
    usage : Path
        Parquet, in any order.
    folder : PartFolder
    numbers : sequence of int
        Parts that this job computes.
    reading, keeping, workers
        As `files.write_recommendations`; what is logged and counted is that of parts computed now.
    read_whole : callable
        Called once the table was read and no part answered: there an error ends the run.

    Raises
    ------
    ConfigError
        If the folder holds something else, or the table is a CSV file.
    DataError
        As `files.write_recommendations`; what concerns the whole table is only known with its last part, and then
        `_SUCCESS` is missing.
    """
    keeping = keeping or Keeping()
    stream = opened(job, usage, reading)
    rows = stream.numbered()
    folder.begin()
    kept = folder.kept(numbers)
    missing = [number for number in numbers if number not in kept]
    chosen = chosen_workers(workers, len(missing))
    names = ("", *folder.beside)
    outputs = job.outputs[: len(names)]
    part = AnswerPart(stream.check, job.answer, job.count, outputs, keeping.watch, whole=keeping.whole)
    with ExitStack() as stack:
        spilled = stack.enter_context(folder.scratch())
        if missing:
            with blamed(folder.path):
                spill(rows, spilled, missing)
            read_whole()
        advance = stack.enter_context(tracked(job.label, total=len(missing)))
        for done in answered_in_order(PartWork(part, spilled, folder, names), missing, chosen.count):
            if keeping.log is not None:
                with keeping.log(folder.part(done.number)) as take:
                    for answer in done.answers:
                        if take is not None:
                            take(answer)
            folder.keep(done.number, done.digests, done.account)
            if keeping.seen is not None:
                keeping.seen(done.seen)
            advance(1)
    written = _summed_up(job, stream, folder, chosen) if folder.complete else None
    return FolderRun(len(missing), len(kept), chosen, written)


def _summed_up(job: BatchJob[Any], stream: UsageStream, folder: PartFolder, chosen: Workers) -> Written:
    """Add up the accounts of all parts, see that the table can be trusted, and say so with `_SUCCESS`."""
    accounts = [account for _, account in sorted(folder.kept().items()) if account]
    for account in accounts:
        stream.take(_account(account))
    stream.finish(
        f"the parts are kept, but {SUCCESS} is not written", partial(_all_rejects, folder) if accounts else None
    )
    counted = sum((Counter(account["counted"]) for account in accounts), Counter[str]())
    nobody = job.nobody(counted, stream.refused)
    if nobody is not None:
        raise DataError(f"{nobody.removesuffix('.')}; {SUCCESS} is not written.")
    months, rows = (sum(account[name] for account in accounts) for name in ("months", "rows"))
    report = stream.report()
    folder.succeed({"months": months, "rows": rows, "table": report.to_dict()})
    return Written(report, months, rows, chosen, counted, tuple(job.told(counted, stream.refused)))


class _Rejects:
    """Writes the rejected rows of a part; a part without one has no file."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path, self._stack = path, stack
        self._write: Callable[[Any], None] | None = None

    def write(self, rejects: pd.DataFrame) -> None:
        if not len(rejects):
            return
        if self._write is None:
            self._write = self._stack.enter_context(table_writer(self._path, _REJECTS))
        self._write(pa.Table.from_pandas(rejects, schema=_REJECTS, preserve_index=False))

    def finish(self) -> None:
        """Take away the file of a run before, where none was rejected; a job at the same part may need its own."""
        if self._write is None:
            self._path.unlink(missing_ok=True)


def _all_rejects(folder: PartFolder) -> pd.DataFrame:
    """Return the rejected rows of all parts, in the order of the table."""
    paths = [path for number in range(PARTS) if (path := folder.rejects(number)).exists()]
    whole = pa.concat_tables([_REJECTS.empty_table(), *map(pq.read_table, paths)])
    return _texts(whole.sort_by("row").to_pandas())


def _first_rows(rejects: pd.DataFrame) -> pd.DataFrame:
    """Return the first rejected rows of each reason: as many as a message names."""
    return rejects.sort_values("row").groupby("reason", sort=False).head(MOST_LISTED)


def _texts(rejects: pd.DataFrame) -> pd.DataFrame:
    return rejects.astype({"row": "int64", "reason": "str", "column": "str"})


def spill(tables: Iterator[Any], folder: Path, numbers: Sequence[int]) -> None:
    """Write the rows of each part to a file of its own, in the order of the table.

    Parameters
    ----------
    tables : iterator of pyarrow.Table
        As `UsageStream.numbered` has them.
    folder : Path
        Where the files go; a part without a row has none.
    numbers : sequence of int
        The parts that are wanted.
    """
    wanted = np.isin(np.arange(PARTS), numbers)
    files: dict[int, Any] = {}
    held: dict[int, list[Any]] = {}
    with ExitStack() as stack, ThreadPoolExecutor(1) as writer:  # writes while the next rows are read

        def flush(number: int, schema: Any) -> None:
            if number not in files:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                file = stack.enter_context(pa.OSFile(str(folder / str(number)), "wb"))
                files[number] = stack.enter_context(pa.ipc.new_stream(file, schema, options=options))
            files[number].write_table(pa.concat_tables(held.pop(number)).combine_chunks())

        def keep(table: Any, order: IntArray, bounds: IntArray) -> None:
            for number in np.flatnonzero(wanted & (np.diff(bounds) > 0)).tolist():
                held.setdefault(number, []).append(table.take(pa.array(order[bounds[number] : bounds[number + 1]])))
                if sum(map(len, held[number])) >= _HELD:
                    flush(number, table.schema)

        schema: Any = None
        waiting: Future[None] | None = None
        for table in tables:
            schema = table.schema
            parts = _parts_of(table[SUBSCRIBER])
            order = np.argsort(parts, kind="stable")
            bounds = np.searchsorted(parts[order], np.arange(PARTS + 1))
            if waiting is not None:
                waiting.result()
            waiting = writer.submit(keep, table, order, bounds)
        if waiting is not None:
            waiting.result()
        for number in list(held):
            flush(number, schema)


def _blocks(path: Path) -> Generator[UsageBlock]:
    """Yield the rows of a part as blocks of whole subscribers; nothing of a part without a row."""
    if path.exists():
        with pa.OSFile(str(path), "rb") as file:
            yield from part_blocks(pa.ipc.open_stream(file), _BLOCK)


def _parts_of(ids: Any) -> IntArray:
    """Return the part of each row; each subscriber is hashed once.

    Raises
    ------
    DataError
        If an id holds bytes that are no text.
    """
    try:
        names = key_text(ids).dictionary_encode()
    except pa.ArrowInvalid as error:
        raise DataError(f"usage months: {SUBSCRIBER}: an id is no text in UTF-8; export the ids as text.") from error
    return part_numbers(names.dictionary.to_pylist())[names.indices.to_numpy()]


def _check_part(block: UsageBlock, number: int) -> None:
    """See that the rows of a part belong to it: then no subscriber is in two.

    Raises
    ------
    DataError
        If one does not.
    """
    if (_parts_of(block.table[SUBSCRIBER]) != number).any():
        raise DataError(f"part {number}: a subscriber of another part is among its rows; the run is stopped.")


def _sum(accounts: Sequence[BlockAccount]) -> BlockAccount:
    return BlockAccount(
        merged_report([account.report for account in accounts]),
        _first_rows(pd.concat([account.rejects for account in accounts])),
        sum((account.counts for account in accounts), AmountCounts()),
        sum((account.held for account in accounts), HeldPlans()),
        sum(account.late for account in accounts),
        tuple(dict.fromkeys(note for account in accounts for note in account.gaps)),
        sum(account.refused for account in accounts),
    )


def _plain(account: BlockAccount) -> dict[str, Any]:
    """Return the account of the rows of a part as JSON holds it."""
    counts = account.counts
    return {
        "report": asdict(account.report),
        "rejects": account.rejects.to_dict("list"),
        "amounts": {**asdict(counts), "minutes": counts.minutes.tolist(), "megabytes": counts.megabytes.tolist()},
        "held": asdict(account.held),
        "late": account.late,
        "gaps": account.gaps,
        "refused": account.refused,
    }


def _account(said: Mapping[str, Any]) -> BlockAccount:
    """Return the account that `_plain` wrote."""
    report, amounts = dict(said["report"]), dict(said["amounts"])
    report |= {"notes": tuple(report["notes"]), "rows": {why: tuple(rows) for why, rows in report["rows"].items()}}
    sizes = {name: np.array(amounts[name], dtype=np.int64) for name in ("minutes", "megabytes")}
    first, second = amounts["beyond"]
    amounts |= {**sizes, "rows": tuple(amounts["rows"]), "beyond": (first, second)}
    held = dict(said["held"])
    held |= {name: tuple(held[name]) for name in ("unknown", "detailed")}
    held |= {"rows": {why: tuple(rows) for why, rows in held["rows"].items()}}
    return BlockAccount(
        RowReport(**report),
        _texts(pd.DataFrame(said["rejects"])),
        AmountCounts(**amounts),
        HeldPlans(**held),
        said["late"],
        tuple(said["gaps"]),
        said["refused"],
    )
