"""`make mutants` on a tiny package: a weak test lets a fault live, a good one kills it; the original stays as it is."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks" / "mutants" / "mutants.py"

SOURCE = '''"""When a contract ends."""


def free(left):
    """Whether nothing binds any more."""
    return left < 1
'''
WEAK = "from tiny.terms.ends import free\n\n\ndef test_free():\n    assert free(-5)\n    assert not free(9)\n"
GOOD = "from tiny.terms.ends import free\n\n\ndef test_free():\n    assert free(0)\n    assert not free(1)\n"
PACKAGES = '[[package]]\nname = "terms"\nmember = "Tiny"\npaths = ["Tiny/src/tiny/terms"]\n'
PYPROJECT = (
    '[tool.pytest.ini_options]\naddopts = ["--import-mode=importlib", "--doctest-modules"]\nmarkers = ["slow: x"]\n'
)


class Tiny:
    """A repository with one function, and the mutants of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("Tiny/pyproject.toml", PYPROJECT)
        self.put("Tiny/src/tiny/__init__.py", "")
        self.put("Tiny/src/tiny/terms/__init__.py", "")
        self.put("Tiny/src/tiny/terms/ends.py", SOURCE)
        self.put("packages.toml", PACKAGES)
        self.put(".gitignore", ".mutants/\nmutants.json\n__pycache__/\n")
        subprocess.run(["git", "-C", str(folder), "init", "--quiet"], check=True)

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def digest(self) -> str:
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        kept = [path for path in files if not {".git", ".mutants"} & set(path.parts) and path.name != "mutants.json"]
        return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in kept)).hexdigest()

    def mutants(self, *options: str, count: int = 3, seed: int = 1) -> tuple[int, str, dict[str, Any]]:
        """Return the exit code, what was printed, and the figures kept."""
        words = ["--tree", str(self.folder), "--settings", str(self.folder), "--count", str(count), "--seed", str(seed)]
        done = subprocess.run(
            [sys.executable, str(SCRIPT), *words, "--write", *options], capture_output=True, text=True, check=False
        )
        kept = self.folder / "mutants.json"
        figures = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        return done.returncode, done.stdout + done.stderr, figures


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return Tiny(tmp_path)


def test_a_weak_test_lets_faults_live_and_a_good_one_kills_them(tiny: Tiny) -> None:
    tiny.put("Tiny/tests/terms/test_ends.py", WEAK)
    before = tiny.digest()
    code, said, figures = tiny.mutants()
    assert (code, figures["totals"]["survived"], figures["totals"]["killed"]) == (1, 3, 0), said
    assert "-     return left < 1\n+     return left <= 1" in said
    assert "0.0% killed, at least 97% are needed" in said
    assert tiny.digest() == before

    tiny.put("Tiny/tests/terms/test_ends.py", GOOD)
    code, said, figures = tiny.mutants()
    assert (code, figures["totals"]["survived"], figures["totals"]["killed"]) == (0, 0, 3), said
    assert "killed" in said
    assert "by tests/terms/test_ends.py::test_free" in said

    code, said, figures = tiny.mutants()  # nothing has changed since: nothing is tried again
    assert (code, figures["totals"]["killed"]) == (0, 3), said
    assert "3 known, 0 to try" in said

    shutil.rmtree(tiny.folder / ".mutants")  # as in a fresh clone: the figures that were kept say as much
    code, said, again = tiny.mutants()
    assert "3 known, 0 to try" in said
    assert again == figures

    tiny.put("Tiny/src/tiny/terms/ends.py", SOURCE.replace("any more", "now"))
    shutil.rmtree(tiny.folder / ".mutants", ignore_errors=True)
    assert "0 known, 3 to try" in tiny.mutants()[1]


def test_a_fault_without_end_counts_as_timed_out(tiny: Tiny) -> None:
    tiny.put("Tiny/src/tiny/terms/ends.py", "def count(n):\n    while n > 0:\n        n -= 1\n    return n\n")
    tiny.put(
        "Tiny/tests/terms/test_ends.py",
        "from tiny.terms.ends import count\n\n\ndef test_count():\n    assert count(3) == 0\n",
    )
    named = '[[fault]]\nname = "counts up"\nfile = "Tiny/src/tiny/terms/ends.py"\nbefore = "n -= 1"\nafter = "n += 1"\n'
    tiny.put("named.toml", named)
    _, said, figures = tiny.mutants("--patience", "3", count=1)
    assert figures["named"]["counts up"]["verdict"] == "timed out", said


def test_the_same_seed_draws_the_same_and_a_smaller_count_the_first_of_them(tiny: Tiny) -> None:
    tiny.put("Tiny/tests/terms/test_ends.py", GOOD)
    drawn = [tiny.mutants("--list", count=count, seed=seed)[1] for count, seed in ((3, 7), (3, 7), (2, 7), (3, 8))]
    assert drawn[0] == drawn[1]
    assert drawn[2].splitlines()[1:] == drawn[0].splitlines()[1 : len(drawn[2].splitlines())]
    assert "SEED=8" in drawn[3]


def test_an_equivalent_is_not_tried_and_one_that_is_gone_is_refused(tiny: Tiny) -> None:
    tiny.put("Tiny/tests/terms/test_ends.py", GOOD)
    listed = (
        '[[equivalent]]\nfile = "Tiny/src/tiny/terms/ends.py"\nbefore = "return left < 1"\n'
        'after = "return left <= 1"\nreason = "nobody has exactly one month"\n'
    )
    tiny.put("equivalents.toml", listed)
    code, said, figures = tiny.mutants()
    assert (figures["totals"]["equivalent"], figures["totals"]["killed"]) == (1, 2), said
    assert code == 1
    assert "33.3% called equivalent, at most 3% may be" in said

    tiny.put("equivalents.toml", listed.replace("left < 1", "left < 2"))
    code, said, _ = tiny.mutants()
    assert code == 1
    assert "no longer holds 'return left < 2'; mend equivalents.toml" in said


