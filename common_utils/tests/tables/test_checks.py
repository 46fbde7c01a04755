from __future__ import annotations

import pandas as pd
import pandera.pandas as pandera
import pytest

from common_utils.errors import DataError
from common_utils.tables.checks import failed_checks, repeated_rows, strictly_ascending

FRAME = pd.DataFrame({"low": [1, 5, 3], "high": [2, 4, 1]})
COLUMNS = {"low": pandera.Column(int), "high": pandera.Column(int)}


def _positions(schema: pandera.DataFrameSchema, frame: pd.DataFrame = FRAME) -> dict[str, list[int]]:
    return {reason: found.tolist() for reason, found in failed_checks(frame, schema, table="t").items()}


def test_checks_across_columns_name_their_rows():
    check = pandera.Check(lambda frame: frame["low"] <= frame["high"], error="low above high")
    assert _positions(pandera.DataFrameSchema(COLUMNS, checks=check)) == {"low above high": [1, 2]}


def test_several_checks_of_a_column_are_told_apart():
    checks = [pandera.Check.ge(2), pandera.Check.isin([1, 3])]
    schema = pandera.DataFrameSchema({"low": pandera.Column(int, checks)})
    assert _positions(schema) == {"low: greater_than_or_equal_to(2)": [0], "low: isin([1, 3])": [1]}


def test_shape_and_keys_of_the_schema_are_left_to_the_reader():
    schema = pandera.DataFrameSchema({"low": pandera.Column(int, unique=True)}, strict=True, unique=["low"])
    assert _positions(schema, pd.DataFrame({"low": [1, 1], "other": [1, 2]})) == {}
    assert schema.unique == ["low"]
    assert schema.strict is True


def test_checks_run_even_where_pandera_is_switched_off():
    from pandera.config import config_context

    schema = pandera.DataFrameSchema({"low": pandera.Column(int, pandera.Check.ge(2))})
    with config_context(validation_enabled=False):
        assert _positions(schema) == {"low: greater_than_or_equal_to(2)": [0]}


@pytest.mark.parametrize(
    "check",
    [
        pytest.param(pandera.Check(lambda column: column.sum() < 0, error="sum below 0"), id="one-answer-for-all"),
        pytest.param(pandera.Check(lambda column: column.missing_method(), error="cannot run"), id="raises"),
    ],
)
def test_checks_that_name_no_row_stop_the_run(check: pandera.Check):
    with pytest.raises(DataError, match=r"t: check\(s\) \['.*'\] cannot be run or fail for the table as a whole"):
        failed_checks(FRAME, pandera.DataFrameSchema({"low": pandera.Column(int, check)}), table="t")


def test_rows_may_repeat_where_there_is_no_key():
    assert repeated_rows(pd.DataFrame({"low": [1, 1]}), pandera.DataFrameSchema({"low": pandera.Column(int)})) == {}


def test_every_key_counts():
    schema = pandera.DataFrameSchema(
        {"id": pandera.Column(str, unique=True), "absent": pandera.Column(str, unique=True, required=False)},
        unique=["a", "b"],
    )
    frame = pd.DataFrame({"id": ["p", "q", "p", "r"], "a": [1, 1, 2, 3], "b": [1, 1, 2, 3]})
    assert {reason: found.tolist() for reason, found in repeated_rows(frame, schema).items()} == {
        "conflicting row for the same key": [0, 1, 2]
    }


@pytest.mark.parametrize(
    ("rows", "ascending"),
    [
        pytest.param([], True, id="no-row"),
        pytest.param([("b", 1)], True, id="one-row"),
        pytest.param([("a", 2), ("b", 1), ("b", 2)], True, id="both-columns"),
        pytest.param([("a", 1), ("a", 1)], False, id="repeated"),
        pytest.param([("a", 2), ("a", 1)], False, id="second-falls"),
        pytest.param([("b", 1), ("a", 2)], False, id="first-falls"),
        pytest.param([("a", 1), (None, 2)], False, id="missing"),
    ],
)
@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_rows_ascend_strictly_or_not(rows: list[tuple[str | None, int]], ascending: bool, dtype: str):
    texts = pd.Series([text for text, _ in rows], dtype=dtype)
    if dtype == "category":
        texts = texts.cat.set_categories(["a", "b"], ordered=True)
    frame = pd.DataFrame({"id": texts, "n": [n for _, n in rows]})
    assert strictly_ascending(frame, ["id", "n"]) is ascending
