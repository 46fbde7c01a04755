"""From a fitted pipeline to a compiled model: the entry of the exporters. Used in training only.

Estimators are told apart by the name of their class, so that none of the libraries has to be there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from common_utils.boosting.forests import Forest, kept_trees
from common_utils.boosting.grown import GrownForest
from common_utils.boosting.libraries.read import READABLE, read_forest
from common_utils.compiled.calibration import CalibratedNode
from common_utils.compiled.encoding import ColumnEncoder, InputColumn
from common_utils.compiled.export.columns import column_encoder
from common_utils.compiled.export.forests import mask_forest
from common_utils.compiled.export.losses import link_of
from common_utils.compiled.links import Link
from common_utils.compiled.masks import table_bytes
from common_utils.compiled.model import CompiledModel, FeatureStep
from common_utils.compiled.nodes import ForestNode, LinearNode, MeanNode, Node, PreparedNode
from common_utils.errors import CompileError

__all__ = ["MAX_TABLE_BYTES", "compile_forest", "compile_node", "compile_pipeline"]

MAX_TABLE_BYTES = 1 << 28
"""What the bit tables of one forest may take in a server's memory: 256 MiB."""


def compile_pipeline(
    model: Any, *, features: FeatureStep | None = None, feature_step: str = "features"
) -> CompiledModel:
    """Return a fitted classifier or regressor as plain arrays.

    Parameters
    ----------
    model : fitted Pipeline or estimator
        Steps that are understood: a project's own formulas under the name `feature_step` (first), a
        ColumnTransformer over named columns, SimpleImputer and StandardScaler, and an estimator as `compile_node`.
    features : FeatureStep, optional
        What the formulas of the first step are on the server.
    feature_step : str
        Name of the first step where it is the project's own.

    Returns
    -------
    CompiledModel

    Raises
    ------
    CompileError
        Naming what cannot be compiled, and what to change.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from common_utils.compiled.model import CompiledScorer
    >>> cars = pd.DataFrame({"age": [1.0, 2.0, 3.0], "price": [9.0, 7.0, 5.0]})
    >>> pipeline = make_pipeline(make_column_transformer(("passthrough", ["age"])), LinearRegression())
    >>> scorer = CompiledScorer(compile_pipeline(pipeline.fit(cars, cars["price"])))
    >>> scorer.classes, scorer.score_one({"age": 4.0}).round(6).tolist()
    (('prediction',), [3.0])
    """
    steps, estimator = _split(model)
    own = bool(steps) and steps[0][0] == feature_step
    if own != (features is not None):
        raise CompileError(
            f"step {feature_step!r}: give `features=` exactly where the pipeline begins with that step; "
            "what a server computes there is code and cannot be compiled."
        )
    own_names = tuple(str(n) for n in steps[0][1].get_feature_names_out()) if own else ()
    rest = steps[1:] if own else steps
    encoder = None
    if rest and type(rest[0][1]).__name__ == "ColumnTransformer":
        encoder = column_encoder(rest[0][1])
        rest = rest[1:]
    elif not own:
        encoder = _numbers_encoder(model)
    names = own_names
    if encoder is not None:
        names = tuple(f"{c.name}" if c.width == 1 else f"{c.name}={i}" for c in encoder.columns for i in range(c.width))
    return CompiledModel(
        node=_prepared(rest, compile_node(estimator)),
        # CatBoost's regressors have an empty list of classes.
        outputs=tuple(str(label) for label in getattr(estimator, "classes_", ())) or ("prediction",),
        feature_names=names,
        encoder=encoder,
        fingerprint=None if features is None else features.fingerprint,
    )


