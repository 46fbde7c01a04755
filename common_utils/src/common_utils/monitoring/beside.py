"""The exporter of verdicts, as commands and images run it: until it is ended, and without pandas or SciPy."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common_utils.config import resolve_path
from common_utils.config.project import ProjectSpec
from common_utils.errors import PortfolioError
from common_utils.monitoring.day import DayBook
from common_utils.monitoring.exporter import Exporter

__all__ = ["DEFAULT_PORT", "export_configured", "export_until_ended"]

DEFAULT_PORT = 9001
"""Where verdicts are exported unless told: beside the administrator's port of a service, 9000."""


def export_until_ended(folder: Path, port: int, address: str, show: Callable[[str], None]) -> None:
    """Serve the latest verdicts on `/metrics` until SIGTERM or SIGINT.

    Parameters
    ----------
    folder : Path
        Where days are kept, `monitoring.folder`. Nothing need be there yet: that is told as not readable.
    port : int
        0: any free one.
    address : str
    show : callable
        Told where it listens.

    Raises
    ------
    ConfigError
        If it cannot listen there.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    file = DayBook(folder).verdict_file
    with Exporter(file, port, address) as exporter:
        show(f"verdicts of {file} on http://{address}:{exporter.port}/metrics")
        ended.wait()


def export_configured(spec: ProjectSpec[Any], folder: Path, arguments: Sequence[str]) -> int:
    """Export a project's verdicts as its settings say; `python -m app export [--port N] [--address A]`.

    Parameters
    ----------
    spec : ProjectSpec
        Its settings have a section `monitoring`.
    folder : Path
        The project's.
    arguments : sequence of str
        Those after `export`.

    Returns
    -------
    int
        Exit code: 0 once it was ended, 2 where it cannot listen, with one line on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m app export", description="Serve the latest verdicts.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--address", default="127.0.0.1")
    options = parser.parse_args(arguments)
    try:
        kept = resolve_path(folder, spec.load(folder).monitoring.folder)
        export_until_ended(kept, options.port, options.address, _tell)
    except PortfolioError as error:
        _tell(f"{spec.name}: {error}")
        return error.exit_code
    return 0


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")
