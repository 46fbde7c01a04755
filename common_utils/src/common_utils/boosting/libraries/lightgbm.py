"""What a fitted LightGBM model holds. The library is imported by whoever fitted the model; nothing here imports it."""

from __future__ import annotations

from typing import Any

import numpy as np

from common_utils.boosting.grown import GrownForest, TreeBranch, TreeLeaf, TreeNode, TreeSplit
from common_utils.errors import CompileError

__all__ = ["exact_threshold", "read_lightgbm"]

# LightGBM, meta.h `kZeroThreshold`: a value no further from 0 than this float32 is predicted as 0.
_ZERO = float(np.float32(1e-35))
_LARGEST_WRITTEN = 1e300  # utils/common.h `AvoidInf`


def read_lightgbm(dump: dict[str, Any]) -> GrownForest:
    """Return the trees of a model as `dump_model` describes it; the first tree holds what the sums begin with.

    Raises
    ------
    CompileError
        If a split is categorical, treats 0 as missing, a leaf is linear, or trees are averaged.

    References
    ----------
    LightGBM, `include/LightGBM/tree.h`, `Tree::NumericalDecision`.

    Examples
    --------
    >>> tree = {"split_feature": 0, "threshold": 2.0, "decision_type": "<=", "missing_type": "None",
    ...         "default_left": False, "left_child": {"leaf_value": 1.0}, "right_child": {"leaf_value": 3.0}}
    >>> info = [{"num_leaves": 2, "tree_structure": tree}]
    >>> forest = read_lightgbm({"max_feature_idx": 0, "num_tree_per_iteration": 1, "tree_info": info})
    >>> forest.trees[0].split.missing_left  # NaN counts as 0 there
    True
    """
    if dump.get("average_output"):
        raise CompileError("boosting='rf' averages its trees and cannot be compiled; use boosting='gbdt'.")
    return GrownForest(
        library="lightgbm",
        loss=str(dump.get("objective", "none")),
        n_features=int(dump["max_feature_idx"]) + 1,
        n_outputs=int(dump["num_tree_per_iteration"]),
        trees=tuple(_node(tree["tree_structure"]) for tree in dump["tree_info"]),
    )


def exact_threshold(threshold: float) -> float:
    """Return the threshold that sends every value where LightGBM does.

    LightGBM takes values next to 0 for 0, and writes an infinite threshold (only missing values go right) as 1e300.

    Examples
    --------
    >>> exact_threshold(2.0), exact_threshold(0.0) > 0, exact_threshold(-1e-36) < -1e-35, exact_threshold(1e300)
    (2.0, True, True, inf)
    """
    if abs(threshold) >= _LARGEST_WRITTEN:
        return float(np.copysign(np.inf, threshold))
    if not -_ZERO <= threshold < _ZERO:
        return threshold
    return _ZERO if threshold >= 0 else float(np.nextafter(-_ZERO, -np.inf))


def _node(node: dict[str, Any]) -> TreeNode:
    if "leaf_coeff" in node:
        raise CompileError("linear_tree=True cannot be compiled; set it to False and train again.")
    if "split_feature" not in node:
        return TreeLeaf((float(node["leaf_value"]),), float(node.get("leaf_count", 1)))
    return TreeBranch(_split(node), _node(node["left_child"]), _node(node["right_child"]))


def _split(node: dict[str, Any]) -> TreeSplit:
    if node["decision_type"] != "<=":
        raise CompileError(
            "lightgbm: native categorical splits cannot be compiled; encode the categories as ordinals before it."
        )
    if node["missing_type"] == "Zero":
        raise CompileError("zero_as_missing=True cannot be compiled; set it to False and train again.")
    threshold = float(node["threshold"])
    # Where no value was missing in training, LightGBM takes NaN for 0.
    missing_left = bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
    return TreeSplit(int(node["split_feature"]), exact_threshold(threshold), missing_left)
