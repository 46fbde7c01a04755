"""The runtime side: what a scorer refuses, that it needs NumPy alone, the parity gate and the choice weights."""

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

from common_utils.bundle import open_bundle, write_bundle
from common_utils.compiled import (
    ColumnEncoder,
    CompiledChoice,
    CompiledModel,
    CompiledScorer,
    DecidedColumns,
    InputColumn,
)
from common_utils.compiled.calibration import CalibratedNode
from common_utils.compiled.export.parity import parity_gate, varied_matrix
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.links import answer_row, answer_rows
from common_utils.compiled.nodes import ForestNode, LinearNode, MeanNode, PreparedNode, StackNode
from common_utils.compiled.row_tables import RowTables
from common_utils.compiled.store import written_arrays
from common_utils.errors import ArtifactError, DataError, ParityError
from common_utils.scoring import Scorer


def forest() -> MaskForest:
    """x <= 2: 10; above, y <= 5: 20, else 30; a missing x goes right, a missing y left."""
    return MaskForest.of(
        n_features=2,
        n_outputs=1,
        splits=[(0, 0, 2.0, 0b001, False), (0, 1, 5.0, 0b010, True)],
        leaves=[[[10.0], [20.0], [30.0]]],
    )


def model() -> CompiledModel:
    return CompiledModel(
        ForestNode(forest(), "identity"), ("price",), ("x", "y"), ColumnEncoder([InputColumn("x"), InputColumn("y")])
    )


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


_edges = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 1.0, np.nextafter(1.0, 2.0), 1e308, np.inf])
_stump = st.tuples(st.integers(0, 3), _edges, st.booleans())


@given(
    stumps=st.lists(_stump, min_size=1, max_size=12),
    x=st.lists(st.one_of(_edges, st.just(np.nan)), min_size=4, max_size=4),
)
def test_the_one_search_finds_what_comparing_finds(stumps: list[tuple[int, float, bool]], x: list[float]) -> None:
    """Also with infinite thresholds, and with any of the first and last features missing or beyond every threshold."""
    splits = [(tree, feature, at, 0b1, missing) for tree, (feature, at, missing) in enumerate(stumps)]
    leaves = [[[0.0], [2.0**tree]] for tree in range(len(stumps))]
    node = ForestNode(MaskForest.of(n_features=4, n_outputs=1, splits=splits, leaves=leaves), "identity")
    right = [not missing if np.isnan(x[feature]) else x[feature] > at for feature, at, missing in stumps]
    expected = [float(sum(2**tree for tree, goes in enumerate(right) if goes))]
    assert node.row(np.array(x)).tolist() == node.rows(np.array([x, x]))[1].tolist() == expected


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
    stumps=st.lists(_stump, min_size=1, max_size=12),
    x=st.lists(st.one_of(_edges, st.just(np.nan)), min_size=4, max_size=4),
    decided=st.permutations(range(4)).map(lambda order: tuple(order[:2])),
    other=st.lists(st.one_of(_edges, st.just(np.nan)), min_size=2, max_size=2),
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


def test_varied_rows_hold_split_points_their_neighbours_missing_and_extremes() -> None:
    X = varied_matrix(model(), np.random.default_rng(0), 2_000, base=np.array([[7.0, 7.0]]))
    values = set(X[:, 0].tolist())
    assert {2.0, np.nextafter(2.0, 3.0), np.nextafter(2.0, 1.0), 7.0, np.inf, -np.inf, 1e308} <= values
    assert np.isnan(X).any()


def test_choice_weights_survive_the_bundle_and_other_features_are_refused(tmp_path: Path) -> None:
    choice = CompiledChoice(("bill", "is_current"), np.array([-0.5, 2.0]))
    bundle = write_bundle(tmp_path, info={}, write=choice.save)
    again = CompiledChoice.open(bundle, ("bill", "is_current"))
    assert again.weights.tolist() == [-0.5, 2.0]
    with pytest.raises(ArtifactError, match=r"trained on \['bill', 'is_current'\], asked for \['is_current'\]"):
        CompiledChoice.open(bundle, ("is_current",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param('{"format": 9, "weights": {}}', "does not describe a choice", id="format"),
        pytest.param('{"format": 1, "weights": {"bill": "x"}}', "a weight is not a number", id="text"),
        pytest.param('{"format": 1, "weights": {"bill": 1e999}}', "one finite weight", id="infinite"),
    ],
)
def test_damaged_choice_weights_are_refused(tmp_path: Path, text: str, message: str) -> None:
    bundle = write_bundle(
        tmp_path, info={}, write=lambda folder: folder.joinpath("choice.json").write_text(text) and None
    )
    with pytest.raises(ArtifactError, match=message):
        CompiledChoice.open(bundle, ("bill",))


def test_a_choice_refuses_shapes_and_empty_choice_sets() -> None:
    choice = CompiledChoice(("bill",), np.array([1.0]))
    with pytest.raises(DataError, match="1 weights"):
        choice.probabilities(np.zeros((1, 2, 3)), np.ones((1, 2), dtype=bool))
    with pytest.raises(DataError, match="no alternative that is available"):
        choice.probabilities(np.zeros((1, 2, 1)), np.zeros((1, 2), dtype=bool))


def test_a_choice_gives_one_row_the_bits_of_many() -> None:
    rng = np.random.default_rng(0)
    choice = CompiledChoice(tuple("abcdefgh"), rng.normal(size=8))
    features, available = rng.normal(size=(40, 13, 8)), rng.random((40, 13)) < 0.7
    available[:, 0] = True
    many = choice.probabilities(features, available)
    for i in range(40):
        assert choice.probabilities(features[i : i + 1], available[i : i + 1]).tobytes() == many[i].tobytes()
    np.testing.assert_allclose(many.sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_the_gate_counts_rows_and_fires_on_one_of_many() -> None:
    def one_off(rows: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(rows)) == 3, rows + 1, rows)

    with pytest.raises(ParityError, match=r"1 of 5 rows differ .* \(largest 0\.5\)"):
        parity_gate(lambda rows: rows, one_off, lambda _, n: np.full(n, 2.0), rng=np.random.default_rng(0), n=5)


def test_members_of_a_mean_need_a_weight() -> None:
    one = LinearNode(np.ones((1, 1)), np.zeros(1), "identity")
    none = CompiledModel(MeanNode((one, one), (0.0, 0.0)), ("a",), ("x",))
    with pytest.raises(ArtifactError, match="members of a mean do not belong together"):
        CompiledModel.read(*none.files())
