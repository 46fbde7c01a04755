"""Usage months of a file, piece by piece, the rows of a subscriber always in one piece.

The file is never held whole. One that is not sorted by subscriber is sorted on the disk first, within a limit of
memory. A CSV file is gone through twice: its decimal sign and its quotes cannot be known before its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from common_utils.errors import ConfigError, DataError
from common_utils.tables import Accounts, Reading, RowReport, check_share, merged_report
from common_utils.tables.columns import check_gaps, checked_mapping, plain_kind, renamed, selected, unfound
from common_utils.tables.encodings import check_encoding
from common_utils.tables.pieces.grouped import (
    ROW_NUMBER,
    Ascending,
    key_text,
    numbered,
    sorted_rows,
    whole_groups,
)
from common_utils.tables.pieces.opened import WrittenRows, open_rows
from common_utils.tables.read import PieceOfText, rejected_rows
from common_utils.tables.text.csv_file import in_order, ragged_table
from common_utils.tables.written.forms import Forms, forms_of
from common_utils.tables.written.further import FurtherColumns
from common_utils.tables.written.table import column_kinds
from planrec.billing import Catalogue
from planrec.columns import SUBSCRIBER
from planrec.usage.amounts import check_amounts
from planrec.usage.doubts import AmountCounts
from planrec.usage.months_table import with_late
from planrec.usage.pieces.block import BlockAccount, BlockCheck, UsageBlock
from planrec.usage.pieces.held import HeldPlans
from planrec.usage.read import USAGE_TABLE, usage_schema

__all__ = ["PIECE_ROWS", "UsageStream", "part_blocks"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

PIECE_ROWS = 200_000  # in memory at once, a few times over; large enough that what a piece costs by itself is small
_COUNTED = ("number", "integer", "date", "month")  # columns whose form is decided for the whole
_KEY = "key"


class UsageStream:
    """Usage months of a file, to be gone through once.

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`, as `usage.read.read_usage_table` takes it.
    catalogue : Catalogue, optional
        Which plans there are, as for `usage.read.read_usage_table`.
    piece_rows : int, default=200,000
        Rows of a block: it ends with the first subscriber from so many on, so that blocks are the same however the
        file is cut.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    as_of : int, optional
        Month index: subscribers whose last usable month up to it lies before one that was rejected are left out.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.
    keep_refused : bool
        Whether subscribers that `as_of` would leave out stay all the same, for a caller that judges by itself.

    Attributes
    ----------
    refused : int
        Subscribers left out so far.
    rows : int
        Rows of the file that were or will be gone through.
    check : BlockCheck
        What a block is checked with, here or in another process.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column.

    Examples
    --------
    >>> import tempfile
    >>> import pyarrow.parquet as pq
    >>> path = Path(tempfile.mkdtemp()) / "usage.parquet"
    >>> pq.write_table(pa.table({"subscriber_id": ["b", "a", "b"], "month": ["2025-01"] * 3, "minutes": [1, 2, 1],
    ...                          "messages": [0, 0, 0], "megabytes": [5, 6, 5]}), path)
    >>> stream = UsageStream(path)
    >>> [piece["subscriber_id"].tolist() for piece in stream], stream.report().rejected
    ([['a', 'b']], {'duplicate row': 1})
    """

    def __init__(
        self,
        path: Path,
        *,
        catalogue: Catalogue | None = None,
        piece_rows: int | None = None,
        reading: Reading | None = None,
        as_of: int | None = None,
        keep_plans: bool = False,
        keep_refused: bool = False,
    ) -> None:
        self._path = path
        self._piece_rows = piece_rows or PIECE_ROWS
        self._reading = reading or Reading()
        self._accounts: list[BlockAccount] = []
        self._reports: list[RowReport] = []
        self._lost = dict[int, str]()
        self._ragged: list[list[str]] = []
        self._ascending = Ascending()
        self.refused = 0
        self._opened = open_rows(path, USAGE_TABLE, {*usage_schema().columns, *self._reading.columns})
        delimiter = self._opened.delimiter
        self._columns = self._wanted_columns() if delimiter is None else self._columns_of_text()
        self.check = BlockCheck(
            self._units(), catalogue, self._gaps, as_of=as_of, keep_plans=keep_plans, keep_refused=keep_refused
        )
        if delimiter is None:
            self.check.rows(self._nothing())  # before anything is computed
        else:
            self._look_through(delimiter)
        self.rows: int = self._opened.n_rows

    @property
    def block_count(self) -> int:
        """How many blocks there are, about."""
        return -(-self.rows // self._piece_rows)

    def __iter__(self) -> Generator[pd.DataFrame]:
        """Yield the pieces: usage months as `usage.months_table.UsageData` has them, subscribers in ascending order.

        Raises
        ------
        DataError
            At the end, if no row of the file could be used.
        """
        for block in self.blocks():
            checked = self.check.check(block)
            self.take(checked.account)
            if len(checked.months):
                yield checked.months
        self.finish()

    def blocks(self) -> Generator[UsageBlock]:
        """Yield what `check` takes: rows of whole subscribers, in ascending order, as they are written.

        The last block of a CSV file has what belongs to none: rows of another shape, of subscribers without others.
        """
        tables = whole_groups(self._ordered(), SUBSCRIBER, self._piece_rows)
        if self.check.text is None:
            yield from map(UsageBlock, tables)
            return
        whole = ragged_table(self._ragged, self._opened.empty.column_names)
        ragged = whole.select(list(self._columns)).rename_columns(list(self._columns.values()))
        for table in tables:
            theirs = ragged[:0]
            if len(ragged):
                among = pc.is_in(key_text(ragged[SUBSCRIBER]), value_set=pc.unique(key_text(table[SUBSCRIBER])))
                theirs, ragged = ragged.filter(among), ragged.filter(pc.invert(among))
            yield UsageBlock(table, theirs)
        yield self._nothing(ragged)

    def numbered(self) -> Generator[Any]:
        """Yield the rows as they stand in the file, under our names and with `ROW_NUMBER`; of a Parquet table only.

        Raises
        ------
        ConfigError
            If the table is a CSV file or a workbook.
        DataError
            Once they are gone through, if the table cannot be read to its end.
        """
        if self.check.text is not None:
            raise ConfigError(
                f"{USAGE_TABLE} ({self._path.name}): answers in parts are made of a Parquet table; bring it as "
                "Parquet, or name a file with --output."
            )
        return self._numbered()

    def take(self, account: BlockAccount) -> None:
        """Add the account of a block."""
        self._accounts.append(account)
        self._reports.append(account.report)
        self.refused += account.refused

    def finish(self, wrote: str = "nothing was written", every: Callable[[], pd.DataFrame] | None = None) -> None:
        """See that the file can be trusted, once every block is accounted for.

        Parameters
        ----------
        wrote, every
            As `check_share`.

        Raises
        ------
        DataError
            If no row could be used, too many were rejected, or the amounts cannot be in their unit.
        """
        as_of = self.check.as_of
        held = sum((account.held for account in self._accounts), HeldPlans())
        report = held.told(self._whole(wrote, every), self.check.catalogue)
        counts = sum((account.counts for account in self._accounts), AmountCounts())
        report = check_amounts(counts, report, accept=self._reading.accept_units)
        gaps = dict.fromkeys(note for account in self._accounts for note in account.gaps)
        report = replace(report, notes=(*report.notes, *gaps))
        if as_of is not None:
            report = with_late(report, sum(account.late for account in self._accounts), as_of)
        self._reports = [report]
        self._reading.accounts.update(report)

    def report(self) -> RowReport:
        """Return the account of all rows gone through so far."""
        return merged_report(self._reports)

    def _whole(self, wrote: str, every: Callable[[], pd.DataFrame] | None) -> RowReport:
        """Return the account of the file as read; refuse one of which too much was rejected."""
        report, lost = self.report(), in_order(self._lost)
        rejects = pd.concat([rejected_rows(lost, usage_schema()), *(account.rejects for account in self._accounts)])
        rejects = rejects.sort_values("row", ignore_index=True)
        counted = Counter(report.rejected) + Counter(lost.values())
        first = dict.fromkeys([*lost.values(), *rejects.loc[~rejects["row"].isin(list(lost)), "reason"]])
        whole = dict.fromkeys(self._repairs, report.kept) if report.kept else {}
        report = replace(
            report,
            read=report.read + len(lost),
            rejected={why: counted[why] for why in sorted(first, key=counted.__getitem__, reverse=True)},
            notes=tuple(dict.fromkeys((*self._opened.notes, *self._notes, *report.notes))),
            repaired={**whole, **report.repaired},
        )
        if self._opened.encoding is not None:
            self._reading.accounts.add(report, rejects)  # before anything is refused: --rejects lists them
            check_encoding(report, self._opened.encoding)
        check_share(report, rejects, self._reading, wrote=wrote, every=every)
        return report

    def _wanted_columns(self) -> dict[str, str]:
        """Return the columns of the file that are read, each with our name."""
        written = self._opened.empty.schema
        schema, gaps = usage_schema(), self._opened.gaps
        mapping = checked_mapping(USAGE_TABLE, self._reading.columns, schema)
        check_gaps(gaps, written.names, mapping, schema, USAGE_TABLE)
        names, repairs = renamed(written.names, mapping, schema)
        self._gaps = gaps.renamed(dict(zip(written.names, names, strict=True)))
        self._notes = unfound(mapping, written.names, names)
        pairs = zip(written.names, names, written.types, strict=True)
        wanted = {old: new for old, new, kind in pairs if new in schema.columns or plain_kind(kind)}
        self._repairs = [*repairs, *(f"extra column {old!r} dropped" for old in written.names if old not in wanted)]
        return wanted

    def _columns_of_text(self) -> dict[str, str]:
        schema, self._gaps = usage_schema(), self._opened.gaps
        mapping = checked_mapping(USAGE_TABLE, self._reading.columns, schema)
        table, repairs, self._notes = selected(self._opened.empty, mapping, schema, USAGE_TABLE, "keep")
        self._repairs = [*self._opened.repairs, *repairs]
        written: list[str] = self._opened.empty.column_names
        pairs = zip(written, renamed(written, mapping, schema)[0], strict=True)
        return {old: new for old, new in pairs if new in table.column_names}

    def _look_through(self, delimiter: str) -> None:
        """Decide what can only be told of the whole of a text: its forms, its order, what further columns hold."""
        kinds = column_kinds(usage_schema(), USAGE_TABLE)
        there = set(self._columns.values())
        counted = [name for name, kind in kinds.items() if kind in _COUNTED and name in there]
        further = [name for name in self._columns.values() if name not in kinds]
        found, forms = FurtherColumns(further), Forms()
        for some in self._read([*counted, *further, SUBSCRIBER]):
            forms = forms + forms_of({name: some.table[name].combine_chunks() for name in counted}, kinds)
            self._ascending.add(some.table[SUBSCRIBER])
            found.add(some.table)
            self._lost |= some.rejects
            self._ragged += map(list, some.ragged)
        self.check = replace(self.check, text=PieceOfText(delimiter, forms, self._empty()), further=found)
        self.check.rows(self._nothing(self._empty()))
        if further:
            found.decide(self.check.rows(block).frame for block in self.blocks())

    def _units(self) -> Reading:
        """Return the reading of columns that have our names already."""
        there = set(self._columns.values())
        sources = {source.target: source for source in self._reading.columns.values() if source.target in there}
        return replace(self._reading, columns=sources, accounts=Accounts())

    def _empty(self) -> Any:
        return self._opened.empty.select(list(self._columns)).rename_columns(list(self._columns.values()))

    def _nothing(self, ragged: Any = None) -> UsageBlock:
        return UsageBlock(self._empty().append_column(ROW_NUMBER, pa.array([], pa.int64())), ragged)

    def _read(self, columns: list[str] | None = None) -> Iterator[WrittenRows]:
        """Yield rows under our names."""
        wanted = [old for old, new in self._columns.items() if columns is None or new in columns]
        for some in self._opened.tables(self._piece_rows, wanted):
            yield replace(some, table=some.table.rename_columns([self._columns[name] for name in wanted]))

    def _numbered(self) -> Generator[Any]:
        with self._readable():
            yield from map(numbered, self._read())

    def _ordered(self) -> Generator[Any]:
        with self._readable():
            tables = map(numbered, self._read())
            yield from tables if self._is_sorted() else sorted_rows(tables, self._empty(), SUBSCRIBER, self._piece_rows)

    @contextmanager
    def _readable(self) -> Generator[None]:
        try:
            yield
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            raise DataError(
                f"{USAGE_TABLE} ({self._path.name}): cannot be read to its end, or sorted by subscriber on the disk "
                f"({type(error).__name__}). Export it again, sorted by {SUBSCRIBER}, or let TMPDIR name a folder with "
                "room for a copy of it."
            ) from error

    def _is_sorted(self) -> bool:
        """Tell whether subscribers ascend; of a text it has been looked at before."""
        if self.check.text is None:
            self._ascending = Ascending()
            for some in self._read([SUBSCRIBER]):
                self._ascending.add(some.table[SUBSCRIBER])
                if not self._ascending.holds:
                    break
        return self._ascending.holds


def part_blocks(batches: Iterable[Any], rows: int) -> Generator[UsageBlock]:
    """Yield blocks of whole subscribers, in ascending order, of a part of a table that fits in memory.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Of tables as `UsageStream.numbered` has them.
    rows : int
        As `piece_rows` of `UsageStream`.

    Examples
    --------
    >>> table = pa.table({"subscriber_id": ["b", "a", "b"], "row_in_file": [1, 5, 10]})
    >>> [block.table["row_in_file"].to_pylist() for block in part_blocks(table.to_batches(), 1)]
    [[5], [1, 10]]
    """
    table, ascending = pa.Table.from_batches(batches), Ascending()
    ascending.add(table[SUBSCRIBER])
    if not ascending.holds:
        keys = pa.table({_KEY: key_text(table[SUBSCRIBER]), ROW_NUMBER: table[ROW_NUMBER]})
        table = table.take(pc.sort_indices(keys, sort_keys=[(_KEY, "ascending"), (ROW_NUMBER, "ascending")]))
    pieces = (table.slice(start, rows) for start in range(0, len(table), rows))
    yield from map(UsageBlock, whole_groups(pieces, SUBSCRIBER, rows))
