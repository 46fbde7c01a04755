"""`planrec data`: the summary of a table, and the snapshots of what is learnt from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from common_utils.command_line.snapshots import data_group
from planrec.commands.learn import data
from planrec.commands.requests import SettingsCommand

if TYPE_CHECKING:
    from common_utils.datasets.snapshot import Snapshot
    from common_utils.datasets.store import SnapshotStore
    from common_utils.tables import Reading

__all__ = ["data_app", "take_snapshot"]


def data_app() -> typer.Typer:
    """Return the group `data`; without a further word it is the summary it always was."""
    app = data_group(alone=False)
    app.callback(invoke_without_command=True, help=data.__doc__)(_alone(data))
    return app


def _alone(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command run where no further word follows."""

    @wraps(command)
    def run(context: typer.Context, **given: object) -> None:
        if context.invoked_subcommand is None:
            command(**given)

    own = inspect.signature(command)
    asked = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    run.__dict__["__signature__"] = own.replace(parameters=[*own.parameters.values(), asked])
    run.__annotations__ = {**command.__annotations__, "context": typer.Context}
    return run


def take_snapshot(
    store: SnapshotStore, config: Path | None, overrides: list[str] | None, data: Path | None, reading: Reading
) -> Snapshot:
    """Keep the configured data as a snapshot, as training would read it."""
    from planrec.commands.run.learn import run_snapshot

    return run_snapshot(SettingsCommand.of(config, overrides, None, data, reading), store)
