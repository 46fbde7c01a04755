"""The command `lifecycle sync`: parse, call one function of `tracking.sync`, show."""

from __future__ import annotations

from typing import Annotated

import typer

from common_utils.command_line.options import ConfigOption, SetOption
from common_utils.command_line.tracking.runs import FindRuns, views

__all__ = ["add_sync"]


def add_sync(app: typer.Typer, find: FindRuns) -> None:
    """Add the command sync.

    Parameters
    ----------
    app : Typer
    find : callable
        From `--config` and `--set` to the settings of runs and to where things lie.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_sync(app, lambda config, overrides: None)
    >>> [command.name for command in app.registered_commands]
    ['sync']
    """

    @app.command("sync")
    def sync(
        every: Annotated[
            bool, typer.Option("--all", help="Also runs that are not in the outbox, as from before there was a url.")
        ] = False,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Bring what waits in the outbox to MLflow, and let its aliases follow our pointers. Safe to repeat.

        Leaves with 1 where MLflow cannot be reached or a run cannot be read; what it lacks stays in the outbox.
        """
        views().run_sync(find(config, overrides), every=every)

    del sync  # registered by name
