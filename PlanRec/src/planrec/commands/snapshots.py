"""`planrec data`: the summary of a table, and the snapshots of what is learnt from."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import typer

from common_utils.command_line.lifecycle.snapshots import data_group
from common_utils.command_line.options import SetOption
from common_utils.command_line.reading import reads_table
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import ConfigOption, DataOption, SourceOption
from planrec.commands.requests import SettingsCommand

if TYPE_CHECKING:
    from common_utils.datasets.snapshot import Snapshot
    from common_utils.datasets.store import SnapshotStore
    from common_utils.tables import Reading

__all__ = ["data", "take_snapshot"]

data = data_group(alone=False)


@data.callback()
@shows_tables
@reads_table
def summary(
    context: typer.Context,
    *,
    reading: Reading,
    config: ConfigOption = None,
    overrides: SetOption = None,
    data_source: SourceOption = None,
    data: DataOption = None,
) -> None:
    """Check a table and summarise it: every row is counted as kept, repaired or rejected."""
    if context.invoked_subcommand is None:
        _run().run_data(SettingsCommand.of(config, overrides, data_source, data, reading))


def take_snapshot(
    store: SnapshotStore, config: Path | None, overrides: list[str] | None, data: Path | None, reading: Reading
) -> Snapshot:
    """Keep the configured data as a snapshot, as training would read it."""
    taken: Snapshot = _run().run_snapshot(SettingsCommand.of(config, overrides, None, data, reading), store)
    return taken


def _run() -> ModuleType:
    """Return what the commands do, loaded when one runs."""
    from planrec.commands.run import learn

    return learn
