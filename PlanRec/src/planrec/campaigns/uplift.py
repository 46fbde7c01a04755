"""What an offer does to a subscriber's chance of leaving, learnt from logged offers and all subscribers' months.

The seam is `UpliftModel`; the first model is a two-model learner. One model learns who accepts, the other who leaves:
left alone, having declined, having accepted. The effect of an offer is what they say together, against no contact.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import FloatArray
from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.campaigns.exposure import Exposure
from planrec.campaigns.leaving import fit_leaving
from planrec.campaigns.moments import OfferRows
from planrec.campaigns.regression import fit_logistic
from planrec.offers import AcceptanceModel, ChurnChange, churn_change
from planrec.offers.acceptance import acceptance_features

__all__ = ["TwoModelUplift", "UpliftModel", "fit_acceptance"]


class UpliftModel(Protocol):
    """Anything that learns from logged offers what an offer does to the chance of leaving within three months."""

    def fit(self, rows: OfferRows, months: Exposure) -> Self:
        """Learn from the moments of a campaign and from the months of its subscribers."""
        ...

    def effect(self, rows: OfferRows) -> FloatArray:
        """Return the change in the chance of leaving; shape (n, n_plans), NaN where a plan cannot be offered."""
        ...


class TwoModelUplift(BaseEstimator):
    """Two models, of the answer and of leaving, put together to the effect of an offer.

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

    def fit(self, rows: OfferRows, months: Exposure) -> Self:
        """Learn who accepts from the offers that were made, and who leaves from all months.

        Parameters
        ----------
        rows : OfferRows
        months : Exposure
            Of the same subscribers, up to the last month that may be learnt from.

        Raises
        ------
        DataError
            If nobody contacted accepted, or nobody declined, or there is no hold-out, or nobody left, or nobody stayed.
        """
        if not rows.contacts.holdout.any():
            raise DataError(
                "offers: no row of the hold-out; without people never contacted there is nothing to compare with. "
                "Raise `offers.holdout_share`, or log more months."
            )
        self.acceptance_ = fit_acceptance(rows, C=self.C)
        self.leaving_ = fit_leaving(months, self.catalogue, C=self.C)
        return self

    def acceptance(self, rows: OfferRows) -> FloatArray:
        """Return P(accept) of each offer.

        Returns
        -------
        float64 array of shape (n, n_plans)
            NaN where a plan cannot be offered.
        """
        return self.change(rows).p_accept

    def change(self, rows: OfferRows) -> ChurnChange:
        """Return by how much an offer changes the chance of leaving within three months, and how sure that is.

        Parameters
        ----------
        rows : OfferRows
            Only what was known before the offer is read.

        Returns
        -------
        ChurnChange
            NaN where a plan cannot be offered.
        """
        check_is_fitted(self, "leaving_")
        found = churn_change(
            self.leaving_,
            self.acceptance_,
            rows.standing,
            self.catalogue,
            alternatives=rows.alternatives,
            contacts=rows.contacts.before,
        )
        parts = (found.p_accept, found.change, found.error)
        return ChurnChange(*(np.where(rows.standing.offerable, part, np.nan) for part in parts))

    def effect(self, rows: OfferRows) -> FloatArray:
        """Return `change` without its error: -1 to 1, below 0 where the offer keeps the subscriber."""
        return self.change(rows).change


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
    answers = asked.contacts.accepted
    if not answers.any() or answers.all():
        raise DataError("offers: every answer is the same, so nothing can be learnt; log more offers.")
    features = acceptance_features(asked.alternatives, asked.standing.current, asked.contacts.before)
    of_offered = features[np.arange(len(features)), asked.contacts.offered]
    fitted = fit_logistic(of_offered, answers.astype(np.float64), groups=asked.subscribers, C=C)
    return AcceptanceModel(fitted.weights[:-1], float(fitted.weights[-1]), fitted.covariance)
