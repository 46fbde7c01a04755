"""From three logarithms to a price and its interval: plain numbers, the same for training and service."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.errors import ArtifactError

__all__ = ["FILE", "IntervalEnds", "Margins"]


FILE = "interval.json"


@dataclass(frozen=True)
class Margins:
    """How far both ends of an interval move out, as logarithms; below 0 they move in.

    Attributes
    ----------
    low, high : float
        Where the body type is not known.
    by_kind : tuple of (low, high)
        Of each body type, by code; empty: those of all.

    Examples
    --------
    >>> Margins(0.0, 0.1, ((0.0, 0.2),)).of(np.array([0.0, np.nan])).tolist()
    [[0.0, 0.2], [0.0, 0.1]]
    """

    low: float
    high: float
    by_kind: tuple[tuple[float, float], ...] = ()

    def of(self, kinds: FloatArray) -> FloatArray:
        """Return low and high for each row's body type, shape (n, 2)."""
        table = np.array([*self.by_kind, (self.low, self.high)])
        known = (kinds >= 0) & (kinds < len(self.by_kind))
        return table[np.where(known, kinds, len(self.by_kind)).astype(np.int64)]


@dataclass(frozen=True)
class IntervalEnds:
    """Where the ends of an interval are.

    Attributes
    ----------
    known, hidden : Margins
        Where training knew the model of the car, and where it did not.
    hidden_column : int
        The feature that is missing where it did not; -1: every model counts as known.
    kind_column : int
        The feature that holds the code of the body type; -1: none does.

    Examples
    --------
    >>> ends = IntervalEnds(Margins(0.0, 0.0), Margins(np.log(2.0), np.log(2.0)), hidden_column=0)
    >>> logs = np.log([[10.0, 8.0, 12.0], [10.0, 8.0, 12.0]])
    >>> ends.prices(logs, np.array([[3.0], [np.nan]])).round(9).tolist()
    [[10.0, 8.0, 12.0], [10.0, 4.0, 24.0]]
    """

    known: Margins
    hidden: Margins
    hidden_column: int = -1
    kind_column: int = -1

    def prices(self, logs: FloatArray, matrix: FloatArray) -> FloatArray:
        """Return price, low and high in US dollars, shape (n, 3); low <= price <= high.

        Parameters
        ----------
        logs : float64 array of shape (n, 3)
            Logarithms of the median, the lower and the upper end, as the forests say them.
        matrix : float64 array of shape (n, n_features)
        """
        kinds = matrix[:, self.kind_column] if self.kind_column >= 0 else np.full(len(matrix), np.nan)
        hidden = np.isnan(matrix[:, self.hidden_column]) if self.hidden_column >= 0 else np.zeros(len(matrix), bool)
        margins = np.where(hidden[:, None], self.hidden.of(kinds), self.known.of(kinds))
        middle = logs[:, 0]
        low, high = np.minimum(logs[:, 1] - margins[:, 0], middle), np.maximum(logs[:, 2] + margins[:, 1], middle)
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
            known, hidden = (
                Margins(
                    float(part["low"]), float(part["high"]), tuple((float(a), float(b)) for a, b in part["by_kind"])
                )
                for part in (said["known"], said["hidden"])
            )
            ends = cls(known, hidden, int(said["hidden_column"]), int(said["kind_column"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{FILE} does not say how far an interval is widened; train again.") from error
        numbers = [(part.low, part.high) for part in (known, hidden)] + [*known.by_kind, *hidden.by_kind]
        if not np.isfinite(numbers).all():
            raise ArtifactError(f"{FILE} holds a margin that is not finite; train again.")
        return ends
