"""When each scheduled job last ran to its end: a small file that the job writes, and what the exporter tells of it.

Light, because every command line can write one, and `--help` loads what a command line loads.
"""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from common_utils.errors import ConfigError, DataError
from common_utils.outputs import write_text

__all__ = ["RAN_TO_ITS_END", "JobSuccess", "check_success_file", "job_folder", "read_successes", "write_success"]

RAN_TO_ITS_END = frozenset({0, 5, 6})
"""Exit codes of a job that did its work: 5 (alarm, or a gate said no) and 6 (too little) are its answer."""

_FORMAT = 1
_FILE = re.compile(r"[a-z][a-z0-9_-]{0,62}\.json")


@dataclass(frozen=True)
class JobSuccess:
    """The last time a job ran to its end.

    Attributes
    ----------
    project : str
        Name of the command line.
    name : str
        Of the job: that of its file, without `.json`.
    finished : float
        Seconds since 1970, >= 0.
    """

    project: str
    name: str
    finished: float


def job_folder(monitoring: Path) -> Path:
    """Return where the jobs of a project write, beside its verdicts.

    Parameters
    ----------
    monitoring : Path
        `monitoring.folder`.

    Examples
    --------
    >>> job_folder(Path("data/monitoring")).as_posix()
    'data/monitoring/jobs'
    """
    return monitoring / "jobs"


def check_success_file(path: Path) -> None:
    """Refuse, before a job runs, a file that it must not replace or that the exporter would not look at.

    Raises
    ------
    ConfigError
        If the name is not that of a job, or the file is there and holds something else.

    Examples
    --------
    >>> check_success_file(Path("jobs/Retention.txt"))
    Traceback (most recent call last):
    common_utils.errors.ConfigError: --success-file jobs/Retention.txt: name it after the job, such as retention.json.
    """
    if not _FILE.fullmatch(path.name):
        raise ConfigError(f"--success-file {path}: name it after the job, such as retention.json.")
    if path.exists():
        try:
            _read(path)
        except DataError as error:
            raise ConfigError(f"--success-file {error} Name another file, or remove it.") from error


def write_success(path: Path, project: str) -> None:
    """Write that a job ran to its end now, whole or not at all.

    Raises
    ------
    ConfigError
        As `check_success_file`: what the job itself wrote there stays.
    DataError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> folder = Path(mkdtemp())
    >>> write_success(folder / "retention.json", "planrec")
    >>> [(one.project, one.name) for one in read_successes(folder)]
    [('planrec', 'retention')]
    """
    check_success_file(path)
    write_text(path, json.dumps({"format": _FORMAT, "project": project, "finished": time.time()}) + "\n")


def read_successes(folder: Path) -> list[JobSuccess]:
    """Return when each job last ran to its end, by name.

    A file that is damaged is left out, as if the job had never succeeded: what is not told is late.
    """
    found: list[JobSuccess] = []
    for path in sorted(folder.glob("*.json")):
        if _FILE.fullmatch(path.name):
            try:
                found.append(_read(path))
            except DataError:
                continue
    return found


def _read(path: Path) -> JobSuccess:
    try:
        said = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}.") from error
    except ValueError:
        said = None
    if isinstance(said, dict):
        held = cast("dict[str, Any]", said)
        finished = held.get("finished")
        known = held.keys() == {"format", "project", "finished"} and held["format"] == _FORMAT
        if known and isinstance(finished, float) and math.isfinite(finished) and finished >= 0:
            return JobSuccess(str(held["project"]), path.stem, finished)
    raise DataError(f"{path}: this is no record of a job.")
