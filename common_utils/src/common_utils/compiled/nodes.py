"""The parts a compiled model is built of: forests, linear models, and what averages, stacks or prepares them.

A part takes rows of features and returns rows of scores; every part answers one row with the same bits as many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.links import LINKS, Link, answer_row, answer_rows, answer_width
from common_utils.compiled.store import ArrayStore
from common_utils.compiled.tables import ForestTables
from common_utils.errors import ArtifactError, DataError

__all__ = ["ForestNode", "LinearNode", "MeanNode", "Node", "PreparedNode", "StackNode"]

_LINEAR_BLOCK = 1024


class Node(Protocol):
    """Rows of features in, rows of scores out."""

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        ...

    @property
    def children(self) -> Sequence[Node]:
        """Parts it is built on."""
        ...

    def rows(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs) for a matrix of shape (n, n_features)."""
        ...

    def row(self, x: FloatArray) -> FloatArray:
        """Return scores of shape (n_outputs,) for one row of shape (n_features,)."""
        ...

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        ...


@dataclass(frozen=True)
class ForestNode:
    """A forest and the link after it.

    Examples
    --------
    >>> forest = MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, True)], leaves=[[[0.0], [9.0]]])
    >>> ForestNode(forest, "identity").row(np.array([3.0])).tolist()
    [9.0]
    """

    forest: MaskForest
    link: Link
    children: Sequence[Node] = ()
    _tables: ForestTables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tables", ForestTables(self.forest))

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return answer_width(self.link, self.forest.n_outputs)

    def rows(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs)."""
        return answer_rows(self.link, self._tables.rows(X))

    def row(self, x: FloatArray) -> FloatArray:
        """Return scores of shape (n_outputs,)."""
        return np.array(answer_row(self.link, self._tables.row(x)))

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        forest = self.forest
        parts = ("split_tree", "split_feature", "threshold", "excluded", "missing_left", "n_leaves", "leaf_values")
        return {
            "node": "forest",
            "link": self.link,
            "n_features": forest.n_features,
            "n_outputs": forest.n_outputs,
            **{name: store.put(getattr(forest, name)) for name in parts},
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any], store: ArrayStore) -> ForestNode:
        """Return the part that `dump` described."""
        forest = MaskForest(
            n_features=int(spec["n_features"]),
            n_outputs=int(spec["n_outputs"]),
            split_tree=store.get(spec["split_tree"], "i", 1),
            split_feature=store.get(spec["split_feature"], "i", 1),
            threshold=store.get(spec["threshold"], "f", 1),
            excluded=store.get(spec["excluded"], "u", 1),
            missing_left=store.get(spec["missing_left"], "b", 1),
            n_leaves=store.get(spec["n_leaves"], "i", 1),
            leaf_values=store.get(spec["leaf_values"], "f", 2),
        )
        forest.check()
        return cls(forest, checked_link(spec))


@dataclass(frozen=True)
class LinearNode:
    """Sums of weighted features and the link after them.

    Attributes
    ----------
    weights : float64 array of shape (n_outputs, n_features)
    intercept : float64 array of shape (n_outputs,)
    link : Link

    Examples
    --------
    >>> LinearNode(np.array([[2.0, -1.0]]), np.array([0.5]), "identity").rows(np.array([[1.0, 1.0]])).tolist()
    [[1.5]]
    """

    weights: FloatArray
    intercept: FloatArray
    link: Link
    children: Sequence[Node] = ()

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return answer_width(self.link, len(self.intercept))

    def rows(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs).

        Raises
        ------
        DataError
            If a feature is missing or infinite: a linear model has no answer then.
        """
        if not np.isfinite(X).all():
            raise DataError(
                "scorer: a feature is missing or infinite, and the linear model takes neither; "
                "give the value, or train with an imputer before the model."
            )
        out = np.empty((len(X), len(self.intercept)))
        for start in range(0, len(X), _LINEAR_BLOCK):
            # Not a matrix product: that adds in another order for one row than for many.
            block = X[start : start + _LINEAR_BLOCK, None, :] * self.weights
            out[start : start + _LINEAR_BLOCK] = np.add.reduce(block, axis=2)
        return answer_rows(self.link, out + self.intercept)

    def row(self, x: FloatArray) -> FloatArray:
        """Return scores of shape (n_outputs,)."""
        return self.rows(x[None, :])[0]

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        arrays = {"weights": store.put(self.weights), "intercept": store.put(self.intercept)}
        return {"node": "linear", "link": self.link, **arrays}

    @classmethod
    def load(cls, spec: Mapping[str, Any], store: ArrayStore) -> LinearNode:
        """Return the part that `dump` described."""
        weights, intercept = store.get(spec["weights"], "f", 2), store.get(spec["intercept"], "f", 1)
        if len(weights) != len(intercept):
            raise ArtifactError("scorer: weights and intercept do not belong together; train and compile it again.")
        return cls(weights, intercept, checked_link(spec))


