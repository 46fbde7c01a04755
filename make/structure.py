"""Write "Structure" of every README from the docstrings of the packages and modules: `make structure`.

What stands between the two marks is generated; the rest of a README is left alone. `--check` writes nothing and
leaves with 1 where a README differs.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = ["END", "START", "StructureError", "main", "readmes", "rows_of"]

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- structure:start -->", "<!-- structure:end -->"
# Folders of scripts beside the packages; what they hold is listed file by file.
REPOSITORY_SCRIPTS = ("make", "scripts", "infra")
MEMBER_SCRIPTS = ("app", "scripts")


class StructureError(Exception):
    """A README has no marks, or a module has no docstring."""


def readmes(root: Path) -> dict[Path, str]:
    """Return every README with a generated structure, as it should be.

    Parameters
    ----------
    root : Path
        Of the repository.

    Raises
    ------
    StructureError
        Naming the README without marks, or the module without a docstring.
    """
    members = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]["members"]
    wanted = {root / "README.md": _table(_repository_rows(root, members))}
    wanted |= {root / member / "README.md": _table(rows_of(root / member)) for member in members}
    return {path: _replaced(path, table) for path, table in wanted.items()}


def rows_of(member: Path) -> Iterator[tuple[str, str]]:
    """Yield where and what of a member: its packages, its modules on top, its scripts.

    Parameters
    ----------
    member : Path
        Folder with `src/` and perhaps `app/` and `scripts/`.
    """
    for package in _packages(member):
        top = sorted(package.glob("*.py"))
        yield from ((f"`{_below(member, path)}`", summary(path)) for path in top if path.name != "__init__.py")
        inner = sorted(path.parent for path in package.rglob("__init__.py") if path.parent != package)
        yield from ((f"`{_below(member, path)}/`", summary(path / "__init__.py")) for path in inner)
    yield from _scripts(member, MEMBER_SCRIPTS)


def summary(path: Path) -> str:
    """Return the first line of a module's docstring, without its full stop.

    Raises
    ------
    StructureError
        If there is none.
    """
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not text:
        raise StructureError(f"{path}: no docstring; begin it with one line that says what lives there.")
    return text.splitlines()[0].strip().removesuffix(".").replace("|", r"\|")


def _repository_rows(root: Path, members: Sequence[str]) -> Iterator[tuple[str, str]]:
    for member in members:
        for package in _packages(root / member):
            yield f"[`{member}/src/{package.name}/`]({member}/README.md)", summary(package / "__init__.py")
    yield from _scripts(root, REPOSITORY_SCRIPTS)


def _packages(member: Path) -> list[Path]:
    return sorted(path.parent for path in (member / "src").glob("*/__init__.py"))


def _scripts(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        for path in sorted((folder / name).glob("*.py")):
            if path.name not in ("__init__.py", "__main__.py"):
                yield f"`{_below(folder, path)}`", summary(path)


def _below(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _table(rows: Iterator[tuple[str, str]]) -> str:
    return "\n".join(["| where | what |", "|---|---|", *(f"| {where} | {what} |" for where, what in rows)])


def _replaced(path: Path, table: str) -> str:
    text = path.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise StructureError(f"{path}: needs {START} and then {END}, once each, around its structure.")
    before, rest = text.split(START)
    return f"{before}{START}\n{table}\n{END}{rest.split(END)[1]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write every structure, or with `--check` say where one differs; return the exit code."""
    parser = argparse.ArgumentParser(description='Write "Structure" of every README from docstrings.')
    parser.add_argument("--check", action="store_true", help="write nothing; leave with 1 where a README differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the repository")
    options = parser.parse_args(arguments)
    try:
        differing = {p: text for p, text in readmes(options.root).items() if p.read_text(encoding="utf-8") != text}
    except StructureError as error:
        print(f"structure: {error}", file=sys.stderr)
        return 2
    for path, text in differing.items():
        if not options.check:
            path.write_text(text, encoding="utf-8")
        print(f"{path.relative_to(options.root)}: {'differs; run `make structure`' if options.check else 'written'}")
    return int(options.check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
