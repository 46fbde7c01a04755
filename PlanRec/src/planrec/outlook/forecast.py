"""The bill outlook: what the coming months' usage may be, learnt from how other subscribers' months went on.

Re-rating past months takes them for the future as they are: a lucky month of six makes a plan look cheap. Here each
service is forecast directly (Hyndman & Athanasopoulos, "Forecasting: Principles and Practice", direct multi-step): the
logarithm of usage in the months ahead is regressed on the logarithms of the last k months known, for each k from 0 up,
and what the regressions leave unexplained is kept as quantiles. A subscriber's forecast is a set of equally likely
usage months, which the rater prices like any other month. With few months known the quantiles lie further apart, and
with none they are those of the population, so that a newcomer gets a wider answer, not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import ArtifactError, DataError
from planrec.billing import MAX_USAGE, Usage
from planrec.outlook.history import SERVICES, History

__all__ = ["SCENARIOS", "SMALLEST", "ServiceForecast", "UsageForecast", "fit_usage_forecast", "pairing"]


SMALLEST = 1e-9  # usage whose logarithm is taken
SCENARIOS = 32  # usage months a forecast consists of; a power of two, so that the pairing below is a permutation
_PRIORS = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 40.0)  # months' worth of trust in the common spread
_FEWEST = 30  # rows a regression needs beyond its coefficients


@dataclass(frozen=True, slots=True)
class ServiceForecast:
    """The forecast of one service; the first axis is the number of months with usage that are known, 0 .. H.

    Attributes
    ----------
    coefficients : float64 array of shape (H + 1, H + 1)
        Intercept and weights of the logarithms, most recent first; 0 beyond the months known.
    scale : float64 array of shape (H + 1,)
        Standard deviation of what a regression leaves unexplained.
    prior : float64 array of shape (H + 1,)
        Months' worth of trust in that scale against a subscriber's own spread; inf: no own spread is looked at.
    inflation : float64 array of shape (H + 1,)
        Factor that makes the mixed variance right on average.
    quantiles : float64 array of shape (H + 1, SCENARIOS)
        Of the standardised rest, ascending.
    used : float64
        Share of newcomers who use the service at all.
    """

    coefficients: FloatArray
    scale: FloatArray
    prior: FloatArray
    inflation: FloatArray
    quantiles: FloatArray
    used: float

    def draw(self, values: FloatArray, known: BoolArray, extra_sd: FloatArray) -> FloatArray:
        """Return equally likely usage of a month ahead, ascending.

        Parameters
        ----------
        values : float64 array of shape (n, n_months)
            Usage, most recent first.
        known : bool array of shape (n, n_months)
        extra_sd : float64 array of shape (n,)
            Further standard deviation of the logarithm, for usage that is only said, not recorded; >= 0.

        Returns
        -------
        float64 array of shape (n, SCENARIOS)
        """
        most = len(self.scale) - 1
        logs, used = _used_months(values, known, most)
        months = known[:, :most].sum(axis=1)
        place = (np.arange(SCENARIOS) + 0.5) / SCENARIOS
        level = self.coefficients[used, 0] + (np.nan_to_num(logs) * self.coefficients[used, 1:]).sum(axis=1)
        spread = np.sqrt(self._variance(logs, used) + extra_sd**2)
        # Months without usage come again as often as they came; who never used a service is not taken to start.
        idle = np.where(months > 0, 1 - used / np.maximum(months, 1), 1 - self.used)
        # The months with usage share all of the quantiles among them.
        among = (place - idle[:, None]) / np.maximum(1 - idle, 1 / SCENARIOS)[:, None]
        at = np.clip((among * SCENARIOS).astype(np.int64), 0, SCENARIOS - 1)
        drawn = np.exp(level[:, None] + spread[:, None] * np.take_along_axis(self.quantiles[used], at, axis=1))
        return np.minimum(np.where(among < 0, 0.0, drawn), MAX_USAGE)

    def _variance(self, logs: FloatArray, used: IntArray) -> FloatArray:
        own = _squared_deviations(logs, used)
        prior, common = self.prior[used], self.scale[used] ** 2
        trusted = np.isfinite(prior)
        weight = np.where(trusted, prior, 1.0)
        mixed = (weight * common + own) / (weight + used - 1).clip(min=1.0) * self.inflation[used]
        return np.where(trusted, mixed, common)


@dataclass(frozen=True, slots=True)
class UsageForecast:
    """Forecasts of all services.

    Attributes
    ----------
    services : mapping of str to ServiceForecast
        By name, as `outlook.SERVICES`.

    Examples
    --------
    >>> from planrec.outlook.history import history_of
    >>> past = history_of({f"{s}_1": np.full(200, 100.0) for s in SERVICES}, 1)
    >>> ahead = Usage.of(*(np.full((200, 1), 110.0) for _ in SERVICES))
    >>> forecast = fit_usage_forecast(past, ahead, np.ones((200, 1), dtype=bool))
    >>> forecast.scenarios(past).usage.minutes[0, :2].round(6).tolist()
    [110.0, 110.0]
    """

    services: Mapping[str, ServiceForecast]

    def scenarios(self, history: History, *, extra_sd: FloatArray | None = None) -> History:
        """Return equally likely usage months for each subscriber.

        Parameters
        ----------
        history : History
            n rows; further months than the forecast was fitted on are not looked at. A row may know no month.
        extra_sd : float64 array of shape (n,), optional
            As `ServiceForecast.draw`.

        Returns
        -------
        History
            Arrays of shape (n, SCENARIOS), all known. The services are paired so that each value of one meets values
            from all over the range of the others.
        """
        n = len(history.known)
        extra = np.zeros(n) if extra_sd is None else extra_sd
        parts = [
            self.services[service].draw(getattr(history.usage, service), history.known, extra)[:, order]
            for service, order in zip(SERVICES, pairing(), strict=True)
        ]
        return History(Usage(*parts), np.ones((n, SCENARIOS), dtype=np.bool_))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            name: {
                "coefficients": part.coefficients.tolist(),
                "scale": part.scale.tolist(),
                "prior": [None if np.isinf(p) else float(p) for p in part.prior],
                "inflation": part.inflation.tolist(),
                "quantiles": part.quantiles.tolist(),
                "used": part.used,
            }
            for name, part in self.services.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> UsageForecast:
        """Return the forecast of `to_dict`.

        Raises
        ------
        ArtifactError
            If a part is missing or has the wrong shape.
        """
        try:
            services = {
                name: ServiceForecast(
                    coefficients=np.array(part["coefficients"], dtype=np.float64),
                    scale=np.array(part["scale"], dtype=np.float64),
                    prior=np.array([np.inf if p is None else p for p in part["prior"]], dtype=np.float64),
                    inflation=np.array(part["inflation"], dtype=np.float64),
                    quantiles=np.array(part["quantiles"], dtype=np.float64),
                    used=float(part["used"]),
                )
                for name, part in ((name, values[name]) for name in SERVICES)
            }
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"usage forecast: {type(error).__name__} while reading it; train again.") from error
        for name, part in services.items():
            rows = part.scale.size
            wanted = ((rows, rows), (rows,), (rows,), (rows,), (rows, SCENARIOS))
            found = (part.coefficients, part.scale, part.prior, part.inflation, part.quantiles)
            if tuple(array.shape for array in found) != wanted:
                raise ArtifactError(f"usage forecast: {name} has parts of different lengths; train again.")
        return cls(services)


def fit_usage_forecast(history: History, ahead: Usage, ahead_known: BoolArray) -> UsageForecast:
    """Learn how usage goes on.

    Parameters
    ----------
    history : History
        n rows with up to H months before.
    ahead : Usage
        Arrays of shape (n, horizon): the months that followed.
    ahead_known : bool array of shape (n, horizon)
        Which of them are known, and whole.

    Returns
    -------
    UsageForecast

    Raises
    ------
    DataError
        If there are too few months to learn from.
    """
    examples = int(ahead_known.sum())
    if examples <= _FEWEST:
        raise DataError(
            f"usage forecast: {examples} later month(s) to learn from; give more subscribers or months, at least "
            f"{_FEWEST + 1}."
        )
    return UsageForecast(
        {
            service: _fit_service(getattr(history.usage, service), history.known, getattr(ahead, service), ahead_known)
            for service in SERVICES
        }
    )


def _fit_service(values: FloatArray, known: BoolArray, ahead: FloatArray, ahead_known: BoolArray) -> ServiceForecast:
    most = values.shape[1]
    logs, used = _used_months(values, known, most)
    coefficients, quantiles = np.zeros((most + 1, most + 1)), np.zeros((most + 1, SCENARIOS))
    scale, prior, inflation = np.zeros(most + 1), np.full(most + 1, np.inf), np.ones(most + 1)
    target = np.where(ahead_known & (ahead > 0), np.log(np.maximum(ahead, SMALLEST)), np.nan)
    if (~np.isnan(target)).sum() <= _FEWEST:  # a service that hardly anybody uses: nothing of it is expected
        return ServiceForecast(coefficients, scale, prior, inflation, quantiles, used=0.0)
    for k in range(most + 1):
        rows = np.flatnonzero(used >= k)
        row, month = np.nonzero(~np.isnan(target[rows]))
        if len(row) < k + 1 + _FEWEST:
            # Nobody has that many months: what fewer tell is all there is.
            coefficients[k], scale[k], prior[k] = coefficients[k - 1], scale[k - 1], prior[k - 1]
            inflation[k], quantiles[k] = inflation[k - 1], quantiles[k - 1]
            continue
        y = target[rows][row, month]
        design = np.column_stack([np.ones(len(rows)), logs[rows, :k]])[row]
        weights = np.linalg.lstsq(design, y, rcond=None)[0]
        rest = y - design @ weights
        coefficients[k, : k + 1], scale[k] = weights, rest.std()
        own = _squared_deviations(logs[rows], np.full(len(rows), k))[row]
        prior[k], inflation[k], variance = _trust(rest, own, k, scale[k])
        standard = rest / np.sqrt(np.maximum(variance, 1e-18))
        quantiles[k] = np.quantile(standard, (np.arange(SCENARIOS) + 0.5) / SCENARIOS)
    used_at_all = float((ahead[ahead_known] > 0).mean())
    return ServiceForecast(coefficients, scale, prior, inflation, quantiles, used_at_all)


def _trust(rest: FloatArray, own: FloatArray, k: int, scale: float) -> tuple[float, float, FloatArray]:
    """Return how far to trust the common spread against a subscriber's own, by likelihood, and the variances."""
    common = np.full(len(rest), scale**2)
    if k < 2 or scale == 0:
        return np.inf, 1.0, common
    best: tuple[float, float, float, FloatArray] | None = None
    for prior in _PRIORS:
        variance = (prior * common + own) / (prior + k - 1)
        factor = float(np.mean(rest**2 / variance))
        variance = variance * factor
        loss = float(np.mean(np.log(variance) + rest**2 / variance))
        if best is None or loss < best[0]:
            best = loss, prior, factor, variance
    assert best is not None  # noqa: S101 - _PRIORS is not empty
    return best[1], best[2], best[3]


