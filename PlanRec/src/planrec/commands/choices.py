"""`planrec choices`: the models of choice on choices that people made."""

from __future__ import annotations

from common_utils.command_line.options import SetOption
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import (
    ChoicesPlotOption,
    ChoicesTableOption,
    ConfigOption,
    StudyJsonOption,
    StudyOutputOption,
)
from planrec.commands.requests import ChoicesCommand, SettingsCommand

__all__ = ["choices"]


@shows_tables
def choices(
    data: ChoicesTableOption = None,
    output: StudyOutputOption = None,
    plot: ChoicesPlotOption = None,
    as_json: StudyJsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Try the models of choice on real choices of supply contracts; exit code 5 if one expectation fails."""
    from planrec.commands.run.choices import run_choices

    run_choices(ChoicesCommand(SettingsCommand.of(config, overrides), data, output, plot, as_json))
