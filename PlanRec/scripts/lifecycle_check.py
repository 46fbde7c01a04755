"""Measure every gate of a bundle's life, one script after the other, and leave with 5 if one is not kept.

`make -C PlanRec lifecycle-check` runs it. What breaks is a gate that is not kept, and the next script goes on. It ends
with one table of all gates. `--quick` takes the smallest form of each script; `--write` keeps the figures of each.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
_GATE = re.compile(r"\[ *\d+ s\] (?P<verdict>kept  |FAILED|shown ) (?P<words>.+)")
_RESULT = re.compile(r"  (?P<words>.+ \(allowed .+\))  (?P<verdict>ok|BROKEN)")
_VERDICTS = {"ok": "kept  ", "BROKEN": "FAILED"}
_WIDTH = 110


@dataclass(frozen=True)
class Part:
    """A script that measures some of the gates.

    Attributes
    ----------
    name : str
    words : tuple of str
        The script, from the folder of the project, and its arguments.
    quick : tuple of str
        Arguments of its smallest form.
    """

    name: str
    words: tuple[str, ...]
    quick: tuple[str, ...] = ()


PARTS = (
    Part("planted", ("scripts/lifecycle_check_planted.py",), ("--operators", "1")),
    Part("drill", ("../benchmarks/faults/rollback_drill.py", "--bundle", "artifacts")),
    Part("tracking", ("scripts/lifecycle_check_tracking.py",), ("--kills", "1")),
    Part("story", ("scripts/lifecycle_story.py",), ("--decisions", "50")),
)


def gate_of(line: str) -> str | None:
    """Return what a line of a script says of a gate, verdict first; None for any other line."""
    found = _GATE.fullmatch(line) or _RESULT.fullmatch(line)
    return found and f"{_VERDICTS.get(found['verdict'], found['verdict'])} {found['words']}"


def measured(part: Part, more: Sequence[str]) -> list[str]:
    """Run a script to its end; return its gates, and last whether it ended well and found any."""
    began, found = time.monotonic(), list[str]()
    command = [sys.executable, *part.words, *more]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            gate = gate_of(line.rstrip("\n"))
            found += [gate] if gate else []
    verdict = "kept  " if process.returncode == 0 and found else "FAILED"
    took = time.monotonic() - began
    return [*found, f"{verdict} the script: exit {process.returncode}, {len(found)} gates and figures, {took:.0f} s"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 5 if a gate is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest form of each script")
    parser.add_argument("--write", action="store_true", help="keep the figures of each script")
    asked = parser.parse_args(arguments)
    began, rows = time.monotonic(), list[tuple[str, str]]()
    for part in PARTS:
        print(f"== {part.name}", flush=True)
        more = [*(part.quick if asked.quick else ()), *(["--write"] if asked.write else [])]
        rows += [(part.name, gate) for gate in measured(part, more)]
    failed = sum(gate.startswith("FAILED") for _, gate in rows)
    print("\n== every gate")
    for name, gate in rows:
        print(f"{name:<8} {gate}"[:_WIDTH])
    print(f"{failed} not kept, of {len(rows)} gates and figures, in {(time.monotonic() - began) / 60:.1f} minutes")
    return 5 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