@dataclass(frozen=True)
class MeanNode:
    """Weighted mean of several parts: soft voting, averaged regressors, calibrated folds.

    Attributes
    ----------
    children : sequence of Node
        At least one, of equal `n_outputs`.
    weights : sequence of float

    Examples
    --------
    >>> one, three = (LinearNode(np.zeros((1, 1)), np.array([v]), "identity") for v in (1.0, 3.0))
    >>> MeanNode((one, three), (3.0, 1.0)).row(np.array([0.0])).tolist()
    [1.5]
    """

    children: Sequence[Node]
    weights: Sequence[float]

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return self.children[0].n_outputs

    def rows(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs)."""
        return self._mean([child.rows(X) for child in self.children])

    def row(self, x: FloatArray) -> FloatArray:
        """Return scores of shape (n_outputs,)."""
        return self._mean([child.row(x) for child in self.children])

    def _mean(self, scores: list[FloatArray]) -> FloatArray:
        total = scores[0] * self.weights[0]
        for score, weight in zip(scores[1:], self.weights[1:], strict=True):
            total += score * weight
        return total / sum(self.weights)

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        return {"node": "mean", "weights": list(self.weights), "children": [c.dump(store) for c in self.children]}


@dataclass(frozen=True)
class StackNode:
    """Several parts side by side, for example a low, a middle and a high quantile.

    Examples
    --------
    >>> low, high = (LinearNode(np.zeros((1, 1)), np.array([v]), "identity") for v in (1.0, 3.0))
    >>> StackNode((low, high)).row(np.array([0.0])).tolist()
    [1.0, 3.0]
    """

    children: Sequence[Node]

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return sum(child.n_outputs for child in self.children)

    def rows(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs)."""
        return np.hstack([child.rows(X) for child in self.children])

    def row(self, x: FloatArray) -> FloatArray:
        """Return scores of shape (n_outputs,)."""
        return np.concatenate([child.row(x) for child in self.children])

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        return {"node": "stack", "children": [child.dump(store) for child in self.children]}


@dataclass(frozen=True)
class PreparedNode:
    """Missing values filled, then features shifted and scaled, before one part.

    Attributes
    ----------
    children : sequence of one Node
    fill : float64 array of shape (n_features,)
        Put where a value is missing; NaN leaves it missing.
    shift, scale : float64 arrays of shape (n_features,)
        A value v becomes (v - shift) / scale.

    Examples
    --------
    >>> inner = LinearNode(np.array([[1.0]]), np.array([0.0]), "identity")
    >>> node = PreparedNode((inner,), fill=np.array([4.0]), shift=np.array([1.0]), scale=np.array([2.0]))
    >>> node.rows(np.array([[np.nan], [7.0]])).tolist()
    [[1.5], [3.0]]
    """

    children: Sequence[Node]
    fill: FloatArray
    shift: FloatArray
    scale: FloatArray

    @property
    def n_outputs(self) -> int:
        """Scores per row."""
        return self.children[0].n_outputs

    def rows(self, X: FloatArray) -> FloatArray:
        """Return scores of shape (n, n_outputs)."""
        return self.children[0].rows(self._prepared(X))

    def row(self, x: FloatArray) -> FloatArray:
        """Return scores of shape (n_outputs,)."""
        return self.children[0].row(self._prepared(x))

    def _prepared(self, X: FloatArray) -> FloatArray:
        return (np.where(np.isnan(X), self.fill, X) - self.shift) / self.scale

    def dump(self, store: ArrayStore) -> dict[str, object]:
        """Return a JSON description whose arrays lie in the store."""
        arrays = {name: store.put(getattr(self, name)) for name in ("fill", "shift", "scale")}
        return {"node": "prepared", **arrays, "children": [child.dump(store) for child in self.children]}


def checked_link(spec: Mapping[str, Any]) -> Link:
    """Return the link a description names, or refuse it."""
    if spec["link"] not in LINKS:
        raise ArtifactError(f"scorer: unknown link {spec['link']!r}; known are {LINKS}. Compile it again.")
    return cast("Link", spec["link"])
