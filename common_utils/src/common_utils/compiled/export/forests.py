"""From a forest as its library grew it to leaves ruled out by splits: leaves numbered from left to right."""

from __future__ import annotations

from typing import TypeAlias

from common_utils.boosting.grown import GrownForest, Library, TreeLeaf, TreeLevels, TreeNode
from common_utils.compiled.forest import MAX_LEAVES, MaskForest
from common_utils.errors import CompileError

__all__ = ["mask_forest"]

Split: TypeAlias = tuple[int, int, float, int, bool]
"""Tree, feature, threshold, leaves ruled out on the right, whether a missing value goes left."""

_SMALLER: dict[Library, str] = {
    "catboost": "max_leaves or depth",
    "lightgbm": "num_leaves",
    "hist": "max_leaf_nodes",
    "arrays": "depth or leaves",
}


def mask_forest(grown: GrownForest) -> MaskForest:
    """Return a forest in the form that is scored by masks.

    Parameters
    ----------
    grown : GrownForest
        What `common_utils.boosting.libraries` read; what its sums begin with becomes a tree of one leaf.

    Raises
    ------
    CompileError
        If a tree has more than 64 leaves, naming the setting that makes the trees smaller.

    Examples
    --------
    >>> from common_utils.boosting.grown import TreeBranch, TreeSplit
    >>> tree = TreeBranch(TreeSplit(0, 5.0, True), TreeLeaf((7.0,)), TreeLeaf((8.0,)))
    >>> forest = mask_forest(GrownForest("arrays", "raw", 1, 1, (tree,), base=(1.0,)))
    >>> forest.n_leaves.tolist(), forest.excluded.tolist(), forest.leaf_values.tolist()
    ([1, 2], [1], [[1.0], [7.0], [8.0]])
    """
    splits, trees = list[Split](), list[list[list[float]]]()
    if grown.base and not grown.base_last:
        trees += [[[value]] for value in grown.base]
    for tree in grown.trees:
        leaves = list[list[float]]()
        if isinstance(tree, TreeLevels):
            _refuse_large(len(tree.leaves), "depth")
            splits += _level_splits(len(trees), tree)
            leaves = [list(leaf.values) for leaf in tree.leaves]
        else:
            splits += _node_splits(len(trees), tree, leaves)
            _refuse_large(len(leaves), _SMALLER[grown.library])
        trees.append(leaves)
    if grown.base and grown.base_last:
        trees.append([list(grown.base)])
    return MaskForest.of(n_features=grown.n_features, n_outputs=grown.n_outputs, splits=splits, leaves=trees)


def _refuse_large(n_leaves: int, setting: str) -> None:
    if n_leaves > MAX_LEAVES:
        raise CompileError(
            f"a tree has {n_leaves} leaves and {MAX_LEAVES} can be compiled; set {setting} lower and train again."
        )


def _level_splits(number: int, tree: TreeLevels) -> list[Split]:
    """One split a level: on the right of level i only leaves with bit i set remain."""
    splits: list[Split] = []
    for bit, split in enumerate(tree.splits):
        excluded = sum(1 << leaf for leaf in range(len(tree.leaves)) if not leaf >> bit & 1)
        splits.append((number, split.feature, split.threshold, excluded, split.missing_left))
    return splits


def _node_splits(number: int, node: TreeNode, leaves: list[list[float]]) -> list[Split]:
    """Return the splits below a node, and append its leaves from left to right."""
    if isinstance(node, TreeLeaf):
        leaves.append(list(node.values))
        return []
    first = len(leaves)
    splits = _node_splits(number, node.left, leaves)
    excluded = (1 << len(leaves)) - (1 << first)
    own = (number, node.split.feature, node.split.threshold, excluded, node.split.missing_left)
    return [*splits, own, *_node_splits(number, node.right, leaves)]
