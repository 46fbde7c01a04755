"""`planrec bias`: is a group treated worse than others alike, which features tell it, and what a remedy costs."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.bias import bias_app
from common_utils.command_line.options import SetOption
from common_utils.command_line.reading import reads_table
from planrec.commands.options import ConfigOption
from planrec.commands.requests import SettingsCommand

if TYPE_CHECKING:
    from common_utils.monitoring.bias.desk import BiasDesk
    from common_utils.tables import Reading

__all__ = ["bias"]

_Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def _find(config: Path | None, overrides: list[str] | None) -> BiasDesk:
    desk: BiasDesk = _run().bias_desk(SettingsCommand.of(config, overrides))
    return desk


def _run() -> ModuleType:
    from planrec.commands.run import bias

    return bias


bias = bias_app(_find)


@bias.command("proxies")
@reads_table
def proxies(
    *,
    reading: Reading,
    usage: Annotated[Path, typer.Option("--usage", help="Usage months with ages, CSV or Parquet.")],
    plans: Annotated[Path | None, typer.Option("--plans", help="Rate card; default: that of the settings.")] = None,
    as_json: _Json = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Say how well each feature of the choice model tells each age band, the strongest first."""
    _run().run_proxies(SettingsCommand.of(config, overrides, reading=reading), usage, plans, as_json=as_json)


@bias.command("threshold")
def threshold(
    *,
    input_: Annotated[Path, typer.Option("--input", help="Export of decisions: .parquet, .csv or .json.")],
    group: Annotated[
        str, typer.Option("--group", metavar="NAME=VALUE", help="Whose offers get the threshold: age_band=65-74.")
    ],
    least: Annotated[
        int, typer.Option("--least-cents", min=0, help="Offers of a lower value, cents a month, are not made.")
    ],
    as_json: _Json = False,
) -> None:
    """Say what a higher threshold for one group's offers would have cost, on logged offers with an outcome."""
    _run().run_threshold(input_, group, least, as_json=as_json)
