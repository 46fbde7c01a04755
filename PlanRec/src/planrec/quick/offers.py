"""What an offer of each plan does and is worth, for one subscriber with a month: `advice.Engine.offer` in few calls.

The models' products and sums are taken by NumPy as the reference takes them, over plans and situations at once. NumPy
adds along an array's memory: what the acceptance model looks at lies there feature by feature, as in the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from common_utils.array_types import FloatArray
from planrec.advice import Engine
from planrec.advice.engine import STANDING_MONTHS, OfferModels
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.alternatives import fixed_features
from planrec.offers import OfferWeights
from planrec.offers.acceptance import COMPARED
from planrec.offers.logistic import logistic
from planrec.quick.rated_months import Rated
from planrec.quick.row_bills import RowBills

__all__ = ["OfferFigures", "RowOffers"]

_BILLS = 4  # of the alternatives' features, those that bills decide


class OfferFigures(NamedTuple):
    """What an offer of each plan does; of the plan held, which is not offered, without meaning.

    Attributes
    ----------
    accepts : list of float
        Chance that it is accepted.
    change : list of float
        Of the chance of leaving.
    bound : list of float
        The change at most, by the rules' standard errors.
    saving : list of float
        Fall in the risk-adjusted bill, cents a month.
    value : list of float
        Cents a month.
    """

    accepts: list[float]
    change: list[float]
    bound: list[float]
    saving: list[float]
    value: list[float]


class RowOffers:
    """Figures of offers to one subscriber.

    Parameters
    ----------
    engine : Engine
    models : OfferModels
        The engine's.
    """

    def __init__(self, engine: Engine, models: OfferModels) -> None:
        catalogue = engine.catalogue
        self._catalogue, self._acceptance, self._leaving = catalogue, models.acceptance, models.leaving
        self._errors = engine.rules.offers.churn_errors
        self._perks: list[float] = catalogue.perk_counts.astype(np.float64).tolist()
        self._of_leaving = np.ascontiguousarray(models.leaving.covariance.T)[:, None, :]
        self._of_acceptance = np.ascontiguousarray(models.acceptance.covariance.T)[:, :, None]
        self._bills: dict[int, RowBills] = {}
        plans = len(catalogue.plans)
        fixed = [fixed_features(catalogue, held)[:, COMPARED[_BILLS:]] for held in range(plans)]
        self._fixed = [np.ascontiguousarray((of - of[held]).T) for held, of in enumerate(fixed)]
        # Situations by row: having accepted each plan, left alone, declined. Of the columns (`LEAVING_FEATURES`, and 1)
        # only those of overpayment, a rise and tenure differ from one subscriber to the next.
        self._situations = np.zeros((plans + 2, len(models.leaving.FEATURES) + 1))
        self._situations[:plans, 10] = catalogue.contract_years > 0
        self._situations[:plans, 7], self._situations[:, 4], self._situations[:, -1] = 1.0, 1.0, 1.0
        self._situations[plans, 4] = 0.0
        self._accepted, self._contacted = self._situations[:, 7:8].copy(), self._situations[:, 4:5].copy()

    def __call__(
        self,
        record: SubscriberRecord,
        months: Sequence[UsageMonth],
        rated: Rated,
        current: int,
        on_sale: Sequence[bool],
        weights: OfferWeights,
        history_months: int,
    ) -> OfferFigures | None:
        """Return the figures; None where only the reference can tell.

        Parameters
        ----------
        record : SubscriberRecord
        months : sequence of UsageMonth
            Most recent first, 1 to `history_months`.
        rated : Rated
            These months.
        current : int
            Index of the plan held, >= 0.
        on_sale : sequence of bool
            Of `RuledOffer`.
        weights : OfferWeights
        history_months : int
        """
        row_bills = self._bills.get(history_months)
        if row_bills is None:
            row_bills = self._bills[history_months] = RowBills(self._catalogue, history_months)
        bills = row_bills(months)
        if bills is None:
            return None
        plans = len(self._perks)
        features = np.empty((_BILLS + len(self._fixed[current]) + 2, plans))
        np.subtract(bills, bills[:, current : current + 1], out=features[:_BILLS])
        features[_BILLS:-2] = self._fixed[current]
        features[-2], features[-1] = record.contacts_90d or 0.0, 1.0
        situations = self._situated(record, rated, current, on_sale)
        chances = logistic(self._leaving.logit(situations[:, :-1]))
        accepts = logistic(features[:-1].T @ self._acceptance.weights + self._acceptance.intercept)
        accepted, alone, declined = chances[:plans], chances[plans], chances[plans + 1]
        gap = accepted - declined
        change = accepts * gap + (declined - alone)
        slopes = (chances * (1 - chances))[:, None] * situations
        taken = accepts[:, None]
        gradient = taken * slopes[:plans] + (1 - taken) * slopes[plans + 1] - slopes[plans]
        of_answer = gap * accepts * (1 - accepts) * features
        by_weight = np.add.reduce(gradient * self._of_leaving, axis=-1)
        by_answer = np.add.reduce(of_answer * self._of_acceptance, axis=1)
        error = np.sqrt(_variance(by_weight, gradient.T) + _variance(by_answer, of_answer))
        changes: list[float] = change.tolist()
        chance: list[float] = accepts.tolist()
        adjusted = [mean + weights.risk * spread for mean, spread in zip(rated.mean, rated.spread, strict=True)]
        margins = [mean - weights.perk_cost_cents * perks for mean, perks in zip(rated.mean, self._perks, strict=True)]
        saving = [adjusted[current] - one for one in adjusted]
        value = [
            p * (saved + weights.margin * (margin - margins[current])) - weights.churn_cents * churn
            for p, saved, margin, churn in zip(chance, saving, margins, changes, strict=True)
        ]
        return OfferFigures(chance, changes, (change + self._errors * error).tolist(), saving, value)

    def _situated(self, record: SubscriberRecord, rated: Rated, current: int, on_sale: Sequence[bool]) -> FloatArray:
        """Return what leaving follows from, as `offers.leaving.leaving_features`, by situation; then a column of 1."""
        recent: list[list[float]] = rated.recorded[:, :STANDING_MONTHS].tolist()
        count = len(recent[0])
        before = [sum(bills) / count / 100 for bills in recent]
        expected = [mean / 100 for mean in rated.mean]
        possible = [plan for plan, sold in enumerate(on_sale) if sold or plan == current]
        least, least_expected = min([before[p] for p in possible]), min([expected[p] for p in possible])
        overpaid = [
            max(past - least, ahead - least_expected, 0.0) for past, ahead in zip(before, expected, strict=True)
        ]
        last, *earlier = [bill / 100 for bill in recent[current]]
        rise = max(last - sum(earlier) / len(earlier), 0.0) if earlier else 0.0
        tenure = 0.0 if record.tenure_months is None else (record.tenure_months + 1) / 12
        situations = self._situations.copy()
        paid = np.array([*overpaid, overpaid[current], overpaid[current]])
        situations[:, 0] = paid
        np.log1p(paid, out=paid)
        situations[:, 1], situations[:, 2], situations[:, 3] = paid, rise, tenure
        situations[:, 5:7] = situations[:, :2] * self._contacted
        situations[:, 8:10] = situations[:, :2] * self._accepted
        return situations


def _variance(by_weight: FloatArray, gradient: FloatArray) -> FloatArray:
    """Return `LogisticWeights.variance` of each plan, the weights of the model taken together; both (k, n_plans)."""
    by_weight *= gradient
    return np.maximum(np.add.reduce(by_weight, axis=0), 0.0)
