"""From three logarithms to a price and its interval: plain numbers, the same for training and service."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from math import isfinite

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.errors import ArtifactError

__all__ = ["FILE", "IntervalEnds"]


FILE = "interval.json"


@dataclass(frozen=True)
class IntervalEnds:
    """How far the ends of an interval move.

    Attributes
    ----------
    margin, hidden_margin : float
        What is added on both sides, as a logarithm, where the model of the car is known and where it is not.
    hidden_column : int
        The feature that is missing where it is not; -1: every model counts as known.

    Examples
    --------
    >>> ends = IntervalEnds(0.0, np.log(2.0), hidden_column=0)
    >>> logs = np.log([[10.0, 8.0, 12.0], [10.0, 8.0, 12.0]])
    >>> ends.prices(logs, np.array([[3.0], [np.nan]])).round(9).tolist()
    [[10.0, 8.0, 12.0], [10.0, 4.0, 24.0]]
    """

    margin: float
    hidden_margin: float
    hidden_column: int = -1

    def prices(self, logs: FloatArray, matrix: FloatArray) -> FloatArray:
        """Return price, low and high in US dollars, shape (n, 3); low <= price <= high.

        Parameters
        ----------
        logs : float64 array of shape (n, 3)
            Logarithms of the median, the lower and the upper end, as the forests say them.
        matrix : float64 array of shape (n, n_features)
        """
        hidden = np.zeros(len(matrix), dtype=np.bool_)
        if self.hidden_column >= 0:
            hidden = np.isnan(matrix[:, self.hidden_column])
        margin = np.where(hidden, self.hidden_margin, self.margin)
        middle = logs[:, 0]
        low, high = np.minimum(logs[:, 1] - margin, middle), np.maximum(logs[:, 2] + margin, middle)
        return np.exp(np.column_stack([middle, low, high]))

    def dump(self) -> bytes:
        """Return the content of `interval.json`."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def load(cls, content: bytes) -> IntervalEnds:
        """Return what `dump` wrote.

        Raises
        ------
        ArtifactError
            If it is something else.
        """
        try:
            said = json.loads(content)
            ends = cls(float(said["margin"]), float(said["hidden_margin"]), int(said["hidden_column"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{FILE} does not say how far an interval is widened; train again.") from error
        if not isfinite(ends.margin + ends.hidden_margin):
            raise ArtifactError(f"{FILE} holds a margin that is not finite; train again.")
        return ends
