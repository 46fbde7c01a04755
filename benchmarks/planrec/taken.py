"""What a command takes: seconds of the processor, and memory at its peak, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Taken", "taken_by"]

_CODE = """\
import re, sys, time
from importlib import import_module
from pathlib import Path
package = sys.argv[1]
main = import_module(f"{package}.cli").main
sys.argv[:2] = [package]
try:
    main()
finally:
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
    print("taken", time.process_time(), peak, file=sys.stderr)
"""


@dataclass(frozen=True)
class Taken:
    """Processor seconds of a command, and megabytes at its peak."""

    seconds: float
    megabytes: int


def taken_by(package: str, project: Path, scratch: Path, *words: str) -> Taken:
    """Run a command in its project's folder; its memory is that of the process alone (VmHWM), its time of all threads.

    Raises
    ------
    SystemExit
        If it fails.
    """
    environment = {"PYTHONPYCACHEPREFIX": str(scratch / "bytecode")} | dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-c", _CODE, package, *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=project,
        check=False,
    )
    said = re.search(r"^taken (\S+) (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode or said is None:
        raise SystemExit(f"{package} {words[0]} failed:\n{done.stderr}")
    return Taken(float(said[1]), int(said[2]) // 1024)
