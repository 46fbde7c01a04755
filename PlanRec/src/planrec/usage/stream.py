"""Usage months of a file, piece by piece, the rows of a subscriber always in one piece.

The file is never held whole. One that is not sorted by subscriber is sorted on the disk first, within a limit of
memory. A CSV file is gone through twice: its decimal sign and its quotes cannot be known before its end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport, TableResult, check_share, merged_report
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
from planrec.columns import CURRENT_PLAN, SUBSCRIBER
from planrec.usage.amounts import check_amounts, counts_of
from planrec.usage.doubts import AmountCounts
from planrec.usage.months_table import (
    gap_notes,
    late_months,
    usage_months,
    with_known_plans,
    with_late,
    withheld,
)
from planrec.usage.read import USAGE_TABLE, check_usage_rows, usage_schema

__all__ = ["PIECE_ROWS", "UsageStream"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

PIECE_ROWS = 200_000  # in memory at once, a few times over; large enough that what a piece costs by itself is small
_COUNTED = ("number", "integer", "date", "month")  # columns whose form is decided for the whole


class UsageStream:
    """Usage months of a file, to be gone through once.

    Parameters
    ----------
    path : Path
        `.csv` or `.parquet`, as `usage.read.read_usage_table` takes it.
    catalogue : Catalogue, optional
        Which plans there are, as for `usage.read.read_usage_table`.
    piece_rows : int, default=200,000
        Rows of a piece, about; a subscriber with more makes a larger one.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    as_of : int, optional
        Month index: subscribers whose last usable month up to it lies before one that was rejected are left out.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.

    Attributes
    ----------
    refused : int
        Subscribers left out so far.
    rows : int
        Rows of the file that were or will be gone through.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column; a CSV file also if no row of it can be used.

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
    ) -> None:
        self._path = path
        self._catalogue = catalogue
        self._piece_rows = piece_rows or PIECE_ROWS
        self._reading = reading or Reading()
        self._as_of = as_of
        self._keep_plans = keep_plans
        self._reports: list[RowReport] = []
        self._rejects: list[pd.DataFrame] = []
        self._lost = dict[int, str]()
        self._ragged: list[list[str]] = []
        self.refused = 0
        self._opened = open_rows(path, USAGE_TABLE, {*usage_schema().columns, *self._reading.columns})
        self._text: PieceOfText | None = None
        self._further = FurtherColumns([])
        self._ascending = Ascending()
        if self._opened.delimiter is None:
            self._columns = self._wanted_columns()
            self._checked(self._empty(), None)  # before anything is computed
        else:
            self._columns = self._columns_of_text()
            self._look_through(self._opened.delimiter)
        self.rows: int = self._opened.n_rows
        self._pieces = self._answerable() if self._text is None else _cut(self._answerable(), self._piece_rows)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Return the pieces: usage months as `usage.months_table.UsageData` has them, subscribers in ascending order.

        Raises
        ------
        DataError
            At the end, if no row of the file could be used.
        """
        return self._pieces

    def report(self) -> RowReport:
        """Return the account of all rows gone through so far."""
        return merged_report(self._reports)

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
        self._further = FurtherColumns(further)
        forms = Forms()
        for some in self._read([*counted, *further, SUBSCRIBER]):
            forms = forms + forms_of({name: some.table[name].combine_chunks() for name in counted}, kinds)
            self._ascending.add(some.table[SUBSCRIBER])
            self._further.add(some.table)
            self._lost |= some.rejects
            self._ragged += map(list, some.ragged)
        self._text = PieceOfText(delimiter, forms, self._empty())
        self._checked(self._empty(), None)
        if further:
            self._further.decide(result.frame for result in self._results())

    def _checked(self, table: Any, rows: Any) -> TableResult:
        gigabyte = self._catalogue.rounding.data_unit_megabytes if self._catalogue is not None else 1024
        there = set(self._columns.values())
        sources = {source.target: source for source in self._reading.columns.values() if source.target in there}
        reading = replace(self._reading, columns=sources)  # the columns have our names already
        return check_usage_rows(table, reading=reading, rows=rows, gigabyte=gigabyte, gaps=self._gaps, text=self._text)

    def _empty(self) -> Any:
        return self._opened.empty.select(list(self._columns)).rename_columns(list(self._columns.values()))

    def _read(self, columns: list[str] | None = None) -> Iterator[WrittenRows]:
        """Yield rows under our names."""
        wanted = [old for old, new in self._columns.items() if columns is None or new in columns]
        for some in self._opened.tables(self._piece_rows, wanted):
            yield replace(some, table=some.table.rename_columns([self._columns[name] for name in wanted]))

    def _results(self) -> Iterator[TableResult]:
        """Yield the rows that can be used, piece by piece, and what was lost; at last what belongs to no piece."""
        ragged = self._ragged_rows()
        for table in whole_groups(self._ordered(), SUBSCRIBER, self._piece_rows):
            if self._text is not None and len(ragged):
                theirs = pc.is_in(key_text(ragged[SUBSCRIBER]), value_set=pc.unique(key_text(table[SUBSCRIBER])))
                self._text = replace(self._text, ragged=ragged.filter(theirs))
                ragged = ragged.filter(pc.invert(theirs))
            yield self._checked(table.drop_columns([ROW_NUMBER]), table[ROW_NUMBER].to_numpy())
            if self._text is not None:
                self._text = replace(self._text, ragged=self._empty())
        if self._text is not None:
            self._text = replace(self._text, ragged=ragged)
            yield self._checked(self._empty(), None)

    def _ragged_rows(self) -> Any:
        whole = ragged_table(self._ragged, self._opened.empty.column_names)
        return whole.select(list(self._columns)).rename_columns(list(self._columns.values()))

    def judged(self) -> Generator[tuple[pd.DataFrame, pd.DataFrame]]:
        """Yield the usage months of each piece, nobody left out, and subscriber and month of its rejected rows."""
        counts, late, gaps = AmountCounts(), 0, tuple[str, ...]()
        plans = _HeldPlans(self._catalogue, keep=self._keep_plans)
        for result in self._results():
            months = plans.known(self._further.typed(result.frame), result)
            self._rejects.append(result.rejects)
            counts += counts_of(months, result.rows)
            if len(months):
                months = usage_months(months)
                gaps = gaps or gap_notes(months)
            if self._as_of is not None:
                late += late_months(months, self._as_of)
            self._reports.append(result.report)
            yield months, result.lost
        report = plans.told(self._whole())
        report = check_amounts(counts, report, accept=self._reading.accept_units)
        report = replace(report, notes=(*report.notes, *gaps))
        if self._as_of is not None:
            report = with_late(report, late, self._as_of)
        self._reports = [report]
        self._reading.accounts.update(report)

    def _answerable(self) -> Generator[pd.DataFrame]:
        for months, lost in self.judged():
            if self._as_of is not None:
                months, refused = withheld(months, lost, as_of=self._as_of)  # noqa: PLW2901 - the others
                self.refused += refused
            if len(months):
                yield months

    def _whole(self) -> RowReport:
        """Return the account of the file as read; refuse one of which too much was rejected."""
        report = self.report()
        rejects = pd.concat(self._rejects).sort_values("row", ignore_index=True)
        if self._text is not None:
            lost = in_order(self._lost)
            rejects = pd.concat([rejected_rows(lost, usage_schema()), rejects]).sort_values("row", ignore_index=True)
            read = report.read + len(lost)
        else:
            lost, read = dict[int, str](), report.read
        others = rejects.loc[~rejects["row"].isin(list(lost)), "reason"]
        counted = pd.concat([pd.Series(list(lost.values()), dtype="str"), others]).value_counts()
        rejected = {str(reason): int(count) for reason, count in counted.items()}
        whole = dict.fromkeys(self._repairs, report.kept) if report.kept else {}
        notes = dict.fromkeys((*self._opened.notes, *self._notes, *report.notes))
        report = replace(
            report, read=read, rejected=rejected, notes=tuple(notes), repaired={**whole, **report.repaired}
        )
        self._reading.accounts.add(report, rejects)
        check_encoding(report, self._opened.encoding)
        check_share(report, rejects, self._reading)
        return report

    def _ordered(self) -> Iterator[Any]:
        try:
            tables = map(numbered, self._read())
            yield from tables if self._is_sorted() else sorted_rows(tables, self._empty(), SUBSCRIBER, self._piece_rows)
        except (OSError, pa.ArrowException, duckdb.Error) as error:
            raise DataError(
                f"{USAGE_TABLE} ({self._path.name}): cannot be read to its end, or sorted by subscriber on the disk "
                f"({type(error).__name__}). Export it again, sorted by {SUBSCRIBER}, or let TMPDIR name a folder with "
                "room for a copy of it."
            ) from error

    def _is_sorted(self) -> bool:
        """Tell whether subscribers ascend; of a text it has been looked at before."""
        if self._text is None:
            self._ascending = Ascending()
            for some in self._read([SUBSCRIBER]):
                self._ascending.add(some.table[SUBSCRIBER])
                if not self._ascending.holds:
                    break
        return self._ascending.holds


def _cut(frames: Iterator[pd.DataFrame], rows: int) -> Generator[pd.DataFrame]:
    """Cut months anew, each piece at the first end of a subscriber from so many rows on.

    How the text was cut, and what was rejected in it, does not show in the pieces, nor in the row groups of answers.
    """
    waiting = pd.DataFrame()
    for frame in frames:
        waiting = _joined(waiting, frame) if len(waiting) else frame
        who = waiting[SUBSCRIBER].to_numpy(dtype=object)
        ends = np.append(np.flatnonzero(who[1:] != who[:-1]) + 1, len(who))
        start = 0
        while len(who) - start >= rows:
            end = int(ends[np.searchsorted(ends, start + rows)])
            yield waiting.iloc[start:end].reset_index(drop=True)
            start = end
        waiting = waiting.iloc[start:].reset_index(drop=True)
    if len(waiting):
        yield waiting


def _joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return rows below each other, every text in one array as it is where a table was read at once."""
    joined = pd.concat([one, other], ignore_index=True)
    texts = {c: pa.array(joined[c]) for c in joined.columns if pd.api.types.is_string_dtype(joined[c].dtype)}
    return joined.assign(
        **{c: text.combine_chunks().to_pandas() for c, text in texts.items() if isinstance(text, pa.ChunkedArray)}
    )


