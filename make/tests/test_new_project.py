"""A fifth project in one command, in a copy of the repository: its tests and checks pass at once, every list has it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from check_documents import tracked_files
from new_project import MODEL, NewProjectError, create, main, names_of, wiring

ROOT = Path(__file__).resolve().parents[2]
NAME, PACKAGE = "Demo-Project", "demo"


def _copy(folder: Path) -> Path:
    for name in tracked_files(ROOT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with a fifth project, made by the command."""
    folder = _copy(tmp_path_factory.mktemp("repository"))
    assert main([NAME, "--root", str(folder), "--question", "Does the fifth project work?"]) == 0
    return folder


@pytest.fixture(scope="module")
def environment(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """This environment under another name, so that the copy's make neither renews it nor installs into it."""
    there = tmp_path_factory.mktemp("environment")
    packages = Path(sysconfig.get_path("purelib"))
    further = there / "venv" / packages.relative_to(sys.prefix)
    further.mkdir(parents=True)
    # The packages at their own address, where they are compiled already; `addsitedir` follows the `.pth` files there.
    (further / "these.pth").write_text(f"import site; site.addsitedir({str(packages)!r})\n")
    (there / "venv" / "bin").symlink_to(Path(sys.prefix) / "bin")
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", there / "venv")
    uv = there / "tools" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    for stamp in (uv, there / "venv" / ".setup-done"):
        stamp.touch()
    return {
        "VENV": str(there / "venv"),
        "TOOLS": str(there / "tools"),
        "PYTHONPATH": str(copy / NAME / "src"),
        "PYTEST_ARGS": "-q -n0 -p no:cacheprovider",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _make(run, copy: Path, environment: dict[str, str], *targets: str, folder: str = ".") -> None:
    settings = [f"{key}={value}" for key, value in environment.items() if key != "PYTHONPATH"]
    done = run("make", *targets, *settings, cwd=copy / folder, PYTHONPATH=environment["PYTHONPATH"])
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_new_project_passes_its_tests_with_coverage(run, copy: Path, environment: dict[str, str]):
    _make(run, copy, environment, "test", folder=NAME)


@pytest.mark.slow
def test_a_new_project_passes_the_checks(run, copy: Path, environment: dict[str, str]):
    _make(run, copy, environment, "check", folder=NAME)
    _make(run, copy, environment, "lint", "format-check", "workflows", "documents")
    done = run(Path(environment["VENV"]) / "bin" / "lint-imports", cwd=copy, PYTHONPATH=environment["PYTHONPATH"])
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_new_project_is_in_every_list_of_members(run, copy: Path, environment: dict[str, str]):
    files = [f"make/tests/test_{name}.py" for name in ("packaging", "makefiles", "workflow")]
    chosen = f"{NAME} or {PACKAGE} or alike or matrix or help or test_all or check"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files, "-k", chosen]
    done = run(*command, cwd=copy, PYTHONPATH=environment["PYTHONPATH"])
    assert done.returncode == 0, done.stdout
    assert NAME in tomllib.loads((copy / "pyproject.toml").read_text())["tool"]["uv"]["workspace"]["members"]
    assert f"[{NAME}]({NAME}/README.md) | Does the fifth project work? |" in (copy / "README.md").read_text()


def test_nothing_of_the_model_is_left_in_a_new_project(copy: Path):
    names = [name for name in tracked_files(copy) if name.startswith(NAME)]  # not what running its tests left there
    assert f"{NAME}/pyproject.toml" in names
    for name in names:
        text = (copy / name).read_text()
        assert MODEL.partition("-")[0].lower() not in text.lower(), name
        assert not {"{package}", "{folder}", "{title}", "{prefix}", "{question}"} & set(text.split()), name


def test_a_new_project_holds_the_model_s_folders_and_modules(copy: Path):
    def shape(folder: Path, package: str) -> set[str]:
        names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        return {name.replace(f"src/{package}/", "src/") for name in names if not name.startswith(("docs", "tests"))}

    missing = shape(copy / MODEL, "bankchurn") - shape(copy / NAME, PACKAGE)
    # What is its domain's alone: a module, and the words of its columns (`columns` says where they go).
    assert missing == {"src/retention.py", "src/templates/columns.yaml"}


def test_the_longest_names_fit_the_house_format(tmp_path: Path):
    folder = _copy(tmp_path / "copy")
    project = names_of("Aaaaaaaaaaaaaaaaaaaa-Bbbbbbbbbbbbbbbbbbb", question="Q" * 90)
    assert len(project.folder) == 40
    create(folder, project)
    for arguments in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *arguments, project.folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "package", "question", "message"),
    [
        pytest.param("", "", "", "capitalised words", id="empty"),
        pytest.param("loan", "", "", "capitalised words", id="lower-case"),
        pytest.param("../Loan", "", "", "capitalised words", id="another-folder"),
        pytest.param("L" + "o" * 40, "", "", "longer than 40", id="long"),
        pytest.param("Loan", "Loan", "", "3 to 20 lower-case", id="package"),
        pytest.param("Json", "", "", "is a Python package already", id="standard-library"),
        pytest.param("PlanRec", "", "", "is a Python package already", id="a-member"),
        pytest.param("Loan", "", 'Who "really" pays?', "no quotation mark", id="quotation"),
        pytest.param("Loan", "", "Q" * 91, "at most 90", id="long-question"),
    ],
)
def test_names_that_cannot_be_used_are_refused(name: str, package: str, question: str, message: str):
    with pytest.raises(NewProjectError, match=message):
        names_of(name, package=package, question=question)


def test_a_folder_that_exists_is_left_alone(copy: Path, capsys: pytest.CaptureFixture[str]):
    before = (copy / "pyproject.toml").read_text()
    assert main([NAME, "--package", "another", "--root", str(copy)]) == 2
    assert "Demo-Project exists" in capsys.readouterr().err
    assert (copy / "pyproject.toml").read_text() == before


@pytest.mark.parametrize("name", ["pyproject.toml", "make/setup.mk", ".dockerignore"])
def test_a_list_that_is_not_found_stops_before_anything_is_written(tmp_path: Path, name: str):
    folder = _copy(tmp_path / "copy")
    (folder / name).write_text("# moved elsewhere\n")
    with pytest.raises(NewProjectError, match=r"found 0 times|correct make/new_project\.py"):
        wiring(folder, names_of("Loan-Default"))
    with pytest.raises(NewProjectError):
        create(folder, names_of("Loan-Default"))
    assert not (folder / "Loan-Default").exists()
