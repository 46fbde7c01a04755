"""The frame of every command line: how it is made, and how it is run: errors become one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from common_utils.command_line.clashes import guard_commands
from common_utils.errors import DataError, PortfolioError

__all__ = ["Group", "command_line", "run_command_line"]


class Group(TyperGroup):
    """Commands under one name. Typer reads a flag without a value by pydantic, which takes longer than the help."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return `--help`, off unless given."""
        option = super().get_help_option(ctx)
        if option is not None and option.default is None:
            option.default = False
        return option


def _show_version(context: typer.Context, *, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # slow to load, and --help does without

        name = context.find_root().command.name or ""
        typer.echo(f"{name} {version(name)}")
        raise typer.Exit


_Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def command_line(name: str, help_: str) -> typer.Typer:
    """Return an empty command line with `--version`.

    Parameters
    ----------
    name : str
        Of the command, and of the package whose version it tells.
    help_ : str

    Examples
    --------
    >>> command_line("common_utils", "Nothing to see.").registered_commands
    []
    """
    app = typer.Typer(
        name=name,
        cls=Group,
        help=help_,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help: loading Rich would double the time it takes
    )

    @app.callback()
    def main(*, shown: _Version = False) -> None:
        del shown

    main.__doc__ = help_
    return app


def run_command_line(app: typer.Typer, name: str) -> None:
    """Run a command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate.

    No command writes onto what it reads (`clashes`). Where a disk is full, standard output included, the exit code
    is 3.

    Parameters
    ----------
    app : Typer
    name : str
        Of the command, before the message.
    """
    guard_commands(app)
    try:
        try:
            app()
        except SystemExit as left:
            sys.stdout.flush()
            raise left from None
    except PortfolioError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in (*_FULL, errno.EPIPE):
            raise
        _forget_output()
        if error.errno == errno.EPIPE:
            sys.exit(1)  # whoever read the output has seen enough
        sys.stderr.write(f"{name}: {error.filename or 'standard output'}: cannot be written: {error.strerror}.\n")
        sys.exit(DataError.exit_code)


def _forget_output() -> None:
    """Let nothing be written at the end of the process that could not be written now."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # a test's stand-in has no number
        return
    finally:
        os.close(nowhere)
