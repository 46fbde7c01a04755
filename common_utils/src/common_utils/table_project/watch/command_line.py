"""The commands `monitor`, `retrain` and `bias` of a project on one table; what they do is loaded when one runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from common_utils.command_line.bias import bias_app
from common_utils.command_line.lifecycle.retrain import RetrainCommand, add_retrain
from common_utils.command_line.monitor import (
    AddressOption,
    AsOfOption,
    MonitorDecisionsOption,
    MonitorJsonOption,
    PortOption,
    monitor_group,
)
from common_utils.command_line.options import BundleOption, ConfigOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.errors import ConfigError

if TYPE_CHECKING:
    from common_utils.monitoring.bias.desk import BiasDesk
    from common_utils.table_project.config import TableProjectConfig
    from common_utils.table_project.task import TableTask
    from common_utils.tables import Reading

__all__ = ["FindSettings", "add_watch"]

Settings = TypeVar("Settings", bound="TableProjectConfig")
Found = TypeVar("Found", bound="TableProjectConfig", covariant=True)


class FindSettings(Protocol[Found]):
    """From `--config`, `--set` and `--data` to the settings and the project's folder."""

    def __call__(
        self, config: Path | None, overrides: list[str] | None, data: Path | None = None
    ) -> tuple[Found, Path]:
        """Return both."""
        ...


def add_watch(app: typer.Typer, settings_of: FindSettings[Settings], task: Callable[[], TableTask[Settings]]) -> None:
    """Add the groups `monitor` and `bias`, and `retrain`.

    Parameters
    ----------
    app : Typer
    settings_of : callable
        Finds the settings; called by commands when they run.
    task : callable
        Imports and returns the project's `TableTask`.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_watch(app, lambda config, overrides, data=None: None, lambda: None)
    >>> [command.callback.__name__ for command in app.registered_commands]
    ['retrain']
    """
    app.add_typer(_monitor(settings_of, task))

    def retrain(asked: RetrainCommand) -> None:
        _watch().run_retrain(task(), *settings_of(asked.config, asked.overrides, asked.data), asked)

    add_retrain(app, retrain)

    def bias(config: Path | None, overrides: list[str] | None) -> BiasDesk:
        from common_utils.table_project.watch.bias import table_bias_desk

        return table_bias_desk(task(), *settings_of(config, overrides))

    app.add_typer(bias_app(bias))


def _monitor(settings_of: FindSettings[Settings], task: Callable[[], TableTask[Settings]]) -> typer.Typer:
    monitor = monitor_group()

    @monitor.callback()
    @reads_table
    def look(
        context: typer.Context,
        *,
        reading: Reading,
        as_of: AsOfOption = None,
        input_: Annotated[
            Path | None,
            typer.Option(
                "--input",
                help="Records of the period, CSV or Parquet; the last of each id. Without it: yesterday's traffic.",
            ),
        ] = None,
        decisions: MonitorDecisionsOption = False,
        as_json: MonitorJsonOption = False,
        bundle: BundleOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Look at a period's records, write a report, and leave with 0, 5 (alarm) or 6 (too little)."""
        if context.invoked_subcommand is not None:
            return
        if as_of is None:
            raise ConfigError("monitor: give --as-of DAY, or a further word such as explain.")
        settings, folder = settings_of(config, overrides)
        day = as_of.date()
        _watch().run_monitor(
            task(), settings, folder, input_, day, bundle, decisions=decisions, as_json=as_json, reading=reading
        )

    @monitor.command("explain")
    def explain(as_of: AsOfOption = None, config: ConfigOption = None, overrides: SetOption = None) -> None:
        """Say what moved most on a day, or on the last one looked at; no value of a person."""
        settings, folder = settings_of(config, overrides)
        _watch().run_explain(settings, folder, None if as_of is None else as_of.date())

    @monitor.command("export")
    def export(
        port: PortOption = 9001,
        address: AddressOption = "127.0.0.1",
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Serve the latest verdicts to Prometheus on /metrics, until SIGTERM."""
        settings, folder = settings_of(config, overrides)
        _watch().run_export(settings, folder, port, address)

    del look, explain, export  # registered by name
    return monitor


def _watch() -> ModuleType:
    from common_utils.table_project.watch import commands

    return commands
