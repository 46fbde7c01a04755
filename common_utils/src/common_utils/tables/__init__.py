"""Files of rows: read strictly, checked, accounted for, written whole."""

from __future__ import annotations

from common_utils.tables.parquet import open_parquet
from common_utils.tables.read import TableResult, check_rows, month_column, read_table
from common_utils.tables.report import RowReport, merged_report
from common_utils.tables.write import table_writer, write_table

__all__ = [
    "RowReport",
    "TableResult",
    "check_rows",
    "merged_report",
    "month_column",
    "open_parquet",
    "read_table",
    "table_writer",
    "write_table",
]
