"""The `lifecycle` commands of every project: what the next bundle waits for.

A project adds them with one line, `add_typer(lifecycle_app(find), name="lifecycle")`, with the `find` of its releases.
"""

from __future__ import annotations

import typer

from common_utils.command_line.lifecycle.challenger import add_pardon
from common_utils.command_line.lifecycle.options import FindReleases
from common_utils.command_line.run import Group

__all__ = ["lifecycle_app"]


def lifecycle_app(find: FindReleases) -> typer.Typer:
    """Return the commands of `lifecycle`.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the artifacts root and the signatures that count.

    Examples
    --------
    >>> app = lifecycle_app(lambda config, overrides: None)
    >>> sorted(command.name for command in app.registered_commands)
    ['pardon']
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
    add_pardon(app, find)
    return app
