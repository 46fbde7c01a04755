"""One damaged file of each kind, in one process, and a planted misread that the judge must find."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "benchmarks" / "results" / "doors.json"
FILES = {"planrec": (300, 30), "bankchurn": (126, 21), "carvision": (114, 19), "telecom": (108, 18)}


def doors(*options: str) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "doors" / "doors.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("project", "files"), [("planrec", 30), ("bankchurn", 21)])
def test_no_kind_of_damaged_file_is_misread(project: str, files: int) -> None:
    code, said = doors("--quick", "--project", project)
    assert code == 0, said
    assert f"{files} damaged files, " in said
    assert ", 0 bad, " in said


def test_a_planted_misread_is_found() -> None:
    code, said = doors(
        "--control", "--variants", "2", "--kind", "thousands separated by blanks", "--project", "planrec"
    )
    assert code == 1, said
    assert "SILENT MISREAD" in said
    assert "nothing names ['megabytes']" in said


@pytest.mark.parametrize("project", [name for name in FILES if name in json.loads(FIGURES.read_text(encoding="utf-8"))])
def test_the_figures_kept_are_those_of_all_files(project: str) -> None:
    kept = json.loads(FIGURES.read_text(encoding="utf-8"))[project]
    assert (kept["files"], kept["kinds"], kept["silent misreads"]) == (*FILES[project], 0)
    assert all(kept["verdicts"][bad] == 0 for bad in ("SILENT MISREAD", "REFUSED THOUGH STATED", "BROKE OFF"))
    assert kept["planted misread found"] is True
