"""The shipper beside a service, as an image runs it: without a command line's libraries, pandas or a key."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common_utils.config import resolve_path
from common_utils.config.project import ProjectSpec
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.shipper import Shipped, follow
from common_utils.decision_log.store.store import open_store
from common_utils.errors import PortfolioError

__all__ = ["ship_configured", "ship_until_ended"]


def ship_until_ended(
    settings: DecisionsConfig, folder: Path, show: Callable[[Shipped], None], *, seconds: float = 1.0
) -> None:
    """Load the journal into the store until SIGTERM or SIGINT, and once more then.

    Parameters
    ----------
    settings : DecisionsConfig
    folder : Path
        The project's; relative paths of the settings count from it.
    show : callable
        Told of each round in which something came.
    seconds : float
        Of the pause after a round without entries.

    Raises
    ------
    ConfigError
        If the store cannot be opened for another reason than that it does not answer.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    journal = resolve_path(folder, settings.journal)
    follow(journal, lambda: open_store(settings.url, folder), show, seconds=seconds, until=ended.is_set)


def ship_configured(spec: ProjectSpec[Any], folder: Path) -> int:
    """Ship a project's decisions as its settings say; `python -m app ship`.

    Parameters
    ----------
    spec : ProjectSpec
        Its settings have a section `decisions`.
    folder : Path
        The project's.

    Returns
    -------
    int
        Exit code: 0 once it was ended, 2 where the settings cannot be used, with one line on standard error.
    """
    try:
        ship_until_ended(spec.load(folder).decisions, folder, lambda done: _tell(done.summary()))
    except PortfolioError as error:
        _tell(f"{spec.name}: {error}")
        return error.exit_code
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
