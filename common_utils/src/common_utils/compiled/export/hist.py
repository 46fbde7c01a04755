"""Histogram gradient boosting of scikit-learn as a forest."""

from __future__ import annotations

from typing import Any

from common_utils.compiled.forest import Forest
from common_utils.compiled.links import Link
from common_utils.compiled.trees import Split, grown, refuse_large
from common_utils.errors import CompileError

__all__ = ["hgb_forest", "hgb_link"]

_LINKS: dict[str, Link] = {
    "log_loss": "logit",
    "squared_error": "identity",
    "absolute_error": "identity",
    "quantile": "identity",
    "poisson": "exp",
    "gamma": "exp",
}


def hgb_link(model: Any) -> Link:
    """Return the link of a fitted HistGradientBoostingClassifier or -Regressor.

    Raises
    ------
    CompileError
        If its loss is none we know.
    """
    if model.n_trees_per_iteration_ > 1:
        return "softmax"
    if not isinstance(model.loss, str) or model.loss not in _LINKS:
        raise CompileError(f"loss={model.loss!r} cannot be compiled; use one of {sorted(_LINKS)}.")
    return _LINKS[model.loss]


def hgb_forest(model: Any) -> Forest:
    """Return the trees of a fitted HistGradientBoostingClassifier or -Regressor; the baseline is the first tree.

    Raises
    ------
    CompileError
        If a split is categorical or a tree has more than 64 leaves.

    References
    ----------
    scikit-learn, `sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X = np.arange(40.0)[:, None]
    >>> forest = hgb_forest(HistGradientBoostingRegressor(max_iter=3).fit(X, X[:, 0]))
    >>> forest.n_trees, forest.n_outputs
    (4, 1)
    """
    if getattr(model, "is_categorical_", None) is not None:
        raise CompileError("native categorical splits cannot be compiled; encode the categories as ordinals before it.")
    # HGB starts from its baseline and adds to it, so it stands first.
    trees = [[[float(value)]] for value in model._baseline_prediction.ravel()]
    n_outputs, splits = len(trees), list[Split]()
    for iteration in model._predictors:
        for predictor in iteration:
            nodes = predictor.nodes
            refuse_large(int(nodes["is_leaf"].sum()), "max_leaf_nodes")
            splits += grown(len(trees), 0, lambda at, nodes=nodes: _step(nodes[at]), leaves := list[list[float]]())
            trees.append(leaves)
    return Forest.of(n_features=int(model.n_features_in_), n_outputs=n_outputs, splits=splits, leaves=trees)


def _step(node: Any) -> list[float] | tuple[Any, Any, int, float, bool]:
    if node["is_leaf"]:
        return [float(node["value"])]
    missing_left = bool(node["missing_go_to_left"])
    return node["left"], node["right"], int(node["feature_idx"]), float(node["num_threshold"]), missing_left
