"""The layout's bounds hold, and each of them makes the command fail where it is broken."""

from __future__ import annotations

import subprocess
from pathlib import Path

import layout
import pytest
from layout import MOST_INNER_IMPORTS, MOST_MODULES, layout_of, main


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package of two packages, laid out as it should be."""
    folder = tmp_path / "house"
    for name in ("cellar", "attic"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(f'"""The {name}."""\n')
    (folder / "__init__.py").write_text('"""A house."""\n')
    (folder / "cellar" / "wine.py").write_text("from house.attic.books import read\n")
    (folder / "attic" / "books.py").write_text("def read(): ...\n")
    return folder


def test_every_member_keeps_the_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0, capsys.readouterr().out
    assert "planrec: " in capsys.readouterr().out


def test_a_package_as_it_should_be_passes(package: Path) -> None:
    assert main([package]) == 0


def test_a_crowded_folder_fails(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(MOST_MODULES):
        (package / "cellar" / f"rack_{number}.py").touch()
    assert main([package]) == 0  # 17 modules in a package of 21: it may stay flat
    for number in range(layout.FLAT):
        (package / f"room_{number}").mkdir()
        (package / f"room_{number}" / "__init__.py").touch()
    assert main([package]) == 1
    assert f"house/cellar: {MOST_MODULES + 1} modules side by side, at most {MOST_MODULES}" in capsys.readouterr().out
    (package / "cellar" / "rack_0.py").unlink()
    assert main([package]) == 0


@pytest.mark.parametrize(
    "back",
    [
        pytest.param("import house.cellar.wine\n", id="at-the-top"),
        pytest.param("def read():\n    from house.cellar.wine import pour\n", id="inside-a-function"),
        pytest.param("def read():\n    import house.cellar.wine\n", id="by-its-dotted-name"),
    ],
)
def test_a_circle_between_packages_fails(package: Path, back: str, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "attic" / "books.py").write_text(back)
    assert main([package]) == 1
    assert "house: imports in a circle: " in capsys.readouterr().out


def test_a_circle_inside_a_package_fails(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "cellar" / "wine.py").write_text("import house.cellar.coal\n")
    (package / "cellar" / "coal.py").write_text("from house.cellar import wine\n")
    assert main([package]) == 1
    assert "house.cellar: imports in a circle: " in capsys.readouterr().out


def test_an_import_for_the_type_checker_is_no_circle(package: Path) -> None:
    line = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.cellar.wine import pour\n"
    (package / "attic" / "books.py").write_text(line)
    assert main([package]) == 0


def test_too_many_imports_inside_functions_fail(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(MOST_INNER_IMPORTS, "house", 1)
    late = "def pour_{0}():\n    from house.attic import books\n"
    wine = package / "cellar" / "wine.py"
    wine.write_text(late.format(1))
    assert main([package]) == 0
    wine.write_text(late.format(1) + late.format(2))
    assert layout_of(package).inner_imports == 2
    assert main([package]) == 1
    assert "house: 2 imports inside functions, at most 1" in capsys.readouterr().out


def test_a_file_that_is_too_long_is_found_and_one_of_the_longest_length_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    for name, lines in {"fits.py": 400, "long.py": 401, "shrinks.py": 402, "grew.py": 403, "long.md": 999}.items():
        (tmp_path / name).write_text("\n" * lines, encoding="utf-8")
    monkeypatch.setattr(layout, "LONGER", {"shrinks.py": 402, "grew.py": 402})
    assert layout.long_files(tmp_path) == [("grew.py", 403), ("long.py", 401)]
    monkeypatch.setattr(layout, "ROOT", tmp_path)
    monkeypatch.setattr(layout, "package_folders", list)
    assert layout.main() == 1
    assert "grew.py: 403 lines, at most 402; split it by meaning" in capsys.readouterr().out


def test_no_file_of_the_repository_is_too_long() -> None:
    assert layout.long_files(layout.ROOT) == []
