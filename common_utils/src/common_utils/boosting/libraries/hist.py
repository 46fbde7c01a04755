"""What a fitted histogram gradient boosting model of scikit-learn holds; nothing here imports the library."""

from __future__ import annotations

from typing import Any

from common_utils.boosting.grown import GrownForest, TreeBranch, TreeLeaf, TreeNode, TreeSplit
from common_utils.errors import CompileError

__all__ = ["read_hist"]


def read_hist(model: Any) -> GrownForest:
    """Return the trees of a fitted HistGradientBoostingClassifier or -Regressor.

    Raises
    ------
    CompileError
        If a split is categorical.

    References
    ----------
    scikit-learn, `sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> X = np.arange(40.0)[:, None]
    >>> forest = read_hist(HistGradientBoostingRegressor(max_iter=3).fit(X, X[:, 0]))
    >>> len(forest.trees), forest.n_outputs, forest.loss
    (3, 1, 'squared_error')
    """
    if getattr(model, "is_categorical_", None) is not None:
        raise CompileError(
            "hist: native categorical splits cannot be compiled; encode the categories as ordinals before it."
        )
    base = tuple(float(value) for value in model._baseline_prediction.ravel())
    return GrownForest(
        library="hist",
        loss=model.loss if isinstance(model.loss, str) else repr(model.loss),
        n_features=int(model.n_features_in_),
        n_outputs=len(base),
        trees=tuple(_node(predictor.nodes, 0) for iteration in model._predictors for predictor in iteration),
        base=base,
    )


def _node(table: Any, at: int) -> TreeNode:
    node = table[at]
    if node["is_leaf"]:
        return TreeLeaf((float(node["value"]),), float(node["count"]))
    split = TreeSplit(int(node["feature_idx"]), float(node["num_threshold"]), bool(node["missing_go_to_left"]))
    return TreeBranch(split, _node(table, int(node["left"])), _node(table, int(node["right"])))
