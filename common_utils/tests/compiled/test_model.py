"""The runtime side of a compiled model: what it answers, survives and refuses, and that it needs NumPy alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.compiled.by_hand import EDGES, STUMP, forest, model

from common_utils.bundle import open_bundle, write_bundle
from common_utils.compiled import (
    ColumnEncoder,
    CompiledModel,
    CompiledScorer,
    InputColumn,
)
from common_utils.compiled.calibration import CalibratedNode
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.links import answer_row, answer_rows
from common_utils.compiled.nodes import ForestNode, LinearNode, MeanNode, PreparedNode, StackNode
from common_utils.compiled.store import written_arrays
from common_utils.errors import ArtifactError, DataError
from common_utils.scoring import Scorer


@pytest.mark.parametrize(
    ("x", "y", "price"),
    [
        pytest.param(2.0, 9.0, 10.0, id="at-split"),
        pytest.param(np.nextafter(2.0, 3.0), 5.0, 20.0, id="just-above"),
        pytest.param(3.0, 5.1, 30.0, id="right-right"),
        pytest.param(None, 9.0, 30.0, id="missing-goes-right"),
        pytest.param(3.0, np.nan, 20.0, id="missing-goes-left"),
        pytest.param(-np.inf, np.inf, 10.0, id="below-all"),
        pytest.param(np.inf, np.inf, 30.0, id="above-all"),
    ],
)
def test_a_small_tree_by_hand(x: float | None, y: float, price: float) -> None:
    scorer = CompiledScorer(model())
    assert scorer.score_one({"x": x, "y": y}).tolist() == [price]
    assert scorer.score({"x": np.array([x, x], dtype=float), "y": np.array([y, y])}).tolist() == [[price], [price]]


@given(
    stumps=st.lists(STUMP, min_size=1, max_size=12),
    x=st.lists(st.one_of(EDGES, st.just(np.nan)), min_size=4, max_size=4),
)
def test_the_one_search_finds_what_comparing_finds(stumps: list[tuple[int, float, bool]], x: list[float]) -> None:
    """Also with infinite thresholds, and with any of the first and last features missing or beyond every threshold."""
    splits = [(tree, feature, at, 0b1, missing) for tree, (feature, at, missing) in enumerate(stumps)]
    leaves = [[[0.0], [2.0**tree]] for tree in range(len(stumps))]
    node = ForestNode(MaskForest.of(n_features=4, n_outputs=1, splits=splits, leaves=leaves), "identity")
    right = [not missing if np.isnan(x[feature]) else x[feature] > at for feature, at, missing in stumps]
    expected = [float(sum(2**tree for tree, goes in enumerate(right) if goes))]
    assert node.row(np.array(x)).tolist() == node.rows(np.array([x, x]))[1].tolist() == expected


def test_trees_take_turns_over_the_outputs_or_fill_all_of_them() -> None:
    in_turn = MaskForest.of(n_features=1, n_outputs=2, splits=[], leaves=[[[1.0]], [[2.0]], [[4.0]], [[8.0]]])
    filled = MaskForest.of(n_features=1, n_outputs=2, splits=[], leaves=[[[1.0, 2.0]], [[4.0, 8.0]]])
    for trees in (in_turn, filled):
        assert ForestNode(trees, "identity").rows(np.zeros((3, 1))).tolist() == [[5.0, 10.0]] * 3
        assert ForestNode(trees, "identity").row(np.zeros(1)).tolist() == [5.0, 10.0]


def test_it_is_a_scorer_and_opens_from_a_verified_bundle(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, info={}, write=model().save)
    scorer = CompiledScorer.open(open_bundle(bundle.path))
    assert isinstance(scorer, Scorer)
    assert scorer.classes == ("price",)
    assert scorer.score({"x": np.array([1.0]), "y": np.array([1.0])}).tolist() == [[10.0]]


def test_every_part_survives_its_files() -> None:
    linear = LinearNode(np.array([[1.0, 2.0]]), np.array([3.0]), "logit")
    margin = LinearNode(np.array([[1.0, 2.0]]), np.array([3.0]), "identity")
    prepared = PreparedNode((linear,), np.array([0.0, np.nan]), np.ones(2), np.full(2, 2.0))
    node = MeanNode(
        (prepared, CalibratedNode((margin,), "sigmoid", "decision", 2, (np.array([[-1.0], [0.5]]),))), (1.0, 2.0)
    )
    stacked = StackNode((node, ForestNode(forest(), "exp")))
    whole = CompiledModel(stacked, ("a", "b", "c"), ("x", "y"), ColumnEncoder([InputColumn("x"), InputColumn("y")]))
    again = CompiledModel.read(*whole.files())
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert again.node.rows(X).tobytes() == whole.node.rows(X).tobytes()
    assert again.files() == whole.files()


def _changed(**changes: Any) -> tuple[bytes, bytes]:
    arrays, meta = model().files()
    spec = json.loads(meta)
    for path, value in changes.items():
        at = spec
        *way, last = path.split("__")
        for key in way:
            at = at[key]
        at[last] = value
    return arrays, json.dumps(spec).encode()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(_changed(format=2), "format 2, 1 is read", id="format"),
        pytest.param(_changed(model__node="pickle"), "unknown part 'pickle'", id="part"),
        pytest.param(_changed(model__link="cubic"), "unknown link 'cubic'", id="link"),
        pytest.param(_changed(model__threshold="a99"), "array 'a99' is missing", id="array"),
        pytest.param(_changed(model__n_features=1), "do not belong together", id="width"),
        pytest.param(_changed(model__n_outputs=0), "do not belong together", id="outputs"),
        pytest.param(_changed(outputs=["a", "b"]), "do not belong together", id="names"),
        pytest.param(_changed(columns=[{"name": "x", "encoding": "hash"}]), "unknown encoding 'hash'", id="encoding"),
        pytest.param(_changed(columns=3), r"does not describe a model \(TypeError\)", id="columns"),
        pytest.param(_changed(model__excluded="a0"), "array 'a0' is missing or of another type", id="type"),
        pytest.param((b"no zip", model().files()[1]), "scorer.npz cannot be read", id="npz"),
        pytest.param((model().files()[0][:-40], model().files()[1]), "scorer.npz cannot be read", id="torn"),
        pytest.param((model().files()[0], b"{"), "scorer.json is not JSON", id="json"),
        pytest.param((model().files()[0], b"[1]"), "scorer.json holds no object", id="list"),
        pytest.param((written_arrays({"a0": np.array(["x"])}), model().files()[1]), "holds no numbers", id="text"),
    ],
)
def test_damaged_files_are_refused(files: tuple[bytes, bytes], message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        CompiledModel.read(*files)


def test_compressed_and_pickled_arrays_are_refused() -> None:
    compressed, pickled = io.BytesIO(), io.BytesIO()
    np.savez_compressed(compressed, a0=np.zeros(1000))
    np.savez(pickled, a0=np.array([{}], dtype=object))
    with pytest.raises(ArtifactError, match="is compressed"):
        CompiledModel.read(compressed.getvalue(), model().files()[1])
    with pytest.raises(ArtifactError, match=r"cannot be read \(ValueError\)"):
        CompiledModel.read(pickled.getvalue(), model().files()[1])


def test_a_forest_with_a_nan_is_refused() -> None:
    with pytest.raises(ArtifactError, match="not finite"):
        MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, np.nan, 1, True)], leaves=[[[1.0], [2.0]]])
    with pytest.raises(ArtifactError, match="do not belong together"):
        MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 1.0, 0b11, True)], leaves=[[[1.0], [2.0]]])


def test_parts_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ArtifactError, match="another number of features"):
        CompiledModel(LinearNode(np.ones((1, 3)), np.zeros(1), "identity"), ("a",), ("x",))
    inner = LinearNode(np.ones((1, 1)), np.zeros(1), "identity")
    with pytest.raises(ArtifactError, match="another number of features"):
        CompiledModel(PreparedNode((inner,), np.zeros(2), np.zeros(2), np.ones(2)), ("a",), ("x",))


@pytest.mark.parametrize("part", ["mean", "calibrated", "linear"])
def test_parts_that_do_not_hold_together_are_refused(part: str) -> None:
    one = LinearNode(np.ones((1, 1)), np.zeros(1), "identity")
    node: Any = {
        "mean": MeanNode((one, one), (1.0, -1.0)),
        "calibrated": CalibratedNode((one,), "sigmoid", "decision", 1, (np.zeros((2, 1)),)),
        "linear": LinearNode(np.ones((2, 1)), np.zeros(1), "identity"),
    }[part]
    with pytest.raises(ArtifactError, match="together"):
        CompiledModel.read(*CompiledModel(node, ("a",), ("x",), ColumnEncoder([InputColumn("x")])).files())


def test_a_matrix_of_another_width_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(1, 3\); the model takes \(n, 2\)"):
        CompiledScorer(model()).score_matrix(np.zeros((1, 3)))


def test_an_answer_that_is_not_finite_is_the_models_fault() -> None:
    node = LinearNode(np.array([[1e308]]), np.array([0.0]), "exp")
    scorer = CompiledScorer(CompiledModel(node, ("a",), ("x",), ColumnEncoder([InputColumn("x")])))
    with np.errstate(over="ignore"):
        with pytest.raises(ArtifactError, match="not finite"):
            scorer.score_one({"x": 9.0})
        with pytest.raises(ArtifactError, match="not finite"):
            scorer.score({"x": np.array([9.0, 9.0])})


@given(st.lists(st.floats(-700, 700), min_size=1, max_size=12), st.sampled_from(["softmax", "sigmoid", "exp", "expm1"]))
def test_links_give_one_row_the_bits_of_many(raw: list[float], link: Any) -> None:
    row = np.array(raw)
    both = answer_rows(link, np.vstack([row, row[::-1]]))
    alone = np.array(answer_row(link, row))
    assert both[0].tobytes() == alone.tobytes() == answer_rows(link, row[None, :])[0].tobytes()


def test_opening_and_scoring_imports_neither_sklearn_nor_pandas_nor_joblib(tmp_path: Path) -> None:
    model().save(tmp_path)
    code = (
        "import sys; from pathlib import Path; from common_utils.compiled import CompiledModel, CompiledScorer\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "files = (folder / 'scorer.npz').read_bytes(), (folder / 'scorer.json').read_bytes()\n"
        "print(CompiledScorer(CompiledModel.read(*files)).score_one({'x': 1, 'y': 2}).tolist())\n"
        "print(sorted({'pandas', 'sklearn', 'joblib', 'scipy', 'lightgbm', 'catboost', 'pickle5'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[10.0]", "[]"]


def test_members_of_a_mean_need_a_weight() -> None:
    one = LinearNode(np.ones((1, 1)), np.zeros(1), "identity")
    none = CompiledModel(MeanNode((one, one), (0.0, 0.0)), ("a",), ("x",))
    with pytest.raises(ArtifactError, match="members of a mean do not belong together"):
        CompiledModel.read(*none.files())


def test_text_among_the_numbers_of_a_column_is_refused_by_name() -> None:
    encoder = ColumnEncoder([InputColumn("age")])
    known = encoder.rows({"age": np.array([30, 40.5, None], dtype=object)})
    np.testing.assert_array_equal(known, [[30.0], [40.5], [np.nan]])
    with pytest.raises(DataError, match="column 'age' holds text"):
        encoder.rows({"age": np.array([30, "forty"], dtype=object)})
