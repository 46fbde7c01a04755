"""A private copy of the repository in which faults are planted and tests run; the original is only read."""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

__all__ = ["Answer", "Room", "room_of"]

_WARM = Path(__file__).with_name("warm.py")
# Nothing random between a run with the fault and one without it; no colour, no cache, the first failure ends it.
_ALWAYS = ("-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-seed=0")
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a run of tests: its status, the first test that failed, seconds, and what was printed last."""

    status: str
    test: str
    seconds: float
    said: str


@contextmanager
def room_of(tree: Path, warm: Sequence[str] = ()) -> Generator[Room]:
    """Yield a copy of what Git tracks, or would track, of a repository; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        room = Room(tree, Path(name), warm)
        try:
            yield room
        finally:
            room.close()


class Room:
    """A copy of a repository and the processes that test it.

    Parameters
    ----------
    tree : Path
        The repository.
    folder : Path
        An empty folder.
    warm : sequence of str
        Modules that a process imports before it tests; none of ours.
    """

    def __init__(self, tree: Path, folder: Path, warm: Sequence[str] = ()) -> None:
        self._warm = warm
        self.root = folder / "tree"
        self._bytecode = folder / "bytecode"
        self._processes: dict[str, subprocess.Popen[str]] = {}
        listed = subprocess.run(
            ["git", "-C", str(tree), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout.decode()
        for file in filter(None, listed.split("\0")):
            if (tree / file).is_file():
                (self.root / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(tree / file, self.root / file, follow_symlinks=False)
        # A commit of its own: what is trained there names the commit it was trained from.
        git = ["git", "-C", str(self.root), "-c", "user.name=mutants", "-c", "user.email=mutants@example.invalid"]
        for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--no-verify", "-m", "a copy"]):
            subprocess.run([*git, *words], check=True)
        # Compiled once, and each time found good by its content: a fault of equal length within a second is seen.
        sys.pycache_prefix = str(self._bytecode)
        by_content = py_compile.PycInvalidationMode.CHECKED_HASH
        for source in self.root.glob("*/src"):
            compileall.compile_dir(source, quiet=2, invalidation_mode=by_content)

    def ask(self, member: str, files: list[str], *, timeout: float) -> Answer:
        """Run test files of a member, until the first failure."""
        process = self._processes.get(member)
        if process is None or process.poll() is not None:
            process = self._processes[member] = self._started(member)
        stdin, stdout = _streams(process)
        print(json.dumps({"arguments": [*_ALWAYS, *files], "timeout": timeout}), file=stdin, flush=True)
        line = stdout.readline()
        if not line:
            raise SystemExit(f"mutants: the process that tests {member} ended with {process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return Answer(**answer)

    @contextmanager
    def planted(self, file: str, source: bytes) -> Generator[None]:
        """Put a fault into the copy, and take it out again."""
        path = self.root / file
        before = path.read_bytes()
        path.write_bytes(source)
        try:
            yield
        finally:
            path.write_bytes(before)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes.values():
            stdin, stdout = _streams(process)
            stdin.close()
            process.wait()
            stdout.close()
        self._processes.clear()

    def _started(self, member: str) -> subprocess.Popen[str]:
        sources = [str(path) for path in sorted(self.root.glob("*/src"))]
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "PORTFOLIO_"))}
        environment |= {
            **_ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(sources),
            "PYTHONPYCACHEPREFIX": str(self._bytecode),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.Popen(
            [sys.executable, str(_WARM), *self._warm],
            cwd=self.root / member,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _streams(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the process was started without pipes")
    return process.stdin, process.stdout
