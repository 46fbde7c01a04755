"""A process that has imported what others wrote, as named, and runs tests of ours in a child for each question.

    python warm.py numpy pandas < questions > answers

A question is a line of JSON: `arguments` for pytest, `timeout` in seconds of work. The answer says `status` (`passed`,
`failed`, `late`, `empty`, `broken`), the first `test` that failed, `seconds`, and the end of what was printed (`said`).
Nothing of ours is imported here, so that each child reads it anew, with the fault that stands in it then.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from importlib import import_module
from math import ceil
from pathlib import Path

import pytest
from hypothesis import Phase, settings

_PLUGINS = ("_hypothesis_pytestplugin", "anyio.pytest_plugin")
_MOST_MEMORY = 12 << 30  # bytes; a loop without end that gathers is a failure, not the end of the machine
_BUSY = 8  # seconds on the clock for a second of work: others use the machine too
_STATUS = {0: "passed", 1: "failed", 2: "failed", 5: "empty"}


class _First:
    """Remembers the first test that failed, or the file that could not be collected."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failed test."""
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that fails to be collected."""
        if report.failed and not self.name:
            self.name = report.nodeid


def main() -> int:
    """Answer until there are no more questions."""
    for name in sys.argv[1:]:
        with suppress(ImportError), warnings.catch_warnings(action="ignore"):
            import_module(name)
    sys.dont_write_bytecode = True
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(answer(question["arguments"], question["timeout"])), flush=True)
    return 0


def answer(arguments: list[str], timeout: float) -> dict[str, object]:
    """Run tests in a child, end it when its time is over, and say what came of it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        said, first = Path(name) / "said", Path(name) / "first"
        child = os.fork()
        if not child:
            _run(arguments, timeout, said, first, Path(name))
        code = _wait(child, began + _BUSY * timeout)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # what the tests started and did not end
        seconds = time.monotonic() - began
        printed = said.read_text(encoding="utf-8", errors="replace") if said.exists() else ""
        test = first.read_text(encoding="utf-8") if first.exists() else ""
    late = code in {None, -signal.SIGXCPU}
    status = "late" if late or code is None else _STATUS.get(code, "failed" if code < 0 else "broken")
    return {"status": status, "test": test, "seconds": round(seconds, 2), "said": printed[-3000:]}


def _run(arguments: list[str], timeout: float, said: Path, first: Path, folder: Path) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(timeout), ceil(timeout) + 5))
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = str(folder)
    output = os.open(said, os.O_WRONLY | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # A failure is enough: making its example small takes minutes, and examples of other faults say nothing of this.
    seeking = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", settings.get_profile("default"), phases=seeking, database=None)
    settings.load_profile("mutants")
    noted = _First()
    code = 3
    try:
        plugins = [word for name in _PLUGINS for word in ("-p", name)]
        code = int(pytest.main([*plugins, *arguments], plugins=[noted]))
    finally:
        first.write_text(noted.name, encoding="utf-8")
        sys.stdout.flush()
        os._exit(code)


def _wait(child: int, until: float) -> int | None:
    pause = 0.002
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    sys.exit(main())
