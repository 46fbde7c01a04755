"""A forest as plain arrays: every split with the leaves it rules out. Any axis-aligned library fits in here.

The leaves of a tree are numbered from left to right. A row that goes right at a split (value above the threshold)
cannot end in the leaves left of it; of the leaves that no split rules out, the lowest is where the row ends
(Lucchese et al., 2015, "QuickScorer"). A tree of equal splits per level (CatBoost) follows the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.errors import ArtifactError

__all__ = ["MAX_LEAVES", "MaskForest"]

MAX_LEAVES = 64


@dataclass(frozen=True, slots=True)
class MaskForest:
    """Trees that are summed in order, each into one output or into all of them.

    Attributes
    ----------
    n_features : int
        Width of the rows it takes.
    n_outputs : int
        Sums that come out, >= 1.
    split_tree, split_feature : int64 arrays of shape (n_splits,)
        Which tree a split belongs to, and which feature it looks at.
    threshold : float64 array of shape (n_splits,)
        A value up to and including it goes left; may be infinite, never NaN.
    excluded : uint64 array of shape (n_splits,)
        Bit set of the leaves ruled out for a row that goes right.
    missing_left : bool array of shape (n_splits,)
        Where a missing value (NaN) goes.
    n_leaves : int64 array of shape (n_trees,)
        1 to 64.
    leaf_values : float64 array of shape (n_leaves.sum(), width)
        Tree after tree. Width 1: tree t adds to output t % n_outputs. Width n_outputs: to all.

    Examples
    --------
    One tree, `x <= 2` gives 10 and above it 20:

    >>> forest = MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 0b01, True)], leaves=[[[10.0], [20.0]]])
    >>> forest.n_trees
    1
    """

    n_features: int
    n_outputs: int
    split_tree: NDArray[np.int64]
    split_feature: NDArray[np.int64]
    threshold: FloatArray
    excluded: NDArray[np.uint64]
    missing_left: NDArray[np.bool_]
    n_leaves: NDArray[np.int64]
    leaf_values: FloatArray

    @classmethod
    def of(
        cls,
        *,
        n_features: int,
        n_outputs: int,
        splits: list[tuple[int, int, float, int, bool]],
        leaves: list[list[list[float]]],
    ) -> MaskForest:
        """Return a forest from Python lists.

        Parameters
        ----------
        n_features, n_outputs : int
        splits : list of (tree, feature, threshold, excluded, missing_left)
        leaves : list of list of list of float
            Per tree and leaf the values added.

        Raises
        ------
        ArtifactError
            As `check`.
        """
        columns = list(zip(*splits, strict=True)) if splits else [(), (), (), (), ()]
        forest = cls(
            n_features,
            n_outputs,
            np.array(columns[0], dtype=np.int64),
            np.array(columns[1], dtype=np.int64),
            np.array(columns[2], dtype=np.float64),
            np.array(columns[3], dtype=np.uint64),
            np.array(columns[4], dtype=np.bool_),
            np.array([len(tree) for tree in leaves], dtype=np.int64),
            np.array([leaf for tree in leaves for leaf in tree], dtype=np.float64),
        )
        forest.check()
        return forest

    @property
    def n_trees(self) -> int:
        """How many trees are summed."""
        return len(self.n_leaves)

    @property
    def width(self) -> int:
        """How many numbers a leaf holds: 1, or one for each output."""
        return self.leaf_values.shape[1]

    def split_points(self) -> dict[int, FloatArray]:
        """Return the sorted distinct thresholds of each feature that is looked at.

        Examples
        --------
        >>> forest = MaskForest.of(n_features=2, n_outputs=1, splits=[(0, 1, 2.0, 1, True)], leaves=[[[0.0], [1.0]]])
        >>> forest.split_points()
        {1: array([2.])}
        """
        return {int(f): np.unique(self.threshold[self.split_feature == f]) for f in np.unique(self.split_feature)}

    def with_exact_sums(self) -> MaskForest:
        """Return the forest with leaf values that differ in the last bits, so that sums of them are exact.

        Values are rounded to whole multiples of one power of two, about 2**-52 of the largest sum. Sums then have the
        same bits in whatever order they are added: tree by tree, or from tables of whole groups of trees.

        Examples
        --------
        >>> forest = MaskForest.of(n_features=1, n_outputs=1, splits=[(0, 0, 2.0, 1, True)], leaves=[[[0.1], [3.0]]])
        >>> forest.sums_exactly, forest.with_exact_sums().sums_exactly
        (False, True)
        """
        unit = np.ldexp(1.0, self._exponent() - 52)
        return replace(self, leaf_values=np.rint(self.leaf_values / unit) * unit)

    @property
    def sums_exactly(self) -> bool:
        """Whether sums of leaf values are exact in whatever order they are added."""
        multiples = self.leaf_values / np.ldexp(1.0, self._exponent() - 53)
        return bool((multiples == np.rint(multiples)).all())

    def _exponent(self) -> int:
        """Return e so that no sum of leaves reaches 2**e."""
        largest = np.maximum.reduceat(np.abs(self.leaf_values).max(axis=1), np.cumsum(self.n_leaves) - self.n_leaves)
        return int(np.frexp(largest.sum())[1])

    def check(self) -> None:
        """Refuse arrays that do not belong together, before anything is computed from them.

        Raises
        ------
        ArtifactError
            Naming what is wrong.
        """
        splits = (self.split_tree, self.split_feature, self.threshold, self.excluded, self.missing_left)
        whole_groups = self.width in {1, self.n_outputs} and self.n_trees * self.width % max(self.n_outputs, 1) == 0
        # The last leaf of a tree is never left of a split, so one leaf always remains.
        if not (
            self.n_outputs >= 1
            and self.n_trees >= 1
            and len({part.shape for part in splits}) == 1
            and _within(self.n_leaves, 1, MAX_LEAVES)
            and self.leaf_values.shape == (int(self.n_leaves.sum()), self.width)
            and whole_groups
            and _within(self.split_tree, 0, self.n_trees - 1)
            and _within(self.split_feature, 0, self.n_features - 1)
            and bool((self.excluded >> (self.n_leaves[self.split_tree] - 1).astype(np.uint64) == 0).all())
        ):
            raise ArtifactError("scorer: the arrays of a forest do not belong together; train and compile it again.")
        if np.isnan(self.threshold).any() or not np.isfinite(self.leaf_values).all():
            raise ArtifactError("scorer: a forest holds a number that is not finite; train and compile it again.")


def _within(values: NDArray[np.int64], low: int, high: int) -> bool:
    return not len(values) or bool(values.min() >= low and values.max() <= high)
