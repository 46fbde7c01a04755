"""Add a project of the common shape to the workspace: `make new-project NAME=Loan-Default`.

The domain's files come from `project_template/`, with names filled in; what is the same in every project (Dockerfile,
Makefile, packaging, locks) is copied from the one that is the model. Then the project enters every list of members. All
edits are worked out before the first is written. Exit code 2 where a name cannot be used or a list is not found.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from structure import readmes

__all__ = ["NewProject", "NewProjectError", "create", "main", "names_of", "wiring"]

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "make/project_template"
MODEL = "BankChurn-Predictor"
_LOCKS = ("requirements.txt", "requirements-jobs.txt", "requirements-build.txt")
COPIED = ("Dockerfile", "Makefile", "pyproject.toml", *_LOCKS)
LONGEST, LONGEST_QUESTION = 40, 90  # what fits into a line of the files that are made
QUESTION = "Will it happen? Say here what the project answers."

Edit = Callable[[str, "NewProject"], str]


class NewProjectError(Exception):
    """A name cannot be used, or a list to enter was not found."""


@dataclass(frozen=True)
class NewProject:
    """What a project is called.

    Attributes
    ----------
    folder : str
        For example `Loan-Default`.
    package : str
        Package and command, for example `loan`.
    title : str
        For people, for example `Loan`.
    question : str
        What it answers, one sentence.
    """

    folder: str
    package: str
    title: str
    question: str

    def fill(self, text: str) -> str:
        """Return a template with the names in place of `{folder}`, `{package}`, `{prefix}`, `{title}`, `{question}`.

        Examples
        --------
        >>> NewProject("Loan-Default", "loan", "Loan", "Who?").fill("{package} {prefix} {n:,}")
        'loan LOAN {n:,}'
        """
        names = {**self.__dict__, "prefix": self.package.upper()}
        return re.sub(rf"\{{({'|'.join(names)})\}}", lambda found: names[found[1]], text)


def names_of(name: str, *, package: str = "", question: str = "") -> NewProject:
    """Return the names of a project.

    Parameters
    ----------
    name : str
        Of the folder: words of letters and digits that begin with a capital, joined by hyphens.
    package : str
        Instead of the folder's first word in lower case.
    question : str
        Short, without quotation marks, braces, backslashes, bars and line breaks.

    Raises
    ------
    NewProjectError
        If a name cannot be used, or means something to Python already.

    Examples
    --------
    >>> names_of("Loan-Default").package
    'loan'
    """
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*(?:-[A-Z][A-Za-z0-9]*)*", name):
        raise NewProjectError(f"NAME={name!r} must be capitalised words joined by hyphens, for example Loan-Default.")
    if len(name) > LONGEST:
        raise NewProjectError(f"NAME={name!r} is longer than {LONGEST} characters; shorten it.")
    title = name.partition("-")[0]
    package = package or title.lower()
    if not re.fullmatch(r"[a-z][a-z0-9]{2,19}", package):
        raise NewProjectError(f"PACKAGE={package!r} must be 3 to 20 lower-case letters and digits.")
    if package == "app" or importlib.util.find_spec(package) is not None:
        raise NewProjectError(f"{package!r} is a Python package already; give another: PACKAGE=...")
    if len(question) > LONGEST_QUESTION or re.search(r"[\"\\{}|\n]", question):
        raise NewProjectError(
            f"QUESTION must have at most {LONGEST_QUESTION} characters, and no quotation mark, backslash, brace, "
            "bar or line break."
        )
    return NewProject(name, package, title, question or QUESTION)


def wiring(root: Path, project: NewProject) -> dict[Path, str]:
    """Return the files that list the members, with the project in them.

    Raises
    ------
    NewProjectError
        If a list is not where it is looked for; nothing has been written then.
    """
    edited: dict[Path, str] = {}
    for name, edits in _WIRING.items():
        text = (root / name).read_text(encoding="utf-8")
        for edit in edits:
            text = edit(text, project)
        edited[root / name] = text
    return edited


def create(root: Path, project: NewProject) -> list[Path]:
    """Write the project and enter it everywhere.

    Parameters
    ----------
    root : Path
        Of the repository.
    project : NewProject

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    NewProjectError
        If the folder exists, or as `wiring`.
    """
    if (root / project.folder).exists():
        raise NewProjectError(f"{project.folder} exists; choose another NAME, or move it away.")
    files = {**_from_template(root, project), **_from_model(root, project), **wiring(root, project)}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # The order of imports depends on the package's name.
    for call in (["check", "--quiet", "--fix", "--select", "I"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *call, str(root / project.folder)], cwd=root, check=True)
    for path, text in readmes(root).items():
        path.write_text(text, encoding="utf-8")
    return sorted(files)


def _from_template(root: Path, project: NewProject) -> dict[Path, str]:
    files: dict[Path, str] = {}
    for source in sorted((root / TEMPLATE).rglob("*.tmpl")):
        place = source.relative_to(root / TEMPLATE).with_suffix("")
        if place.parts[0] == "src":
            place = Path("src", project.package, *place.parts[1:])
        files[root / project.folder / place] = project.fill(source.read_text(encoding="utf-8"))
    return files | {root / project.folder / "src" / project.package / "py.typed": ""}


def _from_model(root: Path, project: NewProject) -> dict[Path, str]:
    """Return the model's files under the new names."""
    model = tomllib.loads((root / MODEL / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {
        MODEL: project.folder,
        MODEL.lower(): project.folder.lower(),
        model["description"]: project.question,
        model["name"]: project.package,
        model["name"].upper(): project.package.upper(),
    }
    files: dict[Path, str] = {}
    for name in COPIED:
        text = (root / MODEL / name).read_text(encoding="utf-8")
        for old, new in names.items():
            text = text.replace(old, new)
        files[root / project.folder / name] = text
    return files


def _into_list(start: str, *items: str) -> Edit:
    """Return an edit that adds quoted items at the end of the list that begins with the pattern `start`."""

    def edit(text: str, project: NewProject) -> str:
        found = _once(rf"^{start} = \[([^\]]*)\]", text)
        several = "\n" in found[1]
        new = ", ".join(f'"{project.fill(item)}"' for item in items)
        held = found[1].rstrip().rstrip(",")
        inside = f"{held},\n    {new},\n" if several else f"{held}, {new}"
        return text[: found.start(1)] + inside + text[found.end(1) :]

    return edit


def _after(pattern: str, addition: str, *, times: int = 1) -> Edit:
    """Return an edit that adds text behind each place of a pattern, which must be found so many times."""

    def edit(text: str, project: NewProject) -> str:
        edited, count = re.subn(pattern, lambda found: found[0] + project.fill(addition), text, flags=re.MULTILINE)
        if count != times:
            raise NewProjectError(f"{pattern!r} was found {count} times, not {times}; correct make/new_project.py.")
        return edited

    return edit


def _once(pattern: str, text: str) -> re.Match[str]:
    found = list(re.finditer(pattern, text, flags=re.MULTILINE))
    if len(found) != 1:
        raise NewProjectError(f"{pattern!r} was found {len(found)} times, not once; correct make/new_project.py.")
    return found[0]


_IMAGE_FILES = ("pyproject.toml", "README.md", *_LOCKS, "src", "app", "configs")
_CORE_CONTRACT = r'name = "the core[^"]*"\ntype = "forbidden"\nsource_modules'
_CORE = ("columns", "config", "features", "formulas")
_WIRING: dict[str, Sequence[Edit]] = {
    "pyproject.toml": (
        _into_list("members", "{folder}"),
        _into_list("src", "{folder}/src", "{folder}"),
        _into_list("root_packages", "{package}"),
        _into_list(_CORE_CONTRACT, *(f"{{package}}.{module}" for module in _CORE)),
        _after(r'^layers = \["planrec[\w| ]*(?=", "common_utils"\]$)', " | {package}"),
    ),
    "make/setup.mk": (_after(r"^MEMBERS := .*$", " {folder}"),),
    ".github/workflows/ci-mlops.yml": (_after(r"^ +project: \[.*(?=\]$)", ", {folder}", times=2),),
    ".github/workflows/images.yml": (_after(r"^ +project: \[.*(?=\]$)", ", {folder}"),),
    ".github/dependabot.yml": (_after(r"^ +directories: \[.*(?=\]$)", ", /{folder}", times=2),),
    ".dockerignore": (_after(r"^!(?!.*\n!).*$", "".join(f"\n!{{folder}}/{name}" for name in _IMAGE_FILES)),),
    "README.md": (
        _after(
            r"^\| \[(?!common_utils)[^|]*\|.*\|\n(?=\| \[common_utils\])",
            "| [{folder}]({folder}/README.md) | {question} |\n",
        ),
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Create a project and say what to do next; return the exit code."""
    parser = argparse.ArgumentParser(description="Add a project of the common shape to the workspace.")
    parser.add_argument("name", help="folder, for example Loan-Default")
    parser.add_argument("--package", default="", help="package and command; else the first word in lower case")
    parser.add_argument("--question", default="", help="what it answers, one sentence")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the repository")
    options = parser.parse_args(arguments)
    try:
        project = names_of(options.name, package=options.package, question=options.question)
        written = create(options.root.resolve(), project)
    except NewProjectError as error:
        print(f"new_project: {error}", file=sys.stderr)
        return 2
    print(f"{project.folder}: {len(written)} files written or edited; its README.md says what to replace.")
    print(f"Next: make lock; make -C {project.folder} test check train")
    return 0


if __name__ == "__main__":
    sys.exit(main())
