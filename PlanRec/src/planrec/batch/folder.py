"""Batch runs into a folder: a fixed number of parts by the hash of the subscriber, each the same whoever computes it.

A job first sorts the rows of the parts it computes into a file for each, in one pass; then processes answer part after
part. What is said of the parts adds up to what a run into one file says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from common_utils.array_types import IntArray
from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError
from common_utils.outputs import blamed
from common_utils.parts.cores import Workers, chosen_workers
from common_utils.parts.folder import PartFolder, sha256_of
from common_utils.parts.hashing import PARTS, part_numbers
from common_utils.parts.pool import answered_in_order
from common_utils.tables import Reading, RowReport, merged_report, table_writer
from planrec.batch.files import Written, opened
from planrec.batch.jobs import BatchJob
from planrec.batch.part import AnswerPart
from planrec.columns import SUBSCRIBER
from planrec.usage.block import BlockAccount
from planrec.usage.doubts import AmountCounts
from planrec.usage.stream import part_blocks, subscriber_names

__all__ = ["FolderRun", "write_folder"]

Answer = TypeVar("Answer")

_BLOCK = 200_000  # rows answered at once
_HELD = 4_000  # rows of a part that wait to be written beside it


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
    sha256: str
    read: int
    months: int
    rows: int
    counted: Counter[str]
    account: BlockAccount
    answers: list[Answer] = field(default_factory=list[Answer])


@dataclass(frozen=True, slots=True)
class _PartWork(Generic[Answer]):
    """Answers a part from its sorted rows and writes its file; plain values, for any process."""

    part: AnswerPart[Answer]
    spilled: Path
    folder: PartFolder

    def __call__(self, number: int) -> _PartRun[Answer]:
        read = months = rows = 0
        counted: Counter[str] = Counter()
        accounts: list[BlockAccount] = []
        answers: list[Answer] = []
        path = self.folder.part(number)
        with table_writer(path, self.part.outputs[0].schema) as write:
            for block in part_blocks(_spilled(self.spilled / str(number)), _BLOCK):
                _check_part(block, number)
                done = self.part(block)
                read, months, rows = read + done.read, months + done.months, rows + done.rows
                counted += done.counted
                accounts += [] if done.account is None else [done.account]
                answers += [] if done.answer is None else [done.answer]
                for table in done.tables[0] if done.tables else ():
                    write(table)
        return _PartRun(number, sha256_of(path), read, months, rows, counted, _sum(accounts), answers)


def write_folder(
    job: BatchJob[Answer],
    usage: Path,
    folder: PartFolder,
    numbers: Sequence[int],
    *,
    reading: Reading | None = None,
    keep: Callable[[Answer], None] | None = None,
    workers: int | None = 1,
) -> FolderRun:
    """Answer those parts of a table that are not in the folder yet; the job that brings the last sums up the run.

    Parameters
    ----------
    job : BatchJob
        Its first output is written.
    usage : Path
        Parquet, in any order.
    folder : PartFolder
    numbers : sequence of int
        Parts that this job computes.
    reading, keep, workers
        As `files.write_recommendations`; `keep` is given the answers of parts computed now.

    Raises
    ------
    ConfigError
        If the folder holds something else, or the table is a CSV file.
    DataError
        As `files.write_recommendations`; what concerns the whole table is only known with its last part, and then
        `_SUCCESS` is missing.
    """
    folder.begin()
    stream = opened(job, usage, reading)
    kept = folder.kept()
    missing = [number for number in numbers if number not in kept]
    chosen = chosen_workers(workers, len(missing))
    part = AnswerPart(stream.check, job.answer, job.count, job.outputs[:1], whole=keep is not None)
    with ExitStack() as stack:
        spilled = stack.enter_context(folder.scratch())
        if missing:
            with blamed(folder.path):
                _spill(stream.numbered(), spilled, missing)
        filled = [number for number in missing if (spilled / str(number)).exists()]
        advance = stack.enter_context(tracked(job.label, total=len(missing)))
        work = _PartWork(part, spilled, folder)
        for done in answered_in_order(work, filled, chosen.count):
            if keep is not None:
                for answer in done.answers:
                    keep(answer)
            folder.keep(done.number, done.sha256, _plain(done))
            advance(1)
        for number in set(missing) - set(filled):
            with table_writer(folder.part(number), job.outputs[0].schema):
                pass  # a part without a subscriber has no row
            folder.keep(number, sha256_of(folder.part(number)), {})
    kept = folder.kept()
    written = None
    if len(kept) == PARTS:
        accounts = [account for _, account in sorted(kept.items()) if account]
        for account in accounts:
            stream.take(_account(account))
        stream.finish()
        counted = sum((Counter(account["counted"]) for account in accounts), Counter[str]())
        nobody = job.nobody(counted, stream.refused)
        if nobody is not None:
            raise nobody
        months, rows = (sum(account[name] for account in accounts) for name in ("months", "rows"))
        report = stream.report()
        folder.succeed({"months": months, "rows": rows, "table": report.to_dict()})
        written = Written(report, months, rows, chosen, tuple(job.told(counted, stream.refused)))
    return FolderRun(len(missing), len(kept) - len(missing), chosen, written)


def _spill(batches: Iterator[Any], folder: Path, numbers: Sequence[int]) -> None:
    """Write the rows of each part to a file of its own, in the order of the table."""
    wanted = np.isin(np.arange(PARTS), numbers)
    with ExitStack() as stack:
        files: dict[int, Any] = {}
        held: dict[int, list[Any]] = {}

        def flush(number: int, schema: Any) -> None:
            if number not in files:
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                file = pa.OSFile(str(folder / str(number)), "wb")
                files[number] = stack.enter_context(
                    pa.ipc.new_stream(stack.enter_context(file), schema, options=options)
                )
            files[number].write_table(pa.Table.from_batches(held.pop(number)).combine_chunks())

        schema: Any = None
        for batch in batches:
            schema = batch.schema
            parts = _parts_of(batch.column(batch.schema.get_field_index(SUBSCRIBER)))
            order = np.argsort(parts, kind="stable")
            bounds = np.searchsorted(parts[order], np.arange(PARTS + 1))
            for number in np.flatnonzero(wanted & (np.diff(bounds) > 0)).tolist():
                rows = batch.take(pa.array(order[bounds[number] : bounds[number + 1]]))
                held.setdefault(number, []).append(rows)
                if sum(one.num_rows for one in held[number]) >= _HELD:
                    flush(number, schema)
        for number in list(held):
            flush(number, schema)


def _spilled(path: Path) -> Generator[Any]:
    with pa.OSFile(str(path), "rb") as file:
        yield from pa.ipc.open_stream(file)


def _parts_of(ids: Any) -> IntArray:
    """Return the part of each row; each subscriber is hashed once."""
    names = subscriber_names(ids).dictionary_encode()
    return part_numbers(names.dictionary.to_pylist())[names.indices.to_numpy()]


def _check_part(block: Any, number: int) -> None:
    """See that the rows of a part belong to it: then no subscriber is in two.

    Raises
    ------
    DataError
        If one does not.
    """
    if (_parts_of(block.column(SUBSCRIBER).combine_chunks()) != number).any():
        raise DataError(f"part {number}: a subscriber of another part is among its rows; the run is stopped.")


def _sum(accounts: Sequence[BlockAccount]) -> BlockAccount:
    return BlockAccount(
        merged_report([account.report for account in accounts]),
        pd.concat([account.rejects for account in accounts]),
        sum((account.counts for account in accounts), AmountCounts()),
        sum(account.refused for account in accounts),
    )


def _plain(done: _PartRun[Any]) -> dict[str, Any]:
    """Return the account of a part as JSON holds it."""
    account, counts = done.account, done.account.counts
    return {
        "months": done.months,
        "rows": done.rows,
        "counted": dict(done.counted),
        "report": asdict(account.report),
        "rejects": account.rejects.to_dict("list"),
        "amounts": {**asdict(counts), "minutes": counts.minutes.tolist(), "megabytes": counts.megabytes.tolist()},
        "refused": account.refused,
    }


def _account(said: Mapping[str, Any]) -> BlockAccount:
    """Return the account that `_plain` wrote."""
    report, amounts = dict(said["report"]), dict(said["amounts"])
    report |= {"notes": tuple(report["notes"]), "rows": {why: tuple(rows) for why, rows in report["rows"].items()}}
    sizes = {name: np.array(amounts[name], dtype=np.int64) for name in ("minutes", "megabytes")}
    first, second = amounts["beyond"]
    amounts |= {**sizes, "rows": tuple(amounts["rows"]), "beyond": (first, second)}
    rejects = pd.DataFrame(said["rejects"]).astype({"row": "int64", "reason": "str", "column": "str"})
    return BlockAccount(RowReport(**report), rejects, AmountCounts(**amounts), said["refused"])
