"""The gates of every member go red: coverage, warnings, import contracts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from members import MEMBERS

ROOT = Path(__file__).resolve().parents[2]
# Four statements and two branches; with the odd case untested that is 5 of 6, and without branches it would be 4 of 4.
TINY = "def halve(value):\n    if value % 2 == 0:\n        value //= 2\n    return value\n"
EVEN = "from tiny import halve\n\n\ndef test_even():\n    assert halve(4) == 2\n"
ODD = "\n\ndef test_odd():\n    assert halve(3) == 3\n"
WARNS = "\n\ndef test_warns():\n    import warnings\n    warnings.warn('old', DeprecationWarning)\n"


@pytest.fixture
def member(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A member of one tiny package, with the options of a real one and make's own test command."""
    shutil.copy(ROOT / request.param / "pyproject.toml", tmp_path)
    (tmp_path / "Makefile").write_text(f"PACKAGES := tiny\ninclude {ROOT}/make/member.mk\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tiny.py").write_text(TINY)
    return tmp_path


@pytest.mark.parametrize("member", MEMBERS, indirect=True)
def test_coverage_gate_turns_red_on_an_untested_branch_and_green_with_its_test(run, member: Path):
    tests = member / "tests" / "test_tiny.py"
    tests.write_text(EVEN)
    done = run("make", "test", cwd=member)
    assert done.returncode != 0, done.stdout
    assert "Required test coverage of 90% not reached" in done.stdout
    assert "1 passed" in done.stdout

    tests.write_text(EVEN + ODD)
    done = run("make", "test", cwd=member, PYTEST_ARGS="-n0")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("member", MEMBERS, indirect=True)
def test_a_warning_is_an_error(run, member: Path):
    (member / "tests" / "test_tiny.py").write_text(EVEN + ODD + WARNS)
    done = run("make", "test", cwd=member)
    assert done.returncode != 0
    assert "DeprecationWarning: old" in done.stdout
    assert "1 failed, 2 passed" in done.stdout


@pytest.fixture(scope="module")
def copied_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("sources")
    nothing_compiled = shutil.ignore_patterns("__pycache__")
    for part in ("common_utils/src", "PlanRec/src", "PlanRec/app"):
        shutil.copytree(ROOT / part, copy / part, ignore=nothing_compiled)
    shutil.copy(ROOT / "pyproject.toml", copy)
    shutil.copy(ROOT / "PlanRec" / "pyproject.toml", copy / "PlanRec")
    return copy


def _lint_imports(run, copy: Path, config: str):
    # PYTHONPATH comes before the editable members, so the copy is what is linted.
    paths = f"{copy}/common_utils/src:{copy}/PlanRec/src:{copy}/PlanRec"
    command = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache", "--config", copy / config]
    return run(*command, cwd=(copy / config).parent, PYTHONPATH=paths)


@pytest.mark.parametrize(
    ("config", "module", "line", "chain"),
    [
        pytest.param(
            "pyproject.toml",
            "PlanRec/src/planrec/billing/month_bills.py",
            "def _late():\n    import pandas\n    return pandas\n",
            "planrec.billing.month_bills -> pandas",
            id="core-imports-pandas-late",
        ),
        pytest.param(
            "pyproject.toml",
            "common_utils/src/common_utils/errors.py",
            "import planrec\n",
            "common_utils.errors -> planrec",
            id="common_utils-imports-a-project",
        ),
        pytest.param(
            "PlanRec/pyproject.toml",
            "PlanRec/src/planrec/billing/month_bills.py",
            "import app\n",
            "planrec.billing.month_bills -> app",
            id="package-imports-its-app",
        ),
        pytest.param(
            "PlanRec/pyproject.toml",
            "PlanRec/app/__init__.py",
            "import sklearn\n",
            "app -> sklearn",
            id="app-imports-scikit-learn",
        ),
        pytest.param(
            "PlanRec/pyproject.toml",
            "common_utils/src/common_utils/bundle/bundle.py",
            "def _late():\n    import pickle\n    return pickle\n",
            "common_utils.bundle.bundle -> pickle",
            id="what-the-app-needs-unpickles-late",
        ),
    ],
)
def test_import_contracts_turn_red(run, copied_sources: Path, config: str, module: str, line: str, chain: str):
    path = copied_sources / module
    original = path.read_text()
    path.write_text(f"{original}\n{line}")
    try:
        done = _lint_imports(run, copied_sources, config)
    finally:
        path.write_text(original)
    assert done.returncode != 0, done.stdout
    assert chain in done.stdout


@pytest.mark.parametrize("config", ["pyproject.toml", "PlanRec/pyproject.toml"])
def test_import_contracts_are_green_without_the_change(run, copied_sources: Path, config: str):
    done = _lint_imports(run, copied_sources, config)
    assert done.returncode == 0, done.stdout
