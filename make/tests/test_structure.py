"""Structure in every README is what the docstrings say; one that differs is told, and written anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from structure import END, START, StructureError, main, readmes, summary


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One member of one package."""
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["House"]\n')
    package = tmp_path / "House" / "src" / "house"
    (package / "cellar").mkdir(parents=True)
    (package / "__init__.py").write_text('"""Where people live.\n\nMore.\n"""\n')
    (package / "stairs.py").write_text('"""Up and down."""\n')
    (package / "cellar" / "__init__.py").write_text('"""Wine and coal: or | what is kept cool."""\n')
    for folder in (tmp_path, tmp_path / "House"):
        (folder / "README.md").write_text(f"above\n{START}\n{END}\nbelow\n")
    return tmp_path


def test_every_readme_says_what_the_docstrings_say(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--root", str(root)]) == 0, capsys.readouterr().out


def test_rows_come_from_docstrings(repository: Path) -> None:
    texts = readmes(repository)
    assert texts[repository / "README.md"] == (
        f"above\n{START}\n| where | what |\n|---|---|\n"
        f"| [`House/src/house/`](House/README.md) | Where people live |\n{END}\nbelow\n"
    )
    assert "| `src/house/stairs.py` | Up and down |\n" in texts[repository / "House" / "README.md"]
    assert (
        "`src/house/cellar/` | Wine and coal: or \\| what is kept cool |" in texts[repository / "House" / "README.md"]
    )


def test_a_readme_that_differs_is_told_and_mended(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--root", str(repository)]
    assert main(["--check", *at]) == 1
    assert "House/README.md: differs; run `make structure`" in capsys.readouterr().out
    assert main(at) == 0
    assert main(["--check", *at]) == 0
    (repository / "House" / "src" / "house" / "roof.py").write_text('"""Tiles."""\n')
    assert main(["--check", *at]) == 1
    assert "House/README.md: differs" in capsys.readouterr().out


@pytest.mark.parametrize("text", [pytest.param("none\n", id="none"), pytest.param(f"{END}\n{START}\n", id="swapped")])
def test_a_readme_without_marks_is_named(repository: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "House" / "README.md").write_text(text)
    assert main(["--root", str(repository)]) == 2
    assert f"House/README.md: needs {START} and then {END}" in capsys.readouterr().err


def test_a_module_without_a_docstring_is_named(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text("x = 1\n")
    with pytest.raises(StructureError, match=r"bare\.py: no docstring"):
        summary(tmp_path / "bare.py")
