"""A forest as a library grew it, in words common to all: what readers give and every array form is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["GrownForest", "GrownTree", "Library", "TreeBranch", "TreeLeaf", "TreeLevels", "TreeNode", "TreeSplit"]

Library: TypeAlias = Literal["catboost", "lightgbm", "hist", "arrays"]
"""Who grew a forest; `arrays` was read back from arrays of ours."""


@dataclass(frozen=True, slots=True)
class TreeSplit:
    """A question about one feature, exact for float64 values.

    Attributes
    ----------
    feature : int
        Column of the matrix.
    threshold : float
        At most this goes left; may be infinite, never NaN.
    missing_left : bool
        Whether a missing value (NaN) goes left.
    """

    feature: int
    threshold: float
    missing_left: bool


@dataclass(frozen=True, slots=True)
class TreeLeaf:
    """Where a row ends.

    Attributes
    ----------
    values : tuple of float
        What is added: to the tree's own output, or to each of all outputs.
    weight : float
        Training rows, or their weight, that ended here; 0 where none did.
    """

    values: tuple[float, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TreeBranch:
    """A split with what follows on each side."""

    split: TreeSplit
    left: TreeNode
    right: TreeNode


TreeNode: TypeAlias = TreeLeaf | TreeBranch


@dataclass(frozen=True, slots=True)
class TreeLevels:
    """A tree that asks one question on each level (CatBoost's oblivious trees).

    Attributes
    ----------
    splits : tuple of TreeSplit
    leaves : tuple of TreeLeaf
        2 ** len(splits); a row ends in the leaf whose number has bit i set where split i sends it right.
    """

    splits: tuple[TreeSplit, ...]
    leaves: tuple[TreeLeaf, ...]


GrownTree: TypeAlias = TreeNode | TreeLevels


@dataclass(frozen=True, slots=True)
class GrownForest:
    """Trees that are summed in order; tree t adds to output t % n_outputs, or to all where its leaves hold so many.

    Attributes
    ----------
    library : str
        Who grew it.
    loss : str
        What it was grown for, in the library's own words.
    n_features : int
        Width of the rows it takes.
    n_outputs : int
        Sums that come out, >= 1.
    trees : tuple of GrownTree
    base : tuple of float
        Added to each output beside the trees; empty where nothing is.
    base_last : bool
        Whether the base is added after the trees; sums differ in their last bits.
    """

    library: Library
    loss: str
    n_features: int
    n_outputs: int
    trees: tuple[GrownTree, ...]
    base: tuple[float, ...] = ()
    base_last: bool = False
