"""Amounts in the wrong unit: noted on small doubts, refused on large ones, taken where the user says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest

from common_utils.errors import DataError
from common_utils.table_project.source import read_records
from common_utils.tables import Reading, RowReport
from common_utils.tables.reading import ColumnSource
from common_utils.units.amounts import check_amounts
from common_utils.units.factors import MILES

METADATA = {"units": MILES, "usual": (1_000, 400_000)}
SCHEMA = pandera.DataFrameSchema({"odometer": pandera.Column(float, nullable=True, metadata=METADATA)})


def notes(amounts: list[float], *, accept: bool = False) -> str:
    frame = pd.DataFrame({"odometer": amounts})
    report = RowReport("cars", read=len(frame), kept=len(frame))
    return " | ".join(check_amounts(frame, SCHEMA, report, accept=accept).notes)


@pytest.mark.parametrize(
    ("amounts", "said", "refused"),
    [
        pytest.param([95.0] * 100, "95 miles or less, and 1,000 is usual; are they thousand_miles or", True, id="few"),
        pytest.param([95.0] * 99, "are they thousand_miles or thousand_km?", False, id="too-few-rows-to-refuse"),
        pytest.param([500.0] * 100, "are they thousand_km?", False, id="within-five-times"),
        pytest.param([1_000.0] * 100, "", False, id="at-the-bound"),
        pytest.param(
            [2_100_000.0] * 100, "miles or more, and 400,000 is usual; are they in another unit?", True, id="m"
        ),
        pytest.param([95.0] * 50 + [90_000.0] * 51, "", False, id="half"),
        pytest.param([0.0] * 200 + [np.nan] * 5, "", False, id="nothing-driven"),
        pytest.param([], "", False, id="no-rows"),
    ],
)
def test_a_median_beyond_what_is_usual(amounts: list[float], said: str, refused: bool) -> None:
    if refused:
        with pytest.raises(DataError, match="--accept-units"):
            notes(amounts)
    found = notes(amounts, accept=refused)
    assert said in found
    assert bool(found) == bool(said)


def test_reading_asks_and_the_mapping_or_the_option_answers(tmp_path: Path) -> None:
    path = tmp_path / "cars.csv"
    path.write_text("\n".join(["odometer", *(f"{number}" for number in range(50, 250))]) + "\n")
    with pytest.raises(DataError, match=r"thousand_miles(.|\n)*data.table.columns"):
        read_records(path, SCHEMA, name="cars")
    told = Reading(accept_units=True)
    taken = read_records(path, SCHEMA, name="cars", reading=told)
    assert "thousand_miles" in taken.report.summary()
    assert told.accounts.reports == [taken.report]
    stated = Reading({"odometer": ColumnSource("odometer", "thousand_miles")})
    table = read_records(path, SCHEMA, name="cars", reading=stated)
    assert table.frame["odometer"].tolist()[:2] == [50_000.0, 51_000.0]
    assert table.report.notes == ()


@pytest.mark.parametrize(
    ("far", "near", "refused"),
    [
        pytest.param(20, 19, True, id="most"),
        pytest.param(20, 20, False, id="half"),
        pytest.param(19, 0, False, id="too-few"),
        pytest.param(200, 10, True, id="many"),
    ],
)
def test_an_optional_amount_that_is_mostly_out_of_range_is_in_another_unit(
    tmp_path: Path, far: int, near: int, refused: bool
) -> None:
    check = pandera.Check.in_range(0, 499_999, error="not between 0 and 499999")
    column = pandera.Column(float, check, nullable=True, metadata={**METADATA, "soft": True})
    schema = pandera.DataFrameSchema({"odometer": column})
    (tmp_path / "cars.csv").write_text("odometer\n" + "150000000\n" * far + "90000\n" * near)
    if refused:
        with pytest.raises(DataError, match=f"{far} of {far + near} amounts are out of its range(.|\n)*--accept-units"):
            read_records(tmp_path / "cars.csv", schema, name="cars")
    taken = read_records(tmp_path / "cars.csv", schema, name="cars", reading=Reading(accept_units=refused))
    assert taken.report.kept == far + near
