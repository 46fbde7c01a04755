"""What the `monitor` commands of every project share: their options. Light, so that help is quick."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from common_utils.command_line.run import Group

__all__ = [
    "AddressOption",
    "AsOfOption",
    "MonitorDecisionsOption",
    "MonitorJsonOption",
    "PortOption",
    "monitor_group",
]

AsOfOption = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        help="Day of the run; only periods that ended before it count. Needed, unless a further word follows.",
    ),
]
MonitorDecisionsOption = Annotated[
    bool, typer.Option("--decisions", help="Also judge what was decided, by the outcomes that have matured.")
]
MonitorJsonOption = Annotated[bool, typer.Option("--json", help="Print the day's record as JSON and nothing else.")]

PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to listen; 0 takes a free port.")]
AddressOption = Annotated[str, typer.Option("--address", help="0.0.0.0 listens to other machines, too.")]

_HELP = (
    "Does the world still look as it did? Quality, drift and matured outcomes of the last period, with a report. "
    "Leaves with 0 where all is well or a notice is enough, 5 at an alarm, 6 where there is too little to judge by."
)


def monitor_group() -> typer.Typer:
    """Return an empty group `monitor` whose own options ask for a day.

    Examples
    --------
    >>> monitor_group().info.name
    'monitor'
    """
    return typer.Typer(name="monitor", cls=Group, help=_HELP, invoke_without_command=True, rich_markup_mode=None)
