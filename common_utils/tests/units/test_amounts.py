"""Amounts in the wrong unit: noted on small doubts, refused on large ones, taken where the user says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.table_project.source import RecordPieces, read_records
from common_utils.tables import Reading, RowReport
from common_utils.tables.reading import ColumnSource
from common_utils.units.amounts import SizeCounts, check_amounts, check_sizes, sizes_of
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


AMOUNTS = st.one_of(
    st.floats(1e-300, 1e300),
    st.sampled_from([0.0, -1.0, float("nan"), 999.9999, 1_000.0, 1_000.0000001, 400_000.0, 400_000.5, 80_000.0]),
)


@given(pieces=st.lists(st.lists(AMOUNTS, max_size=6), min_size=1, max_size=5))
def test_the_median_of_pieces_is_that_of_the_whole_to_the_last_bit(pieces: list[list[float]]) -> None:
    arrays = [np.array(piece, dtype=np.float64) for piece in pieces]
    whole = np.concatenate(arrays)
    counts = sum(map(SizeCounts.of, arrays), SizeCounts())
    assert counts.held == np.isfinite(whole).sum()
    above = whole[whole > 0]
    assert counts.known == len(above)
    if len(above):
        low, high = counts.between()
        assert low <= np.median(above) <= high
        assert counts.median(arrays) == np.median(above)


@given(pieces=st.lists(st.lists(AMOUNTS, max_size=60), min_size=1, max_size=5))
def test_pieces_are_judged_as_the_whole(pieces: list[list[float]]) -> None:
    frames = [pd.DataFrame({"odometer": np.array(piece, dtype=np.float64)}) for piece in pieces]
    whole = pd.concat(frames, ignore_index=True)
    report = RowReport("cars", read=len(whole), kept=len(whole))
    counts = sum((sizes_of(frame, SCHEMA)["odometer"] for frame in frames), SizeCounts())
    found = check_sizes(
        {"odometer": counts}, SCHEMA, report, lambda c: [frame[c].to_numpy() for frame in frames], accept=True
    )
    above = whole["odometer"][whole["odometer"] > 0]
    odd = len(above) > 0 and not 1_000 <= np.median(above) <= 400_000
    assert bool(found.notes) == odd
    if odd:
        assert f"half of the {len(above)} amounts are {np.median(above):,.6g} miles" in found.notes[0]


def test_amounts_that_are_usual_are_not_gone_through_again() -> None:
    frame = pd.DataFrame({"odometer": [90_000.0, 80_000.0]})

    def never(column: str) -> list[np.ndarray]:
        raise AssertionError(column)

    assert check_sizes(sizes_of(frame, SCHEMA), SCHEMA, RowReport("cars", read=2, kept=2), never).notes == ()


def test_counts_take_the_same_memory_for_any_number_of_amounts() -> None:
    amounts = np.exp(np.random.default_rng(0).normal(11, 0.5, 300_000))
    first, all_ = (SizeCounts.of(amounts[:n]) for n in (100_000, 300_000))
    assert len(all_.sizes) < 1.3 * len(first.sizes) < 40_000


def test_a_file_in_pieces_is_refused_for_its_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common_utils.tables.pieces.checked.PIECE_ROWS", 7)
    path = tmp_path / "cars.csv"
    path.write_text("\n".join(["odometer", *(f"{number}" for number in range(50, 250))]) + "\n")
    with pytest.raises(DataError) as whole:
        read_records(path, SCHEMA, name="cars")
    with pytest.raises(DataError) as pieces:
        RecordPieces(path, SCHEMA, name="cars")
    assert str(pieces.value) == str(whole.value)
    told = Reading(accept_units=True)
    assert RecordPieces(path, SCHEMA, name="cars", reading=told).report == told.accounts.reports[0]
    assert "149.5 miles or less" in told.accounts.reports[0].summary()
