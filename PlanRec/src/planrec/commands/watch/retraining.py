"""`planrec retrain`: what the day asks, its answer, its code."""

from __future__ import annotations

from common_utils.command_line.lifecycle.retrain import RetrainCommand
from common_utils.command_line.terminal import steps
from common_utils.lifecycle.chain import retrain
from common_utils.reporting.retrain_days import show_retrain_day
from planrec.commands.requests import SettingsCommand
from planrec.commands.settings import load_run
from planrec.lifecycle.retraining import retraining

__all__ = ["run_retrain"]


def run_retrain(asked: RetrainCommand) -> None:
    """Retrain if there is a reason, show the day, and leave with its code."""
    run = load_run(SettingsCommand.of(asked.config, asked.overrides, None, asked.data, asked.reading))
    with steps() as step:
        day, known = retrain(retraining(run.config, run.project, step, run.stated), asked.as_of, step)
    show_retrain_day(day, known=known, as_json=asked.as_json)
