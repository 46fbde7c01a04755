"""What became of counting, for Prometheus: rows that were left out and work that failed, by kind of answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from common_utils.monitoring.profiles.live import LiveProfiles

__all__ = ["ProfileCollector"]


class ProfileCollector(Collector):
    """Exports `profile_rows_dropped_total` and `profile_failures_total` of a service's profiles.

    Parameters
    ----------
    *profiles : LiveProfiles
        Read at each scrape.

    Examples
    --------
    >>> found = ProfileCollector(LiveProfiles("predict", lambda records, scores: None)).collect()
    >>> [metric.name for metric in found]
    ['profile_rows_dropped', 'profile_failures']
    """

    def __init__(self, *profiles: LiveProfiles[Any]) -> None:
        self._profiles = profiles

    def collect(self) -> Iterator[Metric]:
        """Yield the counts."""
        dropped = CounterMetricFamily("profile_rows_dropped", "Answered rows that were not counted.", labels=("what",))
        failed = CounterMetricFamily(
            "profile_failures", "Times that counting or writing profiles failed.", labels=("what",)
        )
        for one in self._profiles:
            dropped.add_metric((one.what,), one.dropped)
            failed.add_metric((one.what,), one.failed)
        yield dropped
        yield failed
