"""P(leaving within three months), with and without an offer; arrays in, arrays out.

A logistic model of what the plan held after the answer costs beyond the cheapest, of a bill that rose, of tenure, of a
new contract, of having accepted, and of overpayment brought to mind by a contact. It is learnt from logged offers and a
permanent hold-out (`uplift.py`); here are only its weights, which a service can open.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue
from planrec.offers.logistic import LogisticWeights, logistic

__all__ = ["LEAVING_FEATURES", "LeavingModel", "Standing", "bill_rise", "leaving_features"]


LEAVING_FEATURES = ("overpaid", "rise", "tenure_years", "binds", "accepted", "overpaid_when_contacted")


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
    """

    current: IntArray
    bill: FloatArray
    offerable: BoolArray
    rise: FloatArray
    tenure_years: FloatArray

    def at(self, rows: IntArray | BoolArray) -> Standing:
        """Return some of the subscribers, by position or mask."""
        return Standing(
            self.current[rows], self.bill[rows], self.offerable[rows], self.rise[rows], self.tenure_years[rows]
        )

    @property
    def overpaid(self) -> FloatArray:
        """What each plan costs a month beyond the cheapest one that may be held; shape (n, n_plans), >= 0."""
        possible = self.offerable.copy()
        possible[np.arange(len(self.current)), self.current] = True
        cheapest = np.where(possible, self.bill, np.inf).min(axis=1, keepdims=True)
        return np.maximum(self.bill - cheapest, 0.0)


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
    standing: Standing, catalogue: Catalogue, held: IntArray, *, contacted: BoolArray, accepted: BoolArray
) -> FloatArray:
    """Return what leaving depends on, once an offer is answered.

    Parameters
    ----------
    standing : Standing
    catalogue : Catalogue
    held : int64 array of shape (n,)
        Plan held after the answer.
    contacted, accepted : bool arrays of shape (n,)

    Returns
    -------
    float64 array of shape (n, 6)
        Columns as `LEAVING_FEATURES`.
    """
    overpaid = standing.overpaid[np.arange(len(held)), held]
    binds = (catalogue.contract_years > 0)[held] & accepted
    tenure = np.nan_to_num(standing.tenure_years)
    parts = [overpaid, standing.rise, tenure, binds, accepted, overpaid * contacted]
    return np.column_stack(parts).astype(np.float64)


class LeavingModel(LogisticWeights):
    """Weights of the logistic model.

    Attributes
    ----------
    weights : float64 array of shape (6,)
        Per unit of each of `LEAVING_FEATURES`.
    intercept : float
    """

    WHAT = "leaving model"
    FEATURES = LEAVING_FEATURES

    def effect(self, standing: Standing, catalogue: Catalogue, p_accept: FloatArray) -> FloatArray:
        """Return by how much the offer of each plan changes the chance of leaving, against no contact.

        Parameters
        ----------
        standing : Standing
        catalogue : Catalogue
        p_accept : float64 array of shape (n, n_plans)

        Returns
        -------
        float64 array of shape (n, n_plans)
            -1 to 1, below 0 where the offer keeps the subscriber; NaN where `p_accept` is.

        Examples
        --------
        A contact reminds of 10 overpaid, and nobody accepts:

        >>> other = np.array([[True, False]])
        >>> standing = Standing(np.array([1]), np.array([[60.0, 70.0]]), other, np.zeros(1), np.zeros(1))
        >>> model = LeavingModel(np.array([0.0, 0, 0, 0, 0, 0.1]), intercept=0.0)
        >>> model.effect(standing, megaline, np.array([[0.0, np.nan]])).round(3).tolist()
        [[0.231, nan]]
        """
        alone = self._chance(standing, catalogue, standing.current, contacted=False, accepted=False)
        declined = self._chance(standing, catalogue, standing.current, contacted=True, accepted=False)
        n = len(standing.current)
        after = [
            self._chance(standing, catalogue, np.full(n, plan), contacted=True, accepted=True)
            for plan in range(len(catalogue.plans))
        ]
        return p_accept * np.column_stack(after) + (1 - p_accept) * declined[:, None] - alone[:, None]

    def _chance(
        self, standing: Standing, catalogue: Catalogue, held: IntArray, *, contacted: bool, accepted: bool
    ) -> FloatArray:
        said = {"contacted": np.full(len(held), contacted), "accepted": np.full(len(held), accepted)}
        # Not a matrix product: that adds in another order for one subscriber than for many.
        features = leaving_features(standing, catalogue, held, **said)
        logit = np.add.reduce(features * self.weights, axis=1) + self.intercept
        return logistic(logit)
