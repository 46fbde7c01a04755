"""The `lifecycle` commands of every project: what the next bundle waits for.

A project adds them with one line, `add_typer(lifecycle_app(find, places), name="lifecycle")`.
"""

from __future__ import annotations

import typer

from common_utils.command_line.lifecycle.challenger import add_pardon
from common_utils.command_line.lifecycle.options import FindReleases
from common_utils.command_line.lifecycle.status import FindPlaces, add_status
from common_utils.command_line.run import Group

__all__ = ["lifecycle_app"]


def lifecycle_app(find: FindReleases, places: FindPlaces) -> typer.Typer:
    """Return the commands of `lifecycle`.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the artifacts root and the signatures that count.
    places : callable
        From the same to where `status` looks.

    Examples
    --------
    >>> app = lifecycle_app(lambda config, overrides: None, lambda config, overrides: None)
    >>> sorted(command.name for command in app.registered_commands)
    ['pardon', 'status']
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
    return app
