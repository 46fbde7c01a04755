"""What documents name in code: files of the repository, and commands of its command lines.

A file may be named from the root, from any folder above the document, or by the end of its path. In a member's
document, only an end within that member, or a path from a package, counts. Names with a placeholder, and names that
Git ignores, are left alone.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

import typer

__all__ = ["Commands", "command_lines", "missing_command", "named_files", "unknown_file"]

Commands = Mapping[str, "Commands"]
"""Commands by name, each with its own; empty where there are none below."""

_FILE = re.compile(
    r"(?<![\w./<>{}$:~-])(?:\.\./)*[\w.-]+(?:/[\w.-]+)*\.(?:py|md|yaml|yml|toml|sh|tmpl|lock)(?![\w/<{*-])"
)
_FOLDER = re.compile(r"(?<![\w./<>{}$:~-])(?:\.\./)*[\w.-]+(?:/[\w.-]+)+/(?![\w<{*.])")


def named_files(text: str) -> Iterator[str]:
    """Yield the files and folders that a piece of code names; a bare name counts only if it ends in `.py`.

    Examples
    --------
    >>> list(named_files("pytest tests/test_seed.py --config new.yaml src/planrec/ <folder>/x.py"))
    ['tests/test_seed.py', 'src/planrec/']
    """
    for found in [*_FILE.findall(text), *_FOLDER.findall(text)]:
        if "/" in found or found.endswith(".py"):
            yield found


def unknown_file(name: str, document: str, files: Sequence[str], root: Path) -> bool:
    """Whether no file or folder of the repository is meant by a name in a document.

    Parameters
    ----------
    name : str
        As `named_files` gives it.
    document : str
        Path of the document from the root.
    files : sequence of str
        All files of the repository, from the root.
    root : Path
        The work tree; asked which names Git ignores, as `artifacts/` may be written.
    """
    wanted = name.rstrip("/")
    parents = PurePosixPath(document).parents
    for parent in parents:
        where = (root / parent / wanted).resolve()
        if where.exists() and where.is_relative_to(root.resolve()):
            return False
    own = "" if len(parents) == 1 or not (root / parents[-2] / "pyproject.toml").is_file() else f"{parents[-2]}/"
    inside = re.compile(rf"(?:^|/){re.escape(wanted)}(?:/|$)")
    if any(inside.search(file) and (file.startswith(own) or f"/src/{wanted}" in file) for file in files):
        return False
    if wanted.startswith(".."):
        return True
    asked = ["git", "-C", str(root), "check-ignore", "--quiet", "--no-index", "--", name]
    return subprocess.run(asked, check=False).returncode != 0


@cache
def command_lines(root: Path) -> Commands:
    """Return the command lines that members declare under `[project.scripts]`, with their commands.

    A script is `module:main`, and the Typer app of its module is `app`, as in every project here.
    """
    lines: dict[str, Commands] = {}
    for project in sorted(root.glob("*/pyproject.toml")):
        scripts = tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("scripts", {})
        for name, place in scripts.items():
            app = importlib.import_module(place.partition(":")[0]).app
            lines[name] = _commands_of(typer.main.get_command(app))
    return lines


def _commands_of(command: object) -> Commands:
    below: Mapping[str, object] = getattr(command, "commands", {})
    return {name: _commands_of(each) for name, each in below.items()}


def missing_command(words: Sequence[str], lines: Commands) -> str | None:
    """Return the command that a shell line calls and that does not exist; None if all exist or none is meant.

    Examples
    --------
    >>> lines = {"planrec": {"train": {}, "release": {"list": {}}}}
    >>> missing_command(["planrec", "release", "lst"], lines), missing_command(["planrec", "train", "x"], lines)
    ('planrec release lst', None)
    """
    known = lines
    for place, word in enumerate(words):
        if not known or not re.fullmatch(r"[a-z][a-z-]*", word):
            return None
        if word not in known:
            return None if place == 0 else " ".join(words[: place + 1])
        known = known[word]
    return None
