"""Printing and keeping what a benchmark found."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

__all__ = ["arguments", "report"]

_RESULTS = Path(__file__).resolve().parents[1] / "results"


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small version, for a test: ratios only mean something")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--write", action="store_true", help="also keep the figures in benchmarks/results")
    return parser


def report(name: str, figures: Mapping[str, float | int | str], options: argparse.Namespace) -> None:
    """Print figures; with --write keep them, with what they were measured on."""
    if options.json:
        print(json.dumps(figures))
    else:
        print(name)
        for key, value in figures.items():
            print(f"  {key.replace('_', ' '):48} {value:>14,}" if not isinstance(value, str) else f"  {key}: {value}")
    if options.write:
        machine = {"python": platform.python_version(), "numpy": np.__version__, "processors": os.cpu_count()}
        _RESULTS.mkdir(exist_ok=True)
        content = {"command": f"make bench ({Path(sys.argv[0]).name})", "measured_on": machine, "figures": figures}
        (_RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
