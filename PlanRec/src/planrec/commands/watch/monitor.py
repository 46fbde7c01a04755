"""`planrec monitor` asks whether the world still looks as it did when the bundle was trained."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.monitor import (
    AddressOption,
    AsOfOption,
    MonitorDecisionsOption,
    MonitorJsonOption,
    PortOption,
    monitor_group,
)
from common_utils.command_line.options import BundleOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.errors import ConfigError
from planrec.commands.options import ConfigOption
from planrec.commands.requests import MonitorCommand, SettingsCommand

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["monitor"]

_Usage = Annotated[
    list[Path] | None,
    typer.Option(
        "--usage",
        help="Usage months, CSV or Parquet; at least the last five. May be repeated. Without it: yesterday's traffic.",
    ),
]
_Plans = Annotated[Path | None, typer.Option("--plans", help="Rate card in force; default: that of the settings.")]

monitor = monitor_group()


@monitor.callback()
@reads_table
def look(
    context: typer.Context,
    *,
    reading: Reading,
    as_of: AsOfOption = None,
    usage: _Usage = None,
    plans: _Plans = None,
    decisions: MonitorDecisionsOption = False,
    as_json: MonitorJsonOption = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Look at the last whole month before a day, write its report, and leave with 0, 5 (alarm) or 6 (too little)."""
    if context.invoked_subcommand is not None:
        return
    if as_of is None:
        raise ConfigError("monitor: give --as-of DAY, or a further word such as explain.")
    _commands().run_monitor(
        MonitorCommand(
            SettingsCommand.of(config, overrides, reading=reading),
            as_of.date(),
            tuple(usage or ()),
            plans,
            decisions,
            bundle,
            as_json,
        )
    )


@monitor.command("explain")
def explain(as_of: AsOfOption = None, config: ConfigOption = None, overrides: SetOption = None) -> None:
    """Say which kinds of subscribers moved most on a day, or on the last one looked at; no value of a person."""
    _commands().run_explain(SettingsCommand.of(config, overrides), None if as_of is None else as_of.date())


@monitor.command("export")
def export(
    port: PortOption = 9001,
    address: AddressOption = "127.0.0.1",
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Serve the latest verdicts to Prometheus on /metrics, until SIGTERM."""
    _commands().run_export(SettingsCommand.of(config, overrides), port, address)


def _commands() -> ModuleType:
    """Return what the commands do, loaded when one runs."""
    from planrec.commands.run import monitor as commands

    return commands
