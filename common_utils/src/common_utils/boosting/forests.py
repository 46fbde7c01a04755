"""A fitted boosted forest as plain arrays: scored and explained with NumPy alone, whatever library grew it.

A mean of forests is one forest whose leaves are divided by their number. A row goes left where its value is at most
the node's threshold, or is missing and the node says so; thresholds of libraries that compare in single precision are
moved to the double that decides alike.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import ArtifactError

__all__ = ["Forest", "forest_contributions", "forest_of", "forest_scores", "mean_forest"]


_CELLS = 200_000  # rows x trees walked at once; bounds memory


@dataclass(frozen=True)
class Forest:
    """Trees as arrays over all nodes.

    Attributes
    ----------
    feature : int64 array of shape (n_nodes,)
        Column a node looks at; of a leaf, 0.
    threshold : float64 array of shape (n_nodes,)
        At most this goes left.
    left, right : int64 array of shape (n_nodes,)
        Children; of a leaf, the leaf itself.
    missing_left : bool array of shape (n_nodes,)
        Whether a missing value goes left.
    value : float64 array of shape (n_nodes,)
        Of a leaf, what the tree adds to the score; of another node, the mean of its leaves by training weight.
    roots : int64 array of shape (n_trees,)
    base : float
        Score before any tree.
    """

    feature: IntArray
    threshold: FloatArray
    left: IntArray
    right: IntArray
    missing_left: NDArray[np.bool_]
    value: FloatArray
    roots: IntArray
    base: float

    @property
    def average(self) -> float:
        """Score of the average training row: the base and the means of all roots."""
        return float(self.base + self.value[self.roots].sum())

    @property
    def leaves(self) -> int:
        """Leaves of the largest tree."""
        inner = (self.left != np.arange(len(self.left))).astype(np.int64)
        ends = np.append(self.roots[1:], len(inner))
        return max(int(inner[start:end].sum()) + 1 for start, end in zip(self.roots, ends, strict=True))


def forest_scores(forest: Forest, matrix: FloatArray) -> FloatArray:
    """Return raw scores: base plus one leaf of every tree.

    Parameters
    ----------
    forest : Forest
    matrix : float64 array of shape (n, m)
        NaN is missing.

    Returns
    -------
    float64 array of shape (n,)

    Examples
    --------
    >>> stump = Forest(*map(np.array, ([0, 0, 0], [5.0, 0, 0], [1, 1, 2], [2, 1, 2], [True, True, True])),
    ...     np.array([0.0, -1.0, 1.0]), np.array([0]), 0.5)
    >>> forest_scores(stump, np.array([[5.0], [6.0], [np.nan]])).tolist()
    [-0.5, 1.5, -0.5]
    """
    scores = np.empty(len(matrix))
    for rows in _chunks(forest, len(matrix)):
        node = _leaves(forest, matrix[rows])
        scores[rows] = forest.base + forest.value[node].sum(axis=1)
    return scores


def forest_contributions(forest: Forest, matrix: FloatArray) -> FloatArray:
    """Return what each column adds to each score: along a row's path, the steps in the node means, by column.

    The contributions of a row and `forest.average` add up to its score exactly (but for rounding). They depend on
    the order of a tree's splits, which Shapley values do not; they need one walk instead of one per subset.

    Parameters
    ----------
    forest : Forest
    matrix : float64 array of shape (n, m)

    Returns
    -------
    float64 array of shape (n, m)

    References
    ----------
    Saabas, "Interpreting random forests", 2014.

    Examples
    --------
    >>> stump = Forest(*map(np.array, ([0, 0, 0], [5.0, 0, 0], [1, 1, 2], [2, 1, 2], [True, True, True])),
    ...     np.array([0.25, -1.0, 1.5]), np.array([0]), 0.5)
    >>> stump.average, forest_contributions(stump, np.array([[6.0]])).tolist()
    (0.75, [[1.25]])
    """
    contributions = np.zeros(matrix.shape)
    for rows in _chunks(forest, len(matrix)):
        part = matrix[rows]
        where = np.arange(rows.start, rows.start + len(part))[:, None]
        node = np.broadcast_to(forest.roots, (len(part), len(forest.roots)))
        while True:
            after = _next(forest, part, node)
            if np.array_equal(after, node):
                break
            np.add.at(contributions, (where, forest.feature[node]), forest.value[after] - forest.value[node])
            node = after
    return contributions


def mean_forest(forests: Sequence[Forest]) -> Forest:
    """Return the forest whose score is the mean of the forests' scores.

    Parameters
    ----------
    forests : sequence of Forest
        At least one.
    """
    offsets = np.cumsum([0, *(len(forest.feature) for forest in forests[:-1])])
    share = 1 / len(forests)
    return Forest(
        np.concatenate([f.feature for f in forests]),
        np.concatenate([f.threshold for f in forests]),
        np.concatenate([f.left + offset for f, offset in zip(forests, offsets, strict=True)]),
        np.concatenate([f.right + offset for f, offset in zip(forests, offsets, strict=True)]),
        np.concatenate([f.missing_left for f in forests]),
        np.concatenate([f.value * share for f in forests]),
        np.concatenate([f.roots + offset for f, offset in zip(forests, offsets, strict=True)]),
        share * sum(f.base for f in forests),
    )


def forest_of(model: Any) -> Forest:
    """Return the arrays of a fitted CatBoost, LightGBM or histogram gradient boosting model with one output.

    Raises
    ------
    ArtifactError
        If the model is of another kind, has several outputs, or splits on categories natively.
    """
    name = type(model).__name__
    if name.startswith("CatBoost"):
        return _of_trees(*_catboost_trees(model))
    if name.startswith("LGBM"):
        return _of_trees(_lightgbm_trees(model), 0.0)
    if name.startswith("HistGradientBoosting"):
        return _of_trees(*_hist_trees(model))
    raise ArtifactError(f"{name} cannot be kept as arrays; use catboost, lightgbm or histogram gradient boosting.")


_Node = tuple[int, float, int, int, bool, float]  # feature, threshold, left, right, missing_left, value; in its tree


def _of_trees(trees: Sequence[Sequence[_Node]], base: float) -> Forest:
    offset, nodes, roots = 0, list[_Node](), list[int]()
    for tree in trees:
        roots.append(offset)
        nodes += [(f, t, lo + offset, hi + offset, missing, v) for f, t, lo, hi, missing, v in tree]
        offset += len(tree)
    feature, threshold, left, right, missing_left, value = zip(*nodes, strict=True)
    return Forest(
        np.array(feature, dtype=np.int64),
        np.array(threshold, dtype=np.float64),
        np.array(left, dtype=np.int64),
        np.array(right, dtype=np.int64),
        np.array(missing_left, dtype=np.bool_),
        np.array(value, dtype=np.float64),
        np.array(roots, dtype=np.int64),
        float(base),
    )


def _catboost_trees(model: Any) -> tuple[list[list[_Node]], float]:
    """Oblivious trees: all nodes of a level share one split, and bit k of a leaf's number is level k."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        document = json.loads(path.read_text(encoding="utf-8"))
    scale, biases = document["scale_and_bias"]
    trees: list[list[_Node]] = []
    for tree in document["oblivious_trees"]:
        splits = tree["splits"] or []
        if any(split["split_type"] != "FloatFeature" for split in splits):
            raise ArtifactError("catboost: a split on categories cannot be kept as arrays; give codes as numbers.")
        if len(tree["leaf_values"]) != 2 ** len(splits) or len(biases) != 1:
            raise ArtifactError("catboost: a model with several outputs cannot be kept as arrays.")
        values = scale * np.array(tree["leaf_values"], dtype=np.float64)
        weights = np.array(tree["leaf_weights"], dtype=np.float64)
        trees.append(_oblivious(splits, values, weights))
    return trees, float(biases[0])


