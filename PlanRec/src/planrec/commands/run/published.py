"""The published run of the study: what it may be asked for, and the line it leaves however it ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from common_utils.errors import ConfigError, PortfolioError
from planrec.commands.requests import StudyCommand
from planrec.preparation import Step
from planrec.study.answered import libraries, small_run_digest
from planrec.study.promises import Promise
from planrec.study.published import RUNS_FILE, RunLog, clean_commit, published_seeds

__all__ = ["PublishedRun"]

_DOCUMENT, _KEPT = Path("docs/promises.md"), Path("artifacts/study")


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A run whose seeds are drawn from the commit.

    Attributes
    ----------
    project : Path
    commit : str
    request : StudyCommand
        With the seeds of the commit, and where figures and document go.
    """

    project: Path
    commit: str
    request: StudyCommand

    @classmethod
    def of(cls, request: StudyCommand, count: int, project: Path) -> PublishedRun:
        """Return the run of a request.

        Raises
        ------
        ConfigError
            If the request says what a published run draws or ships; if the commit is not clean.
        """
        said = {
            "--seeds": request.seeds,
            "--operator": request.operator,
            "--set": request.settings.overrides or None,
            "--config": request.settings.config,
        }
        further = [name for name, value in said.items() if value is not None]
        if further:
            raise ConfigError(
                f"--published: cannot be combined with {', '.join(further)}: it measures the shipped settings on seeds "
                "drawn from the commit. Leave one of them out."
            )
        commit = clean_commit(project, aside=[str(RUNS_FILE), str(_DOCUMENT)])
        asked = replace(
            request,
            seeds=",".join(map(str, published_seeds(commit, count))),
            output=request.output or project / _DOCUMENT,
            keep=request.keep or project / _KEPT,
        )
        return cls(project, commit, asked)

    @property
    def log(self) -> RunLog:
        """Where its lines stand."""
        return RunLog(self.project / RUNS_FILE)

    @contextmanager
    def written_down(self, asked: Mapping[str, object]) -> Generator[None]:
        """Write down that the run begins, and that it failed if it does."""
        self.log.begin(self.commit, asked)
        try:
            yield
        except PortfolioError as error:
            self.log.end(self.commit, "failed", asked, {"error": str(error)})
            raise

    def finish(self, asked: Mapping[str, object], lines: Sequence[Promise], step: Step) -> None:
        """Write down what was reached, and the digest of the answers that the figures stand for."""
        found = {
            "reached": dict(sorted(Counter(line.reached for line in lines).items())),
            "missed": [f"{line.what} ({line.truth})" for line in lines if line.reached == "NO"],
            "answers": small_run_digest(self.project, step),
            "libraries": libraries(),
        }
        self.log.end(self.commit, "finished", asked, found)
