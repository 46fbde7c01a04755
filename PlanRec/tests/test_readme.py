"""The README's first answer is what the command gives, and its two sentences of figures are those of the table."""

from __future__ import annotations

import csv
import io
import re
import shlex
from pathlib import Path

import pytest

from planrec import cli


@pytest.fixture
def readme(project_folder: Path) -> str:
    return (project_folder / "README.md").read_text(encoding="utf-8")


def test_the_first_answer_is_what_the_command_gives(
    readme: str, project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = re.findall(r"```csv\n(.*?)```", readme, flags=re.DOTALL)[0]
    command = re.findall(r"```bash\n(planrec recommend .*?)\n```", readme, flags=re.DOTALL)[0]
    (tmp_path / "months.csv").write_text(table, encoding="utf-8")
    (tmp_path / "configs").symlink_to(project_folder / "configs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", shlex.split(command))
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    first = next(csv.DictReader(io.StringIO((tmp_path / "advice.csv").read_text(encoding="utf-8"))))
    shown = " ".join(re.findall(r"^> (.*)$", readme, flags=re.MULTILINE))
    assert shown == f"{first['action']} to Smart 12. {first['reasons']}"


def test_the_figures_in_words_are_those_of_the_table(readme: str) -> None:
    row = re.findall(r"^\| advice \(as shipped\).*$", readme, flags=re.MULTILINE)[0]
    cells = [cell.split("[")[0].strip() for cell in row.strip("|").split("|")]
    said = re.findall(r"it saves ([\d.]+) EUR a month on average over\nthe months that follow; ([\d.]+) %", readme)[0]
    assert said == (cells[5], f"{100 * float(cells[6]):.1f}")
    harmed = re.findall(r"which is (\d+) % of those told to\s+switch", readme)[0]
    assert harmed == f"{100 * float(cells[6]) / float(cells[7]):.0f}"