def _oblivious(splits: Sequence[Mapping[str, Any]], values: FloatArray, weights: FloatArray) -> list[_Node]:
    depth = len(splits)
    # The last split decides first, so that leaf numbers ascend from left to right at the bottom.
    order = list(reversed(range(depth)))
    means, masses = [values], [weights]
    for _ in order:
        mass = masses[0].reshape(-1, 2)
        pairs = means[0].reshape(-1, 2)
        total = mass.sum(axis=1)
        # A branch no training row reached: the plain mean.
        mean = np.where(total > 0, (pairs * mass).sum(axis=1) / np.where(total > 0, total, 1), pairs.mean(axis=1))
        means.insert(0, mean)
        masses.insert(0, total)
    nodes: list[_Node] = []
    for level, number in enumerate(order):
        split, first = splits[number], 2**level - 1
        threshold = _double_border(float(split["border"]))
        for place, value in enumerate(means[level].tolist()):
            child = 2 ** (level + 1) - 1 + 2 * place
            nodes.append((int(split["float_feature_index"]), threshold, child, child + 1, True, value))
            assert len(nodes) == first + place + 1  # noqa: S101 - breadth first, which the child numbers rest on
    start = len(nodes)
    return nodes + [(0, 0.0, start + leaf, start + leaf, True, value) for leaf, value in enumerate(values.tolist())]


