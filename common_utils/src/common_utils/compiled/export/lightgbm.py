"""LightGBM as a forest. The library is imported by whoever fitted the model; nothing here imports it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from common_utils.compiled.forest import Forest
from common_utils.compiled.links import Link
from common_utils.compiled.trees import Split, Step, grown, refuse_large
from common_utils.errors import CompileError

__all__ = ["exact_threshold", "lightgbm_forest", "lightgbm_link"]

_LINKS: dict[str, Link] = {
    "binary": "logit",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
}
# LightGBM, meta.h `kZeroThreshold`: a value no further from 0 than this float32 is predicted as 0.
_ZERO = float(np.float32(1e-35))
_LARGEST_WRITTEN = 1e300  # utils/common.h `AvoidInf`
_PLAIN_ARGUMENTS = ("num_class:", "sigmoid:1")


def lightgbm_link(dump: dict[str, Any]) -> Link:
    """Return the link of a model that `Booster.dump_model` described.

    Raises
    ------
    CompileError
        If its objective is none we know, or changed by a further argument.

    Examples
    --------
    >>> lightgbm_link({"objective": "multiclass num_class:3"})
    'softmax'
    """
    name, *arguments = str(dump.get("objective", "none")).split()
    strange = [a for a in arguments if not (a.startswith(_PLAIN_ARGUMENTS[0]) or a == _PLAIN_ARGUMENTS[1])]
    if name not in _LINKS or strange:
        given = " ".join([name, *strange])
        raise CompileError(f"objective {given!r} cannot be compiled; use one of {sorted(_LINKS)}, without arguments.")
    return _LINKS[name]


def lightgbm_forest(dump: dict[str, Any]) -> Forest:
    """Return the trees of a model that `Booster.dump_model` described.

    Raises
    ------
    CompileError
        If a split is categorical, treats 0 as missing, a leaf is linear, trees are averaged, or a tree has more than
        64 leaves.

    References
    ----------
    LightGBM, `include/LightGBM/tree.h`, `Tree::NumericalDecision`.

    Examples
    --------
    >>> tree = {"split_feature": 0, "threshold": 2.0, "decision_type": "<=", "missing_type": "None",
    ...         "default_left": False, "left_child": {"leaf_value": 1.0}, "right_child": {"leaf_value": 3.0}}
    >>> info = [{"num_leaves": 2, "tree_structure": tree}]
    >>> forest = lightgbm_forest({"max_feature_idx": 0, "num_tree_per_iteration": 1, "tree_info": info})
    >>> forest.missing_left.tolist()  # NaN counts as 0 there
    [True]
    """
    if dump.get("average_output"):
        raise CompileError("boosting='rf' averages its trees and cannot be compiled; use boosting='gbdt'.")
    splits, trees = list[Split](), list[list[list[float]]]()
    for tree in dump["tree_info"]:
        refuse_large(int(tree["num_leaves"]), "num_leaves")
        leaves = list[list[float]]()
        splits += grown(len(trees), tree["tree_structure"], _step, leaves)
        trees.append(leaves)
    return Forest.of(
        n_features=int(dump["max_feature_idx"]) + 1,
        n_outputs=int(dump["num_tree_per_iteration"]),
        splits=splits,
        leaves=trees,
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


def _step(node: dict[str, Any]) -> Step:
    if "leaf_coeff" in node:
        raise CompileError("linear_tree=True cannot be compiled; set it to False and train again.")
    if "split_feature" not in node:
        return [float(node["leaf_value"])]
    if node["decision_type"] != "<=":
        raise CompileError("native categorical splits cannot be compiled; encode the categories as ordinals before it.")
    if node["missing_type"] == "Zero":
        raise CompileError("zero_as_missing=True cannot be compiled; set it to False and train again.")
    threshold = float(node["threshold"])
    # Where no value was missing in training, LightGBM takes NaN for 0.
    missing_left = cast("bool", node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0.0
    return node["left_child"], node["right_child"], int(node["split_feature"]), exact_threshold(threshold), missing_left
