"""Run today's tests of damaged files on a commit before the strict readers, and list every failure by test.

    python make/doors_before.py [--commit a120ee9] [--section files|tables|out|service|truth|projects] [--write]

The commit is checked out beside the others in a folder of its own. The tests of files act through the command line and
the service, so that they fail there by what the programs do. Those of tables, outputs, the service, answers and the
projects on one table are run by today's names over the modules of then; what asks for a name that was not there is
listed apart.
`--write` keeps every failure with its reason in benchmarks/results/doors_before.json.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from earlier_tree import ROOT, checked_out, environment, trained
from names_then import moves

COMMIT = "a120ee9"
MEMBERS = (
    "common_utils",
    "PlanRec",
    "BankChurn-Predictor",
    "CarVision-Market-Intelligence",
    "TelecomAI-Customer-Intelligence",
)
# Section -> member -> tests, today's; they run there by today's names over the modules of then (`names_then`).
SECTIONS = {
    "tables": {"common_utils": ("tables", "units", "config"), "PlanRec": ("usage", "notices")},
    "out": {
        "common_utils": ("test_outputs.py", "tables/test_write.py", "tables/test_written_and_read.py", "command_line"),
        "PlanRec": (
            "commands/test_outputs.py",
            "commands/test_exit_codes.py",
            "commands/test_dictionary.py",
            "commands/test_full_cards.py",
        ),
    },
    "service": {"common_utils": ("serving",), "PlanRec": ("app",)},
    "truth": {"PlanRec": ("advice", "batch", "offers", "rules", "campaigns", "pricing")},
    "projects": {
        "common_utils": ("leakage", "evaluation", "table_project"),
        "BankChurn-Predictor": (".",),
        "CarVision-Market-Intelligence": (".",),
        "TelecomAI-Customer-Intelligence": (".",),
    },
}
_NAMES = re.compile(
    r"AbsentError|ImportError|ModuleNotFoundError|NameError|was not there|"
    r"AttributeError: (module|type object|'\w+' object)|"
    r"TypeError: .*(unexpected keyword|positional argument|missing \d)"
)
RESULTS = ROOT / "benchmarks" / "results" / "doors_before.json"
_PYTEST = (sys.executable, "-m", "pytest", "-n0", "-q", "--no-cov", "--tb=no", "-rfE", "-p", "no:cacheprovider")
_LONGEST = 900  # seconds of one run
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


@dataclass
class Listed:
    """What some of today's tests do on that commit.

    Attributes
    ----------
    behaved, named : dict of str to str
        Test -> reason: what fails by what the programs do, and what asks for a name that was not there.
    passed, left_out : int
        Tests that pass there too, and those that write to devices.
    """

    behaved: dict[str, str]
    named: dict[str, str]
    passed: int
    left_out: int = 0

    @classmethod
    def of(cls, said: str, left_out: int = 0) -> Listed:
        """Return what pytest's summary says."""
        lines = [line for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        pairs = [line.partition(" ")[2].partition(" - ")[::2] for line in lines]
        named = {test: reason for test, reason in pairs if not reason or _NAMES.search(reason)}
        behaved = {test: reason for test, reason in pairs if test not in named}
        passed = re.search(r"(\d+) passed", said.strip().rpartition("\n")[2])
        return cls(behaved, named, int(passed[1]) if passed else 0, left_out)

    def show(self, title: str) -> None:
        """Print the counts and each failure."""
        print(
            f"{title}: {len(self.behaved)} fail by what the programs do, {len(self.named)} ask for names that were not "
            f"there, {self.passed} pass, {self.left_out} left out, as they write to devices"
        )
        for kind, found in (("", self.behaved), ("name: ", self.named)):
            print("\n".join(f"  {kind}{test}: {reason}"[:180] for test, reason in found.items()))


def tests(folder: Path) -> Listed:
    """Run the tests of files on a commit's code."""
    new = folder / "PlanRec" / "new_tests"
    for test in TESTS:
        if (ROOT / "PlanRec" / "tests" / test).is_file():
            (new / test).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "PlanRec" / "tests" / test, new / test)
    shutil.copytree(ROOT / "PlanRec" / "tests" / "cases", new / "cases")
    (new / "conftest.py").write_text(_CONFTEST.replace("ARTIFACTS", str(trained(folder))), encoding="utf-8")
    done = subprocess.run(
        [*_PYTEST, "new_tests"],
        cwd=folder / "PlanRec",
        env={**environment(folder), "COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Listed.of(done.stdout)


def touches_devices(path: Path) -> list[str]:
    """Return the tests of a file that write to devices or pipes: the programs of then put a file in their place."""
    text = path.read_text(encoding="utf-8")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name[:5] == "test_"]
    return [node.name for node in found if re.search("/dev/|mkfifo|mknod", ast.get_source_segment(text, node) or "")]


def by_section(folder: Path, commit: str, sections: Sequence[str]) -> dict[str, dict[str, Listed]]:
    """Run today's tests of each section there, member by member."""
    names = folder / "names_then.json"
    names.write_text(json.dumps(moves(commit, MEMBERS)), encoding="utf-8")
    for member in MEMBERS:
        shutil.rmtree(folder / member / "tests")
        shutil.copytree(ROOT / member / "tests", folder / member / "tests")
    found: dict[str, dict[str, Listed]] = {}
    for section in sections:
        print(f"\n== {section}, today's tests on {commit}")
        for member, listed in SECTIONS[section].items():
            one = one_run(folder, member, listed, names)
            one.show(member)
            found.setdefault(section, {})[member] = one
    return found


def one_run(folder: Path, member: str, listed: tuple[str, ...], names: Path) -> Listed:
    """Run some tests of a member, file by file, so that one that hangs or breaks off costs no other."""
    tests_ = folder / member / "tests"
    files = [path for name in listed for path in sorted((tests_ / name).rglob("test_*.py"))]
    files += [tests_ / name for name in listed if name.endswith(".py")]
    path = [*(folder / each / "src" for each in MEMBERS), folder / member, ROOT / "make"]
    environ = {**environment(folder), "PYTHONPATH": os.pathsep.join(map(str, path)), "COLUMNS": "400"}
    whole = Listed({}, {}, 0)
    for file in dict.fromkeys(files):
        left_out = [f"{os.path.relpath(file, tests_.parent)}::{test}" for test in touches_devices(file)]
        words = [*_PYTEST, "-p", "names_then", "-W", "ignore", "-m", "not slow and not realdata"]
        words += [word for one in left_out for word in ("--deselect", one)]
        try:
            done = subprocess.run(
                [*words, str(file)],
                cwd=tests_.parent,
                env={**environ, "NAMES_THEN": str(names)},
                capture_output=True,
                text=True,
                check=False,
                timeout=_LONGEST,
            )
        except subprocess.TimeoutExpired:
            whole.behaved[f"tests/{file.relative_to(tests_)}"] = f"not done after {_LONGEST} s"
            continue
        one = Listed.of(done.stdout, len(left_out))
        if done.returncode not in (0, 1, 5) and not one.named:
            one.named[f"tests/{file.relative_to(tests_)}"] = (done.stderr.strip() or done.stdout.strip())[-200:]
        whole = Listed(
            {**whole.behaved, **one.behaved},
            {**whole.named, **one.named},
            whole.passed + one.passed,
            whole.left_out + one.left_out,
        )
    return whole


def doors(folder: Path) -> int:
    """Give that commit one damaged file of each kind, and print what it misreads."""
    words = [sys.executable, "benchmarks/doors/doors.py", "--no-rejects", "--variants", "2", "--project", "planrec"]
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


def keep(commit: str, found: dict[str, dict[str, Listed]]) -> None:
    """Write the failures of the sections that ran; those of the others stay as they were."""
    kept: dict[str, object] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept["commit"] = commit
    for section, members in found.items():
        kept[section] = {member: asdict(listed) for member, listed in members.items()}
    text = json.dumps(kept, indent=1, ensure_ascii=False).replace(f"{ROOT}/", "")  # this machine's folders say nothing
    RESULTS.write_text(text + "\n", encoding="utf-8")


def main() -> int:
    """List the failures; return 1 if nothing fails there, for then the tests say nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", default=COMMIT)
    parser.add_argument("--section", choices=("files", *SECTIONS), help="default: all")
    parser.add_argument("--write", action="store_true", help="keep the failures in benchmarks/results")
    options = parser.parse_args()
    found: dict[str, dict[str, Listed]] = {}
    misread = 1
    with checked_out(options.commit) as folder:
        if options.section in (None, "files"):
            print(f"== files: tests of files and columns on {options.commit}")
            found["files"] = {"PlanRec": tests(folder)}
            found["files"]["PlanRec"].show("PlanRec")
            print(f"\n== damaged files on {options.commit}")
            misread = doors(folder)
        chosen = [section for section in SECTIONS if options.section in (None, section)]
        if chosen:
            found |= by_section(folder, options.commit, chosen)
    if options.write:
        keep(options.commit, found)
    failed = any(listed.behaved for members in found.values() for listed in members.values())
    return int(not (failed and misread))


if __name__ == "__main__":
    sys.exit(main())
