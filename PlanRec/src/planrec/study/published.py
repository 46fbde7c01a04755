"""The published run: its seeds come from the commit it measures, and every run is written down, failed ones too.

Seeds that follow from the commit cannot be chosen by whoever wants a better figure, and a file that only grows shows
how often it was tried.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common_utils.bundle import git_commit
from common_utils.errors import ArtifactError, ConfigError
from common_utils.outputs import write_text

__all__ = ["DEVELOPMENT_SEEDS", "RUNS_FILE", "Run", "RunLog", "clean_commit", "published_seeds"]

RUNS_FILE = Path("docs/study_runs.json")
DEVELOPMENT_SEEDS = range(1, 51)
_SEEDS = 2**32
State = Literal["begun", "finished", "failed"]


def published_seeds(commit: str, count: int) -> tuple[int, ...]:
    """Return the seeds of a commit: sha256 of the commit and a counter, development seeds left out.

    Parameters
    ----------
    commit : str
        40 hexadecimal digits.
    count : int
        >= 1. A larger count begins with the same seeds.

    Examples
    --------
    >>> published_seeds("0" * 40, 2) == published_seeds("0" * 40, 3)[:2]
    True
    """
    found: list[int] = []
    for counter in range(count + len(DEVELOPMENT_SEEDS) + count):
        digest = hashlib.sha256(f"planrec study {commit} {counter}".encode()).digest()
        seed = int.from_bytes(digest[:8], "big") % _SEEDS
        if seed not in DEVELOPMENT_SEEDS and seed not in found:
            found.append(seed)
    return tuple(found[:count])


def clean_commit(project: Path, *, aside: Sequence[str]) -> str:
    """Return the commit the project is at.

    Parameters
    ----------
    project : Path
    aside : sequence of str
        Files, relative to the project, that the run itself writes.

    Raises
    ------
    ConfigError
        If there is no commit, or tracked files were changed since.
    """
    commit = git_commit(project, aside=aside)
    if commit is None:
        raise ConfigError("--published: no commit to measure; run it in a clone of the repository, with git.")
    if commit.endswith("-dirty"):
        raise ConfigError(
            "--published: tracked files were changed since the last commit, and the figures would be of no commit. "
            "Commit or undo the changes first."
        )
    return commit


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the log.

    Attributes
    ----------
    commit : str
    state : {"begun", "finished", "failed"}
    asked : mapping of str to object
        What was measured: seeds, truths, subscribers, digest of code and settings.
    found : mapping of str to object
        Of a finished run: how many promises were reached, which were not, the digest of the answers; of a failed one,
        the error.
    """

    commit: str
    state: State
    asked: Mapping[str, object]
    found: Mapping[str, object]

    def plain(self) -> dict[str, object]:
        """Return plain values, ready for JSON."""
        return {"commit": self.commit, "state": self.state, "asked": dict(self.asked), "found": dict(self.found)}


@dataclass(frozen=True, slots=True)
class RunLog:
    """The log of published runs; lines are added, never changed.

    Attributes
    ----------
    path : Path
    """

    path: Path

    def runs(self) -> list[Run]:
        """Return every run, the oldest first; none where there is no file.

        Raises
        ------
        ArtifactError
            If the file cannot be read.
        """
        if not self.path.exists():
            return []
        try:
            lines = json.loads(self.path.read_text(encoding="utf-8"))
            runs = [Run(line["commit"], line["state"], dict(line["asked"]), dict(line["found"])) for line in lines]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ArtifactError(
                f"{self.path}: cannot be read ({type(error).__name__}); take the committed file back: it holds every "
                "run and is not to be edited."
            ) from error
        return runs

    def begin(self, commit: str, asked: Mapping[str, object]) -> None:
        """Write down that a run begins; one that was interrupted goes on without a line of its own.

        Raises
        ------
        ConfigError
            If the commit was measured already: its seeds are drawn once.
        """
        runs = self.runs()
        mine = [run for run in runs if run.commit == commit]
        if any(run.state == "finished" for run in mine):
            raise ConfigError(
                f"--published: commit {commit[:12]} was measured already, and is measured once; its run stands in "
                f"{self.path.name}. Commit what has changed, or leave --published out."
            )
        if not mine or mine[-1] != Run(commit, "begun", asked, {}):
            self._add(runs, Run(commit, "begun", asked, {}))

    def end(self, commit: str, state: State, asked: Mapping[str, object], found: Mapping[str, object]) -> None:
        """Write down how a run ended."""
        self._add(self.runs(), Run(commit, state, asked, found))

    def last_finished(self) -> Run | None:
        """Return the run whose figures are published."""
        return next((run for run in reversed(self.runs()) if run.state == "finished"), None)

    def _add(self, runs: Sequence[Run], run: Run) -> None:
        lines = [json.dumps(one.plain()) for one in (*runs, run)]  # a line a run, so that a diff shows what was added
        write_text(self.path, "[\n" + ",\n".join(lines) + "\n]\n")
