"""The command `retrain` of every project: its options, light, so that help is quick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.options import ConfigOption, DataOption, SetOption
from common_utils.command_line.reading import reads_table

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["RetrainCommand", "add_retrain"]

_AsOf = Annotated[
    datetime,
    typer.Option(
        "--as-of", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Day of the run; monitor has to have looked on it."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the day's record as JSON and nothing else.")]


@dataclass(frozen=True, slots=True)
class RetrainCommand:
    """What the command line asks.

    Attributes
    ----------
    as_of : date
    data : Path or None
        What `--data` gave.
    reading : Reading
        How the table is written.
    as_json : bool
    config : Path or None
        What `--config` gave.
    overrides : list of str or None
        What `--set` gave.
    """

    as_of: date
    data: Path | None
    reading: Reading
    as_json: bool
    config: Path | None
    overrides: list[str] | None


def add_retrain(app: typer.Typer, run: Callable[[RetrainCommand], None]) -> None:
    """Add the command.

    Parameters
    ----------
    app : Typer
    run : callable
        Does what is asked.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_retrain(app, lambda asked: None)
    >>> [command.callback.__name__ for command in app.registered_commands]
    ['retrain']
    """

    @app.command()
    @reads_table
    def retrain(
        *,
        reading: Reading,
        as_of: _AsOf,
        data: DataOption = None,
        as_json: _Json = False,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Train the next bundle if there is a reason, and make it the challenger if it passes the gate.

        Nothing is promoted. Asked again for a day, it answers the same and trains nothing. Leaves with 0 where there
        is no reason or a challenger, 5 where a quality alarm, a bar or the gate refuses, 6 where there is too little
        to judge by.
        """
        run(RetrainCommand(as_of.date(), data, reading, as_json, config, overrides))

    del retrain  # registered by name
