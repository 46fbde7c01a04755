"""The `lifecycle` commands of every project: what the next bundle waits for, and the mirror of what was done.

A project adds them with one line, `add_typer(lifecycle_app(runs), name="lifecycle")`, with the `find` of its runs.
"""

from __future__ import annotations

import typer

from common_utils.command_line.run import Group
from common_utils.command_line.tracking.runs import FindRuns
from common_utils.command_line.tracking.sync import add_sync

__all__ = ["lifecycle_app"]


def lifecycle_app(runs: FindRuns) -> typer.Typer:
    """Return the commands of `lifecycle`.

    Parameters
    ----------
    runs : callable
        From `--config` and `--set` to the settings of runs and to where things lie.

    Examples
    --------
    >>> app = lifecycle_app(lambda config, overrides: None)
    >>> sorted(command.name for command in app.registered_commands)
    ['sync']
    """
    app = typer.Typer(
        cls=Group,
        help="Follow the next bundle from its training until it is live or barred.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @app.callback()
    def lifecycle() -> None:
        """Follow the next bundle from its training until it is live or barred."""

    del lifecycle  # a group, even of one command
    add_sync(app, runs)
    return app
