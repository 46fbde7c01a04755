from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import DataError
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.testing.table_data import check_one_record_gets_the_row_of_the_table
from telecom.columns import MEGABYTES, NUMBERS
from telecom.data import sample_months
from telecom.features import usage_step
from telecom.formulas import INPUTS

ROWS = sample_months(50, np.random.default_rng(0))


def _fitted(*dropped: str, bills: bool = True) -> ColumnFeatures:
    return ColumnFeatures.of(usage_step(dropped, bills=bills)).fit(ROWS)


def test_bills_are_features_where_asked_for() -> None:
    assert _fitted(bills=False).names_ == NUMBERS
    assert _fitted().names_ == (*NUMBERS, *(function.__name__ for function in INPUTS))


def test_without_a_column_nothing_of_it_is_left() -> None:
    step = _fitted(MEGABYTES)
    assert step.names_ == ("calls", "minutes", "messages", "smart_minutes_overage", "smart_messages_overage")
    np.testing.assert_array_equal(step.transform(ROWS), step.transform(ROWS.assign(mb_used=0.0)))


def test_one_record_gets_the_row_of_the_table() -> None:
    check_one_record_gets_the_row_of_the_table(_fitted(), ROWS)


def test_no_feature_left_is_said() -> None:
    with pytest.raises(DataError, match="no column is left"):
        _fitted(*NUMBERS)
