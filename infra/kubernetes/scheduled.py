"""The scheduled jobs of the projects: what each runs, when, and after how long without success somebody is told.

`render.py` makes CronJobs of them; a test compares `infra/compose.yaml`, `infra/jobs.crontab` and the alert rules with
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

__all__ = ["JOBS", "ScheduledJob", "jobs_of"]

_TODAY = '"$(date -u +%F)"'
_ARRIVED = "/var/files/incoming"
_HANDED_OUT = "/var/files/outgoing"
_HOUR, _DAY = 3_600, 86_400


@dataclass(frozen=True)
class ScheduledJob:
    """A command that runs by the clock.

    Attributes
    ----------
    name : str
    schedule : str
        Five fields of cron, UTC.
    words : str
        What is typed after `<project> --success-file FILE`, for a shell.
    late_after : int
        Seconds without success after which the alert `JobLate` fires, or `MonitorDidNotRun` for the monitor.
    seconds : int
        Longest run.
    start_within : int
        Seconds after its time in which a job that could not start still starts.
    writes_artifacts : bool
        Whether it may publish a bundle and keep snapshots; all others read the artifacts root only.
    projects : tuple of str
        That have it; empty: all.
    """

    name: str
    schedule: str
    words: str
    late_after: int = 26 * _HOUR
    seconds: int = 3 * _HOUR
    start_within: int = _HOUR
    writes_artifacts: bool = False
    projects: tuple[str, ...] = ()

    def command(self, project: str) -> str:
        """Return what a shell runs.

        Examples
        --------
        >>> next(jobs_of("telecom")).command("telecom")
        'telecom --success-file /var/monitoring/jobs/outcomes.json outcomes --input /var/files/incoming/outcomes.csv'
        """
        return f"{project} --success-file /var/monitoring/jobs/{self.name}.json {self.words}"


JOBS = (
    ScheduledJob(
        "outcomes",
        "17 * * * *",
        f"outcomes --input {_ARRIVED}/outcomes.csv",
        late_after=3 * _HOUR,
        seconds=3_000,
        start_within=600,
    ),
    ScheduledJob("retention", "30 2 * * *", "decisions retain"),
    ScheduledJob("monitor", "30 3 * * *", f"monitor --as-of {_TODAY} --input {_ARRIVED}/records.parquet"),
    # After the monitor, whose day it asks for.
    ScheduledJob(
        "retrain",
        "30 4 * * *",
        f"retrain --as-of {_TODAY} --data {_ARRIVED}/training.parquet",
        seconds=6 * _HOUR,
        writes_artifacts=True,
    ),
    ScheduledJob(
        "bias",
        "0 6 * * 1",
        f'bias report --output {_HANDED_OUT}/bias-"$(date -u +%F)".md',
        late_after=8 * _DAY,
    ),
    # By the second of a month the usage of the one before has arrived, and each end of a contract is due once: 26 to 29
    # days ahead.
    ScheduledJob(
        "notices",
        "0 5 2 * *",
        f"notices --usage {_ARRIVED}/usage.parquet --plans configs/plans.yaml --as-of {_TODAY} "
        f'--output {_HANDED_OUT}/notices-"$(date -u +%Y-%m)".jsonl',
        late_after=33 * _DAY,
        projects=("planrec",),
    ),
)
"""Every job of every project, in the order of the day."""

_IN_OTHER_WORDS = {
    ("planrec", "monitor"): f"monitor --as-of {_TODAY} --usage {_ARRIVED}/usage.parquet",
    ("planrec", "retrain"): f"retrain --as-of {_TODAY} --set data.source=table --data {_ARRIVED}/usage.parquet",
}


def jobs_of(project: str) -> Iterator[ScheduledJob]:
    """Yield the jobs of a project.

    Examples
    --------
    >>> [job.name for job in jobs_of("telecom")]
    ['outcomes', 'retention', 'monitor', 'retrain', 'bias']
    """
    for job in JOBS:
        if not job.projects or project in job.projects:
            yield replace(job, words=_IN_OTHER_WORDS.get((project, job.name), job.words))
