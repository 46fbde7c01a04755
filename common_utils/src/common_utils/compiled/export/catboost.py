"""CatBoost as a forest. The library is imported by whoever fitted the model; nothing here imports it.

CatBoost keeps features as float32 and goes right where value > border. The borders become float64 thresholds that
give the same side for every float64 value, so that a scorer never has to round its input.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np

from common_utils.compiled.forest import Forest
from common_utils.compiled.links import Link
from common_utils.compiled.trees import Split, Step, grown, refuse_large
from common_utils.errors import CompileError

__all__ = ["catboost_dump", "catboost_forest", "catboost_link", "float64_threshold"]

_LINKS: dict[str, Link] = {
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
_BEYOND_FLOAT32 = 2.0**128


def float64_threshold(border: float) -> float:
    """Return the largest float64 that CatBoost, after rounding to float32, does not see above the border.

    Parameters
    ----------
    border : float
        A float32 value.

    Examples
    --------
    >>> t = float64_threshold(1.0)
    >>> bool(np.float32(t) <= 1), bool(np.float32(np.nextafter(t, 2)) > 1), t > 1
    (True, True, True)
    """
    low = np.float32(border)
    with np.errstate(over="ignore"):  # beyond the largest float32
        above = np.nextafter(low, np.float32(np.inf))
        middle = (float(low) + (float(above) if np.isfinite(above) else _BEYOND_FLOAT32)) / 2
        rounds_down = np.float32(middle) == low
    return middle if rounds_down else float(np.nextafter(middle, -np.inf))


def catboost_dump(model: Any) -> dict[str, Any]:
    """Return what a fitted CatBoost model writes as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return cast("dict[str, Any]", json.loads(path.read_bytes()))


def catboost_link(model: Any) -> Link:
    """Return the link of a fitted CatBoost model.

    Raises
    ------
    CompileError
        If its loss is none we know.
    """
    loss = str(model.get_all_params().get("loss_function")).split(":")[0]
    if loss not in _LINKS:
        raise CompileError(f"loss_function {loss!r} cannot be compiled; use one of {sorted(_LINKS)}.")
    return _LINKS[loss]


def catboost_forest(dump: dict[str, Any]) -> Forest:
    """Return the trees of a model that `catboost_dump` described; the bias is the last tree.

    Raises
    ------
    CompileError
        If a feature is no number, the sums are scaled, or a tree has more than 64 leaves.

    References
    ----------
    CatBoost, `catboost/libs/model/` (evaluation on the CPU), and its JSON model format.
    """
    features = dump["features_info"]
    if others := [
        kind for kind in ("categorical_features", "text_features", "embedding_features") if features.get(kind)
    ]:
        raise CompileError(f"{others} cannot be compiled; encode them as numbers before it and give no cat_features.")
    scale, bias = dump["scale_and_bias"]
    if scale != 1:
        raise CompileError("a scale set by set_scale_and_bias cannot be compiled; leave it at 1.")
    numbers = [
        (int(f["flat_feature_index"]), f.get("nan_value_treatment") != "AsTrue") for f in features["float_features"]
    ]
    splits, trees = list[Split](), list[list[list[float]]]()
    biases = [float(value) for value in (bias if isinstance(bias, list) else [bias])]
    if "oblivious_trees" in dump:
        for tree in dump["oblivious_trees"]:
            splits += _level_splits(len(trees), tree, numbers)
            trees.append(_groups(tree["leaf_values"], len(biases)))
    else:
        for tree in dump["trees"]:
            leaves = list[list[float]]()
            splits += grown(len(trees), tree, lambda node: _step(node, numbers), leaves)
            refuse_large(len(leaves), "max_leaves or depth")
            trees.append(leaves)
    return Forest.of(
        n_features=1 + max((place for place, _ in numbers), default=0),
        n_outputs=len(biases),
        splits=splits,
        leaves=[*trees, [biases]],
    )


def _level_splits(tree: int, spec: dict[str, Any], numbers: list[tuple[int, bool]]) -> list[Split]:
    """One split a level: on the right of level i only leaves with bit i set remain."""
    levels = spec.get("splits") or []
    n_leaves = 1 << len(levels)
    refuse_large(n_leaves, "depth")
    splits: list[Split] = []
    for bit, level in enumerate(levels):
        excluded = sum(1 << leaf for leaf in range(n_leaves) if not leaf >> bit & 1)
        feature, threshold, missing_left = _float_split(level, numbers)
        splits.append((tree, feature, threshold, excluded, missing_left))
    return splits


def _step(node: dict[str, Any], numbers: list[tuple[int, bool]]) -> Step:
    if "split" not in node:
        value = node["value"]
        return [float(v) for v in value] if isinstance(value, list) else [float(value)]
    return node["left"], node["right"], *_float_split(node["split"], numbers)


def _float_split(split: dict[str, Any], numbers: list[tuple[int, bool]]) -> tuple[int, float, bool]:
    feature, missing_left = numbers[int(split["float_feature_index"])]
    return feature, float64_threshold(float(split["border"])), missing_left


def _groups(values: list[float], width: int) -> list[list[float]]:
    return [values[at : at + width] for at in range(0, len(values), width)]
