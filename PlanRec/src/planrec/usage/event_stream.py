"""The events of one file, block by block: repeated ids left out, copies and lengths counted on the way."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack, suppress
from typing import Any, Self

import duckdb
import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.tables import RowReport
from common_utils.tables.checks import repeated_rows
from common_utils.tables.pieces.blocks import Block, TableBlocks
from common_utils.tables.pieces.repeats import HashStore
from planrec.columns import SUBSCRIBER
from planrec.usage.event_doubts import CallLengths, Copies, copy_hashes
from planrec.usage.event_scan import ScannedEvents
from planrec.usage.event_sums import EventBlock, EventSums, SubscriberCodes
from planrec.usage.events import AMOUNTS, CALLS, DATE

__all__ = ["EVENT_ID", "EventStream"]

EVENT_ID = "id"  # of an event, where a table has it


class EventStream:
    """A table of events, to be gone through once.

    Used as a context; what it puts on the disk is gone at the end.

    Parameters
    ----------
    table : TableBlocks
        `subscriber_id`, `date`, an amount where there is one, and an `id` of the event where it is known.
    schema : DataFrameSchema
        Of the table.

    Attributes
    ----------
    report : RowReport
        The account, once all was gone through.
    rejects : DataFrame
        Row, reason and column of each row rejected.
    """

    report: RowReport
    rejects: pd.DataFrame

    def __init__(self, table: TableBlocks, schema: pandera.DataFrameSchema) -> None:
        self._table, self._schema = table, schema
        self._open = ExitStack()
        self._amount = AMOUNTS.get(table.name)
        self._lengths = CallLengths()
        self._copies: Copies | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def events(self, codes: SubscriberCodes, sums: EventSums, *, per_event: bool) -> Iterable[EventBlock]:
        """Return the events that the schema lets pass, but for those that a query could add to the sums by itself.

        Parameters
        ----------
        codes : SubscriberCodes
        sums : EventSums
        per_event : bool
            As `EventSums.add`.

        Raises
        ------
        DataError
            At the end, where no row can be used or most of the file is in another encoding.
        """
        scan = None if EVENT_ID in self._table else self._table.scan()
        if scan is not None:
            clean = ScannedEvents(scan, sums, self._table.name, self._amount, per_event=per_event)
            # What DuckDB cannot read, or has no room for, is said in our words when the rows are gone through.
            with suppress(duckdb.Error):
                self._scanned(clean, codes)
            clean.done()
        return self._walked(codes)

    def _scanned(self, events: ScannedEvents, codes: SubscriberCodes) -> None:
        """Add the clean events, and leave the others to be gone through."""
        clean = events.group()
        copies, lengths = self._open.enter_context(Copies()), CallLengths()
        for hashes, amounts in events.hashes():
            copies.add(hashes)
            if amounts is not None and self._table.name == CALLS:
                lengths.add(amounts)
        events.take(codes)
        self._copies, self._lengths = copies, lengths
        self._table.only(events.others if clean < self._table.rows else lambda: iter(()), clean=clean)

    def _walked(self, codes: SubscriberCodes) -> Generator[EventBlock]:
        if EVENT_ID in self._table:
            self._table.leave_out(self._repeated())
        elif self._copies is None:
            self._copies = self._open.enter_context(Copies())
        for block in self._table:
            who = codes.of(block.columns[SUBSCRIBER])
            times = block.columns[DATE].to_numpy(zero_copy_only=False)
            amounts = None if self._amount is None else block.columns[self._amount].to_numpy(zero_copy_only=False)
            if self._copies is not None:
                named = {SUBSCRIBER: _plain(block.columns[SUBSCRIBER]), DATE: block.columns[DATE]}
                self._copies.add(copy_hashes(pa.table(named if amounts is None else {**named, "amount": amounts})))
            if amounts is not None and self._table.name == CALLS:
                self._lengths.add(amounts)
            yield EventBlock(who, times, amounts, block.rows)
        self.report, self.rejects = self._table.report(), self._table.rejects()
        self._table.check(self.report, self.rejects)

    def doubted(self, report: RowReport) -> RowReport:
        """Return the account with what is doubtful about the events.

        Raises
        ------
        DataError
            If every event is there twice, or more often.
        """
        report = report if self._copies is None else self._copies.check(report)
        return self._lengths.check(report)

    def _repeated(self) -> dict[str, IntArray]:
        """Return the numbers of the rows whose id another row has, by reason; found by hash, judged by value."""
        with HashStore() as store:
            for block in self._table:
                store.add(_hashes(block))
            twice = np.concatenate([hashes[counts > 1] for hashes, counts in store.counted()])
        if not len(twice):
            return {}
        frames: list[pd.DataFrame] = []
        rows: list[IntArray] = []
        for block in self._table:
            found = np.isin(_hashes(block), twice)
            mask = pa.array(found)
            frames.append(pd.DataFrame({c: _plain(v.filter(mask)).to_pandas() for c, v in block.columns.items()}))
            rows.append(block.rows[found])
        frame, numbers = pd.concat(frames, ignore_index=True), np.concatenate(rows)
        return {reason: numbers[places] for reason, places in repeated_rows(frame, self._schema).items()}


def _hashes(block: Block) -> NDArray[np.uint64]:
    asked = pa.table({EVENT_ID: _plain(block.columns[EVENT_ID])})
    return next(iter(duckdb.from_arrow(asked).project(f"hash({EVENT_ID})").fetchnumpy().values())).astype(np.uint64)


def _plain(values: Any) -> Any:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
