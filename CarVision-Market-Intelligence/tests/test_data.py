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
from carvision.data import ad_schema, car_keys, cleaning_rules, record_schema, sample_ads
from carvision.features import car_step
from carvision.vehicles import NEW_PRICE
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.table_project.names import name_codes
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
        pytest.param("gas", "steam", "fuel: none of gas, diesel, hybrid, other, electric", id="fuel"),
        pytest.param("good", "", "condition: missing", id="no-condition"),
        pytest.param("ford f-150", "", "model: missing", id="no-model"),
    ],
)
def test_what_is_impossible_is_rejected_with_the_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace(old, new, 1))
    assert read.report.rejected == {reason: 1}
    assert read.rows.tolist() == [1]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("white", "pearl", "paint_color: none of", id="paint"),
        pytest.param(",8,", ",99,", "cylinders: not between 1 and 16", id="cylinders"),
        pytest.param(",8,", ",V8,", "cylinders: not a number", id="cylinders-text"),
        pytest.param("2013", "3000", "model_year: not between 1990 and 2020", id="year-3000"),
        pytest.param("2013", "1985", "model_year: not between 1990 and 2020", id="year-1985"),
        pytest.param("2013", "2013-05", "model_year: not a number", id="year-and-month"),
        pytest.param("92000", "-1", "odometer: not between 0 and 499999", id="negative-odometer"),
        pytest.param("92000", "92k", "odometer: not a number", id="odometer-text"),
        pytest.param("92000", "92 000", "odometer: a thousands separator", id="odometer-groups"),
        pytest.param("white,1", "white,7", "is_4wd: not between 0 and 1", id="4wd"),
        pytest.param("white,1", "white,yes", "is_4wd: not a number", id="4wd-text"),
    ],
)
def test_an_odd_optional_fact_is_unknown_and_costs_no_row(tmp_path: Path, old: str, new: str, reason: str) -> None:
    read = _read(tmp_path, GOOD, GOOD.replace(old, new, 1))
    assert (read.report.kept, read.report.rejected) == (2, {})
    ((why, count),) = read.report.repaired.items()
    taken = "empty, which means no four-wheel drive" if reason.startswith("is_4wd") else "unknown"
    assert why.startswith(reason)
    assert why.endswith(f"taken as {taken}")
    assert (count, read.report.rows[why]) == (1, (2,))
    assert read.frame.iloc[1].isna().sum() == 1


def test_an_odd_optional_fact_costs_no_ad_of_the_training_table(tmp_path: Path) -> None:
    odd = {YEAR: "3000", ODOMETER: "-5", "is_4wd": "maybe", "cylinders": "99", "paint_color": "pearl"}
    ads = [f"{price},{GOOD}" for price in ("9000", "0.5", "x", "-3")]
    header = f"price,{HEADER}".split(",")
    for name, value in odd.items():
        cells = ads[0].split(",")
        cells[header.index(name)] = value
        ads.append(",".join(cells))
    path = tmp_path / "ads.csv"
    path.write_text("\n".join([",".join(header), *ads]) + "\n")
    read = read_records(path, ad_schema(), name="ads")
    assert read.report.rejected == {"price: not a number": 1, "price: not between 0 and 10000000": 1}
    assert read.frame[list(odd)].isna().sum(axis=1).tolist() == [0, 0, 1, 1, 1, 1, 1]
    removed = cleaning_rules(read.frame, CleaningConfig())
    assert {rule: np.flatnonzero(hits).tolist() for rule, hits in removed.items() if hits.any()} == {
        "price at most 1,000": [1]
    }


def test_the_letter_case_of_a_category_does_not_count(tmp_path: Path) -> None:
    shouted = "ford f-150,2013,92000,Good,8,GAS,Automatic,TRUCK,White,1"
    read = _read(tmp_path, GOOD, shouted, GOOD.replace("truck", "suv"))
    assert (read.report.kept, read.report.rejected) == (3, {})
    assert read.frame.iloc[1].to_dict() == read.frame.iloc[0].to_dict()
    assert read.frame[TYPE].tolist() == ["truck", "truck", "SUV"]
    said = "letter case changed to that of the known values"
    names = ("condition", "fuel", "transmission", "type", "paint_color")
    assert read.report.repaired == {f"{name}: {said}": 2 if name == "type" else 1 for name in names}


def test_names_that_the_table_spells_in_two_ways_are_two_models() -> None:
    step = ColumnFeatures.of(car_step())
    ads = sample_ads(400, np.random.default_rng(2))
    ads[MODEL] = np.where(np.arange(400) % 2, "ford f150", "ford f-150")
    known = step.fit(ads).values_[MODEL]
    assert known == ("ford f-150", "ford f150")
    assert name_codes(np.array(["FORD F 150", "Ford F150"], dtype=object), known).tolist() == [0.0, 1.0]
    assert name_codes(np.array(["FORD F150"], dtype=object), ("ford f-150",)).tolist() == [0.0]


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
