from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from common_utils.table_project.column_step import ColumnStep, Formula
from common_utils.table_project.feature_columns import ColumnFeatures, table_columns

FRAME = pd.DataFrame(
    {"minutes": [3, 4], "plan": ["ultra", "gold"], "age": pd.array([30, None], dtype="Int64"), "new": [True, False]}
)


def test_table_columns_are_numbers_with_nan_or_objects() -> None:
    columns = table_columns(FRAME)
    np.testing.assert_array_equal(columns["age"], [30.0, np.nan])
    np.testing.assert_array_equal(columns["new"], [1.0, 0.0])
    assert columns["plan"].dtype == object
    assert FRAME["minutes"].dtype == np.int64


def test_codes_and_formulas_stand_in_order_and_unknown_values_are_missing() -> None:
    half = Formula("half", ("minutes",), lambda minutes: minutes / 2)
    step = ColumnFeatures(["minutes"], {"plan": ["smart", "ultra"]}, [half]).fit(FRAME)
    assert step.get_feature_names_out().tolist() == ["minutes", "plan", "half"]
    np.testing.assert_array_equal(step.transform(FRAME), [[3, 1, 1.5], [4, np.nan, 2]])


def test_indicators_have_a_column_per_value() -> None:
    step = ColumnFeatures((), {"plan": ["smart", "ultra"]}, indicators=True).fit(FRAME)
    assert step.names_ == ("plan=smart", "plan=ultra")
    np.testing.assert_array_equal(step.transform(FRAME), [[0, 1], [0, 0]])


def test_formulas_without_their_inputs_are_left_out() -> None:
    product = Formula("product", ("minutes", "age"), np.multiply)
    assert ColumnFeatures(["minutes"], formulas=[product]).fit(FRAME).names_ == ("minutes",)
    assert ColumnFeatures(["minutes", "age"], formulas=[product]).fit(FRAME).names_[-1] == "product"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        pytest.param(ColumnFeatures(["gone"]), "column 'gone' is missing", id="missing"),
        pytest.param(ColumnFeatures(["plan"]), "something else than numbers", id="text-as-number"),
        pytest.param(ColumnFeatures(), "no column is left", id="nothing"),
    ],
)
def test_what_cannot_be_a_feature_is_said(step: ColumnFeatures, message: str) -> None:
    with pytest.raises(DataError, match=message):
        step.fit(FRAME)


def test_a_service_needs_no_pandas_for_it() -> None:
    code = "import sys\nsys.modules['pandas'] = None\nimport common_utils.table_project.feature_columns"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_fingerprint_is_of_columns_values_and_formulas() -> None:
    def double(x):
        return 2 * x

    def triple(x):
        return 3 * x

    steps = [
        ColumnStep(["a"], {"b": ["x"]}, [Formula("f", ("a",), double)]),
        ColumnStep(["a"], {"b": ["x"]}, [Formula("f", ("a",), triple)]),
        ColumnStep(["a"], {"b": ["y"]}, [Formula("f", ("a",), double)]),
        ColumnStep(["a"], {"b": ["x"]}),
        ColumnStep(["a"], {"b": ["x"]}, filled={"a": 0.0}),
        ColumnStep(["a"], {"b": ["x"]}, filled={"a": 1.0}),
    ]
    assert len({step.fingerprint for step in steps}) == 6
    assert steps[0].fingerprint == ColumnStep(("a",), {"b": ("x",)}, (Formula("f", ("a",), double),)).fingerprint


def test_an_empty_field_with_a_meaning_gets_its_value_and_others_stay_missing() -> None:
    columns = {"is_4wd": np.array([1.0, np.nan]), "miles": np.array([np.nan, 5.0])}
    transformer = ColumnFeatures(["is_4wd", "miles"], filled={"is_4wd": 0.0}).fit(columns)
    np.testing.assert_array_equal(transformer.transform(columns), [[1.0, np.nan], [0.0, 5.0]])
    assert np.isnan(columns["is_4wd"][1])
    assert ColumnFeatures.of(transformer.step()).step() == transformer.step()