class _HeldPlans:
    """What became of the plans held that are not in the rate card."""

    def __init__(self, catalogue: Catalogue | None, *, keep: bool) -> None:
        self._catalogue, self._keep = catalogue, keep
        self._reports: list[RowReport] = []
        self._foreign: set[str] = set()

    def known(self, months: pd.DataFrame, result: TableResult) -> pd.DataFrame:
        """Return months with the plans that are known; what was done is kept for the account."""
        if self._catalogue is None or CURRENT_PLAN not in months:
            return months
        held = months[CURRENT_PLAN]
        self._foreign.update(held[held.notna() & ~held.isin(self._catalogue.plan_ids)].unique())
        months, report = with_known_plans(
            months,
            RowReport(USAGE_TABLE, len(months), len(months)),
            self._catalogue,
            keep=self._keep,
            rows=result.rows,
        )
        self._reports.append(report)
        return months

    def told(self, report: RowReport) -> RowReport:
        """Return the account of the file with it."""
        if self._catalogue is None or not self._reports:
            return report
        done = merged_report(self._reports)
        held = pd.DataFrame({CURRENT_PLAN: pd.Series(sorted(self._foreign), dtype="str")})
        said = with_known_plans(held, RowReport(USAGE_TABLE, len(held), len(held)), self._catalogue)[1].notes
        return replace(
            report,
            repaired={**report.repaired, **done.repaired},
            notes=(*report.notes, *said),
            rows={**report.rows, **done.rows},
        )
