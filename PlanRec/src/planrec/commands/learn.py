"""`planrec simulate`, `data`, `train`, `evaluate` and `card`: from tables to a bundle and its figures."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from common_utils.command_line.options import BundleOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import (
    CardFolderOption,
    ConfigOption,
    DataOption,
    EvaluationOutputOption,
    FullCardOption,
    JsonOption,
    PlotsOption,
    RootOption,
    SimulationOption,
    SourceOption,
)
from planrec.commands.requests import CardCommand, EvaluateCommand, SettingsCommand

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["card", "evaluate", "simulate", "train"]


def simulate(
    output: SimulationOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    full_card: FullCardOption = None,
) -> None:
    """Write the simulated operator's tables: usage months, subscribers, events; the truth goes to its own folder."""
    _run().run_simulate(SettingsCommand.of(config, overrides), output, full_card)


@shows_tables
@reads_table
def train(
    *,
    reading: Reading,
    config: ConfigOption = None,
    overrides: SetOption = None,
    data_source: SourceOption = None,
    data: DataOption = None,
    output: RootOption = None,
) -> None:
    """Train, compare with every baseline, write a verified bundle and make it current."""
    _run().run_train(SettingsCommand.of(config, overrides, data_source, data, reading), output)


@shows_tables
@reads_table
def evaluate(
    *,
    reading: Reading,
    as_json: JsonOption = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    data_source: SourceOption = None,
    data: DataOption = None,
    output: EvaluationOutputOption = None,
    plots: PlotsOption = None,
) -> None:
    """Measure a bundle again; with --data-source megaline, back-test re-rating on the Megaline events.

    A bundle is measured with the settings and the source it was trained with; --data names another copy of the data.
    """
    settings = SettingsCommand.of(config, overrides, data_source, data, reading)
    _run().run_evaluate(EvaluateCommand(settings, data_source, bundle, as_json, output, plots))


def card(
    bundle: BundleOption = None,
    output: CardFolderOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write model card, data card and figures of a bundle, and the README's results."""
    _run().run_card(CardCommand(SettingsCommand.of(config, overrides), bundle, output))


def _run() -> ModuleType:
    """Return what the commands do, loaded when one runs."""
    from planrec.commands.run import learn

    return learn
