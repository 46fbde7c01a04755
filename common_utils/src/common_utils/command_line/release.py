"""The `release` commands of every project: parse, call one function of `releases`, show what it returned.

A project adds them with one line, `add_typer(release_app(find), name="release")`, where `find` says where its
bundles lie and whose signatures count.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from common_utils.command_line.run import Group
from common_utils.errors import ReleaseError

if TYPE_CHECKING:
    from common_utils.bundle import Bundle
    from common_utils.bundle.signing import Trust
    from common_utils.errors import ArtifactError
    from common_utils.releases.author import Author

__all__ = ["FindReleases", "author_of", "release_app"]

FindReleases: TypeAlias = "Callable[[Path | None, list[str] | None], tuple[Path, Trust]]"
"""From `--config` and `--set` to the configured artifacts root and the signatures that count."""

_NONE = "none"

_Config = Annotated[Path | None, typer.Option("--config", help="Settings file; default: the project's.")]
_Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; may be repeated.")
]
_Artifacts = Annotated[Path | None, typer.Option("--artifacts", help="Artifacts root; default: the configured one.")]
_Who = Annotated[str | None, typer.Option("--who", help="Who makes the change; default: RELEASE_WHO, or user@host.")]
_Why = Annotated[str, typer.Option("--why", help="The reason, written to the history.")]
_Expect = Annotated[
    str | None,
    typer.Option(
        "--expect", metavar="VERSION", help="Only if this version is live now; 'none': only if no version is live."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def release_app(find: FindReleases) -> typer.Typer:
    """Return the commands publish, promote, rollback, history and list.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the artifacts root and the signatures that count.

    Examples
    --------
    >>> app = release_app(lambda config, overrides: (Path("artifacts"), None))
    >>> sorted(command.name for command in app.registered_commands)
    ['history', 'list', 'promote', 'publish', 'rollback']
    """
    app = typer.Typer(
        cls=Group,
        help="Choose which bundle is live: publish, promote, roll back, and read the history.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    _add_changes(app, find)
    _add_views(app, find)
    return app


def _add_changes(app: typer.Typer, find: FindReleases) -> None:
    @app.command("publish")
    def publish_(
        bundle: Annotated[Path, typer.Option("--bundle", help="A bundle, or a root of bundles: then its live bundle.")],
        why: _Why,
        who: _Who = None,
        artifacts: _Artifacts = None,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Put a bundle into the artifacts root, whole or not at all; the live bundle does not change."""
        root, trust = _found(find, artifacts, config, overrides)
        published = _releases().publish(root, bundle, author=author_of(who, why), trust=trust)
        _say(f"published {published.version}")

    @app.command("promote")
    def promote_(
        version: Annotated[str, typer.Argument(help="A bundle of the artifacts root.")],
        why: _Why,
        who: _Who = None,
        expect: _Expect = None,
        artifacts: _Artifacts = None,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Make a bundle the live one."""
        root, trust = _found(find, artifacts, config, overrides)
        entry = _releases().promote(root, version, author=author_of(who, why), expected=_expected(expect), trust=trust)
        _say(f"{version} is live, digest {entry.digest}" if entry else f"{version} was live already")

    @app.command("rollback")
    def rollback_(
        why: _Why,
        who: _Who = None,
        expect: _Expect = None,
        artifacts: _Artifacts = None,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Make the previously live version live again."""
        root, trust = _found(find, artifacts, config, overrides)
        entry = _releases().rollback(root, author=author_of(who, why), expected=_expected(expect), trust=trust)
        _say(f"{entry.to_version} is live, digest {entry.digest}")


def _add_views(app: typer.Typer, find: FindReleases) -> None:
    @app.command("history")
    def history_(
        as_json: _Json = False, artifacts: _Artifacts = None, config: _Config = None, overrides: _Set = None
    ) -> None:
        """Verify the history's chain, then show who made which bundle live, when and why."""
        from common_utils.bundle import current_version
        from common_utils.releases.history import read_history

        root, _ = _found(find, artifacts, config, overrides)
        if not root.is_dir():
            raise ReleaseError(f"{root}: there is no such folder. Name an artifacts root.")
        entries = [asdict(entry) for entry in read_history(root)]
        if as_json:
            _print_json({"live": current_version(root), "entries": entries})
            return
        _show(("number", "at", "action", "from_version", "to_version", "who", "why"), entries)
        _say(f"live: {current_version(root) or _NONE}; last digest: {entries[-1]['digest'] if entries else _NONE}")

    @app.command("list")
    def list_(
        as_json: _Json = False, artifacts: _Artifacts = None, config: _Config = None, overrides: _Set = None
    ) -> None:
        """Show every bundle of the artifacts root, verified, and which is live."""
        from common_utils.bundle import current_version

        root, trust = _found(find, artifacts, config, overrides)
        live = current_version(root)
        rows = [_row(name, found, live) for name, found in _releases().versions(root, trust=trust)]
        if as_json:
            _print_json(rows)
        else:
            _show(("version", "live", "created", "signed_by", "refused"), rows)


def _row(name: str, found: Bundle | ArtifactError, live: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"version": name, "live": name == live, "created": None, "signed_by": None, "refused": None}
    if isinstance(found, Exception):
        return row | {"refused": str(found)}
    return row | {"created": found.manifest["created"], "signed_by": found.signed_by}


def _releases() -> ModuleType:
    from common_utils import releases

    return releases


def _found(
    find: FindReleases, artifacts: Path | None, config: Path | None, overrides: list[str] | None
) -> tuple[Path, Trust]:
    root, trust = find(config, overrides)
    return artifacts or root, trust


def author_of(who: str | None, why: str) -> Author:
    """Return who acts and why, as `--who` and `--why` say.

    Raises
    ------
    ConfigError
        If one is blank or too long.
    """
    from common_utils.releases.author import Author, default_who

    return Author(default_who() if who is None else who, why)


def _expected(given: str | None) -> str | None:
    return _releases().ANY if given is None else None if given == _NONE else given


def _show(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    lines = [[name.replace("_version", "").replace("_", " ") for name in columns]]
    lines += [[_cell(row[name]) for name in columns] for row in rows]
    widths = [max(len(line[j]) for line in lines) for j in range(len(columns))]
    for line in lines:
        _say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    return "-" if value is None else "yes" if value is True else "" if value is False else str(value)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _print_json(value: object) -> None:
    _say(json.dumps(value, indent=1, allow_nan=False))
