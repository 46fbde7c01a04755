"""A commit in a folder of its own, an environment in which its code runs, and a small model of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ROOT", "checked_out", "environment", "trained"]

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


def trained(folder: Path) -> Path:
    """Return artifacts of a small model of that commit, for the tests of the service."""
    artifacts = folder / "artifacts"
    small = ("simulator.subscribers=600", "training.model.max_iter=4", "training.challenger.max_iter=4",
             "training.challenger.folds=2", "training.split.folds=2", "evaluation.resamples=50")  # fmt: skip
    words = [sys.executable, "-m", "planrec.cli", "train", "--output", str(artifacts)]
    words += [word for one in small for word in ("--set", one)]
    done = subprocess.run(words, cwd=folder / "PlanRec", env=environment(folder), capture_output=True, check=False)
    if done.returncode:
        print(f"no bundle of that commit: the tests of the service fail for want of it: {done.stderr.decode()[-300:]}")
    return artifacts
