"""Promises of the data of every project on one table: its sample, and its features for a single record.

A check raises AssertionError with what differed. Use those of the sample as
`@pytest.mark.parametrize("check", ALL_SAMPLE_CHECKS, ids=lambda check: check.__name__)`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common_utils.table_project.feature_columns import ColumnFeatures, table_columns
from common_utils.table_project.source import read_records
from common_utils.table_project.task import TableTask
from common_utils.tables import write_table
from common_utils.testing.expectations import expect

__all__ = [
    "ALL_SAMPLE_CHECKS",
    "check_one_record_gets_the_row_of_the_table",
    "check_the_sample_is_the_same_for_the_same_seed",
    "check_the_sample_reads_back_whole",
]

_ROWS = 700
_ROWS_ALONE = 5


def check_the_sample_reads_back_whole(task: TableTask[Any], folder: Path) -> None:
    """Promise that the training schema keeps every row of the sample as it is, written to a file in `folder`.

    So the sample lies inside the ranges of the table, and no record stands in it twice.

    Raises
    ------
    AssertionError
        If a row is lost or repaired, or the target changes on the way.
    """
    sample = task.sample(_ROWS, np.random.default_rng(3))
    path = folder / "sample.csv"
    write_table(sample, path)
    read = read_records(path, task.schema(), name="sample")
    expect(read.report.kept == read.report.read == _ROWS, f"{read.report.kept} of {_ROWS} rows are kept")
    expect(not read.report.repaired, f"repaired: {read.report.repaired}")
    expect(read.frame[task.target].tolist() == sample[task.target].tolist(), f"{task.target} is not what was written")


def check_the_sample_is_the_same_for_the_same_seed(task: TableTask[Any], folder: Path) -> None:  # noqa: ARG001
    """Promise that the sample depends on the generator alone.

    Raises
    ------
    AssertionError
        If two samples of one seed differ.
    """
    one, two = (task.sample(_ROWS, np.random.default_rng(1)) for _ in range(2))
    expect(one.equals(two), "two samples of one seed differ")


def check_one_record_gets_the_row_of_the_table(features: ColumnFeatures, rows: pd.DataFrame) -> None:
    """Promise that a record asked alone gets the features it has in the table.

    Parameters
    ----------
    features : ColumnFeatures
        Fitted.
    rows : DataFrame
        At least five.

    Raises
    ------
    AssertionError
        Naming the row.
    """
    table, columns = features.transform(rows), table_columns(rows)
    for row in range(_ROWS_ALONE):
        record = {name: values[row : row + 1] for name, values in columns.items()}
        expect(np.array_equal(features.transform(record)[0], table[row], equal_nan=True), f"row {row} differs alone")


ALL_SAMPLE_CHECKS: tuple[Callable[[TableTask[Any], Path], None], ...] = (
    check_the_sample_reads_back_whole,
    check_the_sample_is_the_same_for_the_same_seed,
)
