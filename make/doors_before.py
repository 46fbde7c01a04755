"""What a commit before the strict readers does with the files that today's tests bring: every failure, by test.

    python make/doors_before.py [--commit a120ee9]

The commit is checked out beside the others in a folder of its own; the tests act through the command line and the
service, so that they fail there by what the programs do and not by a name that is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMMIT = "a120ee9"
TESTS = ("commands/test_cases.py", "commands/test_doors.py", "app/test_recent.py")
_CONFTEST = '''"""The command line and the service, as any commit has them."""

import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project_folder():
    return PROJECT


@pytest.fixture
def run(monkeypatch):
    from planrec import cli

    monkeypatch.chdir(PROJECT)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["planrec", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return left.value.code if isinstance(left.value.code, int) else int(left.value.code is not None)

    return call


@pytest.fixture(scope="session")
def artifacts():
    return Path("ARTIFACTS")


def _client():
    from fastapi.testclient import TestClient

    from app.fastapi_app import create_app
    return TestClient(create_app())


@pytest.fixture(scope="session")
def learnt(artifacts):
    patch = pytest.MonkeyPatch()
    patch.setenv("PLANREC_BUNDLE", str(artifacts))
    with _client() as started:
        yield started
    patch.undo()


@pytest.fixture(scope="session")
def client(learnt):
    return learnt
'''


@contextmanager
def checked_out(commit: str) -> Generator[Path]:
    """Yield a folder that holds a commit; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="doors-before-") as name:
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


def tests(folder: Path) -> int:
    """Run the tests on a commit's code and print each failure with its reason."""
    new = folder / "PlanRec" / "new_tests"
    for test in TESTS:
        if (ROOT / "PlanRec" / "tests" / test).is_file():
            (new / test).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "PlanRec" / "tests" / test, new / test)
    shutil.copytree(ROOT / "PlanRec" / "tests" / "cases", new / "cases")
    (new / "conftest.py").write_text(_CONFTEST.replace("ARTIFACTS", str(trained(folder))), encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-n0", "-q", "--no-cov", "--tb=no", "-rfE", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*words, "new_tests"],
        cwd=folder / "PlanRec",
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR")) or " passed" in line]
    print("\n".join(lines or [done.stdout[-2000:], done.stderr[-2000:]]))
    return done.returncode


def doors(folder: Path) -> int:
    """Give that commit one damaged file of each kind, and print what it misreads."""
    words = [sys.executable, "benchmarks/doors/doors.py", "--no-rejects", "--variants", "2"]
    then = folder / "PlanRec"
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**environment(folder), "DOORS_PROJECT": str(then)},
        capture_output=True,
        text=True,
        check=False,
    )
    print("\n".join(line[:300] for line in done.stdout.splitlines() if line) or done.stderr[-2000:])
    return done.returncode


def main() -> int:
    """List the failures; return 1 if nothing fails there, for then the tests say nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default=COMMIT)
    options = parser.parse_args()
    with checked_out(options.commit) as folder:
        print(f"== tests of files and columns on {options.commit}")
        failed = tests(folder)
        print(f"\n== damaged files on {options.commit}")
        misread = doors(folder)
    return int(not (failed and misread))


if __name__ == "__main__":
    sys.exit(main())
