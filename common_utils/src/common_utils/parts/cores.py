"""How many processes a run may start: what the kernel lets this process use, of cores and of memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GIGABYTES_EACH", "Workers", "allowed_bytes", "allowed_cores", "chosen_workers"]

GIGABYTES_EACH = 0.6
"""Memory that one process of a batch run is counted with, in GB."""

_GROUPS, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_UNLIMITED = 1 << 60  # the first version of control groups writes a number near 2^63 for "no limit"


@dataclass(frozen=True, slots=True)
class Workers:
    """How many processes answer, and why so many.

    Attributes
    ----------
    count : int
        1: the command answers by itself, without another process.
    why : str
        In a few words.
    """

    count: int
    why: str

    @property
    def words(self) -> str:
        """One line for the person who started the run.

        Examples
        --------
        >>> Workers(2, "2 cores, 23 GB").words
        'workers: 2 (2 cores, 23 GB)'
        """
        return f"workers: {self.count} ({self.why})"


def chosen_workers(asked: int | None, blocks: int, *, cores: int | None = None, memory: int | None = None) -> Workers:
    """Return how many processes answer a run.

    Parameters
    ----------
    asked : int or None
        What `--workers` gave; it is followed. None: as many as cores, memory and blocks allow.
    blocks : int
        Blocks that can be answered at the same time.
    cores, memory : int, optional
        Cores, and bytes; default: what the kernel allows.

    Examples
    --------
    >>> chosen_workers(None, 90, cores=8, memory=2_000_000_000)
    Workers(count=3, why='8 cores; 2.0 GB of memory at 0.6 GB each')
    >>> chosen_workers(None, 1, cores=8, memory=2_000_000_000).words
    'workers: 1 (8 cores; 1 block of rows)'
    """
    if asked is not None:
        return Workers(asked, "as --workers says")
    cores = allowed_cores() if cores is None else cores
    memory = allowed_bytes() if memory is None else memory
    room = max(1, int(memory / (GIGABYTES_EACH * 1e9)))
    count = max(1, min(cores, room, blocks))
    said = [f"{cores} core{'s' * (cores != 1)}"]
    if count < cores:
        lots = f"{memory / 1e9:z.1f} GB of memory at {GIGABYTES_EACH:g} GB each"
        few = f"{blocks} block{'s' * (blocks != 1)} of rows" if blocks else "few rows"
        said.append(lots if room <= max(blocks, 1) else few)
    return Workers(count, "; ".join(said))


def allowed_cores(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> int:
    """Return the cores that affinity and control groups leave to this process, at least 1.

    Parameters
    ----------
    groups, own : Path
        Where the kernel shows control groups, and those of this process.

    Examples
    --------
    >>> allowed_cores() >= 1
    True
    """
    most = float(len(os.sched_getaffinity(0)))
    for folder in _folders("cpu", groups, own):
        said = _words(folder / "cpu.max")
        if len(said) == 2 and said[0] != "max":
            most = min(most, int(said[0]) / int(said[1]))
        quota, period = _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us")
        if quota and period and int(quota[0]) > 0:
            most = min(most, int(quota[0]) / int(period[0]))
    return max(1, math.floor(most + 1e-9))


def allowed_bytes(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> int:
    """Return the memory that the machine and control groups leave to this process, in bytes.

    Parameters
    ----------
    groups, own : Path
        As `allowed_cores`.

    Examples
    --------
    >>> allowed_bytes() > 1 << 20
    True
    """
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for folder in _folders("memory", groups, own):
        for name in ("memory.max", "memory.limit_in_bytes"):
            said = _words(folder / name)
            if said and said[0] != "max" and int(said[0]) < _UNLIMITED:
                most = min(most, int(said[0]))
    return most


def _folders(controller: str, groups: Path, own: Path) -> Iterator[Path]:
    """Yield the folders whose limits hold for this process: those of its group and of all groups around it."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    yield groups
    yield groups / controller
    for line in lines:
        _, names, path = line.split(":", 2)
        top = groups if not names else groups / controller
        if names and controller not in names.split(","):
            continue
        place = Path(path.lstrip("/"))
        for folder in (place, *place.parents):
            yield top / folder


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return []
