"""What an offer does to a subscriber's chance of leaving, learnt from logged offers and a permanent hold-out.

The seam is `UpliftModel`; the first model is a two-model learner. One model learns who accepts, the other who leaves
given what happened: not contacted, contacted and declined, contacted and accepted. The effect of an offer is what they
say together, against no contact at all.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import BoolArray, FloatArray
from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.campaigns.moments import OfferRows
from planrec.offers import AcceptanceModel, LeavingModel
from planrec.offers.acceptance import acceptance_features
from planrec.offers.leaving import leaving_features

__all__ = ["TwoModelUplift", "UpliftModel", "fit_acceptance"]


class UpliftModel(Protocol):
    """Anything that learns from logged offers what an offer does to the chance of leaving within three months."""

    def fit(self, rows: OfferRows) -> Self:
        """Learn from rows whose window has ended; others are left out."""
        ...

    def effect(self, rows: OfferRows) -> FloatArray:
        """Return the change in the chance of leaving; shape (n, n_plans), NaN where a plan cannot be offered."""
        ...


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
    acceptance_ : AcceptanceModel
        P(accept) of an offer.
    leaving_ : LeavingModel
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
        asked, kept = rows.at(known & rows.contacts.made), rows.at(known & rows.contacts.holdout)
        if not len(kept.left):
            raise DataError(
                "offers: no row of the hold-out has a whole window; without people never contacted there is nothing "
                "to compare with. Raise `offers.holdout_share`, or log more months."
            )
        both = rows.at(known & (rows.contacts.made | rows.contacts.holdout))
        self.acceptance_ = fit_acceptance(asked, C=self.C)
        contacted = both.contacts.made
        accepted = contacted & both.contacts.accepted
        held = np.where(accepted, both.contacts.offered, both.standing.current)
        features = leaving_features(both.standing, self.catalogue, held, contacted=contacted, accepted=accepted)
        self.leaving_ = LeavingModel(*_logistic(features, both.left > 0, "outcome", self.C))
        return self

    def acceptance(self, rows: OfferRows) -> FloatArray:
        """Return P(accept) of each offer.

        Returns
        -------
        float64 array of shape (n, n_plans)
            NaN where a plan cannot be offered.
        """
        check_is_fitted(self, "acceptance_")
        chances = self.acceptance_.chances(rows.alternatives, rows.standing.current, rows.contacts.before)
        return np.where(rows.standing.offerable, chances, np.nan)

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
        return self.leaving_.effect(rows.standing, self.catalogue, accept)


def fit_acceptance(rows: OfferRows, *, C: float = 1.0) -> AcceptanceModel:
    """Learn who accepts, from the offers that were made.

    Parameters
    ----------
    rows : OfferRows
        Those not contacted are left out.
    C : float
        Inverse of the ridge penalty on the scaled features.

    Raises
    ------
    DataError
        If nobody contacted accepted, or nobody declined.
    """
    asked = rows.at(rows.contacts.made)
    features = acceptance_features(asked.alternatives, asked.standing.current, asked.contacts.before)
    of_offered = features[np.arange(len(features)), asked.contacts.offered]
    return AcceptanceModel(*_logistic(of_offered, asked.contacts.accepted, "answer", C))


def _logistic(features: FloatArray, happened: BoolArray, what: str, C: float) -> tuple[FloatArray, float]:
    """Return weights in the features' own units, and the intercept."""
    if not happened.any() or happened.all():
        raise DataError(f"offers: every {what} is the same, so nothing can be learnt; log more offers.")
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=C, max_iter=1000).fit(scaler.transform(features), happened)
    weights = model.coef_[0] / scaler.scale_
    return weights, float(model.intercept_[0] - weights @ scaler.mean_)
