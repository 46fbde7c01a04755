"""The trees of a choice model as tables: for each plan and plan held, a sum of leaves by interval of each number.

What a plan and the plan held decide is known beforehand; given that, a tree looks at one number at most
(`decisions.choice_sets.DECIDED_FEATURES`), so all trees that look at the same one are a step function of it. Leaf
values add up exactly (`MaskForest.with_exact_sums`): a sum from tables has the bits of trees added one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.compiled import CompiledModel
from common_utils.compiled.masks import Leaves, MaskTable, mask_tables, mask_type
from common_utils.compiled.nodes import ForestNode
from common_utils.errors import ArtifactError
from planrec.billing import Catalogue
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES, CONTEXT_FEATURES, context_features, fixed_features
from planrec.decisions.choice_sets import BOOSTING_FEATURES, DECIDED_FEATURES, NUMBER_FEATURES

__all__ = ["PlanTables"]

_AT_HAND = 1 << 24  # bytes of tables that are kept, for the plans held last


class PlanTables:
    """What the trees add up to for the plans of a rate card.

    Parameters
    ----------
    trees : CompiledModel
        A forest over some of `BOOSTING_FEATURES`.
    catalogue : Catalogue

    Attributes
    ----------
    thresholds : list of float64 arrays
        By number, in the order of `NUMBER_FEATURES`; rising. A value up to and including one lies below it.
    starts : int64 array of shape (n_numbers,)
        Where the intervals of each number begin among the points of a table.
    missing : int64 array of shape (n_numbers,)
        The point of each number that is not known; these come last.
    sums : callable
        Returns the table of a plan held (its position, -1 where it is not known), float64 of shape (n_plans, n_points).

    Raises
    ------
    ArtifactError
        If the model is not a forest that adds up exactly, asks for other features, or a tree looks at two numbers.
    """

    def __init__(self, trees: CompiledModel, catalogue: Catalogue) -> None:
        node, n = trees.node, len(catalogue.plans)
        if not (isinstance(node, ForestNode) and node.link == "identity" and node.forest.sums_exactly):
            raise ArtifactError("choice: the trees are not a forest that adds up exactly; train again.")
        if not set(trees.feature_names) <= set(BOOSTING_FEATURES):
            raise ArtifactError("choice: the trees ask for other features; train again.")
        self._forest, self._leaves, self._catalogue = node.forest, Leaves(node.forest), catalogue
        self._places = {name: place for place, name in enumerate(trees.feature_names)}
        self._tables = mask_tables(node.forest)
        self.thresholds = [self._table(name)[0] for name in NUMBER_FEATURES]
        intervals = np.array([len(part) + 1 for part in self.thresholds])
        self.starts: IntArray = np.cumsum(intervals) - intervals
        self.missing: IntArray = intervals.sum() + np.arange(len(intervals))
        n_points = int(self.missing[-1]) + 1
        self.sums = lru_cache(min(max(_AT_HAND // (n * n_points * 8), 1), n + 1))(self._sums_of)
        self.sums(-1)  # a tree that looks at two numbers is told when the bundle is opened

    def log_odds(self, numbers: Sequence[FloatArray], held: IntArray) -> FloatArray:
        """Return what the trees add up to, float64 array of shape (n, n_plans).

        Parameters
        ----------
        numbers : sequence of float64 arrays of shape (n, n_plans) or (n, 1)
            As `choice_sets.tree_numbers`.
        held : int64 array of shape (n,)
            Position of the plan held, -1 where it is not looked at or not known.
        """
        n_plans = len(self._catalogue.plans)
        found = np.zeros((len(held), n_plans))
        points = [self._points(number, values) for number, values in enumerate(numbers)]
        plans = np.arange(n_plans)
        for plan in np.unique(held).tolist():
            rows = np.flatnonzero(held == plan)
            sums = self.sums(plan)
            of_plan = plans * sums.shape[1]
            for places in points:
                found[rows] += sums.take(places[rows] + of_plan)
        return found

    def _points(self, number: int, values: FloatArray) -> IntArray:
        found = self.thresholds[number].searchsorted(values)
        found += self.starts[number]
        return np.where(np.isnan(values), self.missing[number], found)

    def _table(self, name: str) -> MaskTable:
        """Return thresholds and masks; no threshold for a column that no tree looks at."""
        kind = mask_type(self._forest)
        nothing = np.empty(0), np.full((2, self._forest.n_trees), np.iinfo(kind).max, dtype=kind)
        return self._tables.get(self._places.get(name, -1), nothing)

    def _sums_of(self, held: int) -> FloatArray:
        decided = self._decided(held)
        looking: BoolArray = np.zeros(decided.shape, dtype=np.bool_)
        tables: list[FloatArray] = []
        for name in NUMBER_FEATURES:
            masks = self._table(name)[1]
            mine = np.unique(self._forest.split_tree[self._forest.split_feature == self._places.get(name, -1)])
            values = self._leaves.of_rows(masks[:, None, mine] & decided[:, mine], mine)
            moving: BoolArray = (values != values[0]).any(axis=0)
            if (looking[:, mine] & moving).any():
                raise ArtifactError("choice: a tree looks at two numbers; train again.")
            looking[:, mine] |= moving
            tables.append(np.add.reduce(np.where(moving, values, 0.0), axis=2))
        tables[0] += np.add.reduce(np.where(looking, 0.0, self._leaves.of_rows(decided)), axis=1)
        points = np.vstack([*(table[:-1] for table in tables), *(table[-1:] for table in tables)])
        return np.ascontiguousarray(points.T)

    def _decided(self, held: int) -> NDArray[Any]:
        """Masks of what a plan and the plan held decide; shape (n_plans, n_trees)."""
        fixed = fixed_features(self._catalogue, held)
        context = context_features(fixed[None], self._catalogue, np.array([held]))[0]
        names: tuple[str, ...] = (*ALTERNATIVE_FEATURES, *CONTEXT_FEATURES)
        numbers: dict[str, FloatArray] = dict(zip(names, [*fixed.T, *context.T], strict=True))
        # Sorting puts NaN above infinity, so one more threshold leads it to the last row.
        masks = [
            masks.take(np.append(thresholds, np.inf).searchsorted(numbers[name]), axis=0)
            for name in DECIDED_FEATURES
            for thresholds, masks in [self._table(name)]
        ]
        return np.bitwise_and.reduce(masks)
