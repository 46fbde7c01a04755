"""Options and small helpers of the commands that change or show releases, shared by `release` and `lifecycle`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.releases.author import Author

__all__ = [
    "NONE",
    "ArtifactsOption",
    "EvidenceOption",
    "ExpectOption",
    "FindReleases",
    "JsonOption",
    "WhoOption",
    "WhyOption",
    "author_of",
    "expected_of",
    "found",
    "print_json",
    "releases_module",
    "say",
    "show",
]

FindReleases: TypeAlias = "Callable[[Path | None, list[str] | None], tuple[Path, Trust]]"
"""From `--config` and `--set` to the configured artifacts root and the signatures that count."""

NONE = "none"
"""What stands for no version, on the command line and in what it prints."""

ArtifactsOption = Annotated[
    Path | None, typer.Option("--artifacts", help="Artifacts root; default: the configured one.")
]
WhoOption = Annotated[
    str | None, typer.Option("--who", help="Who makes the change; default: RELEASE_WHO, or user@host.")
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, written to the history.")]
ExpectOption = Annotated[
    str | None,
    typer.Option(
        "--expect", metavar="VERSION", help="Only if this version is live now; 'none': only if no version is live."
    ),
]
EvidenceOption = Annotated[
    list[Path] | None,
    typer.Option("--evidence", help="File the decision rests on; its sha256 is recorded. May be repeated."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def releases_module() -> ModuleType:
    """Return `common_utils.releases`, imported when a command runs."""
    from common_utils import releases

    return releases


def found(
    find: FindReleases, artifacts: Path | None, config: Path | None, overrides: list[str] | None
) -> tuple[Path, Trust]:
    """Return the artifacts root, the configured one unless it is named, and the signatures that count."""
    root, trust = find(config, overrides)
    return artifacts or root, trust


def author_of(who: str | None, why: str) -> Author:
    """Return who acts and why, as `--who` and `--why` say.

    Raises
    ------
    ConfigError
        If one is blank or too long.
    """
    author = releases_module().author
    return author.Author(author.default_who() if who is None else who, why)


def expected_of(given: str | None) -> str | None:
    """Return what `--expect` means: ANY where it is not given."""
    return releases_module().ANY if given is None else None if given == NONE else given


def show(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Print a table whose cells are aligned."""
    lines = [[name.replace("_version", "").replace("_", " ") for name in columns]]
    lines += [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[j]) for line in lines) for j in range(len(columns))]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def say(text: str) -> None:
    """Print a line to standard output."""
    sys.stdout.write(text + "\n")


def print_json(value: object) -> None:
    """Print JSON to standard output."""
    say(json.dumps(value, indent=1, allow_nan=False))


def _cell(value: object) -> str:
    return "-" if value is None else "yes" if value is True else "" if value is False else str(value)
