"""Months to expect of one subscriber: `outlook.UsageForecast.scenarios`, with plain numbers up to the exponential."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from planrec.billing import MAX_USAGE
from planrec.outlook import SERVICES, UsageForecast
from planrec.outlook.forecast import SCENARIOS, SMALLEST, ServiceForecast, pairing

__all__ = ["RowForecast"]

_ADDED_IN_ORDER = 8  # NumPy adds fewer numbers one after the other, and more in pairs
# As arrays, because NumPy takes longer to convert a number.
_SMALLEST, _MOST_USED = np.array(SMALLEST), np.array(MAX_USAGE, dtype=np.float64)
_PLACES = (np.arange(SCENARIOS) + 0.5) / SCENARIOS
_CASES = 1024  # numbers of months with usage, by service, whose quantiles are at hand
_Drawn: TypeAlias = tuple[FloatArray, NDArray[np.bool_] | None]  # quantiles, and which months have no usage


class _Law(NamedTuple):
    """What `ServiceForecast` makes of so many months with usage.

    Attributes
    ----------
    level : float
    weights : list of float
        Of the logarithms known, most recent first.
    of_own : bool
        Whether the spread is the subscriber's own as well; else it is the root of `variance`.
    variance, degrees, inflation : float
        (variance + squares of what is the subscriber's own) / degrees x inflation.
    """

    level: float
    weights: list[float]
    of_own: bool
    variance: float
    degrees: float
    inflation: float
    months: int

    @classmethod
    def of(cls, service: ServiceForecast, count: int) -> _Law:
        level, *weights = service.coefficients[count].tolist()
        prior, variance = float(service.prior[count]), float((service.scale**2)[count])
        of_own = prior < float("inf")
        return cls(
            level,
            weights[:count],  # those of months beyond are 0
            of_own,
            prior * variance if of_own else variance,
            max(prior + count - 1, 1.0),
            float(service.inflation[count]),
            max(count, 1),
        )

    def of_logs(self, logs: list[float], doubt: float) -> tuple[float, float]:
        """Return level and spread of the logarithm of usage, given a further doubt about it."""
        intercept, weights, of_own, variance, degrees, inflation, months = self
        level = mean = own = 0.0
        for weight, value in zip(weights, logs, strict=True):
            level += value * weight
            mean += value
        if of_own:
            mean /= months
            for value in logs:
                apart = value - mean
                own += apart * apart
            variance = (variance + own) / degrees * inflation
        return intercept + level, sqrt(variance + doubt * doubt)


class RowForecast:
    """Equally likely usage months of one subscriber.

    Parameters
    ----------
    forecast : UsageForecast
        `of` tells whether it is one for this class.
    """

    def __init__(self, forecast: UsageForecast) -> None:
        parts = [forecast.services[service] for service in SERVICES]
        self._most = len(parts[0].scale) - 1
        self._laws = [[_Law.of(part, count) for count in range(self._most + 1)] for part in parts]
        self._quantiles = np.stack([part.quantiles for part in parts])
        self._never = [1 - float(part.used) for part in parts]
        self._drawn = lru_cache(_CASES)(self._drawn_from)

    @classmethod
    def of(cls, forecast: UsageForecast | None) -> RowForecast | None:
        """Return it; None without a forecast, or where it looks at so many months that NumPy adds them in pairs."""
        if forecast is None or any(len(part.scale) > _ADDED_IN_ORDER for part in forecast.services.values()):
            return None
        return cls(forecast)

    def months(
        self, recorded: Sequence[Sequence[float]], said: Sequence[float] | None = None, doubt: float = 0.0
    ) -> FloatArray:
        """Return the months to expect, and behind them those recorded.

        Parameters
        ----------
        recorded : three sequences of n float
            Usage by service, most recent first; each value can be rated.
        said : three float, optional
            Of a month that is only said, where none is recorded; it is not among the months returned.
        doubt : float
            About it: further standard deviation of the logarithm.

        Returns
        -------
        float64 array of shape (4, SCENARIOS + n)
            By service; then a row of ones, for what is paid whatever is used.
        """
        minutes, messages, megabytes = recorded if said is None else [(amount,) for amount in said]
        known, most = len(minutes), self._most
        basis = np.array([*minutes, *messages, *megabytes], dtype=np.float64).reshape(3, known)
        usage = np.empty((4, SCENARIOS + len(recorded[0])))
        usage[3] = 1.0
        if said is None:
            usage[:3, SCENARIOS:] = basis
        logs: list[list[float]] = np.log(np.maximum(basis[:, :most], _SMALLEST)).tolist()
        levels: list[float] = []
        spreads: list[float] = []
        counts: list[int] = []
        for laws, own, values in zip(self._laws, logs, (minutes, messages, megabytes), strict=True):
            used = own
            if 0.0 in values:
                used = [log for log, value in zip(own, values[:most], strict=True) if value > 0]
            level, spread = laws[len(used)].of_logs(used, doubt)
            levels.append(level)
            spreads.append(spread)
            counts.append(len(used))
        quantiles, never = self._drawn(min(known, most), *counts)
        law = np.array(levels + spreads).reshape(2, 3, 1)
        drawn = quantiles * law[1]
        drawn += law[0]
        np.exp(drawn, out=drawn)
        if never is not None:
            drawn[never] = 0.0
        np.minimum(drawn, _MOST_USED, out=usage[:3, :SCENARIOS])
        return usage

    def _drawn_from(self, months: int, *counts: int) -> _Drawn:
        """Return the quantiles by service as the services are paired, where so many of the months have usage.

        The months with usage share the quantiles among them; the others, which are told, have none. Where no month is
        known, so many have none as newcomers do not use the service.
        """
        services = np.arange(len(counts))
        quantiles, never = self._quantiles[services, list(counts)], None
        if min(counts) < months or not months:
            idle = np.array([1 - count / months for count in counts] if months else self._never)[:, None]
            among = (_PLACES - idle) / np.maximum(1 - idle, 1 / SCENARIOS)
            at = np.clip((among * SCENARIOS).astype(np.int64), 0, SCENARIOS - 1)
            quantiles, never = quantiles[services[:, None], at], among < 0
        paired: Sequence[Sequence[int]] = [order.tolist() for order in pairing()]
        at_pairs = services[:, None], np.array(paired)
        return quantiles[at_pairs], None if never is None else never[at_pairs]
