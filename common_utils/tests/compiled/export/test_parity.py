"""The gate between a trained model and its arrays: it fires, and the rows it tries hold every edge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.compiled.by_hand import model

from common_utils.compiled import ColumnEncoder, CompiledModel, CompiledScorer, InputColumn
from common_utils.compiled.export.parity import parity_gate, varied_matrix
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.nodes import ForestNode
from common_utils.errors import ParityError


def test_the_gate_fires_on_one_ulp_too_much_at_a_split_point() -> None:
    exact = CompiledScorer(model())
    shifted = CompiledModel(
        ForestNode(
            MaskForest.of(
                n_features=2,
                n_outputs=1,
                splits=[(0, 0, float(np.nextafter(2.0, 3.0)), 0b001, False), (0, 1, 5.0, 0b010, True)],
                leaves=[[[10.0], [20.0], [30.0]]],
            ),
            "identity",
        ),
        ("price",),
        ("x", "y"),
        ColumnEncoder([InputColumn("x"), InputColumn("y")]),
    )
    base = np.array([[0.0, 0.0], [5.0, 9.0]])

    def rows(rng: np.random.Generator, n: int) -> np.ndarray:
        return varied_matrix(model(), rng, n, base=base)

    report = parity_gate(exact.score_matrix, exact.score_matrix, rows, rng=np.random.default_rng(0), n=12_000)
    assert (report.rows, report.max_difference) == (12_000, 0.0)
    with pytest.raises(ParityError, match=r"rows differ from the trained model by more than 1e-12"):
        parity_gate(
            exact.score_matrix, CompiledScorer(shifted).score_matrix, rows, rng=np.random.default_rng(0), n=1_000
        )


@pytest.mark.parametrize(
    ("found", "message"),
    [
        pytest.param(lambda rows: rows * np.nan, "largest inf", id="nan"),
        pytest.param(lambda rows: np.column_stack([rows, rows]), "answers of shape", id="shape"),
        pytest.param(lambda rows: rows + 1e-11, "5 of 5 rows", id="small"),
    ],
)
def test_the_gate_fires_on_answers_that_differ(found: Any, message: str) -> None:
    with pytest.raises(ParityError, match=message):
        parity_gate(lambda rows: rows, found, lambda _, n: np.ones(n), rng=np.random.default_rng(0), n=5)


def test_the_gate_counts_rows_and_fires_on_one_of_many() -> None:
    def one_off(rows: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(rows)) == 3, rows + 1, rows)

    with pytest.raises(ParityError, match=r"1 of 5 rows differ .* \(largest 0\.5\)"):
        parity_gate(lambda rows: rows, one_off, lambda _, n: np.full(n, 2.0), rng=np.random.default_rng(0), n=5)


def test_varied_rows_hold_split_points_their_neighbours_missing_and_extremes() -> None:
    X = varied_matrix(model(), np.random.default_rng(0), 2_000, base=np.array([[7.0, 7.0]]))
    values = set(X[:, 0].tolist())
    assert {2.0, np.nextafter(2.0, 3.0), np.nextafter(2.0, 1.0), 7.0, np.inf, -np.inf, 1e308} <= values
    assert np.isnan(X).any()


def test_so_many_rows_are_tried_as_are_reported() -> None:
    drawn: list[int] = []

    def rows(rng: np.random.Generator, n: int) -> np.ndarray:
        drawn.append(n)
        return rng.random(n)

    assert parity_gate(np.exp, np.exp, rows, rng=np.random.default_rng(0), n=25_000).rows == sum(drawn) == 25_000
