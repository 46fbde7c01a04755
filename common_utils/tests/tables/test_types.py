from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common_utils.tables.types import Kind, check_arrow, convert_text, decimal_sign


@pytest.mark.parametrize(
    ("values", "delimiter", "sign"),
    [
        pytest.param(["1.5", "2"], ";", "point", id="points"),
        pytest.param(["12,5"], ";", "comma", id="one-digit"),
        pytest.param(["0,125"], ";", "comma", id="leading-zero"),
        pytest.param(["-,5"], ";", "comma", id="nothing-before"),
        pytest.param(["1234,125"], "\t", "comma", id="four-digits-before"),
        pytest.param(["1,2345"], ";", "comma", id="four-digits-after"),
        pytest.param(["1,250", "999,000"], ";", "point", id="could-be-thousands"),
        pytest.param(["1,250,000"], ";", "point", id="thousands"),
        pytest.param(["1.250,5"], ";", "point", id="both"),
        pytest.param(["x,5", "a, b"], ";", "point", id="text"),
        pytest.param(["12,5"], ",", "doubtful", id="quoted-in-comma-file"),
        pytest.param([], ";", "point", id="no-rows"),
    ],
)
def test_decimal_sign_needs_clear_evidence(values: list[str], delimiter: str, sign: str):
    assert decimal_sign([pa.array([], pa.string()), pa.array(values, pa.string())], delimiter=delimiter) == sign


def test_decimal_sign_without_number_columns_is_the_point():
    assert decimal_sign([], delimiter=";") == "point"


@settings(deadline=None, max_examples=100)
@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_whole_numbers_read_as_python_does(value: int):
    assert convert_text(pa.array([str(value)]), "integer").values.to_pylist() == [value]


@settings(deadline=None, max_examples=200)
@given(st.floats(-1e307, 1e307))
def test_numbers_read_as_python_does(value: float):
    forms = [repr(value), f"{value:.3e}", f"{value:.6f}"]
    read = convert_text(pa.array(forms), "number")
    assert read.faults == []
    assert read.values.to_pylist() == [float(form) for form in forms]


@settings(deadline=None, max_examples=60)
@given(st.floats(-1e9, 1e9))
def test_decimal_commas_read_as_points_do(value: float):
    plain = f"{value:.2f}"
    read = convert_text(pa.array([plain.replace(".", ",")]), "number", decimals="comma")
    assert read.values.to_pylist() == [float(plain)]


@settings(deadline=None, max_examples=200)
@given(kind=st.sampled_from(["integer", "number", "boolean", "date"]), text=st.text(max_size=6))
@example(kind="number", text="1E400")
def test_a_value_is_read_missing_or_faulty_and_only_one(kind: Kind, text: str):
    read = convert_text(pa.array([text]), kind)
    faulty = any(mask[0] for _, mask in read.faults)
    present = read.values.to_pylist()[0] is not None
    assert [bool(read.missing[0]), faulty, present].count(True) == 1


def test_null_counts_as_empty():
    read = convert_text(pa.array([None, "x"]), "text")
    assert read.missing.tolist() == [True, False]
    assert read.values.to_pylist() == [None, "x"]


def test_unsigned_bounds_hold():
    read = convert_text(pa.array(["-1", "0", "999999999999999999"]), "integer", bounds="uint64")
    assert [(reason, mask.tolist()) for reason, mask in read.faults] == [
        ("out of range for uint64", [True, False, False])
    ]
    assert read.values.to_pylist() == [None, 0, 999999999999999999]


def test_check_arrow_leaves_no_value_where_it_finds_a_fault():
    infinite, large = (
        check_arrow(pa.array([float("inf"), 1.5]), "number"),
        check_arrow(pa.array([300, 3]), "integer", bounds="int8"),
    )
    assert infinite is not None
    assert large is not None
    assert infinite.values.to_pylist() == [None, 1.5]
    assert large.values.to_pylist() == [None, 3]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        pytest.param(pa.array([1.5]), "integer", id="float-for-integer"),
        pytest.param(pa.array([True]), "number", id="boolean-for-number"),
        pytest.param(pa.array([1]), "boolean", id="integer-for-boolean"),
        pytest.param(pa.array(["2026-01-31"]), "date", id="text-for-date"),
        pytest.param(pa.array([2**53 + 1]), "number", id="integer-no-float-holds"),
        pytest.param(pa.array([b"x"]), "text", id="bytes-for-text"),
    ],
)
def test_check_arrow_refuses_other_types(column: Any, kind: Kind):
    assert check_arrow(column, kind) is None


def test_check_arrow_keeps_booleans_and_dates():
    assert check_arrow(pa.array([True, None]), "boolean").values.to_pylist() == [True, None]  # type: ignore[union-attr]
    days = pa.array([0, None], pa.date32())
    assert check_arrow(days, "date").missing.tolist() == [False, True]  # type: ignore[union-attr]


def test_an_id_that_our_own_csv_marks_for_spreadsheets_is_read_as_it_was() -> None:
    read = convert_text(pa.array(["'=1+1", "'@x", "'-1+1", "'+34", "'007", "x"]), "id")
    assert read.values.to_pylist() == ["=1+1", "@x", "-1+1", "+34", None, "x"]
    assert [reason for reason, _ in read.repairs] == ["apostrophe before a formula's sign taken off"]
    assert read.faults[0][1].tolist() == [False, False, False, False, True, False]
