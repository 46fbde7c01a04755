"""P(take) for one record, without tables of one row: NumPy over the plans alone.

`planrec.bundle.NextChoice` says what the answer is; a test holds the two equal to the last bit. Whoever has no month or
an amount that cannot be rated is left to it, so there is one answer and one error for each.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from math import ceil
from typing import Protocol, TypeAlias

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.compiled import CompiledChoice, CompiledModel
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.record import latest_months, record_facts
from planrec.quick.plan_trees import PlanTrees
from planrec.quick.row_bills import RowBills
from planrec.rules import ExclusionCode, Rules, open_plans

__all__ = ["ChoiceArrays", "RowChoice"]

_Case: TypeAlias = tuple[FloatArray, FloatArray]  # 0 where a plan is open and -inf elsewhere; 1 and 0


class ChoiceArrays(Protocol):
    """What is needed of a choice model: `bundle.ChoiceModel`."""

    @property
    def catalogue(self) -> Catalogue:
        """The plans that are scored."""
        ...

    @property
    def history_months(self) -> int:
        """Months of history in a row."""
        ...

    @property
    def with_current_plan(self) -> bool:
        """Whether the plan held before is looked at."""
        ...

    @property
    def logit(self) -> CompiledChoice:
        """Utility of each plan."""
        ...

    @property
    def temperature(self) -> float:
        """As `bundle.choice_model.tempered`."""
        ...

    @property
    def trees(self) -> CompiledModel | None:
        """Trees over the alternatives; None where the logit answers itself."""
        ...


class RowChoice:
    """What `NextChoice.of_records` says of one record, in a fraction of the time.

    Parameters
    ----------
    model : ChoiceArrays
    rules : Rules

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from planrec.decisions import UsageMonth
    >>> from planrec.rules import built_in_rules
    >>> logit = CompiledChoice(ALTERNATIVE_FEATURES, np.array([0.0, 0.0, -0.1, 0.0, 0.0, 0.0, 0.0, 0.0]))
    >>> model = SimpleNamespace(
    ...     catalogue=megaline, history_months=6, with_current_plan=True, logit=logit, temperature=1.0, trees=None
    ... )
    >>> choice = RowChoice(model, built_in_rules())
    >>> p_take, decides_from = choice(SubscriberRecord([UsageMonth(24216, 400, 10, 9000)], "ultimate"), 24216)
    >>> [round(p, 3) for p in p_take], decides_from  # surf is 50.00 cheaper
    ([0.993, 0.007], 24217)
    """

    def __init__(self, model: ChoiceArrays, rules: Rules) -> None:
        catalogue = model.catalogue
        self._logit, self._power = model.logit, 1 / model.temperature
        self._months, self._with_plan = model.history_months, model.with_current_plan
        self._index = {plan_id: i for i, plan_id in enumerate(catalogue.plan_ids)}
        self._open = _OpenPlans(rules, catalogue)
        self._bills = RowBills(catalogue)
        self._templates = [_template(catalogue, held) for held in (*range(len(catalogue.plans)), -1)]
        self._trees = None if model.trees is None else PlanTrees(model.trees, catalogue, self._templates)

    def __call__(self, record: SubscriberRecord, month: int) -> tuple[list[float], int] | None:
        """Return P(take) by catalogue position and the month decided from; None where only `NextChoice` can tell.

        Parameters
        ----------
        record : SubscriberRecord
            Its plan is one of the catalogue, or not known.
        month : int
            Month index of the answer.

        Raises
        ------
        DataError
            If a month stands twice.
        """
        bills = self._bills(latest_months(record, self._months))
        current = self._index.get(record.current_plan or "", -1)
        decides_from, case = self._open(record, month, current)
        if bills is None or case is None:
            return None
        closed, opened = case
        seen = current if self._with_plan else -1
        features = self._templates[seen].copy()
        features[:, :4] = bills.T
        above = self._logit.utilities(features)
        above += closed
        above -= np.maximum.reduce(above)
        chances = np.exp(above - np.log(np.add.reduce(np.exp(above))))
        if self._trees is not None:
            chances = self._trees.taken(bills, seen, above, chances, record)
            chances *= opened
        chances **= self._power
        chances /= np.add.reduce(chances)
        return chances.tolist(), decides_from


class _OpenPlans:
    """`rules.open_plans` of one record; it depends on few things, so each case is asked for once."""

    def __init__(self, rules: Rules, catalogue: Catalogue) -> None:
        self._rules, self._catalogue = rules, catalogue
        first, last = catalogue.sale_windows
        self._sales: list[int] = sorted({*first.tolist(), *(last + 1).tolist()})
        youngest, oldest = catalogue.age_limits
        self._ages: list[float] = sorted({*youngest.tolist(), *oldest.tolist()})
        self._found: dict[tuple[int, int, int, int], _Case | None] = {}

    def __call__(self, record: SubscriberRecord, month: int, current: int) -> tuple[int, _Case | None]:
        """Return the month decided from and the plans open then; None where none is."""
        left, age = record.contract_months_left, record.age
        free = month + 1 if left is None or left <= 0 else month + 1 + ceil(left)
        low, high = (-1, -1) if age is None else (bisect_left(self._ages, age), bisect_right(self._ages, age))
        key = (bisect_right(self._sales, free), low, high, current)
        if key not in self._found:
            facts = record_facts(SubscriberRecord((), age=age), month=free - 1, current=current)
            opened = open_plans(self._rules, self._catalogue, facts).codes[0] == ExclusionCode.NONE
            case = np.where(opened, 0.0, -np.inf), opened.astype(np.float64)
            self._found[key] = case if opened.any() else None
        return free, self._found[key]


def _template(catalogue: Catalogue, held: int) -> FloatArray:
    """Return `alternative_features` without the bills: the plan held decides the others."""
    features = np.zeros((len(catalogue.plans), len(ALTERNATIVE_FEATURES)))
    is_held = np.arange(len(catalogue.plans)) == held
    features[:, 4] = is_held
    features[:, 5] = np.where(is_held, 0.0, catalogue.contract_years)
    features[:, 6] = catalogue.unlimited_shares
    features[:, 7] = catalogue.perk_counts
    return features
