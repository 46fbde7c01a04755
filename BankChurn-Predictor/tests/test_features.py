from __future__ import annotations

import numpy as np
import pytest

from bankchurn.columns import CATEGORIES, GENDER, GEOGRAPHY, NUMBERS
from bankchurn.data import sample_customers
from bankchurn.features import churn_step
from bankchurn.formulas import INPUTS
from common_utils.errors import DataError
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.testing.table_data import check_one_record_gets_the_row_of_the_table

ROWS = sample_customers(50, np.random.default_rng(0))


def _fitted(*dropped: str) -> ColumnFeatures:
    return ColumnFeatures.of(churn_step(dropped)).fit(ROWS)


def test_all_columns_and_formulas_are_features() -> None:
    names = _fitted().names_
    assert names == (*NUMBERS, *CATEGORIES, *(function.__name__ for function in INPUTS))


def test_without_two_columns_nothing_of_them_is_left() -> None:
    whole = _fitted().names_
    names = _fitted(GENDER, GEOGRAPHY).names_
    assert set(whole) - set(names) == {GENDER, GEOGRAPHY, "german_balance", "active_german", "male_age"}
    blind = _fitted(GENDER, GEOGRAPHY)
    turned = ROWS.assign(Gender=ROWS[GENDER].map({"Female": "Male", "Male": "Female"}), Geography="Spain")
    np.testing.assert_array_equal(blind.transform(ROWS), blind.transform(turned))


def test_one_record_gets_the_row_of_the_table() -> None:
    check_one_record_gets_the_row_of_the_table(_fitted(), ROWS)


def test_no_feature_left_is_said() -> None:
    with pytest.raises(DataError, match="no column is left"):
        _fitted(*NUMBERS, *CATEGORIES)
