"""What Prometheus reads: traffic by route template, and which model is live. A registry per app, bounded series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.types import Scope

from common_utils.serving.model_slot import ModelSlot

__all__ = ["UNMATCHED", "ServiceMetrics", "count_predictions", "route_template"]

UNMATCHED = "unmatched"
"""Route label of every request no route answers: a scanner's ten thousand paths are one series."""

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
# From a hot single row to a slow batch, in seconds.
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ServiceMetrics:
    """Metrics of one service process.

    Counters belong to the process: with several workers behind one port each scrape meets one of them, so
    scale by processes with a port each.

    Parameters
    ----------
    slot : ModelSlot
        Read at each scrape, so that the metrics follow every switch.

    Examples
    --------
    >>> metrics = ServiceMetrics(ModelSlot())
    >>> metrics.observe(UNMATCHED, "GET", 404, 0.002)
    >>> b'requests_total{method="GET",route="unmatched",status="404"} 1.0' in metrics.text()
    True
    """

    def __init__(self, slot: ModelSlot[Any]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "requests", "Requests answered.", ("route", "method", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self._registry
        )
        self._predictions = Counter("predictions", "Rows predicted.", registry=self._registry)
        self._registry.register(_SlotCollector(slot))
        # Looking a series up by its labels costs more than counting; what may be a label is bounded, so this is, too.
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request; an invented method is counted as `other`."""
        key = (route, method if method in _METHODS else "other", status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = (
                self._requests.labels(route, key[1], str(status)),
                self._seconds.labels(route),
            )
        series[0].inc()
        series[1].observe(seconds)

    def predicted(self, rows: int) -> None:
        """Count rows a model answered for."""
        self._predictions.inc(rows)

    def text(self) -> bytes:
        """Return the exposition text of `GET /metrics`."""
        return generate_latest(self._registry)


def route_template(scope: Scope, declared: frozenset[str]) -> str:
    """Return the declared path of the route a request was for, or `unmatched`.

    Parameters
    ----------
    scope : ASGI scope
        Of the request, after it was served.
    declared : frozenset of str
        The app's own paths: they name the route of a request that was refused before routing.

    Examples
    --------
    >>> route_template({"path": "/.env"}, frozenset({"/predict"}))
    'unmatched'
    >>> route_template({"path": "/predict"}, frozenset({"/predict"}))
    '/predict'
    """
    path = scope["path"]
    return getattr(scope.get("route"), "path", path if path in declared else UNMATCHED)


def count_predictions(request: Request, rows: int) -> None:
    """Count the rows a handler predicted, in the metrics of its own app.

    Parameters
    ----------
    request : Request
        Of an app made by `create_service`.
    rows : int
        Rows predicted, >= 0.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> metrics = ServiceMetrics(ModelSlot())
    >>> app = SimpleNamespace(state=SimpleNamespace(metrics=metrics))
    >>> count_predictions(Request({"type": "http", "app": app}), rows=3)
    >>> b"predictions_total 3.0" in metrics.text()
    True
    """
    metrics: ServiceMetrics = request.app.state.metrics
    metrics.predicted(rows)


class _SlotCollector(Collector):
    def __init__(self, slot: ModelSlot[Any]) -> None:
        self._slot = slot

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "model_ready", "1 if a verified model answers.", value=float(self._slot.state == "ready")
        )
        yield GaugeMetricFamily(
            "model_behind", "1 if the pointer names another version than the live one.", value=float(self._slot.behind)
        )
        yield CounterMetricFamily("model_loads", "Models that went live.", value=self._slot.loads)
        failures = CounterMetricFamily("model_load_failures", "Models refused.", labels=("reason",))
        for reason, count in self._slot.failures.items():
            failures.add_metric((reason,), count)
        yield failures
        live = self._slot.live
        if live is not None:
            yield InfoMetricFamily("model", "The live model.", value={"version": live.version})
