"""By how much an offer changes the chance of leaving, and how far that figure itself may be off.

change = P(accept) x P(leaving | accepted) + (1 - P(accept)) x P(leaving | declined) - P(leaving | alone). Its standard
error is that of the fitted weights of both models, carried through this formula (delta method).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray
from planrec.billing import Catalogue
from planrec.offers.acceptance import AcceptanceModel, acceptance_features
from planrec.offers.leaving import LeavingChances, LeavingModel, Standing

__all__ = ["ChurnChange", "churn_change"]


@dataclass(frozen=True, slots=True)
class ChurnChange:
    """What offering each plan brings: acceptance, and another chance of leaving; arrays of shape (n, n_plans).

    Attributes
    ----------
    p_accept : float64 array
        0 to 1; NaN for the plan held.
    change : float64 array
        Of the chance of leaving within three months, -1 to 1, below 0 where the offer keeps the subscriber; NaN for the
        plan held.
    error : float64 array
        Standard error of `change`, >= 0; NaN for the plan held.
    """

    p_accept: FloatArray
    change: FloatArray
    error: FloatArray

    def bound(self, errors: float) -> FloatArray:
        """Return the change that so many standard errors more would make of it.

        Examples
        --------
        >>> ChurnChange(np.array([[0.5]]), np.array([[-0.02]]), np.array([[0.01]])).bound(2.0).tolist()
        [[0.0]]
        """
        return self.change + errors * self.error


def churn_change(
    leaving: LeavingModel,
    acceptance: AcceptanceModel,
    standing: Standing,
    catalogue: Catalogue,
    *,
    alternatives: FloatArray,
    contacts: FloatArray,
) -> ChurnChange:
    """Return what the offer of each plan does to leaving, against no contact.

    Parameters
    ----------
    leaving : LeavingModel
    acceptance : AcceptanceModel
    standing : Standing
        n subscribers.
    catalogue : Catalogue
    alternatives : float64 array of shape (n, n_plans, 8)
        Of `decisions.alternative_features`.
    contacts : float64 array of shape (n,)
        In the 90 days before; NaN counts as none.

    Examples
    --------
    A contact reminds of 10 overpaid, and nobody accepts:

    >>> other = np.array([[True, False]])
    >>> standing = Standing(np.array([1]), np.array([[60.0, 70.0]]), other, np.zeros(1), np.zeros(1))
    >>> reminded = np.array([0.1 if name == "overpaid_when_contacted" else 0.0 for name in LeavingModel.FEATURES])
    >>> leaving, acceptance = LeavingModel(reminded, 0.0), AcceptanceModel(np.zeros(8), -99.0)
    >>> none = {"alternatives": np.zeros((1, 2, 8)), "contacts": np.zeros(1)}
    >>> churn_change(leaving, acceptance, standing, megaline, **none).change.round(3).tolist()
    [[0.231, nan]]
    """
    accept = acceptance.chances(alternatives, standing.current, contacts)
    chances = leaving.chances(standing, catalogue)
    gap = chances.accepted - chances.declined[:, None]
    change = accept * gap + (chances.declined - chances.alone)[:, None]
    features = acceptance_features(alternatives, standing.current, contacts)
    of_answer = (gap * accept * (1 - accept))[..., None] * _with_one(features)
    variance = leaving.variance(_gradient(chances, accept)) + acceptance.variance(of_answer)
    return ChurnChange(accept, change, np.sqrt(variance))


def _gradient(chances: LeavingChances, accept: FloatArray) -> FloatArray:
    """Return the derivative of the change by each weight of the leaving model and its intercept; (n, n_plans, 12)."""
    alone, declined, accepted = (
        (chance * (1 - chance))[..., None] * _with_one(features)
        for chance, features in (
            (chances.alone, chances.of_alone),
            (chances.declined, chances.of_declined),
            (chances.accepted, chances.of_accepted),
        )
    )
    taken = accept[..., None]
    return taken * accepted + (1 - taken) * declined[:, None, :] - alone[:, None, :]


def _with_one(features: FloatArray) -> FloatArray:
    return np.concatenate([features, np.ones((*features.shape[:-1], 1))], axis=-1)
