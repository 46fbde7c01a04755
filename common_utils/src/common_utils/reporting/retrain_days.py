"""A day of retraining for people: the lines on a terminal, and the code to leave with."""

from __future__ import annotations

import json
from typing import NoReturn

import typer

from common_utils.lifecycle.days import RetrainDay

__all__ = ["show_retrain_day"]


def show_retrain_day(day: RetrainDay, *, known: bool, as_json: bool) -> NoReturn:
    """Print a day, and leave with its code.

    Parameters
    ----------
    day : RetrainDay
    known : bool
        Whether it had been answered before.
    as_json : bool
        Print the record and nothing else.

    Raises
    ------
    typer.Exit
        With 0, 5 or 6.

    Examples
    --------
    >>> try:
    ...     show_retrain_day(RetrainDay("demo", "2025-11-01", "refused", "v1"), known=False, as_json=False)
    ... except typer.Exit as left:
    ...     left.exit_code
    demo 2025-11-01: the new bundle was refused; what is live did not change.
    5
    """
    if as_json:
        typer.echo(json.dumps(day.to_dict(), indent=1))
    else:
        typer.echo("\n".join([*day.lines(), *["  This was answered before; nothing was done anew."] * known]))
    raise typer.Exit(day.exit_code)
