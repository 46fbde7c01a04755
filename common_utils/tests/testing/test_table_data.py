from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest
from tests.table_project.cases import TASK, PriceTask

from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.testing.table_data import (
    ALL_SAMPLE_CHECKS,
    check_one_record_gets_the_row_of_the_table,
    check_the_sample_is_the_same_for_the_same_seed,
    check_the_sample_reads_back_whole,
)


class Narrow(PriceTask):
    """Its schema takes less than its sample makes."""

    def schema(self) -> pandera.DataFrameSchema:
        return super().schema().update_column("age", checks=pandera.Check.in_range(0, 5))


class Shouting(PriceTask):
    """Its sample has to be repaired."""

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        return super().sample(n_rows, rng).rename(columns={"age": " AGE "})


class Moody(PriceTask):
    """Each sample is another."""

    made = 0

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        self.made += 1
        return super().sample(n_rows, rng).assign(age=float(self.made))


class Batched(ColumnFeatures):
    """A feature that depends on who else is in the table."""

    def transform(self, X: Any) -> Any:
        rows = super().transform(X)
        return rows - rows.mean(axis=0)


@pytest.mark.parametrize("check", ALL_SAMPLE_CHECKS, ids=lambda check: check.__name__)
def test_a_good_sample_passes(check: Any, tmp_path: Path) -> None:
    check(TASK, tmp_path)


def test_a_sample_the_schema_refuses_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"\d+ of 700 rows are kept"):
        check_the_sample_reads_back_whole(Narrow(), tmp_path)


def test_a_sample_that_is_repaired_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"repaired: .*AGE"):
        check_the_sample_reads_back_whole(Shouting(), tmp_path)


def test_a_sample_that_changes_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="two samples of one seed differ"):
        check_the_sample_is_the_same_for_the_same_seed(Moody(), tmp_path)


def test_a_feature_of_the_whole_table_is_found() -> None:
    rows = TASK.sample(50, np.random.default_rng(0))
    check_one_record_gets_the_row_of_the_table(ColumnFeatures(["age"]).fit(rows), rows)
    with pytest.raises(AssertionError, match="row 0 differs alone"):
        check_one_record_gets_the_row_of_the_table(Batched(["age"]).fit(rows), rows)
