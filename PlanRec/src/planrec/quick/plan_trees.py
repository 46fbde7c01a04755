"""Trees over the plans of one choice: one search for all plans and columns, one AND, one sum.

`planrec.decisions.choice_sets.tree_rows` says what the trees see. What a plan and the plan held decide is ANDed when
the bundle is opened, a row of masks for each pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.compiled import CompiledModel
from common_utils.compiled.links import answer_rows
from common_utils.compiled.masks import Leaves, MaskTable, mask_tables, mask_type
from common_utils.compiled.nodes import ForestNode
from common_utils.errors import ArtifactError
from planrec.billing import Catalogue
from planrec.columns import AGE, TENURE
from planrec.decisions import SubscriberRecord
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES, CONTEXT_FEATURES, context_features
from planrec.decisions.choice_sets import LEAST_CHANCE, RISING_FEATURES

__all__ = ["PlanTrees"]

_OF_EACH = (*ALTERNATIVE_FEATURES[:4], "bill_above_current", *RISING_FEATURES)  # a number a plan
_OF_ALL = ("current_above_cheapest", AGE, TENURE)  # one number for all plans
_DECIDED = (*ALTERNATIVE_FEATURES[4:], *(name for name in CONTEXT_FEATURES if name not in (*_OF_EACH, *_OF_ALL)))


class PlanTrees:
    """What the trees of a choice model hold each plan of one choice set for.

    Parameters
    ----------
    trees : CompiledModel
        A forest over some of `decisions.choice_sets.BOOSTING_FEATURES`.
    catalogue : Catalogue
    templates : sequence of float64 arrays of shape (n_plans, 8)
        `ALTERNATIVE_FEATURES` by plan held, the last for one that is not known; bills are not looked at.

    Raises
    ------
    ArtifactError
        If the model is not a forest that tells two classes apart.
    """

    def __init__(self, trees: CompiledModel, catalogue: Catalogue, templates: Sequence[FloatArray]) -> None:
        node = trees.node
        if not isinstance(node, ForestNode) or node.link != "logit":
            raise ArtifactError("choice: the trees are not a forest that tells two classes apart; train again.")
        self._leaves = Leaves(node.forest)
        kind, n = mask_type(node.forest), len(catalogue.plans)
        # A column that no tree looks at rules out no leaf.
        every_leaf = np.empty(0), np.full((2, node.forest.n_trees), np.iinfo(kind).max, dtype=kind)
        tables: dict[str, MaskTable] = dict.fromkeys((*_OF_EACH, *_OF_ALL, *_DECIDED), every_leaf)
        tables |= {trees.feature_names[place]: table for place, table in mask_tables(node.forest).items()}
        self._shape = (len(_OF_EACH), n, node.forest.n_trees)
        self._query, self._points, self._masks = _search(tables, n)
        held = (*range(n), -1)
        self._decided = [_decided(tables, catalogue, *pair) for pair in zip(held, templates, strict=True)]

    def taken(
        self, bills: FloatArray, held: int, above: FloatArray, chances: FloatArray, record: SubscriberRecord
    ) -> FloatArray:
        """Return the chance that each plan is taken, not yet made to add up; float64 array of shape (n_plans,).

        Parameters
        ----------
        bills : float64 array of shape (4, n_plans)
            The first four of `ALTERNATIVE_FEATURES`.
        held : int
            Position of the plan held, -1 where it is not looked at or not known.
        above, chances : float64 arrays of shape (n_plans,)
            Utility above the best one's and probability of the logit; -inf and 0 where the plan is not open.
        record : SubscriberRecord
            Of age and tenure.
        """
        query = self._query.copy()
        numbers = query.imag
        of_each = numbers[:-3].reshape(self._shape[:2])
        of_each[:4] = bills
        today = bills[0, held] if held >= 0 else nan
        np.subtract(bills[0], today, out=of_each[4])
        of_each[5] = above
        np.log(np.maximum(chances, LEAST_CHANCE), out=of_each[6])
        age, tenure = record.age, record.tenure_months
        numbers[-3:] = (today, nan if age is None else age, nan if tenure is None else tenure)
        masks = self._masks.take(self._points.searchsorted(query), axis=0)
        possible = np.bitwise_and.reduce(masks[:-3].reshape(self._shape))
        possible &= np.bitwise_and.reduce(masks[-3:])
        possible &= self._decided[held]
        raw = np.add.accumulate(self._leaves.of_rows(possible), axis=1)[:, -1]
        return np.maximum(answer_rows("sigmoid", raw), LEAST_CHANCE)


def _search(tables: Mapping[str, MaskTable], n: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128], Any]:
    """Return the query of n numbers for each plan's column and one for the others, what it is sought in, and masks.

    Complex numbers are sorted by their real and then by their imaginary part: the place of a column is the one, the
    value the other (`common_utils.compiled.row_tables`).
    """
    parts = [tables[name] for name in (*_OF_EACH, *_OF_ALL)]
    places = np.arange(len(parts)).astype(np.complex128)
    ends = [np.append(thresholds, np.inf) for thresholds, _ in parts]
    points: NDArray[np.complex128] = np.concatenate([np.repeat(places, [len(part) for part in ends]), places])
    points.imag = np.concatenate([*ends, np.full(len(places), np.nan)])
    masks = np.vstack([*(part[:-1] for _, part in parts), *(part[-1:] for _, part in parts)])
    return np.repeat(places, [*[n] * len(_OF_EACH), *[1] * len(_OF_ALL)]), points, masks


def _decided(tables: Mapping[str, MaskTable], catalogue: Catalogue, held: int, template: FloatArray) -> Any:
    """Masks of what a plan and the plan held decide; shape (n_plans, n_trees)."""
    context = context_features(template[None], catalogue, np.array([held]))[0]
    names: tuple[str, ...] = (*ALTERNATIVE_FEATURES, *CONTEXT_FEATURES)
    numbers: dict[str, FloatArray] = dict(zip(names, [*template.T, *context.T], strict=True))
    # Sorting puts NaN above infinity, so one more threshold leads it to the last row.
    rows = [
        masks.take(np.append(thresholds, np.inf).searchsorted(numbers[name]), axis=0)
        for name in _DECIDED
        for thresholds, masks in [tables[name]]
    ]
    return np.bitwise_and.reduce(rows)
