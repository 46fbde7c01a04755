"""What the `planrec bias` commands do."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from common_utils.command_line.terminal import note
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.exports import read_export
from common_utils.errors import ConfigError
from common_utils.monitoring.bias.desk import BiasDesk
from common_utils.monitoring.bias.proxies import proxy_words
from common_utils.releases.config import load_trust
from planrec.billing import load_catalogue
from planrec.commands.requests import SettingsCommand
from planrec.commands.settings import load_run
from planrec.config import SPEC
from planrec.monitoring.bias import describe_decisions
from planrec.monitoring.bias_remedies import age_proxies, threshold_cost
from planrec.usage.read import read_usage_table

__all__ = ["bias_desk", "run_proxies", "run_threshold"]


def bias_desk(settings: SettingsCommand) -> BiasDesk:
    """Return what report and escalation work with, as the settings name it."""
    run = load_run(settings)
    config = run.config
    return BiasDesk(
        Desk(config.decisions, SPEC.name, run.project, config.data.table),
        run.path(config.monitoring.folder),
        run.path(config.training.artifacts),
        load_trust(config.releases, run.project),
        describe_decisions,
    )


def run_proxies(settings: SettingsCommand, usage: Path, plans: Path | None, *, as_json: bool) -> None:
    """Print how well each feature tells each age band."""
    run = load_run(settings)
    card = load_catalogue(plans or run.path(run.config.data.chosen().plans))
    data = read_usage_table(usage, catalogue=card, reading=run.reading)
    for report in data.reports:
        note(report.summary())
    rng = np.random.default_rng(run.config.training.seed)
    found, small = age_proxies(data.months, card, run.config.features.history_months, rng=rng)
    if as_json:
        said = {"proxies": [asdict(one) for one in found], "too_small": small}
        sys.stdout.write(json.dumps(said, indent=1, allow_nan=False) + "\n")
    else:
        sys.stdout.write(proxy_words(found, small))


def run_threshold(path: Path, group: str, least: int, *, as_json: bool) -> None:
    """Print what a threshold for one group's offers would have cost.

    Raises
    ------
    ConfigError
        If the group is not `NAME=VALUE`.
    DataError
        If no offer of the group has an outcome.
    """
    name, equals, value = group.partition("=")
    if not (equals and name and value):
        raise ConfigError(f"--group {group!a}: give NAME=VALUE, such as age_band=65-74.")
    cost = threshold_cost(read_export(path), name, value, least)
    sys.stdout.write(json.dumps(asdict(cost), allow_nan=False) + "\n" if as_json else cost.words() + "\n")
