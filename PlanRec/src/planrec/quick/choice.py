"""P(take) for one record, without tables of one row: NumPy over the plans alone.

`planrec.bundle.NextChoice` says what the answer is; a test holds the two equal to the last bit. Whoever has no month or
an amount that cannot be rated is left to it, so there is one answer and one error for each.
"""

from __future__ import annotations

from math import ceil
from typing import Protocol, TypeAlias

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.compiled import CompiledChoice
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord
from planrec.decisions.alternatives import fixed_features
from planrec.decisions.plan_tables import PlanTables
from planrec.decisions.record import latest_months
from planrec.quick.cases import AdviceCases
from planrec.quick.plan_trees import PlanTrees
from planrec.quick.row_bills import RowBills
from planrec.rules import ExclusionCode, Rules

__all__ = ["ChoiceArrays", "RowChoice"]

_Case: TypeAlias = tuple[FloatArray, FloatArray]  # 0 where a plan is open; elsewhere -inf, and +inf


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

    def tables(self) -> PlanTables | None:
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
    >>> from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
    >>> from planrec.rules import built_in_rules
    >>> logit = CompiledChoice(ALTERNATIVE_FEATURES, np.array([0.0, 0.0, -0.1, 0.0, 0.0, 0.0, 0.0, 0.0]))
    >>> model = SimpleNamespace(
    ...     catalogue=megaline,
    ...     history_months=6,
    ...     with_current_plan=True,
    ...     logit=logit,
    ...     temperature=1.0,
    ...     tables=lambda: None,
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
        self._open: AdviceCases[_Case | None] = AdviceCases(rules, catalogue, _case)
        self._bills = RowBills(catalogue, model.history_months)
        n = len(catalogue.plans)
        self._ones = np.ones(n)
        self._templates = [fixed_features(catalogue, held) for held in (*range(n), -1)]
        tables = model.tables()
        self._trees = None if tables is None else PlanTrees(tables, n)

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
        left = record.contract_months_left
        decides_from = month + 1 if left is None or left <= 0 else month + 1 + ceil(left)
        case = self._open.of(decides_from, record.age, current, False)
        if bills is None or case is None:
            return None
        closed, barred = case
        seen = current if self._with_plan else -1
        features = self._templates[seen].copy()
        features[:, :4] = bills.T
        above = self._logit.utilities(features)
        above += closed
        above -= np.maximum.reduce(above)
        if self._trees is None:
            chances = np.exp(above - np.log(np.add.reduce(np.exp(above))))
            chances **= self._power
        else:
            chances = barred - self._trees.log_odds(bills, seen, above, record)
            np.exp(chances, out=chances)
            chances += self._ones
            chances **= -self._power
        chances /= np.add.reduce(chances)
        return chances.tolist(), decides_from


def _case(codes: IntArray) -> _Case | None:
    """Return what the rules add to a utility; None where no plan is open."""
    opened = codes == ExclusionCode.NONE
    return (np.where(opened, 0.0, -np.inf), np.where(opened, 0.0, np.inf)) if opened.any() else None
