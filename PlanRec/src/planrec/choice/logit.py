"""P(take) for any plan, seen in training or not: a conditional logit over what each plan would mean to the subscriber.

McFadden (1974): the utility of a plan is linear in features of the plan *for this subscriber*, and the probability is
the softmax over the choice set. No coefficient belongs to a plan, so a plan that launches today is scored today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.compiled import softmax_within
from common_utils.errors import DataError
from planrec.billing import Catalogue
from planrec.choice.any_plan import ChoiceEstimator
from planrec.decisions import plan_indices
from planrec.decisions.choice_sets import Alternatives, ChoiceRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ConditionalLogit", "chosen_of", "likeliest_weights", "negative_log_likelihood", "standard_errors"]

_TO_THE_TOP = {"ftol": 0.0, "gtol": 1e-9, "maxiter": 1000}  # L-BFGS-B: on until the gradient is flat


def chosen_of(y: NDArray[np.object_], catalogue: Catalogue) -> IntArray:
    """Return the catalogue positions of the plans taken.

    Raises
    ------
    DataError
        If a plan taken is not in the catalogue.
    """
    chosen = plan_indices(y, catalogue)
    unknown = int((chosen < 0).sum())
    if unknown:
        raise DataError(
            f"decision rows: {unknown} plan(s) taken are not in rate card {catalogue.version!r}; add the plans."
        )
    return chosen


def negative_log_likelihood(
    weights: FloatArray, features: FloatArray, available: BoolArray, chosen: IntArray, l2: float
) -> tuple[float, FloatArray]:
    """Return the mean negative log-likelihood of the choices with its gradient.

    Parameters
    ----------
    weights : float64 array of shape (k,)
    features : float64 array of shape (n, n_plans, k)
    available : bool array of shape (n, n_plans)
    chosen : int64 array of shape (n,)
        Always in the choice set.
    l2 : float
        Weight of half the squared norm, >= 0.

    Returns
    -------
    tuple of float and float64 array of shape (k,)

    Examples
    --------
    >>> value, gradient = negative_log_likelihood(
    ...     np.zeros(1), np.array([[[1.0], [3.0]]]), np.ones((1, 2), dtype=bool), np.array([1]), l2=0.0
    ... )
    >>> round(value, 4), gradient.tolist()  # log 2; expected feature 2 less the chosen one's 3
    (0.6931, [-1.0])
    """
    utility = np.where(available, features @ weights, -np.inf)
    log_p = log_softmax(utility, axis=1)
    rows = np.arange(len(chosen))
    expected = np.einsum("np,npk->k", np.exp(log_p), features)
    observed = features[rows, chosen].sum(axis=0)
    n = len(chosen)
    value = -log_p[rows, chosen].sum() / n + 0.5 * l2 * float(weights @ weights)
    return float(value), (expected - observed) / n + l2 * weights


def likeliest_weights(
    features: FloatArray, available: BoolArray, chosen: IntArray, *, l2: float = 0.0, exact: bool = True
) -> FloatArray:
    """Return the weights that make the choices most likely, less the penalty.

    Parameters
    ----------
    features : float64 array of shape (n, n_plans, k)
    available : bool array of shape (n, n_plans)
    chosen : int64 array of shape (n,)
        Always in the choice set.
    l2 : float, default=0
        Weight of half the squared norm of the weights of the scaled features, >= 0.
    exact : bool, default=True
        Whether to go on until the gradient is flat: published estimates are met to the digits printed. Without, the
        optimiser's usual tolerances end the search, which is enough to predict.

    Returns
    -------
    float64 array of shape (k,)
        Utility per unit of each feature.

    References
    ----------
    McFadden (1974); the log-likelihood is concave, so there is one top.

    Examples
    --------
    >>> features = np.array([[[0.0], [1.0]]] * 4)  # three of four take the second: log 3
    >>> likeliest_weights(features, np.ones((4, 2), dtype=bool), np.array([1, 1, 1, 0])).round(6).tolist()
    [1.098612]
    """
    # Scaled for the optimiser; the weights are kept in the features' own units.
    scale = np.maximum(features[available].std(axis=0), 1e-9)
    found = minimize(
        negative_log_likelihood,
        np.zeros(features.shape[2]),
        args=(features / scale, available, chosen, l2),
        jac=True,
        method="L-BFGS-B",
        options=_TO_THE_TOP if exact else None,
    )
    return found.x / scale


def standard_errors(weights: FloatArray, features: FloatArray, available: BoolArray) -> FloatArray:
    """Return the standard errors of weights that were estimated without a penalty.

    Parameters
    ----------
    weights : float64 array of shape (k,)
        Those of `likeliest_weights` with `l2` 0.
    features : float64 array of shape (n, n_plans, k)
    available : bool array of shape (n, n_plans)

    Returns
    -------
    float64 array of shape (k,)
        Square roots of the diagonal of the inverse of the information matrix, which is the sum over the choices of the
        features' covariance within the choice set.

    Raises
    ------
    DataError
        If the features do not tell the weights apart.

    Examples
    --------
    >>> features = np.array([[[0.0], [1.0]]] * 4)  # each choice holds p (1 - p) of information
    >>> standard_errors(np.log([3.0]), features, np.ones((4, 2), dtype=bool)).round(6).tolist()
    [1.154701]
    """
    probabilities = softmax_within(features @ weights, available)
    centred = features - np.einsum("np,npk->nk", probabilities, features)[:, None, :]
    information = np.einsum("np,npk,npl->kl", probabilities, centred, centred, optimize=True)
    if np.linalg.matrix_rank(information) < len(weights):
        raise DataError(
            "conditional logit: the features do not tell all weights apart; leave out a feature that is the same for "
            "all alternatives, or follows from the others."
        )
    return np.sqrt(np.diag(np.linalg.inv(information)))


class ConditionalLogit(ChoiceEstimator):
    """Conditional logit on decision rows.

    Parameters
    ----------
    catalogue : Catalogue
        The plans to score; may be replaced after fitting, because no weight belongs to a plan.
    history_months : int, default=6
        Months of history in a row, >= 1.
    with_current_plan : bool, default=True
        Whether the plan held before may be used. Where the target *is* the plan held, it may not.
    l2 : float, default=1e-4
        Penalty on the weights of the scaled features, >= 0.

    Attributes
    ----------
    classes_ : array of shape (n_plans,)
        Plan ids of the catalogue: what the probabilities belong to.
    weights_ : float64 array of shape (8,)
        Utility per unit of each of `decisions.alternatives.ALTERNATIVE_FEATURES`.
    """

    FITTED = "weights_"

    def __init__(
        self,
        catalogue: Catalogue,
        history_months: int = 6,
        with_current_plan: bool = True,  # noqa: FBT001 - scikit-learn's clone passes parameters by name
        l2: float = 1e-4,
    ) -> None:
        self.catalogue = catalogue
        self.history_months = history_months
        self.with_current_plan = with_current_plan
        self.l2 = l2

    def fit(self, X: pd.DataFrame | ChoiceRows, y: NDArray[np.object_]) -> ConditionalLogit:
        """Maximise the likelihood of the choices.

        Parameters
        ----------
        X : DataFrame or mapping of str to array of shape (n,)
            Decision rows.
        y : array of shape (n,)
            Plan ids taken.

        Raises
        ------
        DataError
            If a plan taken is not in the catalogue.
        """
        alternatives, chosen = self.alternatives(X), chosen_of(y, self.catalogue)
        features, available = alternatives.features, alternatives.available
        # Who took a plan could take it, whatever the rate card and a missing age say.
        available[np.arange(len(chosen)), chosen] = True
        self.weights_ = likeliest_weights(features, available, chosen, l2=self.l2, exact=False)
        return self

    def predict_proba(self, X: pd.DataFrame | ChoiceRows) -> FloatArray:
        """Return P(take) by catalogue position.

        Returns
        -------
        float64 array of shape (n, n_plans)
            0 outside the choice set; each row adds up to 1.
        """
        alternatives = self.alternatives(X)
        return softmax_within(self.utilities(alternatives), alternatives.available)

    def utilities(self, alternatives: Alternatives) -> FloatArray:
        """Return the utility of each plan, in or out of the choice set; float64 array of shape (n, n_plans)."""
        check_is_fitted(self, self.FITTED)
        return alternatives.features @ self.weights_