def compile_node(estimator: Any) -> Node:
    """Return what an estimator answers (`predict_proba`, for regressors `predict`) for a matrix of features.

    Parameters
    ----------
    estimator : fitted estimator
        HistGradientBoosting, LightGBM, CatBoost, LogisticRegression, LinearRegression, Ridge, Lasso, ElasticNet;
        BoostedClassifier, ThresholdClassifier;
        VotingClassifier (soft) and VotingRegressor, CalibratedClassifierCV, TransformedTargetRegressor, FrozenEstimator
        and Pipelines of SimpleImputer and StandardScaler around them.

    Raises
    ------
    CompileError
        Naming what cannot be compiled, and what to change.
    """
    name = type(estimator).__name__
    if name not in _COMPILERS:
        raise CompileError(f"{name} cannot be compiled; use one of {', '.join(sorted(_COMPILERS))}.")
    return _COMPILERS[name](estimator)


def _forest(grown: GrownForest) -> ForestNode:
    forest = mask_forest(grown)
    size = table_bytes(forest)
    if size > MAX_TABLE_BYTES:
        raise CompileError(
            f"the tables of a forest would take {size >> 20} MiB and {MAX_TABLE_BYTES >> 20} are allowed; "
            "train fewer or smaller trees, or with fewer split values (max_bins, border_count)."
        )
    return ForestNode(forest, link_of(grown))


def compile_forest(kept: Forest, n_features: int) -> ForestNode:
    """Return the sums of a forest whose nodes lie in arrays already, as `forests.forest_of` keeps them.

    Parameters
    ----------
    kept : forests.Forest
    n_features : int
        Width of the rows it takes.

    Raises
    ------
    CompileError
        If a tree has more than 64 leaves, or the tables would be too large.

    Examples
    --------
    >>> one = np.zeros(1, dtype=np.int64)
    >>> kept = Forest(one, np.zeros(1), one, one, np.zeros(1, dtype=bool), np.array([2.0]), one, base=1.0)
    >>> compile_forest(kept, 1).rows(np.zeros((1, 1))).tolist()
    [[3.0]]
    """
    return _forest(kept_trees(kept, n_features))


def _boosted(model: Any) -> Node:
    """Return the forest of a `BoostedClassifier` under its sigmoid."""
    node = compile_forest(model.forest_, model.n_features_in_)
    parameters = (np.array([[-model.slope_], [-model.intercept_]]),)
    return CalibratedNode((node,), "sigmoid", "decision", 2, parameters)


def _linear(model: Any, link: Link) -> Node:
    weights = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64))
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), (len(weights),)).copy()
    return LinearNode(weights, intercept, link)


def _logistic(model: Any) -> Node:
    return _linear(model, "logit" if len(model.classes_) == 2 else "softmax")


def _pipeline(model: Any) -> Node:
    steps, estimator = _split(model)
    return _prepared(steps, compile_node(estimator))


def _voting(model: Any) -> Node:
    if getattr(model, "voting", "soft") != "soft":
        raise CompileError("VotingClassifier(voting='hard') cannot be compiled; use voting='soft'.")
    weights = model._weights_not_none
    members = tuple(compile_node(member) for member in model.estimators_)
    return MeanNode(members, [1.0] * len(members) if weights is None else [float(w) for w in weights])


def _transformed_target(model: Any) -> Node:
    inverse: dict[Any, Link] = {np.exp: "exp", np.expm1: "expm1"}
    node = compile_node(model.regressor_)
    if model.inverse_func not in inverse or _links(node) != {"identity"}:
        raise CompileError(
            "TransformedTargetRegressor: only func=np.log or np.log1p with inverse_func=np.exp or np.expm1, around a "
            "forest or linear model without a link of its own, can be compiled."
        )
    return _relinked(node, inverse[model.inverse_func])


def _links(node: Node) -> set[str]:
    own = {node.link} if isinstance(node, ForestNode | LinearNode) else set[str]()
    return own.union(*(_links(child) for child in node.children))


def _calibrated(model: Any) -> Node:
    members = tuple(_calibrated_member(member) for member in model.calibrated_classifiers_)
    return members[0] if len(members) == 1 else MeanNode(members, [1.0] * len(members))


