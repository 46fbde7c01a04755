"""Recording a run: begun before the work, ended with what came of it; no server is asked, and no failure here ends it.

A process that is killed leaves a run that says it is running; whoever reads it sees that the process is gone.
"""

from __future__ import annotations

import logging
import os
import platform
import resource
import secrets
import socket
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from common_utils.bundle import Bundle, fingerprint_file, git_commit, library_versions
from common_utils.bundle.manifest import MANIFEST
from common_utils.config import resolve_path
from common_utils.errors import DataError
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.figures import figures_of, settings_of_run
from common_utils.tracking.run import BundleOf, CodeOf, Cost, FoldFigures, Kind, RunRecord
from common_utils.tracking.store import RunStore

__all__ = ["RunBook", "recorded_run"]

_MODEL_CARD = "model_card.md"

logger = logging.getLogger(__name__)


class RunBook:
    """What a run that is being recorded is told; made by `recorded_run`."""

    def __init__(self, store: RunStore, run: RunRecord) -> None:
        self._store = store
        self._told: dict[str, Any] = {}
        self._files: dict[str, bytes] = {}
        self._began = run
        self._clock, self._processors = time.monotonic(), _processor_seconds()

    def reached(self, metrics: Mapping[str, object], *, headline: str = "", folds: FoldFigures | None = None) -> None:
        """Tell what was measured.

        Parameters
        ----------
        metrics : mapping
            As `figures.figures_of` takes them.
        headline : str
            Name of the figure that a list shows; one that was not measured is not shown.
        folds : FoldFigures, optional
        """
        figures = figures_of(metrics)
        self._told |= {"figures": figures, "headline": headline if headline in figures else "", "folds": folds}

    def wrote(self, bundle: Bundle, figures: Iterable[str]) -> None:
        """Tell which bundle came of it; its card, and its figures by name, are kept with the run."""
        info = bundle.info
        manifest = fingerprint_file(bundle.path / MANIFEST)
        kept = BundleOf(version=bundle.version, manifest_sha256=manifest, root=str(bundle.path.parent))
        self._told |= {
            "bundle": kept,
            "snapshot": str(info.get("snapshot") or ""),  # of a bundle that names its data
            "data_fingerprint": str(info.get("data_fingerprint") or ""),
        }
        self.keep({name: bundle.read_bytes(name) for name in (_MODEL_CARD, *figures) if name in bundle.files})

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Keep files with the run, by plain names."""
        self._files |= files

    def ended(self, error: BaseException | None) -> None:
        """Write the run as it ended."""
        cost = Cost(
            wall_seconds=round(time.monotonic() - self._clock, 3),
            cpu_seconds=round(_processor_seconds() - self._processors, 3),
            peak_megabytes=round(_peak_megabytes(), 1),
        )
        end = {"state": "done"} if error is None else {"state": "failed", "error": type(error).__name__}
        with _at_most_a_warning():
            files = {name: self._store.keep_file(self._began.run, name, text) for name, text in self._files.items()}
            told = {**self._told, **end, "cost": cost, "files": files}
            self._store.write(self._began.model_copy(update=told))


@contextmanager
def recorded_run(
    config: TrackingConfig, folder: Path, *, project: str, kind: Kind, settings: BaseModel, libraries: Sequence[str]
) -> Generator[RunBook]:
    """Record what the block does as one run; an error inside is recorded and goes on its way.

    Parameters
    ----------
    config : TrackingConfig
        With a `url` the run is put into the outbox as well; nothing is sent.
    folder : Path
        The project's.
    project : str
        Name of its package.
    kind : str
        "training" or "study".
    settings : BaseModel
    libraries : sequence of str
        Distributions whose versions count.

    Yields
    ------
    RunBook
        To be told what came of it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> given = {"project": "demo", "kind": "training", "settings": TrackingConfig(), "libraries": ["numpy"]}
    >>> with recorded_run(TrackingConfig(), folder, **given) as run:
    ...     run.reached({"auc": 0.8}, headline="auc")
    >>> kept = RunStore(folder / "runs").find("latest")
    >>> kept.state, str(kept.figures["auc"]), kept.settings["url"]
    ('done', '0.8', '""')
    """
    store = RunStore(resolve_path(folder, config.folder))
    now = datetime.now(UTC)
    run = RunRecord(
        run=f"{now:%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}",
        project=project,
        kind=kind,
        state="running",
        host=socket.gethostname(),
        process=os.getpid(),
        started=now,
        settings=settings_of_run(settings),
        code=CodeOf(
            git_commit=git_commit(folder), python=platform.python_version(), libraries=library_versions(libraries)
        ),
    )
    with _at_most_a_warning():
        store.write(run)
        if config.url:
            store.post(run.run)
    book = RunBook(store, run)
    try:
        yield book
    except BaseException as error:
        book.ended(error)
        raise
    book.ended(None)


@contextmanager
def _at_most_a_warning() -> Generator[None]:
    """Say what could not be written; a trained bundle is worth more than the record of its training."""
    try:
        yield
    except (OSError, DataError) as error:
        logger.warning("the run is not recorded: %s Set tracking.folder to a folder that can be written.", error)


def _processor_seconds() -> float:
    """Return what this process and its children that ended have used."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_megabytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)  # bytes there, thousands of them elsewhere
