"""A commit in a folder of its own, and an environment in which its code runs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ROOT", "checked_out", "environment"]

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def checked_out(commit: str) -> Generator[Path]:
    """Yield a folder that holds a commit; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="earlier-tree-") as name:
        folder = Path(name) / "then"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), commit], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which the sources of a folder come before those that are installed."""
    sources = [folder / "common_utils" / "src", folder / "PlanRec" / "src", folder / "PlanRec"]
    quiet = {"OMP_NUM_THREADS": "1", "COLUMNS": "200", "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(map(str, sources))}
