"""The commands `data snapshot|list|verify|diff` of every project: parse, call, show.

A project adds them to its group `data` with `add_snapshots(data, find, take)`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from common_utils.command_line.lifecycle.options import (
    ArtifactsOption,
    FindReleases,
    JsonOption,
    found,
    print_json,
    say,
    show,
)
from common_utils.command_line.options import ConfigOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.command_line.run import Group

if TYPE_CHECKING:
    from common_utils.datasets.snapshot import Snapshot
    from common_utils.datasets.store import SnapshotStore
    from common_utils.decision_log.desk import FindHolders
    from common_utils.decision_log.privacy import Holder
    from common_utils.tables import Reading

__all__ = ["TakeSnapshot", "add_snapshots", "data_group", "holders_of"]

TakeSnapshot: TypeAlias = "Callable[[SnapshotStore, Path | None, list[str] | None, Path | None, Reading], Snapshot]"
"""From a store, `--config`, `--set`, `--data` and how the table is written to the snapshot of the configured data."""

_HELP = "Name, compare and prove the data bundles are trained on."

_Digest = Annotated[str, typer.Argument(help="Digest of a snapshot, or how it begins.")]
_Data = Annotated[Path | None, typer.Option("--data", help="Table, CSV or Parquet; overrides the settings' file.")]


def data_group(*, alone: bool = True) -> typer.Typer:
    """Return an empty group `data`.

    Parameters
    ----------
    alone : bool
        Whether the word alone shows the help; else the project gives it a callback that runs without a further word.

    Examples
    --------
    >>> data_group().info.name
    'data'
    """
    return typer.Typer(
        name="data",
        cls=Group,
        help=_HELP if alone else f"Check a table and summarise it. With a further word: {_HELP[0].lower()}{_HELP[1:]}",
        no_args_is_help=alone,
        invoke_without_command=not alone,
        rich_markup_mode=None,
    )


def add_snapshots(app: typer.Typer, find: FindReleases, take: TakeSnapshot) -> typer.Typer:
    """Return the group with the commands snapshot, list, verify and diff.

    Parameters
    ----------
    app : Typer
    find : callable
        From `--config` and `--set` to the artifacts root and the signatures that count.
    take : callable
        Takes the snapshot of the configured data.

    Examples
    --------
    >>> app = add_snapshots(data_group(), lambda config, overrides: None, lambda store, *given: None)
    >>> sorted(command.name for command in app.registered_commands)
    ['diff', 'list', 'snapshot', 'verify']
    """
    _add_taking(app, find, take)
    _add_views(app, find)
    return app


def _add_taking(app: typer.Typer, find: FindReleases, take: TakeSnapshot) -> None:
    @app.command("snapshot")
    @reads_table
    def snapshot(
        *,
        reading: Reading,
        data: _Data = None,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Keep the configured data as training would read it, and print its digest; the same data has the same one."""
        root, _ = found(find, artifacts, config, overrides)
        taken = take(_desk().store(root), config, overrides, data, reading)
        say(taken.digest)

    del snapshot  # registered by name


def _add_views(app: typer.Typer, find: FindReleases) -> None:
    @app.command("list")
    def list_(
        as_json: JsonOption = False,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show every snapshot: tables, rows, months, what it replaces; whether it is withdrawn or files are missing."""
        root, _ = found(find, artifacts, config, overrides)
        rows = _desk().listed(root)
        if as_json:
            print_json(rows)
        else:
            show(("snapshot", "state", "made", "tables", "rows", "months", "parent", "source"), rows)

    @app.command("verify")
    def verify(
        as_json: JsonOption = False,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Hash every file of every snapshot, and say of each bundle whether its data is proven, missing or withdrawn.

        Leaves with 3 if a snapshot is damaged.
        """
        root, trust = found(find, artifacts, config, overrides)
        desk = _desk()
        rows, faults = desk.verified(root, trust)
        if as_json:
            print_json(rows)
        else:
            show(("what", "name", "state", "snapshot", "said"), rows)
        desk.refuse_damage(faults)

    @app.command("diff")
    def diff(
        old: _Digest,
        new: _Digest,
        as_json: JsonOption = False,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show what changed between two snapshots: rows, months, columns, distributions; no single row is shown."""
        root, _ = found(find, artifacts, config, overrides)
        rows = _desk().compared(root, old, new)
        if as_json:
            print_json(json.loads(json.dumps(rows, default=str)))
        else:
            show(("table", "what", "before", "after"), rows)

    del list_, verify, diff  # registered by name


def holders_of(artifacts: Path) -> FindHolders:
    """Return what finds the snapshots of an artifacts root for the decision log's `show` and `forget`."""

    def find(keyed: Callable[[str], Sequence[str]]) -> dict[str, Holder]:
        return {"snapshots": _desk().holder(artifacts, keyed)}

    return find


def _desk() -> ModuleType:
    from common_utils.datasets import desk

    return desk
