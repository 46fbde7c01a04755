"""Which link follows the sums of a forest: by what its library says it was grown for."""

from __future__ import annotations

from common_utils.boosting.grown import GrownForest
from common_utils.compiled.links import Link
from common_utils.errors import CompileError

__all__ = ["link_of"]

_CATBOOST: dict[str, Link] = {
    "Logloss": "logit",
    "CrossEntropy": "logit",
    "MultiClass": "softmax",
    "MultiClassOneVsAll": "sigmoid",
    "RMSE": "identity",
    "MAE": "identity",
    "Quantile": "identity",
    "Huber": "identity",
    "MAPE": "identity",
    "Expectile": "identity",
    "Poisson": "exp",
    "Tweedie": "exp",
}
_LIGHTGBM: dict[str, Link] = {
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
_HIST: dict[str, Link] = {
    "log_loss": "logit",
    "squared_error": "identity",
    "absolute_error": "identity",
    "quantile": "identity",
    "poisson": "exp",
    "gamma": "exp",
}
_PLAIN_CLASSES = "num_class:"
_PLAIN_SIGMOID = "sigmoid:1"


def link_of(grown: GrownForest) -> Link:
    """Return the link of a forest.

    Raises
    ------
    CompileError
        If its loss is unknown, or changed by a further argument.

    Examples
    --------
    >>> link_of(GrownForest("lightgbm", "multiclass num_class:3", 4, 3, ()))
    'softmax'
    """
    match grown.library:
        case "catboost":
            return _known("loss_function ", grown.loss.split(":")[0], _CATBOOST)
        case "lightgbm":
            return _lightgbm_link(grown.loss)
        case "hist":
            return "softmax" if grown.n_outputs > 1 else _known("loss=", grown.loss, _HIST)
        case "arrays":
            return "identity"


def _known(setting: str, loss: str, links: dict[str, Link]) -> Link:
    if loss not in links:
        raise CompileError(f"{setting}{loss!r} cannot be compiled; use one of {sorted(links)}.")
    return links[loss]


def _lightgbm_link(objective: str) -> Link:
    name, *arguments = objective.split()
    strange = [a for a in arguments if not (a.startswith(_PLAIN_CLASSES) or a == _PLAIN_SIGMOID)]
    if name not in _LIGHTGBM or strange:
        given = " ".join([name, *strange])
        raise CompileError(
            f"objective {given!r} cannot be compiled; use one of {sorted(_LIGHTGBM)}, without arguments."
        )
    return _LIGHTGBM[name]
