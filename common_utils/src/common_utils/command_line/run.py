"""The frame of every command line: how it is made, and how it is run: errors become one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from common_utils.command_line.clashes import guard_commands
from common_utils.errors import DataError, PortfolioError
from common_utils.monitoring.jobs import RAN_TO_ITS_END, check_success_file, write_success

__all__ = ["Group", "command_line", "run_command_line"]


class Group(TyperGroup):
    """Commands under one name. Typer reads a flag without a value by pydantic, which takes longer than the help."""

    def get_help_option(self, ctx: Any) -> Any:
        """Return `--help`, off unless given."""
        option = super().get_help_option(ctx)
        if option is not None and option.default is None:
            option.default = False
        return option

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left for the command; a file that was not named is not read, as a flag is not."""
        for param in self.params:
            if ctx.parent is None and param.name == "success_file":
                param.process_value = partial(_read_if_given, param.process_value)
        return super().parse_args(ctx, args)


def _read_if_given(read: Callable[[Any, Any], Any], ctx: Any, value: Any) -> Any:
    return None if value is None else read(ctx, value)


def _show_version(context: typer.Context, *, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # slow to load, and --help does without

        name = context.find_root().command.name or ""
        typer.echo(f"{name} {version(name)}")
        raise typer.Exit


_Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]
_SuccessFile = Annotated[
    Path | None,
    typer.Option(
        "--success-file",
        writable=True,
        dir_okay=False,
        help="For scheduled jobs: write here when the command ran to its end (0, 5 or 6), not when it failed.",
    ),
]
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What a path may answer wherever somebody first looks at it, of which each command would otherwise have to think.
_UNUSABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR)
_REMEDY = "Correct its rights or those of its folder, or name another one."
_success_file: ContextVar[Path | None] = ContextVar("where the running command writes that it succeeded", default=None)


def command_line(name: str, help_: str) -> typer.Typer:
    """Return an empty command line with `--version`, and `--success-file` for scheduled jobs.

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
    def main(*, shown: _Version = False, success_file: _SuccessFile = None) -> None:
        del shown
        if success_file is not None and "--help" not in sys.argv:  # help does no job
            check_success_file(success_file)
            _success_file.set(success_file)

    main.__doc__ = help_
    return app


def run_command_line(app: typer.Typer, name: str) -> None:
    """Run a command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate.

    No command writes onto what it reads (`clashes`). Where a disk is full, standard output included, or a path cannot
    be looked at, the exit code is 3. With `--success-file`, the time is written last, and only where the command ran to
    its end.

    Parameters
    ----------
    app : Typer
    name : str
        Of the command, before the message.
    """
    guard_commands(app)
    before = _success_file.set(None)
    try:
        _run(app, name)
    except SystemExit as left:
        path = _success_file.get()
        if path is not None and left.code in RAN_TO_ITS_END:
            _keep_success(path, name)
        raise
    finally:
        _success_file.reset(before)


def _keep_success(path: Path, name: str) -> None:
    try:
        write_success(path, name)
    except PortfolioError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(error.exit_code)


def _run(app: typer.Typer, name: str) -> None:
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
        if error.errno in _UNUSABLE and isinstance(error.filename, str):  # an open file has a number for a name
            sys.stderr.write(f"{name}: {error.filename}: cannot be used: {error.strerror}. {_REMEDY}\n")
            sys.exit(DataError.exit_code)
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
