from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from carvision.columns import CONDITION, MODEL, ODOMETER, PRICE, RANGES, TYPE, YEAR
from carvision.config import CleaningConfig
from carvision.data import car_keys, cleaning_rules, record_schema, sample_ads
from carvision.features import car_step
from carvision.vehicles import NEW_PRICE
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.table_project.source import read_records
from common_utils.table_project.task import TableTask
from common_utils.testing.table_data import ALL_SAMPLE_CHECKS
from common_utils.testing.table_fixtures import TableProject

HEADER = "model,model_year,odometer,condition,cylinders,fuel,transmission,type,paint_color,is_4wd"
GOOD = "ford f-150,2013,92000,good,8,gas,automatic,truck,white,1"


def _read(tmp_path: Path, *rows: str):
    path = tmp_path / "cars.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return read_records(path, record_schema(), name="cars")


def test_what_is_unknown_is_kept(tmp_path: Path) -> None:
    read = _read(tmp_path, "a car nobody knows,,,good,,gas,automatic,truck,,")
    assert read.report.kept == 1
    assert read.frame[[YEAR, ODOMETER, "cylinders", "is_4wd", "paint_color"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("2013", "3000", "model_year: not between 1990 and 2020", id="year-3000"),
        pytest.param("92000", "-1", "odometer: not between 0 and 499999", id="negative-odometer"),
        pytest.param("gas", "steam", "fuel: none of gas, diesel, hybrid, other, electric", id="fuel"),
        pytest.param("good", "", "condition: missing", id="no-condition"),
        pytest.param("ford f-150", "", "model: missing", id="no-model"),
    ],
)
def test_what_is_impossible_is_rejected_with_the_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace(old, new, 1))
    assert read.report.rejected == {reason: 1}
    assert read.rows.tolist() == [1]


@pytest.mark.parametrize("check", ALL_SAMPLE_CHECKS, ids=lambda check: check.__name__)
def test_the_sample_keeps_its_promises(
    table_project: TableProject, tmp_path: Path, check: Callable[[TableTask[Any], Path], None]
) -> None:
    check(table_project.task(), tmp_path)


def test_the_sample_repeats_cars_as_the_public_table_does() -> None:
    keys = car_keys(sample_ads(2000, np.random.default_rng(1)))
    assert len(set(keys.tolist())) < 1900


def test_each_rule_removes_what_it_names_and_the_bounds_themselves() -> None:
    ads = pd.DataFrame(
        {
            PRICE: [1000.0, 500_000, 1001, 1001, 1001, 1001],
            YEAR: [2010.0, 2010, 1989, 1990, np.nan, 2010],
            ODOMETER: [5.0, 5, 5, 0, np.nan, 500_000],
        }
    )
    found = {rule: np.flatnonzero(hits).tolist() for rule, hits in cleaning_rules(ads, CleaningConfig()).items()}
    assert found == {
        "price at most 1,000": [0],
        "price 500,000 or more": [1],
        "model_year before 1990": [2],
        "odometer at most 0": [3],
        "odometer 500,000 or more": [5],
    }


def test_cleaning_that_removes_everything_is_refused() -> None:
    with pytest.raises(ValidationError, match="every row would be removed"):
        CleaningConfig(price_above=9000, price_below=9000)


def test_the_cleaned_table_lies_within_what_the_service_answers() -> None:
    cleaning = CleaningConfig()
    assert RANGES[YEAR][0] == cleaning.year_from
    assert RANGES[ODOMETER][1] < cleaning.odometer_below


def _ads(**columns: object) -> pd.DataFrame:
    n = max(len(v) for v in columns.values() if isinstance(v, list))
    base = {PRICE: 9000.0, MODEL: "x", YEAR: 2010.0, ODOMETER: 5.0, CONDITION: "good", TYPE: "SUV"}
    return pd.DataFrame({name: columns.get(name, [value] * n) for name, value in base.items()})


def test_a_repost_is_one_car_whatever_it_asks() -> None:
    keys = car_keys(_ads(price=[9000.0, 8500.0]))
    assert keys[0] == keys[1]


@pytest.mark.parametrize("column", [YEAR, ODOMETER])
def test_an_incomplete_ad_joins_the_complete_one_it_agrees_with(column: str) -> None:
    ads = _ads(**{column: [5.0, np.nan, np.nan], PRICE: [9000.0, 9000.0, 8000.0]})
    keys = car_keys(ads)
    assert keys[0] == keys[1]
    assert keys[0] != keys[2]


def test_ads_that_leave_out_the_same_join_each_other() -> None:
    keys = car_keys(_ads(odometer=[np.nan, np.nan], model_year=[np.nan, np.nan]))
    assert keys[0] == keys[1]


@settings(max_examples=15, deadline=None)  # each makes a table
@given(st.integers(0, 2**31 - 1))
def test_equal_ads_never_have_two_keys(seed: int) -> None:
    ads = sample_ads(60, np.random.default_rng(seed))
    twice = pd.concat([ads, ads], ignore_index=True)
    keys = car_keys(twice)
    assert (keys[:60] == keys[60:]).all()


def test_models_have_one_code_each() -> None:
    step = ColumnFeatures.of(car_step()).fit(sample_ads(3000, np.random.default_rng(0))).step()
    assert len(set(step.categories[MODEL])) == len(step.categories[MODEL]) <= len(NEW_PRICE) == 100
