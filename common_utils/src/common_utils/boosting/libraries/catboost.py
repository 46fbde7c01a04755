"""What a fitted CatBoost model holds. The library is imported by whoever fitted the model; nothing here imports it.

CatBoost keeps features as float32 and goes right where value > border. The borders become float64 thresholds that
give the same side for every float64 value, so that a scorer never has to round its input.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np

from common_utils.boosting.grown import GrownForest, TreeBranch, TreeLeaf, TreeLevels, TreeNode, TreeSplit
from common_utils.errors import CompileError

__all__ = ["float64_threshold", "read_catboost"]

_BEYOND_FLOAT32 = 2.0**128
_NO_NUMBERS = ("categorical_features", "text_features", "embedding_features")


def read_catboost(model: Any) -> GrownForest:
    """Return the trees of a fitted CatBoostClassifier or -Regressor.

    Raises
    ------
    CompileError
        If a feature is no number, or the sums are scaled.

    References
    ----------
    CatBoost, `catboost/libs/model/` (evaluation on the CPU), and its JSON model format.
    """
    dump = _dump(model)
    features = dump["features_info"]
    if others := [kind for kind in _NO_NUMBERS if features.get(kind)]:
        raise CompileError(
            f"catboost: {others} cannot be compiled; encode them as numbers before it and give no cat_features."
        )
    scale, bias = dump["scale_and_bias"]
    if scale != 1:
        raise CompileError("catboost: a scale set by set_scale_and_bias cannot be compiled; leave it at 1.")
    # A value that was missing is put below all borders ("AsFalse"), above them ("AsTrue"), or compared as NaN: left.
    columns = [(int(f["flat_feature_index"]), f.get("nan_value_treatment") != "AsTrue") for f in _numbers(features)]
    base = tuple(float(value) for value in (bias if isinstance(bias, list) else [bias]))
    if "oblivious_trees" in dump:
        trees = tuple(_levels(tree, columns, len(base)) for tree in dump["oblivious_trees"])
    else:
        trees = tuple(_node(tree, columns) for tree in dump["trees"])
    return GrownForest(
        library="catboost",
        loss=str(model.get_all_params().get("loss_function")),
        n_features=1 + max((place for place, _ in columns), default=0),
        n_outputs=len(base),
        trees=trees,
        base=base,
        base_last=True,
    )


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


def _dump(model: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return cast("dict[str, Any]", json.loads(path.read_bytes()))


def _numbers(features: dict[str, Any]) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", features["float_features"])


def _levels(tree: dict[str, Any], columns: list[tuple[int, bool]], width: int) -> TreeLevels:
    splits = tuple(_split(level, columns) for level in tree.get("splits") or [])
    values = [float(value) for value in tree["leaf_values"]]
    weights = tree.get("leaf_weights") or [1.0] * (1 << len(splits))
    return TreeLevels(
        splits,
        tuple(
            TreeLeaf(tuple(values[at * width : (at + 1) * width]), float(weight)) for at, weight in enumerate(weights)
        ),
    )


def _node(node: dict[str, Any], columns: list[tuple[int, bool]]) -> TreeNode:
    if "split" in node:
        return TreeBranch(_split(node["split"], columns), _node(node["left"], columns), _node(node["right"], columns))
    value = node["value"]
    values = tuple(float(v) for v in value) if isinstance(value, list) else (float(value),)
    return TreeLeaf(values, float(node.get("weight", 1.0)))


def _split(split: dict[str, Any], columns: list[tuple[int, bool]]) -> TreeSplit:
    feature, missing_left = columns[int(split["float_feature_index"])]
    return TreeSplit(feature, float64_threshold(float(split["border"])), missing_left)
