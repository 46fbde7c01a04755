"""The fence round the quick path: who may import it, what it restates, and no constant of its own copy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import planrec.quick
from planrec.billing import month_bills
from planrec.decisions import alternatives
from planrec.outlook import forecast
from planrec.quick import rated_months, row_bills, usage_ahead

ROOT = Path(__file__).resolve().parents[3]
IMPORT = re.compile(
    r"^\s*(?:from\s+planrec\.quick[\s.]|import\s+planrec\.quick\b|from\s+planrec\s+import\s.*\bquick\b)", re.M
)


def importers(root: Path) -> set[str]:
    """Return the files under a repository that import the quick path, but for its own and its tests'."""
    found: set[str] = set()
    for path in root.rglob("*.py"):
        relative = path.relative_to(root)
        inside = relative.parts[:4] == ("PlanRec", "src", "planrec", "quick") or relative.parts[0].startswith(".")
        if not inside and "tests" not in relative.parts and IMPORT.search(path.read_text(encoding="utf-8")):
            found.add(str(relative))
    return found


def test_only_app_and_benchmarks_import_the_quick_path() -> None:
    found = importers(ROOT)
    assert "PlanRec/app/live.py" in found
    assert {name for name in found if not name.startswith(("PlanRec/app/", "benchmarks/"))} == set()


@pytest.mark.parametrize(
    "line",
    [
        "from planrec.quick import RowAdviser",
        "from planrec.quick.advice import RowAdviser",
        "import planrec.quick.choice",
        "    from planrec import outlook, quick",
    ],
)
def test_an_import_from_elsewhere_is_seen(tmp_path: Path, line: str) -> None:
    (tmp_path / "PlanRec").mkdir()
    (tmp_path / "PlanRec" / "other.py").write_text(f"{line}\n", encoding="utf-8")
    assert importers(tmp_path) == {"PlanRec/other.py"}


def test_every_module_names_its_reference_and_a_test_that_is_there() -> None:
    text = planrec.quick.__doc__ or ""
    tests = re.findall(r"`(tests/quick/\w+\.py)`", text)
    modules = sorted(path.stem for path in Path(planrec.quick.__file__).parent.glob("*.py") if path.stem != "__init__")
    assert sorted(re.findall(r"- `(\w+)\.\w+` restates", text)) == modules
    assert len(tests) == len(modules)
    assert all((ROOT / "PlanRec" / name).is_file() for name in tests)


def test_constants_are_those_of_the_reference() -> None:
    assert rated_months.MICRO is month_bills.MICRO
    assert row_bills.MICRO is month_bills.MICRO
    assert usage_ahead.SMALLEST is forecast.SMALLEST
    assert rated_months.SCENARIOS is forecast.SCENARIOS
    assert row_bills.RECENT_MONTHS is alternatives.RECENT_MONTHS
