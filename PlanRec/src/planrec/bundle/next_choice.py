"""What subscribers are expected to choose: the choice model over the plans open to them when they are next free.

`/predict`, `/predict/batch` and `planrec predict` all answer from here. A plan that the rules, its sale window or an
age limit forbids is not expected, and one that launched after training is scored as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.bundle.choice_model import ChoiceModel
from planrec.columns import AGE
from planrec.decisions import SubscriberRecord, alternative_features
from planrec.decisions.choice_sets import Alternatives
from planrec.decisions.record import decision_columns, facts_of_records
from planrec.outlook import history_of
from planrec.rules import ExclusionCode, Facts, Rules, open_plans

__all__ = ["ExpectedChoice", "NextChoice"]


@dataclass(frozen=True, slots=True)
class ExpectedChoice:
    """What n subscribers are expected to choose.

    Attributes
    ----------
    p_take : float64 array of shape (n, n_plans)
        By catalogue position; 0 where the plan may not be held, each row adds up to 1. All 0 where no plan is open.
    decides_from : int64 array of shape (n,)
        Month index of the first month in which the subscriber is free to decide.
    """

    p_take: FloatArray
    decides_from: IntArray


@dataclass(frozen=True)
class NextChoice:
    """The choice model of a bundle and the rules that say what may be chosen.

    Attributes
    ----------
    model : ChoiceModel
    rules : Rules
        Those of the bundle, or of the file that is followed instead.
    """

    model: ChoiceModel
    rules: Rules

    def expected(self, columns: Mapping[str, NDArray[np.generic]], facts: Facts) -> ExpectedChoice:
        """Return what decision rows with these columns are expected to choose.

        Parameters
        ----------
        columns : mapping of str to array of shape (n,)
            `outlook.history.history_columns` of the months known; `age` and `tenure_months` where known.
        facts : Facts
            Of the same subscribers. The plan held is looked at by the rules; by the model where it was trained with it.

        Raises
        ------
        DataError
            If a history is torn, or an amount cannot be rated.
        """
        model, catalogue = self.model, self.model.catalogue
        found = open_plans(self.rules, catalogue, facts)
        current = facts.current if model.with_current_plan else np.full_like(facts.current, -1)
        history = history_of(columns, model.history_months)
        available = found.codes == ExclusionCode.NONE
        nothing = ~available.any(axis=1)
        features = alternative_features(history, catalogue, current)
        alternatives = Alternatives(features, available | nothing[:, None], current)
        p_take = model.chances(columns, alternatives)
        p_take[nothing] = 0.0
        return ExpectedChoice(p_take, found.decides_from)

    def of_records(self, records: Sequence[SubscriberRecord], months: Sequence[int]) -> ExpectedChoice:
        """Return what subscribers are expected to choose, each asked about in a month of its own.

        Parameters
        ----------
        records : sequence of SubscriberRecord
            With at least one month each.
        months : sequence of int
            Month index of each answer; the contract counts from the month after it.

        Raises
        ------
        DataError
            As `expected`, or if a record gives a month twice.
        """
        catalogue = self.model.catalogue
        current = [catalogue.index(record.current_plan) for record in records]
        columns = decision_columns(records, history_months=self.model.history_months, extra_columns=(AGE,))
        return self.expected(columns, facts_of_records(records, months=months, current=current))
