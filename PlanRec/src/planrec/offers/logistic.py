"""What the models of an offer share: named weights, how uncertain they are, and their plain values in a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.errors import ArtifactError

__all__ = ["LogisticWeights", "logistic"]


def logistic(logit: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-logit)), without overflow; 0 to 1.

    Examples
    --------
    >>> logistic(np.array([0.0, -1e9])).round(3).tolist()
    [0.5, 0.0]
    """
    return 1 / (1 + np.exp(-np.clip(logit, -500, 500)))


@dataclass(frozen=True)
class LogisticWeights:
    """A logistic model of which only the numbers are kept, so that a service opens it without a pickle.

    Attributes
    ----------
    weights : float64 array of shape (k,)
        Per unit of each of `FEATURES`.
    intercept : float
    covariance : float64 array of shape (k + 1, k + 1)
        Of the fitted weights and, last, the intercept; zeros where nothing was said of it.
    """

    WHAT: ClassVar[str]
    FEATURES: ClassVar[tuple[str, ...]]

    weights: FloatArray
    intercept: float
    covariance: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if not self.covariance.size:
            k = len(self.weights) + 1
            object.__setattr__(self, "covariance", np.zeros((k, k)))

    def logit(self, features: FloatArray) -> FloatArray:
        """Return weights x features + intercept; the last axis of `features` is `FEATURES`."""
        # Not a matrix product: that adds in another order for one subscriber than for many.
        return np.add.reduce(features * self.weights, axis=-1) + self.intercept

    def variance(self, gradient: FloatArray) -> FloatArray:
        """Return the variance of a figure of these weights, by how it moves with each of them.

        Parameters
        ----------
        gradient : float64 array of shape (..., k + 1)
            Derivative by each weight and, last, by the intercept.

        Returns
        -------
        float64 array of shape (...,)
            >= 0.
        """
        total = np.zeros(gradient.shape[:-1])
        for column, values in enumerate(self.covariance.T):
            total += np.add.reduce(gradient * values, axis=-1) * gradient[..., column]
        return np.maximum(total, 0.0)

    def to_dict(self) -> dict[str, object]:
        """Return plain values, ready for JSON."""
        return {
            "weights": dict(zip(self.FEATURES, self.weights.tolist(), strict=True)),
            "intercept": self.intercept,
            "covariance": self.covariance.tolist(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """Return the model of `to_dict`.

        Raises
        ------
        ArtifactError
            If a weight is missing or is not a number.
        """
        weights = values.get("weights")
        found = [weights.get(name) for name in cls.FEATURES] if isinstance(weights, Mapping) else [None]
        k = len(cls.FEATURES) + 1
        try:
            numbers = np.array([*found, values.get("intercept")], dtype=np.float64)
            covariance = np.array(values.get("covariance"), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"{cls.WHAT}: a weight is missing or is not a number; train again.") from error
        # None is read as NaN
        if covariance.shape != (k, k) or not (np.isfinite(numbers).all() and np.isfinite(covariance).all()):
            raise ArtifactError(f"{cls.WHAT}: a weight is missing or is not a number; train again.")
        return cls(numbers[:-1], float(numbers[-1]), covariance)
