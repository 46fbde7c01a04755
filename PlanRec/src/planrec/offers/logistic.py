"""What the models of an offer share: named weights, an intercept, and their plain values in a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """

    WHAT: ClassVar[str]
    FEATURES: ClassVar[tuple[str, ...]]

    weights: FloatArray
    intercept: float

    def to_dict(self) -> dict[str, object]:
        """Return plain values, ready for JSON."""
        return {
            "weights": dict(zip(self.FEATURES, self.weights.tolist(), strict=True)),
            "intercept": self.intercept,
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
        try:
            numbers = np.array([*found, values.get("intercept")], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"{cls.WHAT}: a weight is missing or is not a number; train again.") from error
        if not np.isfinite(numbers).all():  # None is read as NaN
            raise ArtifactError(f"{cls.WHAT}: a weight is missing or is not a number; train again.")
        return cls(numbers[:-1], float(numbers[-1]))
