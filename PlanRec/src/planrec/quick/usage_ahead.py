"""Months to expect of one subscriber: `outlook.UsageForecast.scenarios`, with plain numbers up to the exponential."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from planrec.billing import MAX_USAGE
from planrec.outlook import SERVICES, UsageForecast
from planrec.outlook.forecast import SCENARIOS, SMALLEST, pairing

__all__ = ["RowForecast"]

_ADDED_IN_ORDER = 8  # NumPy adds fewer numbers one after the other, and more in pairs
_PLACES = (np.arange(SCENARIOS) + 0.5) / SCENARIOS
_CASES = 1024  # numbers of months with usage, by service, whose quantiles are at hand
_Drawn: TypeAlias = tuple[FloatArray, NDArray[np.bool_] | None]  # quantiles, and which months have no usage


class RowForecast:
    """Equally likely usage months of one subscriber with a known month.

    Parameters
    ----------
    forecast : UsageForecast
        `of` tells whether it is one for this class.
    """

    def __init__(self, forecast: UsageForecast) -> None:
        parts = [forecast.services[service] for service in SERVICES]
        self._most = len(parts[0].scale) - 1
        self._coefficients = [part.coefficients.tolist() for part in parts]
        self._common = [(part.scale**2).tolist() for part in parts]
        self._prior = [part.prior.tolist() for part in parts]
        self._inflation = [part.inflation.tolist() for part in parts]
        self._quantiles = np.stack([part.quantiles for part in parts])
        self._drawn = lru_cache(_CASES)(self._drawn_from)

    @classmethod
    def of(cls, forecast: UsageForecast | None) -> RowForecast | None:
        """Return it; None without a forecast, or where it looks at so many months that NumPy adds them in pairs."""
        if forecast is None or any(len(part.scale) > _ADDED_IN_ORDER for part in forecast.services.values()):
            return None
        return cls(forecast)

    def months(self, known: FloatArray) -> FloatArray:
        """Return the months to expect.

        Parameters
        ----------
        known : float64 array of shape (3, n)
            Usage by service, most recent first, n >= 1; each value can be rated.

        Returns
        -------
        float64 array of shape (3, SCENARIOS)
        """
        recent = known[:, : self._most]
        rows: list[list[float]] = np.log(np.maximum(recent, SMALLEST)).tolist()
        used = [
            [log for log, value in zip(logs, values, strict=True) if value > 0]
            for logs, values in zip(rows, recent.tolist(), strict=True)
        ]
        laws = [self._law(service, logs) for service, logs in enumerate(used)]
        quantiles, never = self._drawn(len(rows[0]), *map(len, used))
        levels, spreads = np.array([*zip(*laws, strict=True)])[:, :, None]
        drawn = np.exp(levels + spreads * quantiles)
        if never is not None:
            drawn[never] = 0.0
        return np.minimum(drawn, MAX_USAGE)

    def _law(self, service: int, logs: list[float]) -> tuple[float, float]:
        """Return level and spread of the logarithm of usage."""
        count = len(logs)
        weights = self._coefficients[service][count]
        level = mean = own = 0.0
        for weight, value in zip(weights[1:], logs, strict=False):  # weights beyond the months known are 0
            level += value * weight
            mean += value
        prior, variance = self._prior[service][count], self._common[service][count]
        if prior < float("inf"):
            mean /= max(count, 1)
            for value in logs:
                own += (value - mean) * (value - mean)
            variance = (prior * variance + own) / max(prior + count - 1, 1.0) * self._inflation[service][count]
        return weights[0] + level, sqrt(variance)

    def _drawn_from(self, months: int, *counts: int) -> _Drawn:
        """Return the quantiles by service as the services are paired, where so many of the months have usage.

        The months with usage share the quantiles among them; the others, which are told, have none.
        """
        services = np.arange(len(counts))
        quantiles, never = self._quantiles[services, list(counts)], None
        if min(counts) < months:
            idle = np.array([1 - count / months for count in counts])[:, None]
            among = (_PLACES - idle) / np.maximum(1 - idle, 1 / SCENARIOS)
            at = np.clip((among * SCENARIOS).astype(np.int64), 0, SCENARIOS - 1)
            quantiles, never = quantiles[services[:, None], at], among < 0
        paired: Sequence[Sequence[int]] = [order.tolist() for order in pairing()]
        at_pairs = services[:, None], np.array(paired)
        return quantiles[at_pairs], None if never is None else never[at_pairs]