def test_a_named_fault_that_no_longer_applies_is_refused(tiny: Tiny) -> None:
    tiny.put("Tiny/tests/terms/test_ends.py", GOOD)
    at = 'file = "Tiny/src/tiny/terms/ends.py"'
    gone = f'[[fault]]\nname = "one month"\n{at}\nbefore = "left < 3"\nafter = "left < 4"\n'
    tiny.put("named.toml", gone)
    code, said, _ = tiny.mutants()
    assert code == 1
    assert "'one month' no longer applies" in said


def test_tests_that_fail_without_a_fault_are_refused(tiny: Tiny) -> None:
    tiny.put("Tiny/tests/terms/test_ends.py", GOOD.replace("not free(1)", "free(1)"))
    code, said, _ = tiny.mutants()
    assert code == 1
    assert "fails without a fault (failed); mend it first" in said


KINDS = """
import sys
sys.path.insert(0, sys.argv[1])  # the tool is a folder of scripts, not a package
from faults import KINDS, faults_in, planted

source = b'''import numpy as np


def f(a, b):
    c = a < 1 and b
    d = np.where(c, a - b, a.mean(axis=1))
    return d, c
'''
found = [(fault, planted(source, fault)) for fault in faults_in(source)]
assert {fault.kind for fault, _ in found} == set(KINDS)
texts = [put.decode() for _, put in found if put]
assert all(text.count("\\n") == source.count(b"\\n") for text in texts)
for want in (
    *("a <= 1", "a < 2", "(a < 1) or b", "c = (b)", "a + b", "a.sum(axis=1)", "axis=0", "return c, d"),
    "np.where(c, a.mean(axis=1), a - b)",
):
    assert sum(want in text for text in texts) == 1, want
"""


def test_every_kind_of_fault_is_planted_line_by_line() -> None:
    words = [sys.executable, "-c", KINDS, str(SCRIPT.parent)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


FIGURES = ROOT / "benchmarks" / "results" / "mutants.json"
MOST_STALE = 0.1


def stale(drawn: dict[str, Any], sources: dict[str, str]) -> bool:
    """Whether the code no longer holds the lines that a mutant changed, or the test that killed it."""
    module, test = ROOT / drawn["file"], ROOT / drawn["file"].split("/")[0] / drawn["test"].partition("::")[0]
    told = "/" in drawn["test"]  # a run that broke off, and a survivor, name no test
    if not module.is_file() or (told and not test.is_file()):
        return True
    source = module.read_bytes()
    same = hashlib.sha256(source).hexdigest()[:16] == sources[drawn["file"]]
    name = drawn["test"].rpartition("::")[2].partition("[")[0]
    named = not drawn["test"].startswith("tests/") or f"def {name}(" in test.read_text(encoding="utf-8")
    return not named or not (same or drawn["before"] in " ".join(source.decode().split()))


@pytest.mark.skipif(not FIGURES.is_file(), reason="no run is committed yet: make mutants SEED=14 ARGS=--write")
def test_the_committed_run_kills_enough_of_every_package_and_kind_and_is_of_this_code() -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    drawn, settings = figures["drawn"], SCRIPT.parent
    killed = sum(one["verdict"] in {"killed", "timed out"} for one in drawn)
    same = sum(one["verdict"] == "equivalent" for one in drawn)
    assert len(drawn) == figures["count"] >= 400
    assert killed / (len(drawn) - same) >= 0.97
    assert same / len(drawn) <= 0.03
    packages = tomllib.loads((settings / "packages.toml").read_text(encoding="utf-8"))["package"]
    assert {one["package"] for one in drawn} == {one["name"] for one in packages}
    assert len({one["kind"] for one in drawn}) == 8
    named = tomllib.loads((settings / "named.toml").read_text(encoding="utf-8"))["fault"]
    assert {name: one["verdict"] for name, one in figures["named"].items()} == {one["name"]: "killed" for one in named}
    gone = [f"{one['file']}: {one['before']}" for one in drawn if stale(one, figures["sources"])]
    rerun = f'make mutants SEED={figures["seed"]} ARGS="--jobs 2 --write" tries only what changed'
    assert len(gone) <= MOST_STALE * len(drawn), (
        f"{len(gone)} mutants are of code or tests that are gone; {rerun}: {gone[:5]}"
    )


def test_a_mutant_of_lines_or_of_a_test_that_are_gone_is_stale() -> None:
    module = "benchmarks/mutants/faults.py"
    good = {"file": module, "before": "_ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {", "test": ""}
    other = {module: "0" * 16}
    assert not stale(good, other)
    assert stale({**good, "before": "of another time"}, other)
    assert not stale(
        {**good, "before": "of another time"}, {module: hashlib.sha256((ROOT / module).read_bytes()).hexdigest()[:16]}
    )
    assert stale({**good, "file": "benchmarks/mutants/gone.py"}, other)
    planrec = {**good, "file": "PlanRec/src/planrec/months.py", "before": "def month_text("}
    months = {"PlanRec/src/planrec/months.py": ""}
    assert not stale({**planrec, "test": "tests/test_layout.py::test_tests_mirror_the_packages"}, months)
    assert stale({**planrec, "test": "tests/test_layout.py::test_of_another_time[x]"}, months)
    assert stale({**planrec, "test": "tests/test_gone.py::test_gone"}, months)
