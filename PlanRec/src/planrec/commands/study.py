"""`planrec study`: every promise measured where the truth is known."""

from __future__ import annotations

from common_utils.command_line.options import SetOption
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import (
    ConfigOption,
    StudyJsonOption,
    StudyKeepOption,
    StudyOperatorOption,
    StudyOutputOption,
    StudyPublishedOption,
    StudySeedsOption,
    StudySubscribersOption,
    StudyTruthsOption,
)
from planrec.commands.requests import SettingsCommand, StudyCommand

__all__ = ["study"]


@shows_tables
def study(
    output: StudyOutputOption = None,
    operator: StudyOperatorOption = None,
    seeds: StudySeedsOption = None,
    subscribers: StudySubscribersOption = None,
    keep: StudyKeepOption = None,
    truths: StudyTruthsOption = None,
    published: StudyPublishedOption = None,
    as_json: StudyJsonOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Measure every promise on simulated operators whose truth is known; exit code 5 if one fails. Takes minutes."""
    from planrec.commands.run.study import run_study

    settings = SettingsCommand.of(config, overrides)
    run_study(StudyCommand(settings, output, as_json, operator, seeds, subscribers, keep, truths, published))
