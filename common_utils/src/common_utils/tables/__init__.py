"""Files of rows: read strictly, checked, accounted for, written whole."""

from __future__ import annotations

from common_utils.tables.parquet import open_parquet
from common_utils.tables.read import TableResult, check_rows, id_column, month_column, read_table
from common_utils.tables.reading import Accounts, Reading
from common_utils.tables.report import RowReport, merged_report
from common_utils.tables.share import check_share
from common_utils.tables.write import frame_writer, table_writer, write_table

__all__ = [
    "Accounts",
    "Reading",
    "RowReport",
    "TableResult",
    "check_rows",
    "check_share",
    "frame_writer",
    "id_column",
    "merged_report",
    "month_column",
    "open_parquet",
    "read_table",
    "table_writer",
    "write_table",
]