def _calibrated_member(member: Any) -> Node:
    n_classes = len(member.classes)
    estimator = _thawed(member.estimator)
    if list(estimator.classes_) != list(member.classes):
        raise CompileError("CalibratedClassifierCV: a fold did not see every class; use fewer or stratified folds.")
    decides = hasattr(estimator, "decision_function")
    node = compile_node(estimator)
    if decides:
        node = _relinked(node, "identity")
    if member.method == "temperature":
        parameters = [np.array([[float(member.calibrators[0].beta_)], [0.0]])]
    elif member.method == "sigmoid":
        parameters = [np.array([[float(c.a_)], [float(c.b_)]]) for c in member.calibrators]
    else:
        parameters = [np.array([c.X_thresholds_, c.y_thresholds_], dtype=np.float64) for c in member.calibrators]
    return CalibratedNode((node,), member.method, "decision" if decides else "probability", n_classes, parameters)


def _thawed(estimator: Any) -> Any:
    return estimator.estimator if type(estimator).__name__ == "FrozenEstimator" else estimator


def _relinked(node: Node, link: Link) -> Node:
    """Return the same model with another link after its sums."""
    match node:
        case ForestNode():
            return ForestNode(node.forest, link)
        case LinearNode():
            return LinearNode(node.weights, node.intercept, link)
        case PreparedNode():
            return PreparedNode((_relinked(node.children[0], link),), node.fill, node.shift, node.scale)
        case _:
            raise CompileError(f"{type(node).__name__} has no link to change; calibrate or transform each member.")


def _split(model: Any) -> tuple[list[tuple[str, Any]], Any]:
    if type(model).__name__ != "Pipeline":
        return [], model
    steps = [(name, step) for name, step in model.steps if step is not None and step != "passthrough"]
    return steps[:-1], steps[-1][1]


def _prepared(steps: list[tuple[str, Any]], node: Node) -> Node:
    """Wrap a part in the steps before it, the last one innermost."""
    for name, step in reversed(steps):
        kind = type(step).__name__
        if kind == "SimpleImputer" and not step.add_indicator and np.isnan(step.missing_values):
            fill = np.asarray(step.statistics_, dtype=np.float64)
            if np.isnan(fill).any():
                raise CompileError(f"step {name!r}: a feature was never there in training; drop it.")
            node = PreparedNode((node,), fill, np.zeros(len(fill)), np.ones(len(fill)))
        elif kind == "StandardScaler":
            zeros = np.zeros(int(step.n_features_in_))
            shift = zeros if step.mean_ is None else np.asarray(step.mean_, dtype=np.float64)
            scale = zeros + 1 if step.scale_ is None else np.asarray(step.scale_, dtype=np.float64)
            node = PreparedNode((node,), np.full(len(zeros), np.nan), shift, scale)
        else:
            raise CompileError(
                f"step {name!r}: {kind} cannot be compiled there; use a ColumnTransformer first, then SimpleImputer "
                "(without indicator) and StandardScaler, or put the formulas into the project's own feature step."
            )
    return node


def _numbers_encoder(model: Any) -> ColumnEncoder:
    names = getattr(model, "feature_names_in_", getattr(model, "feature_names_", None))
    if names is None:
        raise CompileError("the model was fitted on columns without names; fit it on a DataFrame.")
    return ColumnEncoder([InputColumn(str(name)) for name in names])


_COMPILERS: dict[str, Callable[[Any], Node]] = {
    **dict.fromkeys(READABLE, lambda m: _forest(read_forest(m))),
    "LogisticRegression": _logistic,
    "LinearRegression": lambda m: _linear(m, "identity"),
    "Ridge": lambda m: _linear(m, "identity"),
    "Lasso": lambda m: _linear(m, "identity"),
    "ElasticNet": lambda m: _linear(m, "identity"),
    "VotingClassifier": _voting,
    "VotingRegressor": _voting,
    "CalibratedClassifierCV": _calibrated,
    "TransformedTargetRegressor": _transformed_target,
    "BoostedClassifier": _boosted,
    "ThresholdClassifier": lambda m: compile_node(m.classifier_),
    "FrozenEstimator": lambda m: compile_node(_thawed(m)),
    "Pipeline": _pipeline,
}
