"""What `carvision dashboard` does: run the Streamlit app, on this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from carvision.config import SPEC
from common_utils.errors import ConfigError

__all__ = ["dashboard_command", "serve_dashboard"]

_NAME = "dashboard.py"


def dashboard_command(folder: Path, *, port: int) -> list[str]:
    """Return the command that serves the dashboard: loopback only, no browser, no usage statistics sent.

    Parameters
    ----------
    folder : Path
        The project's; where it has no dashboard, as where the wheel is installed, that of the package is served.
    port : int

    Raises
    ------
    ConfigError
        If neither is there.

    Examples
    --------
    >>> project = Path(__file__).parents[2]
    >>> dashboard_command(project, port=8501)[1:4]
    ['-m', 'streamlit', 'run']
    """
    options = {
        "server.port": str(port),
        "server.address": "127.0.0.1",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "runner.magicEnabled": "false",  # a lone string is not a text to show
        "browser.gatherUsageStats": "false",
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(_script(folder)), *given]


def _script(folder: Path) -> Path:
    places = (folder / "app" / _NAME, Path(__file__).parent / "_app" / _NAME)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ConfigError(
            f"dashboard: {folder} holds no app/{_NAME}, and the installed package holds none; run it in the project's "
            "folder, or install the wheel that `make wheels` writes."
        )
    return found


def serve_dashboard(folder: Path, bundle: Path | None, *, port: int) -> None:
    """Serve the dashboard until it is stopped.

    Raises
    ------
    ConfigError
        If Streamlit is not installed, or the server leaves with another code than 0.
    """
    if find_spec("streamlit") is None:
        raise ConfigError(
            "dashboard: Streamlit is not installed; `pip install streamlit`, or `pip install -e .[dashboard]` in the "
            "project, brings it."
        )
    environment = dict(os.environ)
    if bundle is not None:
        environment[SPEC.bundle_variable] = str(bundle.resolve())
    code = subprocess.run(dashboard_command(folder, port=port), cwd=folder, env=environment, check=False).returncode  # noqa: S603 - ourselves
    if code:
        raise ConfigError(f"dashboard: the server left with code {code}; its messages stand above.")
