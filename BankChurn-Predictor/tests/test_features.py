from __future__ import annotations

import numpy as np
import pytest

from bankchurn.columns import CATEGORIES, GENDER, GEOGRAPHY, NUMBERS
from bankchurn.data import sample_customers
from bankchurn.features import churn_features
from bankchurn.formulas import INPUTS
from common_utils.errors import DataError
from common_utils.feature_columns import table_columns

ROWS = sample_customers(50, np.random.default_rng(0))


def test_all_columns_and_formulas_are_features() -> None:
    names = churn_features(()).fit(ROWS).names_
    assert names == (*NUMBERS, *CATEGORIES, *(function.__name__ for function in INPUTS))


def test_without_two_columns_nothing_of_them_is_left() -> None:
    whole = churn_features(()).fit(ROWS).names_
    names = churn_features([GENDER, GEOGRAPHY]).fit(ROWS).names_
    assert set(whole) - set(names) == {GENDER, GEOGRAPHY, "german_balance", "active_german", "male_age"}
    blind = churn_features([GENDER, GEOGRAPHY]).fit(ROWS)
    turned = ROWS.assign(Gender=ROWS[GENDER].map({"Female": "Male", "Male": "Female"}), Geography="Spain")
    np.testing.assert_array_equal(blind.transform(ROWS), blind.transform(turned))


def test_one_record_gets_the_row_of_the_table() -> None:
    step = churn_features(()).fit(ROWS)
    table = step.transform(ROWS)
    columns = table_columns(ROWS)
    for row in range(5):
        record = {name: values[row : row + 1] for name, values in columns.items()}
        np.testing.assert_array_equal(step.transform(record)[0], table[row])


def test_no_feature_left_is_said() -> None:
    with pytest.raises(DataError, match="no column is left"):
        churn_features([*NUMBERS, *CATEGORIES]).fit(ROWS)
