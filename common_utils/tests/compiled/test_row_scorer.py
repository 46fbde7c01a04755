"""One row of numbers: the same bits as a batch, with columns that a case decides beforehand too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiled.by_hand import EDGES, STUMP, model

from common_utils.compiled import CompiledModel, CompiledScorer, DecidedColumns
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.nodes import LinearNode
from common_utils.compiled.row_tables import RowTables
from common_utils.errors import ArtifactError, DataError


class Formulas:
    """Three columns, of which a model takes y and x."""

    fingerprint = "made up"
    feature_names = ("y", "other", "x")

    def __call__(self, columns: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.column_stack([columns[name] for name in self.feature_names])


@pytest.mark.parametrize("linear", [False, True])
def test_one_row_of_formulas_has_the_bits_of_a_batch(linear: bool) -> None:
    node = LinearNode(np.array([[2.0, -1.0]]), np.array([0.5]), "identity") if linear else model().node
    scorer = CompiledScorer(CompiledModel(node, ("price",), ("x", "y"), None, "made up"), Formulas())
    rows = np.array([[9.0, 0.0, 2.0], [5.0, 0.0, 3.0], [5.1, 0.0, 3.0]])
    columns = dict(zip(Formulas.feature_names, rows.T, strict=True))
    by_row = scorer.by_row(Formulas.feature_names)
    assert [by_row(row) for row in rows.tolist()] == scorer.score(columns).tolist()
    with pytest.raises(DataError, match=r"a row of 2 number\(s\); 3 fit"):
        by_row([1.0, 2.0])


@pytest.mark.parametrize("linear", [False, True])
def test_what_a_case_decides_has_the_bits_of_the_columns_themselves(linear: bool) -> None:
    node = LinearNode(np.array([[2.0, -1.0]]), np.array([0.5]), "identity") if linear else model().node
    scorer = CompiledScorer(CompiledModel(node, ("price",), ("x", "y"), None, "made up"), Formulas())
    cases = np.array([[0.0, 9.0], [1.0, 5.0], [0.0, 5.1], [0.0, np.nan]])[: 3 if linear else 4]
    by_row = scorer.by_row(["x"], DecidedColumns(("other", "y"), cases))
    for x in (1.0, 2.0, 2.5):
        for case, (other, y) in enumerate(cases.tolist()):
            whole = {"x": np.array([x]), "other": np.array([other]), "y": np.array([y])}
            assert by_row([x, case]) == scorer.score(whole)[0].tolist()
    for wrong in ([1.0], [1.0, -1], [1.0, len(cases)], [1.0, np.nan], [1.0, 1.0, 1]):
        with pytest.raises(DataError, match=rf"a row of {len(wrong)} number\(s\); 1 and one of {len(cases)} cases"):
            by_row(wrong)


@given(
    stumps=st.lists(STUMP, min_size=1, max_size=12),
    x=st.lists(st.one_of(EDGES, st.just(np.nan)), min_size=4, max_size=4),
    decided=st.permutations(range(4)).map(lambda order: tuple(order[:2])),
    other=st.lists(st.one_of(EDGES, st.just(np.nan)), min_size=2, max_size=2),
)
def test_columns_anded_beforehand_leave_the_same_leaves(
    stumps: list[tuple[int, float, bool]], x: list[float], decided: tuple[int, int], other: list[float]
) -> None:
    splits = [(tree, feature, at, 0b1, missing) for tree, (feature, at, missing) in enumerate(stumps)]
    made = MaskForest.of(
        n_features=4, n_outputs=1, splits=splits, leaves=[[[0.0], [2.0**tree]] for tree in range(len(stumps))]
    )
    free = [feature for feature in range(4) if feature not in decided]
    tables = RowTables(made, free, (decided, np.array([other, [x[feature] for feature in decided]])))
    whole = RowTables(made, range(4)).sums(x)
    assert tables.sums([*(x[feature] for feature in free), 1]).tolist() == whole.tolist()


def test_one_row_of_formulas_needs_formulas_every_column_once_and_finite_answers() -> None:
    with pytest.raises(DataError, match="takes named columns"):
        CompiledScorer(model()).by_row(["x", "y"])
    node = LinearNode(np.array([[1e308, 1e308]]), np.array([0.0]), "identity")
    scorer = CompiledScorer(CompiledModel(node, ("price",), ("x", "y"), None, "made up"), Formulas())
    with pytest.raises(ArtifactError, match="not finite"), np.errstate(over="ignore"):
        scorer.by_row(["x", "y"])([1e308, 1e308])
    with pytest.raises(DataError, match=r"not given are \['y'\], and 0 column"):
        scorer.by_row(["x"])
    with pytest.raises(DataError, match=r"not given are \[\], and 1 column\(s\) are given twice"):
        scorer.by_row(["x", "y"], DecidedColumns(("y",), np.zeros((1, 1))))
    with pytest.raises(DataError, match=r"values of shape \(0, 1\) for 1 name"):
        DecidedColumns(("y",), np.zeros((0, 1)))
