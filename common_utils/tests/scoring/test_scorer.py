from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import ArtifactError, DataError
from common_utils.scoring import checked_scores, row_count


def test_row_count_is_the_common_length() -> None:
    assert row_count({"minutes": np.zeros(3), "plan": np.array(["a", "b", "c"])}) == 3


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param({"minutes": np.zeros(3), "messages": np.zeros(2)}, id="lengths-differ"),
        pytest.param({"minutes": np.zeros((3, 1))}, id="two-dimensional"),
        pytest.param({"minutes": np.array(1.0)}, id="scalar"),
    ],
)
def test_row_count_refuses_ragged_columns(columns: dict[str, np.ndarray]) -> None:
    with pytest.raises(DataError, match="1-D and of one length"):
        row_count(columns)


def test_row_count_refuses_no_columns() -> None:
    with pytest.raises(DataError, match="No column was given"):
        row_count({})


def test_checked_scores_returns_float64() -> None:
    scores = checked_scores(np.array([[0.5, 0.5]], dtype=np.float32), 1, 2)
    assert scores.dtype == np.float64


def test_checked_scores_refuses_another_shape() -> None:
    with pytest.raises(ArtifactError, match=r"shape \(1, 3\), expected \(1, 2\)"):
        checked_scores(np.ones((1, 3)), 1, 2)


@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_checked_scores_refuses_what_is_not_finite(score: float) -> None:
    with pytest.raises(ArtifactError, match="not finite"):
        checked_scores(np.array([[0.5, score]]), 1, 2)
