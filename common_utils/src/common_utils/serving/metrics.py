"""What Prometheus reads: traffic by route template, and which model is live. A registry per app, bounded series."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.types import Scope

from common_utils.serving.model_slot import ModelSlot

__all__ = ["UNMATCHED", "ServiceMetrics", "route_template"]

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
        self._traffic = _TrafficCollector()
        self._registry.register(self._traffic)
        self._registry.register(_SlotCollector(slot))

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request, on the event loop; an invented method is counted as `other`."""
        self._traffic.add((route, method if method in _METHODS else "other", status), seconds)

    def add(self, collector: Collector) -> None:
        """Also export what another part of the service counts."""
        self._registry.register(collector)

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


class _TrafficCollector(Collector):
    """Requests and their times, counted without locks: only the event loop counts, and it answers the scrape.

    One count per route, method, status and bucket is all a request costs; the series are made of them at a scrape.
    What may be a label is bounded, so this is, too.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], list[int]] = {}
        self._seconds: dict[str, float] = {}

    def add(self, labels: tuple[str, str, int], seconds: float) -> None:
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(_BUCKETS) + 1)
            self._seconds.setdefault(labels[0], 0.0)
        counts[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[labels[0]] += seconds

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("requests", "Requests answered.", labels=("route", "method", "status"))
        by_route: dict[str, list[int]] = {}
        for (route, method, status), counts in self._counts.items():
            requests.add_metric((route, method, str(status)), sum(counts))
            before = by_route.get(route)
            by_route[route] = counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]
        yield requests
        times = HistogramMetricFamily("request_seconds", "Time to answer.", labels=("route",))
        for route, counts in by_route.items():
            buckets = zip((*map(floatToGoString, _BUCKETS), "+Inf"), accumulate(counts), strict=True)
            times.add_metric((route,), list(buckets), self._seconds[route])
        yield times


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
        yield GaugeMetricFamily(
            "model_pointer_lost",
            "1 if the artifacts root or its pointer names no version any more.",
            value=float(self._slot.pointer_fault is not None),
        )
        yield CounterMetricFamily("predictions", "Rows predicted.", value=self._slot.predictions)
        yield CounterMetricFamily("model_loads", "Models that went live.", value=self._slot.loads)
        failures = CounterMetricFamily("model_load_failures", "Models refused.", labels=("reason",))
        for reason, count in self._slot.failures.items():
            failures.add_metric((reason,), count)
        yield failures
        live = self._slot.live
        if live is not None:
            yield InfoMetricFamily("model", "The live model.", value={"version": live.version})
