from __future__ import annotations

import numpy as np

from carvision.columns import FOUR_WHEEL, MODEL
from carvision.data import sample_ads
from carvision.features import car_step
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.testing.table_data import check_one_record_gets_the_row_of_the_table

ROWS = sample_ads(50, np.random.default_rng(0))
FEATURES = ColumnFeatures.of(car_step()).fit(ROWS)
NAMES = FEATURES.names_


def test_a_column_that_is_dropped_leaves_with_what_is_computed_from_it() -> None:
    step = car_step(dropped=["odometer", "is_4wd", "fuel"])
    assert not {"odometer", "is_4wd", "fuel", "miles_per_year"} & set(step.feature_names)
    assert step.filled == {}


def test_dates_and_days_listed_are_no_features() -> None:
    assert not {"date_posted", "days_listed", "price"} & set(car_step().feature_names)


def test_an_empty_four_wheel_drive_means_none() -> None:
    column = FEATURES.transform(ROWS)[:, NAMES.index(FOUR_WHEEL)]
    np.testing.assert_array_equal(column, ROWS[FOUR_WHEEL].fillna(0))


def test_an_unseen_model_has_neither_code_nor_new_price() -> None:
    row = FEATURES.transform(ROWS.head(1).assign(**{MODEL: "tatra 603"}))[0]
    assert np.isnan([row[NAMES.index(name)] for name in (MODEL, "new_price")]).all()


def test_one_record_gets_the_row_of_the_table() -> None:
    check_one_record_gets_the_row_of_the_table(FEATURES, ROWS)
