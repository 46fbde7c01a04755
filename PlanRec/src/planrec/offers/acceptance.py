"""P(accept): would this subscriber say yes to that plan if it were offered? Arrays in, arrays out.

A logistic model of how the offered plan differs from the one held, in the terms of `alternatives`, and of how often the
subscriber was contacted lately. Like the choice model it names no plan, so an offer of a plan that launches today has a
chance today. It is learnt from logged offers (`uplift.py`); here are only its weights, which a service can open.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.offers.logistic import LogisticWeights, logistic

__all__ = ["ACCEPTANCE_FEATURES", "COMPARED", "AcceptanceModel", "acceptance_features"]


COMPARED = [i for i, name in enumerate(ALTERNATIVE_FEATURES) if name != "is_current"]
ACCEPTANCE_FEATURES = (*(f"{ALTERNATIVE_FEATURES[i]}_difference" for i in COMPARED), "contacts_90d")


def acceptance_features(features: FloatArray, current: IntArray, contacts: FloatArray) -> FloatArray:
    """Return how each plan differs from the one held.

    Parameters
    ----------
    features : float64 array of shape (n, n_plans, 8)
        Of `alternatives.alternative_features`.
    current : int64 array of shape (n,)
        Index of the plan held; >= 0.
    contacts : float64 array of shape (n,)
        Contacts in the 90 days before, >= 0; NaN counts as none.

    Returns
    -------
    float64 array of shape (n, n_plans, 8)
        Last axis as `ACCEPTANCE_FEATURES`.

    Raises
    ------
    DataError
        If a current plan is unknown: an offer is answered against the plan held.

    Examples
    --------
    >>> features = np.zeros((1, 2, 8))
    >>> features[0, 1, 0] = 5.0
    >>> acceptance_features(features, np.array([1]), np.array([2.0]))[0, 0].tolist()
    [-5.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]
    """
    unknown = int((current < 0).sum())
    if unknown:
        raise DataError(f"offers: the current plan of {unknown} subscriber(s) is unknown; an offer needs one.")
    compared = features[..., COMPARED]
    today = compared[np.arange(len(current)), current][:, None, :]
    often = np.broadcast_to(np.nan_to_num(contacts)[:, None, None], (*compared.shape[:2], 1))
    return np.concatenate([compared - today, often], axis=2)


class AcceptanceModel(LogisticWeights):
    """Weights of the logistic model.

    Attributes
    ----------
    weights : float64 array of shape (8,)
        Per unit of each of `ACCEPTANCE_FEATURES`.
    intercept : float
    covariance : float64 array of shape (9, 9)

    Examples
    --------
    >>> model = AcceptanceModel(np.zeros(len(ACCEPTANCE_FEATURES)), intercept=0.0)
    >>> model.chances(np.zeros((1, 2, 8)), np.array([0]), np.array([0.0])).tolist()
    [[nan, 0.5]]
    """

    WHAT = "acceptance model"
    FEATURES = ACCEPTANCE_FEATURES

    def chances(self, features: FloatArray, current: IntArray, contacts: FloatArray) -> FloatArray:
        """Return P(accept) of an offer of each plan.

        Parameters
        ----------
        features, current, contacts
            As `acceptance_features`.

        Returns
        -------
        float64 array of shape (n, n_plans)
            0 to 1; NaN for the plan held.
        """
        logit = acceptance_features(features, current, contacts) @ self.weights + self.intercept
        chance = logistic(logit)
        chance[np.arange(len(current)), current] = np.nan
        return chance
