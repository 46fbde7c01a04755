"""Small forests over the plans of a choice, written by hand."""

from __future__ import annotations

from common_utils.compiled import ColumnEncoder, CompiledModel, InputColumn
from common_utils.compiled.forest import MaskForest
from common_utils.compiled.links import Link
from common_utils.compiled.nodes import ForestNode
from planrec.decisions.choice_sets import BOOSTING_FEATURES

NAMES = tuple(name for name in BOOSTING_FEATURES if name != "perks")


def compiled(splits: list[tuple[str, float, int]], leaves: list[float], link: Link = "identity") -> CompiledModel:
    """One tree: features, thresholds and the leaves that are left of them; missing goes left."""
    told = [(0, NAMES.index(feature), threshold, left, True) for feature, threshold, left in splits]
    one = MaskForest.of(n_features=len(NAMES), n_outputs=1, splits=told, leaves=[[[value] for value in leaves]])
    outputs = ("left", "taken") if link == "logit" else ("log_odds",)
    encoder = ColumnEncoder([InputColumn(name) for name in NAMES])
    return CompiledModel(ForestNode(one, link), outputs, NAMES, encoder)


def forest(feature: str, threshold: float, link: Link = "identity") -> CompiledModel:
    """One split on one feature: 1 to the left, -1 to the right."""
    return compiled([(feature, threshold, 1)], [1.0, -1.0], link)
