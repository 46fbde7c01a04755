"""What the exporters of tree libraries share: numbering leaves from left to right and naming what is too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from common_utils.compiled.forest import MAX_LEAVES
from common_utils.errors import CompileError

__all__ = ["Branch", "Split", "Step", "grown", "refuse_large"]

Split: TypeAlias = tuple[int, int, float, int, bool]
"""Tree, feature, threshold, leaves ruled out on the right, whether a missing value goes left."""

Branch: TypeAlias = tuple[Any, Any, int, float, bool]
"""Left child, right child, feature, threshold, whether a missing value goes left."""

Step: TypeAlias = list[float] | Branch
"""A leaf's values, or a branch."""


def refuse_large(n_leaves: int, setting: str) -> None:
    """Refuse a tree whose leaves do not fit in one machine word.

    Raises
    ------
    CompileError
        Naming the setting that makes the trees smaller.
    """
    if n_leaves > MAX_LEAVES:
        raise CompileError(
            f"a tree has {n_leaves} leaves and {MAX_LEAVES} can be compiled; set {setting} lower and train again."
        )


def grown(tree: int, root: Any, step: Callable[[Any], Step], leaves: list[list[float]]) -> list[Split]:
    """Return the splits of a tree of nodes, and append its leaves from left to right.

    Parameters
    ----------
    tree : int
        Number of the tree.
    root : object
        What `step` takes first.
    step : callable
        Returns a node's values where it is a leaf, else its branch.
    leaves : list
        Filled.

    Examples
    --------
    >>> nodes = [(1, 2, 0, 5.0, True), [7.0], [8.0]]
    >>> leaves = []
    >>> grown(0, 0, lambda at: nodes[at], leaves), leaves
    ([(0, 0, 5.0, 1, True)], [[7.0], [8.0]])
    """
    node = step(root)
    if isinstance(node, list):
        leaves.append(node)
        return []
    left, right, feature, threshold, missing_left = node
    first = len(leaves)
    splits = grown(tree, left, step, leaves)
    excluded = (1 << len(leaves)) - (1 << first)
    return [*splits, (tree, feature, threshold, excluded, missing_left), *grown(tree, right, step, leaves)]
