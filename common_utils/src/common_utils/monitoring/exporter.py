"""The latest verdicts as metrics on a port: what Prometheus scrapes, and the file the monitor leaves for it.

The monitor runs once a day and ends; the exporter stays, reads the verdict file and the times of jobs at each scrape,
and opens nothing else. A file that is missing or damaged is told as such (`monitor_verdicts_readable` 0), never as an
old verdict; of a job that never succeeded, no time is told.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from common_utils.errors import ConfigError, DataError
from common_utils.monitoring.findings import LEVELS, Finding, Level, worst
from common_utils.monitoring.jobs import job_folder, read_successes
from common_utils.outputs import blamed, write_text

__all__ = ["DayVerdicts", "Exporter", "metrics_text", "read_verdicts", "write_verdicts"]

_MOST_SERIES = 2_000
"""Findings with a series of their own; the counts by level hold all."""


@dataclass(frozen=True)
class DayVerdicts:
    """What one run of the monitor found.

    Attributes
    ----------
    project : str
    period : str
        The period that was judged.
    finished : float
        When the run succeeded, seconds since 1970.
    findings : tuple of Finding
    """

    project: str
    period: str
    finished: float
    findings: tuple[Finding, ...]


class _Found(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    check: str
    feature: str
    level: Level
    value: float | None
    usual: float | None
    since: str | None
    count: int
    sentence: str
    blocks_retraining: bool


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    format: Annotated[int, Field(ge=1, le=1)]
    project: str
    period: str
    finished: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    findings: list[_Found]


def write_verdicts(path: Path, project: str, period: str, findings: Sequence[Finding]) -> None:
    """Write what a run found, whole or not at all; call it last, when the run has succeeded.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "verdicts.json"
    >>> write_verdicts(path, "planrec", "2025-10", [])
    >>> read_verdicts(path).period
    '2025-10'
    """
    found = [one.to_dict() for one in findings]
    content = {"format": 1, "project": project, "period": period, "finished": time.time(), "findings": found}
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_verdicts(path: Path) -> DayVerdicts:
    """Return what the latest run found.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or holds something else.
    """
    with blamed(path):
        content = path.read_bytes()
    try:
        form = _Form.model_validate_json(content)
    except ValidationError as error:
        raise DataError(f"{path}: these are no verdicts of a monitor; run the monitor again.") from error
    findings = tuple(Finding(**one.model_dump()) for one in form.findings)
    return DayVerdicts(form.project, form.period, form.finished, findings)


def metrics_text(path: Path) -> bytes:
    """Return the metrics of a verdict file and of the jobs beside it, as Prometheus reads them.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> path = Path(mkdtemp()) / "verdicts.json"
    >>> write_verdicts(path, "planrec", "2025-10", [Finding("rows", "", "alarm", 0, 9, None, 0, "No rows.")])
    >>> b'monitor_state{level="alarm",project="planrec"} 1.0' in metrics_text(path)
    True
    """
    return generate_latest(_registry(path))


class Exporter:
    """Serves the metrics of a verdict file, and of the jobs beside it, until it is closed.

    Parameters
    ----------
    path : Path
    port : int
        0: any free one, told by `port`.
    address : str
        Where to listen; this machine alone unless told.

    Examples
    --------
    >>> with Exporter(Path("missing.json"), 0) as exporter:
    ...     exporter.port > 0
    True
    """

    def __init__(self, path: Path, port: int, address: str = "127.0.0.1") -> None:
        try:
            self._server, self._thread = start_http_server(port, address, _registry(path))
        except (OSError, OverflowError) as error:
            raise ConfigError(f"monitor: cannot listen on {address}, port {port}: {error}. Choose another.") from error
        self.port = int(self._server.server_port)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self) -> None:
        """Serve until the process is told to end."""
        self._thread.join()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _registry(path: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_VerdictCollector(path))
    return registry


class _VerdictCollector(Collector):
    def __init__(self, path: Path) -> None:
        self._path = path

    def describe(self) -> Iterator[Metric]:
        """Say nothing beforehand: registering opens no file."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield what the files say now."""
        yield _job_times(self._path.parent)
        try:
            verdicts = read_verdicts(self._path)
        except DataError:
            yield GaugeMetricFamily("monitor_verdicts_readable", "Whether the verdict file can be read", 0)
            return
        yield GaugeMetricFamily("monitor_verdicts_readable", "Whether the verdict file can be read", 1)
        yield from _metrics(verdicts)


def _job_times(folder: Path) -> Metric:
    times = GaugeMetricFamily(
        "job_last_success_timestamp_seconds", "When a scheduled job last ran to its end", labels=["project", "name"]
    )
    for one in read_successes(job_folder(folder)):
        times.add_metric([one.project, one.name], one.finished)
    return times


def _metrics(verdicts: DayVerdicts) -> Iterator[Metric]:
    project = verdicts.project
    last = GaugeMetricFamily(
        "monitor_last_success_timestamp_seconds", "When the monitor last succeeded", labels=["project"]
    )
    last.add_metric([project], verdicts.finished)
    yield last
    state = GaugeMetricFamily("monitor_state", "1 for the worst level of the latest run", labels=["project", "level"])
    counts = GaugeMetricFamily("monitor_findings", "Findings of the latest run", labels=["project", "check", "level"])
    overall = worst(verdicts.findings)
    seen = Counter((one.check, one.level) for one in verdicts.findings)
    for level in LEVELS:
        state.add_metric([project, level], float(level == overall))
        for check in sorted({one.check for one in verdicts.findings}):
            counts.add_metric([project, check, level], seen[check, level])
    yield state
    yield counts
    blocked = GaugeMetricFamily("monitor_blocks_retraining", "1 if no model may learn from it", labels=["project"])
    blocked.add_metric([project], float(any(one.blocks_retraining for one in verdicts.findings)))
    yield blocked
    yield _values(verdicts)


def _values(verdicts: DayVerdicts) -> Metric:
    """Return the figure behind each finding that is not ok, the worst first, up to a bound."""
    labels = ["project", "check", "feature", "level"]
    values = GaugeMetricFamily("monitor_value", "What was measured, in the check's own unit", labels=labels)
    told = {
        (one.check, one.feature, one.level): one.value
        for one in sorted(verdicts.findings, key=lambda one: -LEVELS.index(one.level))
        if one.level != "ok" and one.value is not None
    }
    for (check, feature, level), value in list(told.items())[:_MOST_SERIES]:
        values.add_metric([verdicts.project, check, feature, level], value)
    return values
