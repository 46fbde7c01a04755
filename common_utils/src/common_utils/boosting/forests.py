"""A fitted boosted forest as plain arrays: scored and explained with NumPy alone, whatever library grew it.

A mean of forests is one forest whose leaves are divided by their number. A row goes left where its value is at most
the node's threshold, or is missing and the node says so. `boosting.libraries` reads the library's own form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.boosting.grown import GrownForest, GrownTree, TreeBranch, TreeLeaf, TreeLevels, TreeNode, TreeSplit
from common_utils.boosting.libraries.read import read_forest
from common_utils.errors import CompileError

__all__ = ["Forest", "forest_contributions", "forest_of", "forest_scores", "kept_trees", "mean_forest"]


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

    The contributions of a row and `Forest.average` add up to its score exactly (but for rounding). They depend on
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

    Parameters
    ----------
    model : fitted classifier of two classes, or regressor

    Raises
    ------
    CompileError
        If the model is of another kind, has several outputs, splits on categories natively, or decides otherwise than
        by comparing one number a node.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X = np.arange(40.0)[:, None]
    >>> forest = forest_of(HistGradientBoostingRegressor(max_iter=3).fit(X, X[:, 0]))
    >>> len(forest.roots), forest.leaves
    (3, 2)
    """
    grown = read_forest(model)
    if grown.n_outputs != 1:
        raise CompileError(f"{grown.library}: a model with several outputs cannot be kept as arrays of one score.")
    nodes = _Nodes()
    roots = [nodes.add(tree) for tree in grown.trees]
    return Forest(
        np.array(nodes.feature, dtype=np.int64),
        np.array(nodes.threshold, dtype=np.float64),
        np.array(nodes.left, dtype=np.int64),
        np.array(nodes.right, dtype=np.int64),
        np.array(nodes.missing_left, dtype=np.bool_),
        np.array(nodes.value, dtype=np.float64),
        np.array(roots, dtype=np.int64),
        sum(grown.base, 0.0),
    )


def kept_trees(forest: Forest, n_features: int) -> GrownForest:
    """Return the trees of a forest that is kept as arrays: what any other array form is made from.

    Parameters
    ----------
    forest : Forest
    n_features : int
        Width of the rows it takes.

    Examples
    --------
    >>> stump = Forest(*map(np.array, ([0, 0, 0], [5.0, 0, 0], [1, 1, 2], [2, 1, 2], [True, True, True])),
    ...     np.array([0.25, -1.0, 1.5]), np.array([0]), 0.5)
    >>> kept_trees(stump, 1).trees[0].left.values
    (-1.0,)
    """
    inner = forest.left != np.arange(len(forest.left))

    def node(at: int) -> TreeNode:
        if not inner[at]:
            return TreeLeaf((float(forest.value[at]),))
        split = TreeSplit(int(forest.feature[at]), float(forest.threshold[at]), bool(forest.missing_left[at]))
        return TreeBranch(split, node(int(forest.left[at])), node(int(forest.right[at])))

    trees = tuple(node(root) for root in forest.roots.tolist())
    return GrownForest("arrays", "raw", n_features, 1, trees, (forest.base,))


@dataclass
class _Nodes:
    """Nodes of all trees so far, as columns."""

    feature: list[int] = field(default_factory=list[int])
    threshold: list[float] = field(default_factory=list[float])
    left: list[int] = field(default_factory=list[int])
    right: list[int] = field(default_factory=list[int])
    missing_left: list[bool] = field(default_factory=list[bool])
    value: list[float] = field(default_factory=list[float])

    def add(self, tree: GrownTree) -> int:
        """Append a tree; return the place of its root."""
        root = len(self.feature)
        if isinstance(tree, TreeLevels):
            self._add_levels(tree)
        else:
            self._add_node(tree)
        return root

    def _add_node(self, node: TreeNode) -> tuple[float, float]:
        """Append a node and all below it; return its mean and its weight."""
        if isinstance(node, TreeLeaf):
            self._append_leaf(node.values[0])
            return node.values[0], node.weight
        place = self._append(node.split)
        self.left[place] = len(self.feature)
        left_mean, left_weight = self._add_node(node.left)
        self.right[place] = len(self.feature)
        right_mean, right_weight = self._add_node(node.right)
        weight = left_weight + right_weight
        mean = _mean(left_mean, left_weight, right_mean, right_weight)
        self.value[place] = mean
        return mean, weight

    def _add_levels(self, tree: TreeLevels) -> None:
        """Append breadth first; the last split decides first, so that leaf numbers ascend from left to right."""
        start = len(self.feature)
        for level, means in enumerate(_level_means(tree)):
            for value in means:
                place = self._append(tree.splits[-1 - level])
                self.left[place] = start + 2 * (place - start) + 1
                self.right[place] = start + 2 * (place - start) + 2
                self.value[place] = value
        for leaf in tree.leaves:
            self._append_leaf(leaf.values[0])

    def _append(self, split: TreeSplit) -> int:
        place = len(self.feature)
        self.feature.append(split.feature)
        self.threshold.append(split.threshold)
        self.missing_left.append(split.missing_left)
        self.left.append(place)
        self.right.append(place)
        self.value.append(0.0)
        return place

    def _append_leaf(self, value: float) -> None:
        self.value[self._append(TreeSplit(0, 0.0, missing_left=True))] = value


def _level_means(tree: TreeLevels) -> list[list[float]]:
    """Return the means of all inner nodes, level after level from the root."""
    means, weights = [leaf.values[0] for leaf in tree.leaves], [leaf.weight for leaf in tree.leaves]
    levels: list[list[float]] = []
    for _ in tree.splits:
        means = [_mean(*pair) for pair in zip(means[::2], weights[::2], means[1::2], weights[1::2], strict=True)]
        weights = [left + right for left, right in zip(weights[::2], weights[1::2], strict=True)]
        levels.insert(0, means)
    return levels


def _mean(left: float, left_weight: float, right: float, right_weight: float) -> float:
    """Mean by training weight; of a branch no training row reached, the plain mean."""
    total = left_weight + right_weight
    return (left * left_weight + right * right_weight) / total if total > 0 else (left + right) / 2


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