def _used_months(values: FloatArray, known: BoolArray, most: int) -> tuple[FloatArray, IntArray]:
    """Logarithms of the months with usage, most recent first and without gaps, NaN beyond; and their number."""
    values, known = values[:, :most], known[:, :most]
    used = known & (values > 0)
    order = np.argsort(~used, axis=1, kind="stable")
    logs = np.log(np.maximum(np.take_along_axis(values, order, axis=1), SMALLEST))
    filled = np.full((len(values), most), np.nan)
    filled[:, : values.shape[1]] = np.where(np.take_along_axis(used, order, axis=1), logs, np.nan)
    return filled, used.sum(axis=1)


def _squared_deviations(logs: FloatArray, used: IntArray) -> FloatArray:
    """Sum of squared deviations from the mean of the first `used` months."""
    within = np.arange(logs.shape[1]) < used[:, None]
    count = np.maximum(used, 1)
    mean = np.where(within, logs, 0.0).sum(axis=1) / count
    return np.where(within, (logs - mean[:, None]) ** 2, 0.0).sum(axis=1)


def pairing() -> tuple[IntArray, IntArray, IntArray]:
    """Return the orders in which the services' ascending values meet: odd multipliers permute a power of two."""
    place = np.arange(SCENARIOS)
    return place, (place * 5 + 6) % SCENARIOS, (place * 7 + 9) % SCENARIOS
