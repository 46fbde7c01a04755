"""Run a command line: errors become one line and an exit code."""

from __future__ import annotations

import sys

import typer

from common_utils.errors import PortfolioError

__all__ = ["run_command_line"]


def run_command_line(app: typer.Typer, name: str) -> None:
    """Run a command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate.

    Parameters
    ----------
    app : Typer
    name : str
        Of the command, before the message.
    """
    try:
        app()
    except PortfolioError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(error.exit_code)
