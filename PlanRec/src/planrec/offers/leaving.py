"""P(leaving within three months), left alone, having declined or having accepted an offer; arrays in, arrays out.

A logistic model of what the plan held after the answer costs beyond the cheapest, of a bill that rose, of tenure, of a
new contract, of a contact and the overpayment it brings to mind, and of having accepted. It is learnt from who left in
which month, contacted or not (`campaigns/leaving.py`); here are only its weights, which a service can open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.offers.logistic import LogisticWeights, logistic

__all__ = [
    "LEAVING_FEATURES",
    "LeavingChances",
    "LeavingModel",
    "Situation",
    "Standing",
    "bill_rise",
    "leaving_features",
]

Situation = Literal["alone", "declined", "accepted"]
"""Not contacted; contacted, and staying on the plan held; contacted, and moving to the plan offered."""


LEAVING_FEATURES = (
    "overpaid",
    "log_overpaid",
    "rise",
    "tenure_years",
    "contacted",
    "overpaid_when_contacted",
    "log_overpaid_when_contacted",
    "accepted",
    "overpaid_when_accepted",
    "log_overpaid_when_accepted",
    "binds",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How n subscribers stand with the operator before anything is offered.

    Attributes
    ----------
    current : int64 array of shape (n,)
        Catalogue position of the plan held, >= 0.
    bill : float64 array of shape (n, n_plans)
        Mean bill over the months before, in currency.
    offerable : bool array of shape (n, n_plans)
        Plans that may be offered, without the one held.
    rise : float64 array of shape (n,)
        By how much the last bill on the plan held lies above the mean of those before it, in currency, >= 0.
    tenure_years : float64 array of shape (n,)
        NaN counts as 0: a newcomer.
    expected : float64 array of shape (n, n_plans), optional
        Mean bill over the months to come, in currency; None where nothing is forecast.
    """

    current: IntArray
    bill: FloatArray
    offerable: BoolArray
    rise: FloatArray
    tenure_years: FloatArray
    expected: FloatArray | None = None

    def at(self, rows: IntArray | BoolArray) -> Standing:
        """Return some of the subscribers, by position or mask."""
        return Standing(
            self.current[rows],
            self.bill[rows],
            self.offerable[rows],
            self.rise[rows],
            self.tenure_years[rows],
            None if self.expected is None else self.expected[rows],
        )

    @property
    def overpaid(self) -> FloatArray:
        """What each plan costs a month beyond the cheapest one that may be held; shape (n, n_plans), >= 0.

        By the bills of the months before or by those expected, whichever is more. An offer is made where the forecast
        says that the plan held is dear; the months before alone would call such a subscriber content, and a contact
        harmless.
        """
        before = self._beyond_cheapest(self.bill)
        return before if self.expected is None else np.maximum(before, self._beyond_cheapest(self.expected))

    def _beyond_cheapest(self, bills: FloatArray) -> FloatArray:
        possible = self.offerable.copy()
        possible[np.arange(len(self.current)), self.current] = True
        cheapest = np.where(possible, bills, np.inf).min(axis=1, keepdims=True)
        return np.maximum(bills - cheapest, 0.0)


def bill_rise(bills: FloatArray, known: BoolArray) -> FloatArray:
    """Return by how much the last bill lies above the mean of those before it.

    Parameters
    ----------
    bills : float64 array of shape (n, n_months)
        On the plan held, most recent first.
    known : bool array of shape (n, n_months)

    Returns
    -------
    float64 array of shape (n,)
        In the unit of the bills; 0 where it does not lie above, or there is one month only.

    Examples
    --------
    >>> bill_rise(np.array([[30.0, 20.0, 10.0]]), np.array([[True, True, True]])).tolist()
    [15.0]
    """
    before = known[:, 1:].sum(axis=1)
    usual = np.where(known[:, 1:], bills[:, 1:], 0.0).sum(axis=1) / np.maximum(before, 1)
    return np.where(before > 0, np.maximum(bills[:, 0] - usual, 0.0), 0.0)


def leaving_features(
    overpaid: FloatArray, rise: FloatArray, tenure_years: FloatArray, binds: BoolArray, situation: Situation
) -> FloatArray:
    """Return what leaving depends on, once it is known whether an offer was made and how it was answered.

    Parameters
    ----------
    overpaid : float64 array of shape (...,)
        What the plan held after the answer costs a month beyond the cheapest, in currency, >= 0.
    rise, tenure_years : float64 arrays broadcastable to it
        As `Standing`.
    binds : bool array broadcastable to it
        Whether the plan accepted binds; not looked at where nothing was accepted.
    situation : {"alone", "declined", "accepted"}

    Returns
    -------
    float64 array of shape (..., 11)
        Last axis as `LEAVING_FEATURES`.

    Examples
    --------
    >>> features = leaving_features(np.array([3.0]), np.zeros(1), np.ones(1), np.array([True]), "declined")
    >>> features.round(2).tolist()
    [[3.0, 1.39, 0.0, 1.0, 1.0, 3.0, 1.39, 0.0, 0.0, 0.0, 0.0]]
    """
    contacted, accepted = float(situation != "alone"), float(situation == "accepted")
    log = np.log1p(overpaid)
    parts = (
        *(overpaid, log, rise, np.nan_to_num(tenure_years)),
        *(contacted, overpaid * contacted, log * contacted),
        *(accepted, overpaid * accepted, log * accepted, binds * accepted),
    )
    return np.stack([np.broadcast_to(part, overpaid.shape) for part in parts], axis=-1).astype(np.float64)


class LeavingModel(LogisticWeights):
    """Weights of the logistic model.

    Attributes
    ----------
    weights : float64 array of shape (11,)
        Per unit of each of `LEAVING_FEATURES`.
    intercept : float
    covariance : float64 array of shape (12, 12)
    """

    WHAT = "leaving model"
    FEATURES = LEAVING_FEATURES

    def chances(self, standing: Standing, catalogue: Catalogue) -> LeavingChances:
        """Return the chance of leaving if left alone, if an offer is declined, and if each plan is accepted."""
        own = standing.overpaid[np.arange(len(standing.current)), standing.current]
        binds = catalogue.contract_years > 0
        person = standing.rise, standing.tenure_years
        by_plan = standing.rise[:, None], standing.tenure_years[:, None]
        unbound = np.zeros(len(own), dtype=np.bool_)
        situations = (
            leaving_features(own, *person, unbound, "alone"),
            leaving_features(own, *person, unbound, "declined"),
            leaving_features(standing.overpaid, *by_plan, binds, "accepted"),
        )
        return LeavingChances(*situations, *(logistic(self.logit(features)) for features in situations))


@dataclass(frozen=True, slots=True)
class LeavingChances:
    """Three situations of n subscribers: what leaving depends on in each, and the chance of it within three months.

    Attributes
    ----------
    of_alone, of_declined : float64 arrays of shape (n, 11)
    of_accepted : float64 array of shape (n, n_plans, 11)
        Having accepted the offer of each plan.
    alone, declined : float64 arrays of shape (n,)
    accepted : float64 array of shape (n, n_plans)
    """

    of_alone: FloatArray
    of_declined: FloatArray
    of_accepted: FloatArray
    alone: FloatArray
    declined: FloatArray
    accepted: FloatArray
