"""What the README shows runs, and the extras it lists are those that there are."""

from __future__ import annotations

import logging
import re
import tomllib
from pathlib import Path

import pytest

MEMBER = Path(__file__).resolve().parents[1]
README = (MEMBER / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_there_are_examples():
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", EXAMPLES, ids=["logging", "settings", "table", "split"])
def test_example_runs(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # put back after set_seed
    try:
        exec(compile(example, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102 - our own text
    finally:
        logging.getLogger("readme").handlers.clear()


def test_every_extra_is_listed():
    extras = tomllib.loads((MEMBER / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    listed = re.findall(r"/common_utils\[([\w,]+)\]", README)
    assert {extra for group in listed for extra in group.split(",")} == set(extras)


@pytest.mark.parametrize(
    "project", ["BankChurn-Predictor", "CarVision-Market-Intelligence", "TelecomAI-Customer-Intelligence"]
)
def test_readme_of_a_project_on_one_table_has_every_exit_code(project: str):
    readme = (MEMBER.parent / project / "README.md").read_text(encoding="utf-8")
    line = re.search(r"Exit codes: (.*)", readme)
    assert line is not None
    assert set(re.findall(r"\b\d\b", line[1])) >= {"0", "2", "3", "4", "5", "6"}
