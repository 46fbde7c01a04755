from __future__ import annotations

import numpy as np
import pytest

from common_utils.table_project.column_step import ColumnStep
from common_utils.table_project.explanations import Contribution, Explanation, column_contributions

PARTS = [Contribution("Age", "58", 1.0), Contribution("Tenure", "missing", 0.5), Contribution("Score", "600", -0.25)]


def test_words_add_up_what_is_not_shown() -> None:
    lines = Explanation(-1.0, PARTS, 0.25, "log-odds", "56 %", "By paths.").words(most=1).splitlines()
    assert lines[:2] == ["56 %.", "From -1.00 log-odds, the average record's, to 0.25, by what this record holds:"]
    assert lines[2:] == ["  +1.00  Age = 58", "  +0.25  2 more, each smaller", "By paths."]


def test_json_keeps_the_full_precision() -> None:
    plain = Explanation(0.0, [Contribution("a", "1", 0.1 + 0.2)], 0.1 + 0.2, "u", "a", "m").to_dict()
    assert plain["score"] == 0.30000000000000004
    assert plain["contributions"] == [{"feature": "a", "value": "1", "amount": 0.30000000000000004}]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(2012.0, "2012", id="a-year"),
        pytest.param(-0.0, "0", id="zero"),
        pytest.param(90_000.0, "90,000", id="miles"),
        pytest.param(1_234_567.0, "1,234,567", id="seven-digits"),
        pytest.param(12_345.678, "12,345.678", id="places"),
        pytest.param(2.5, "2.5", id="half"),
        pytest.param(311.89999998, "311.9", id="noise-of-a-conversion"),
        pytest.param(float("nan"), "missing", id="missing"),
    ],
)
def test_a_value_is_shown_as_the_table_has_it(value: float, shown: str) -> None:
    step, number = ColumnStep(["n"], {}, []), np.array([value])
    assert column_contributions(step, {"n": number}, number, np.array([1.0]))[0].value == shown