def _double_border(border: float) -> float:
    """Return the largest double that rounds to a single at most `border`: comparing doubles then decides alike."""
    single = np.float32(border)
    above = np.nextafter(single, np.float32(np.inf))
    if not np.isfinite(above):
        return float(single)
    middle = (float(single) + float(above)) / 2
    return middle if np.float32(middle) <= single else float(np.nextafter(middle, -np.inf))


def _lightgbm_trees(model: Any) -> list[list[_Node]]:
    document = model.booster_.dump_model()
    if document["num_tree_per_iteration"] != 1:
        raise ArtifactError("lightgbm: a model with several outputs cannot be kept as arrays.")
    trees: list[list[_Node]] = []
    for tree in document["tree_info"]:
        nodes: list[_Node] = []
        _lightgbm_node(tree["tree_structure"], nodes)
        trees.append(nodes)
    return trees


def _lightgbm_node(node: Mapping[str, Any], nodes: list[_Node]) -> tuple[int, float, float]:
    """Append a node and all below it; return its place, its mean and its training rows."""
    place = len(nodes)
    if "leaf_value" in node:
        value = float(node["leaf_value"])
        nodes.append((0, 0.0, place, place, True, value))
        return place, value, float(node.get("leaf_count", 1))
    if node["decision_type"] != "<=":
        raise ArtifactError("lightgbm: a split on categories cannot be kept as arrays; give codes as numbers.")
    nodes.append((0, 0.0, place, place, True, 0.0))  # replaced when its children are known
    left, left_mean, left_rows = _lightgbm_node(node["left_child"], nodes)
    right, right_mean, right_rows = _lightgbm_node(node["right_child"], nodes)
    rows = left_rows + right_rows
    mean = (left_mean * left_rows + right_mean * right_rows) / rows
    threshold = float(node["threshold"])
    # Where training saw nothing missing, a missing value is read as zero.
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0
    nodes[place] = (int(node["split_feature"]), threshold, left, right, missing_left, mean)
    return place, mean, rows


def _hist_trees(model: Any) -> tuple[list[list[_Node]], float]:
    if model.n_trees_per_iteration_ != 1:
        raise ArtifactError("histogram gradient boosting with several outputs cannot be kept as arrays.")
    trees: list[list[_Node]] = []
    for (predictor,) in model._predictors:
        table = predictor.nodes
        if table["is_categorical"].any():
            raise ArtifactError("a split on categories cannot be kept as arrays; give codes as numbers.")
        values, tree = _hist_means(table), list[_Node]()
        for place, node in enumerate(table):
            left, right = (place, place) if node["is_leaf"] else (int(node["left"]), int(node["right"]))
            feature, missing_left = int(node["feature_idx"]), bool(node["missing_go_to_left"])
            tree.append((feature, float(node["num_threshold"]), left, right, missing_left, values[place]))
        trees.append(tree)
    return trees, float(np.ravel(model._baseline_prediction)[0])


def _hist_means(table: NDArray[Any]) -> list[float]:
    """Mean of the leaves below each node, by rows; children come after their parent."""
    means = table["value"].astype(np.float64).tolist()
    for place in range(len(table) - 1, -1, -1):
        node = table[place]
        if not node["is_leaf"]:
            left, right = int(node["left"]), int(node["right"])
            counts = float(table[left]["count"]), float(table[right]["count"])
            means[place] = (means[left] * counts[0] + means[right] * counts[1]) / sum(counts)
    return means


def _chunks(forest: Forest, n_rows: int) -> Iterator[slice]:
    size = max(1, _CELLS // len(forest.roots))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def _next(forest: Forest, matrix: FloatArray, node: IntArray) -> IntArray:
    values = np.take_along_axis(matrix, forest.feature[node], axis=1)
    left = np.where(np.isnan(values), forest.missing_left[node], values <= forest.threshold[node])
    return np.where(left, forest.left[node], forest.right[node])


def _leaves(forest: Forest, matrix: FloatArray) -> IntArray:
    # Cells that reached a leaf are walked no further: trees grown leaf by leaf have few deep leaves.
    n_rows, n_trees = len(matrix), len(forest.roots)
    inner = forest.left != np.arange(len(forest.left))
    node, values = np.tile(forest.roots, n_rows), matrix.ravel()
    active = np.flatnonzero(inner[node])
    start = active // n_trees * matrix.shape[1]
    while len(active):
        at = node[active]
        asked = values[start + forest.feature[at]]
        left = np.where(np.isnan(asked), forest.missing_left[at], asked <= forest.threshold[at])
        node[active] = after = np.where(left, forest.left[at], forest.right[at])
        going = inner[after]
        active, start = active[going], start[going]
    return node.reshape(n_rows, n_trees)
