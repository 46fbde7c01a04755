"""What an offer does to a subscriber's chance of leaving, learnt from logged offers and a permanent hold-out.

The seam is `UpliftModel`; the first model is a two-model learner. One model learns who accepts, the other who leaves
given what happened: not contacted, contacted and declined, contacted and accepted. The effect of an offer is what they
say together, against no contact at all.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from common_utils.errors import DataError
from planrec.catalogue import Catalogue
from planrec.offer_rows import OfferRows

__all__ = ["TwoModelUplift", "UpliftModel", "overpayment"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class UpliftModel(Protocol):
    """Anything that learns from logged offers what an offer does to the chance of leaving within three months."""

    def fit(self, rows: OfferRows) -> Self:
        """Learn from rows whose window has ended; others are left out."""
        ...

    def effect(self, rows: OfferRows) -> FloatArray:
        """Return the change in the chance of leaving; shape (n, n_plans), NaN where a plan cannot be offered."""
        ...


def overpayment(rows: OfferRows) -> FloatArray:
    """Return what each plan costs a month beyond the cheapest one the subscriber may hold.

    Parameters
    ----------
    rows : OfferRows

    Returns
    -------
    float64 array of shape (n, n_plans)
        In currency, >= 0; plans that cannot be offered may be cheaper and count as 0.
    """
    possible = rows.offerable.copy()
    possible[np.arange(len(rows.current)), rows.current] = True
    cheapest = np.where(possible, rows.bill, np.inf).min(axis=1, keepdims=True)
    return np.maximum(rows.bill - cheapest, 0.0)


class TwoModelUplift(BaseEstimator):
    """Two logistic models, of the answer and of leaving, put together to the effect of an offer.

    Leaving depends on the overpayment on the plan held after the answer, a rise of the last bill, tenure, whether the
    answer binds, whether an offer was accepted, and overpayment x contact. Contact has no term of its own: it is taken
    to work through the overpayment it brings to mind (Ascarza, Iyengar & Schleicher 2016) and through acceptance. A
    term of its own would be the fit's noisiest: a log of some thousand offers tells it less well than it matters.

    Who accepts is not drawn by lot. That acceptance shares no cause with leaving beyond the features is an assumption;
    compare with a hold-out whatever is decided by it.

    Parameters
    ----------
    catalogue : Catalogue
    C : float, default=1.0
        Inverse of the ridge penalty on the scaled features.

    Attributes
    ----------
    answer_ : Pipeline
        P(accept) of an offer.
    leaving_ : Pipeline
        P(leaving within three months) given contact and answer.
    """

    def __init__(self, catalogue: Catalogue, C: float = 1.0) -> None:
        self.catalogue = catalogue
        self.C = C

    def fit(self, rows: OfferRows) -> Self:
        """Learn from contacted rows and from all rows of the hold-out, as far as their window has ended.

        Parameters
        ----------
        rows : OfferRows

        Raises
        ------
        DataError
            If nobody contacted accepted, or nobody declined, or there is no hold-out, or nobody left, or nobody stayed.
        """
        known = ~np.isnan(rows.left)
        asked, kept = rows.at(known & rows.contacted), rows.at(known & rows.holdout)
        if not len(kept.left):
            raise DataError(
                "offers: no row of the hold-out has a whole window; without people never contacted there is nothing "
                "to compare with. Raise `offers.holdout_share`, or log more months."
            )
        both = rows.at(known & (rows.contacted | rows.holdout))
        for outcome, what in ((asked.accepted, "answer"), (both.left > 0, "outcome")):
            if not outcome.any() or outcome.all():
                raise DataError(f"offers: every {what} is the same, so nothing can be learnt; log more offers.")
        self.answer_ = self._logistic().fit(self._answer_features(asked, asked.offered), asked.accepted)
        contacted, accepted = both.contacted, both.contacted & both.accepted
        held = np.where(accepted, both.offered, both.current)
        features = self._leaving_features(both, held, contacted=contacted, accepted=accepted)
        self.leaving_ = self._logistic().fit(features, both.left > 0)
        return self

    def acceptance(self, rows: OfferRows) -> FloatArray:
        """Return P(accept) of each offer.

        Returns
        -------
        float64 array of shape (n, n_plans)
            NaN where a plan cannot be offered.
        """
        check_is_fitted(self, "answer_")
        chances = [_positive(self.answer_, self._answer_features(rows, plan)) for plan in self._every_plan(rows)]
        return np.where(rows.offerable, np.column_stack(chances), np.nan)

    def effect(self, rows: OfferRows) -> FloatArray:
        """Return by how much an offer changes the chance of leaving within three months, against no contact.

        Parameters
        ----------
        rows : OfferRows
            Only what was known before the offer is read.

        Returns
        -------
        float64 array of shape (n, n_plans)
            -1 to 1, below 0 where the offer keeps the subscriber; NaN where a plan cannot be offered.
        """
        accept = self.acceptance(rows)
        alone = self._leaving(rows, rows.current, contacted=False, accepted=False)
        declined = self._leaving(rows, rows.current, contacted=True, accepted=False)
        after = [self._leaving(rows, plan, contacted=True, accepted=True) for plan in self._every_plan(rows)]
        return accept * np.column_stack(after) + (1 - accept) * declined[:, None] - alone[:, None]

    def _logistic(self) -> Pipeline:
        return make_pipeline(StandardScaler(), LogisticRegression(C=self.C, max_iter=1000))

    def _every_plan(self, rows: OfferRows) -> list[IntArray]:
        return [np.full(len(rows.current), plan, dtype=np.int64) for plan in range(rows.offerable.shape[1])]

    def _answer_features(self, rows: OfferRows, plan: IntArray) -> FloatArray:
        plans, at = self.catalogue.plans, np.arange(len(plan))
        binds = np.array([p.contract_months > 0 for p in plans])
        unlimited = np.array([p.is_unlimited for p in plans])
        saving = rows.bill[at, rows.current] - rows.bill[at, plan]
        return np.column_stack(
            [
                saving,
                np.minimum(saving, 0.0),
                rows.spread[at, plan],
                rows.spread[at, rows.current],
                binds[plan],
                unlimited[plan],
                unlimited[rows.current],
                self.catalogue.prices.fee_cents[plan],
                rows.contacts,
            ]
        ).astype(np.float64)

    def _leaving(self, rows: OfferRows, held: IntArray, *, contacted: bool, accepted: bool) -> FloatArray:
        n = len(held)
        said = {"contacted": np.full(n, contacted), "accepted": np.full(n, accepted)}
        return _positive(self.leaving_, self._leaving_features(rows, held, **said))

    def _leaving_features(
        self, rows: OfferRows, held: IntArray, *, contacted: NDArray[np.bool_], accepted: NDArray[np.bool_]
    ) -> FloatArray:
        overpaid = overpayment(rows)[np.arange(len(held)), held]
        binds = np.array([p.contract_months > 0 for p in self.catalogue.plans])[held] & accepted
        parts = [overpaid, rows.rise, rows.tenure_years, binds, accepted, overpaid * contacted]
        return np.column_stack(parts).astype(np.float64)


def _positive(model: Pipeline, features: FloatArray) -> FloatArray:
    if not len(features):
        return np.empty(0)
    return np.asarray(model.predict_proba(features)[:, 1], dtype=np.float64)
