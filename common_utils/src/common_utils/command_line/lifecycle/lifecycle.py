"""The `lifecycle` commands of every project: what the next bundle waits for.

A project adds them with one line, `add_typer(lifecycle_app(find, places, runs), name="lifecycle")`.
"""

from __future__ import annotations

import typer

from common_utils.command_line.lifecycle.challenger import add_pardon
from common_utils.command_line.lifecycle.options import FindReleases
from common_utils.command_line.lifecycle.status import FindPlaces, add_status
from common_utils.command_line.run import Group
from common_utils.command_line.tracking.runs import FindRuns
from common_utils.command_line.tracking.sync import add_sync

__all__ = ["lifecycle_app"]


def lifecycle_app(find: FindReleases, places: FindPlaces, runs: FindRuns) -> typer.Typer:
    """Return the commands of `lifecycle`.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the artifacts root and the signatures that count.
    places : callable
        From the same to where `status` looks.
    runs : callable
        From the same to the settings of runs and to where they lie.

    Examples
    --------
    >>> nothing = lambda config, overrides: None
    >>> app = lifecycle_app(nothing, nothing, nothing)
    >>> sorted(command.name for command in app.registered_commands)
    ['pardon', 'status', 'sync']
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
    add_status(app, places)
    add_pardon(app, find)
    add_sync(app, runs)
    return app
