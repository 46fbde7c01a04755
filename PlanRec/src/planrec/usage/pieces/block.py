"""A block of usage months on its own: whole subscribers, checked row by row; what is said of blocks adds up.

A block can be checked in any process: the check is pure, and what it needs to know of the file travels with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from common_utils.tables import Reading, RowReport, TableResult
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from common_utils.tables.pieces.grouped import ROW_NUMBER
from common_utils.tables.read import PieceOfText
from common_utils.tables.written.further import FurtherColumns
from planrec.billing import Catalogue
from planrec.usage.amounts import counts_of
from planrec.usage.doubts import AmountCounts
from planrec.usage.months_table import gap_notes, late_months, usage_months, withheld
from planrec.usage.pieces.held import HeldPlans, with_held_plans
from planrec.usage.read import check_usage_rows

__all__ = ["BlockAccount", "BlockCheck", "CheckedBlock", "UsageBlock"]


@dataclass(frozen=True, slots=True)
class UsageBlock:
    """Rows of whole subscribers as written.

    Attributes
    ----------
    table : pyarrow.Table
        Under our names, and `ROW_NUMBER`.
    ragged : pyarrow.Table or None
        As `PieceOfText`; of a CSV file only.
    """

    table: Any
    ragged: Any = None


@dataclass(frozen=True, slots=True)
class BlockAccount:
    """What became of the rows of a block.

    Attributes
    ----------
    report : RowReport
        Of the rows as such.
    rejects : DataFrame
        As `TableResult`.
    counts : AmountCounts
    held : HeldPlans
    late : int
        Months after the one asked for.
    gaps : tuple of str
        As `gap_notes`.
    refused : int
        Subscribers left out, because a row after their last usable month was rejected.
    """

    report: RowReport
    rejects: pd.DataFrame
    counts: AmountCounts
    held: HeldPlans = field(default_factory=HeldPlans)
    late: int = 0
    gaps: tuple[str, ...] = ()
    refused: int = 0


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """Usage months of a block that can be used.

    Attributes
    ----------
    months : DataFrame
        As `usage.months_table.UsageData` has them; without a row where none can be used.
    account : BlockAccount
    lost : DataFrame
        Subscriber and month of rejected rows.
    """

    months: pd.DataFrame
    account: BlockAccount
    lost: pd.DataFrame


@dataclass(frozen=True)
class BlockCheck:
    """How the blocks of a file are checked: what had to be decided for the whole of it.

    Attributes
    ----------
    reading : Reading
        Of columns that have our names already.
    catalogue : Catalogue or None
        Which plans there are, as for `usage.read.read_usage_table`.
    gaps : Gaps
        What the parts of a folder do not have in common.
    text : PieceOfText or None
        How a CSV file is written.
    further : FurtherColumns
        Which further columns of a CSV file are numbers.
    as_of : int or None
        Month index: subscribers whose last usable month up to it lies before one that was rejected are left out.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.
    keep_refused : bool
        Whether those subscribers stay all the same, for a caller that leaves them out by itself.

    Examples
    --------
    >>> import pyarrow as pa
    >>> row = {"subscriber_id": "u1", "minutes": 1, "messages": 1, "megabytes": 1}
    >>> rows = [row | {"month": month, ROW_NUMBER: n} for n, month in ((1, "2025-01"), (2, "2025-13"))]
    >>> checked = BlockCheck(Reading()).check(UsageBlock(pa.Table.from_pylist(rows)))
    >>> len(checked.months), checked.account.report.rejected
    (1, {'month: not a month (YYYY-MM)': 1})
    """

    reading: Reading
    catalogue: Catalogue | None = None
    gaps: Gaps = NO_GAPS
    text: PieceOfText | None = None
    further: FurtherColumns = field(default_factory=lambda: FurtherColumns([]))
    as_of: int | None = None
    keep_plans: bool = False
    keep_refused: bool = False

    def rows(self, block: UsageBlock) -> TableResult:
        """Return the rows of a block that can be used as such; further columns as they are written."""
        return check_usage_rows(
            block.table.drop_columns([ROW_NUMBER]),
            reading=self.reading,
            rows=block.table[ROW_NUMBER].to_numpy(),
            gigabyte=self.catalogue.rounding.data_unit_megabytes if self.catalogue is not None else 1024,
            gaps=self.gaps,
            text=None if self.text is None else replace(self.text, ragged=block.ragged),
        )

    def check(self, block: UsageBlock) -> CheckedBlock:
        """Return what can be used of a block, and its account."""
        result = self.rows(block)
        months, held = with_held_plans(
            self.further.typed(result.frame), self.catalogue, keep=self.keep_plans, rows=result.rows
        )
        counts = counts_of(months, result.rows)
        gaps: tuple[str, ...] = ()
        late = refused = 0
        if len(months):
            months = usage_months(months)
            gaps = gap_notes(months)
        if self.as_of is not None:
            late = late_months(months, self.as_of)
            if not self.keep_refused:
                months, refused = withheld(months, result.lost, as_of=self.as_of)
        account = BlockAccount(result.report, result.rejects, counts, held, late, gaps, refused)
        return CheckedBlock(months, account, result.lost)
