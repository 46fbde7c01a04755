"""A block of usage months on its own: whole subscribers, checked row by row; what is said of blocks adds up.

A block can be checked in any process: the check is pure, and what it needs to know of the file travels with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from common_utils.tables import Reading, RowReport
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from planrec.billing import Catalogue
from planrec.usage.amounts import counts_of
from planrec.usage.doubts import AmountCounts
from planrec.usage.months_table import beyond, gap_notes, usage_months, with_known_plans, withheld
from planrec.usage.read import check_usage_rows

__all__ = ["PLACE", "BlockAccount", "BlockCheck", "CheckedBlock"]

PLACE = "place_in_file"
"""Column of a block: the place of each row in the file, the first being 0."""


@dataclass(frozen=True, slots=True)
class BlockAccount:
    """What became of the rows of a block.

    Attributes
    ----------
    report : RowReport
    rejects : DataFrame
        As `TableResult`.
    counts : AmountCounts
    refused : int
        Subscribers left out, because a row after their last usable month was rejected.
    """

    report: RowReport
    rejects: pd.DataFrame
    counts: AmountCounts
    refused: int = 0


@dataclass(frozen=True, slots=True)
class CheckedBlock:
    """Usage months of a block that can be used.

    Attributes
    ----------
    months : DataFrame
        As `usage.months_table.UsageData` has them; without a row where none can be used.
    account : BlockAccount or None
        None: the rows were accounted for when the file was read.
    lost : DataFrame
        Subscriber and month of rejected rows.
    """

    months: pd.DataFrame
    account: BlockAccount | None
    lost: pd.DataFrame

    @property
    def read(self) -> int:
        """Rows of the block."""
        return len(self.months) if self.account is None else self.account.report.read


@dataclass(frozen=True)
class BlockCheck:
    """How the blocks of a file are checked.

    Attributes
    ----------
    reading : Reading
        Of columns that have our names already.
    catalogue : Catalogue or None
        Which plans there are, as for `usage.read.read_usage_table`.
    gaps : Gaps
        What the parts of a folder do not have in common.
    as_of : int or None
        Month index: subscribers whose last usable month up to it lies before one that was rejected are left out.
    keep_plans : bool
        Whether plans held that are not in the catalogue stay as they are.
    keep_refused : bool
        Whether those subscribers stay all the same, for a caller that leaves them out by itself.

    Examples
    --------
    >>> import pyarrow as pa
    >>> row = {"subscriber_id": "u1", "minutes": 1, "messages": 1, "megabytes": 1, "place_in_file": 0}
    >>> table = pa.Table.from_pylist([row | {"month": "2025-01"}, row | {"month": "2025-13"}])
    >>> checked = BlockCheck(Reading()).check(table)
    >>> len(checked.months), checked.account.report.rejected
    (1, {'month: not a month (YYYY-MM)': 1})
    """

    reading: Reading
    catalogue: Catalogue | None = None
    gaps: Gaps = NO_GAPS
    as_of: int | None = None
    keep_plans: bool = False
    keep_refused: bool = False

    def check(self, block: Any) -> CheckedBlock:
        """Return what can be used of a block.

        Parameters
        ----------
        block : pyarrow.Table or CheckedBlock
            Columns under our names, and `PLACE`; a block that was checked before comes back as it is.
        """
        if isinstance(block, CheckedBlock):
            return block
        gigabyte = self.catalogue.rounding.data_unit_megabytes if self.catalogue is not None else 1024
        rows = block.column(PLACE).to_numpy() + 1
        table = block.drop_columns([PLACE])
        result = check_usage_rows(table, reading=self.reading, rows=rows, gigabyte=gigabyte, gaps=self.gaps)
        months, account = result.frame, result.report
        if self.catalogue is not None:
            months, account = with_known_plans(months, account, self.catalogue, keep=self.keep_plans, rows=result.rows)
        counts = counts_of(months, result.rows)
        refused = 0
        if self.as_of is not None:
            account = beyond(account, months, self.as_of)
            if not self.keep_refused:
                months, refused = withheld(months, result.lost, as_of=self.as_of)
        if len(months):
            months = usage_months(months)
            account = replace(account, notes=(*account.notes, *gap_notes(months)))
        return CheckedBlock(months, BlockAccount(account, result.rejects, counts, refused), result.lost)
