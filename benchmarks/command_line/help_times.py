"""Seconds of `--help`, of every command of every project, beside a Python that does nothing and the libraries it needs.

    python benchmarks/command_line/help_times.py --write

The median of five runs each, taken in turns. On a machine with other work the ratio to the library floor says more
than the seconds: what a command line adds of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "results" / "help.json"
COMMANDS = ("planrec", "bankchurn", "carvision", "telecom")
FLOOR = "typer and pydantic"
MOST_SECONDS = 0.5
_BARE = {"python": "pass", FLOOR: "import typer.main, typer.core, pydantic"}


def subcommands(command: str) -> list[str]:
    """Return the commands that a project's help lists."""
    path = Path(sys.executable).with_name(command)
    said = subprocess.run([path, "--help"], capture_output=True, text=True, check=True).stdout
    lines = said.partition("Commands:")[2].splitlines()
    return [line.split()[0] for line in lines if line.startswith("  ") and not line.startswith("   ")]


def asked() -> dict[str, list[str]]:
    """Return by name what is run."""
    found = {name: [sys.executable, "-c", program] for name, program in _BARE.items()}
    for command in COMMANDS:
        path = str(Path(sys.executable).with_name(command))
        found[command] = [path, "--help"]
        found |= {f"{command} {name}": [path, name, "--help"] for name in subcommands(command)}
    return found


def taken(words: list[str]) -> tuple[float, float]:
    """Return seconds of the clock and of the processor of one run."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Measure all, print the table, return 1 if one takes too long."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results")
    options = parser.parse_args()
    words = asked()
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in words}
    for _ in range(options.runs):
        for name, line in words.items():
            runs[name].append(taken(line))
    medians = {
        name: [round(statistics.median(column), 3) for column in zip(*found, strict=True)]
        for name, found in runs.items()
    }
    floor = medians[FLOOR][1]
    print(f"{'--help of':<28}{'seconds':>9}{'processor':>11}{'of the floor':>14}")
    for name, (seconds, processor) in medians.items():
        print(f"{name:<28}{seconds:>9.3f}{processor:>11.3f}{processor / floor:>14.2f}")
    slow = [name for name, (_, processor) in medians.items() if processor > MOST_SECONDS]
    if options.write:
        kept = {
            name: {"seconds": seconds, "processor seconds": processor, "of the floor": round(processor / floor, 2)}
            for name, (seconds, processor) in medians.items()
        }
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    if slow:
        print(f"more than {MOST_SECONDS} s of the processor: {slow}")
    return int(bool(slow))


if __name__ == "__main__":
    sys.exit(main())
