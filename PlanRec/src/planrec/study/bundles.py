"""A bundle trained on an operator's files as `planrec train` trains it, and opened through the door to bundles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from common_utils.bundle import write_bundle
from common_utils.errors import ConfigError
from common_utils.tables import write_table
from planrec.bundle import BundleContents, PlanRecBundle
from planrec.columns import MONTH
from planrec.config import PlanRecConfig
from planrec.months import month_index, month_indices
from planrec.preparation import Step, prepare
from planrec.simulator.drift import card_text
from planrec.simulator.operator import OFFERS_FILE, SUBSCRIBERS_FILE, USAGE_MONTHS_FILE
from planrec.simulator.simulation import Simulation
from planrec.training import bundle_info, learn

__all__ = ["Learnt", "learn_from", "opened_bundle"]

_PARITY_ROWS = 2_000  # `planrec train` compares 100,000: a third of the time of an operator of 1,000 subscribers


@dataclass(frozen=True)
class Learnt:
    """What was learnt on an operator's training side.

    Attributes
    ----------
    contents : BundleContents
    info : mapping of str to object
        What the manifest says.
    """

    contents: BundleContents
    info: dict[str, object]


def learn_from(operator: Simulation, config: PlanRecConfig, project: Path, folder: Path, *, step: Step) -> Learnt:
    """Write the operator's tables, read them as training does, and learn from them.

    Parameters
    ----------
    operator : Simulation
    config : PlanRecConfig
        As shipped, but for the operator, the seed and `evaluation.study`.
    project : Path
        Folder that the rate card's and the rule file's paths count from.
    folder : Path
        Where the tables are written.
    step : callable
        Told in a few words what begins.

    Raises
    ------
    ConfigError
        If no test month leaves a whole horizon.
    DataError
        If there is too little to learn from.
    """
    for name, table in (
        (USAGE_MONTHS_FILE, operator.months),
        (SUBSCRIBERS_FILE, operator.subscribers),
        (OFFERS_FILE, operator.offers),
    ):
        write_table(table, folder / name)
    training = _training_settings(config, operator, folder)
    prepared = prepare(training, project, step, audited=False)  # the study's own audits are in `safeguards`
    contents = learn(training, project, prepared, step, parity_rows=_PARITY_ROWS)
    return Learnt(contents, bundle_info(training, project, prepared))


def opened_bundle(learnt: Learnt, operator: Simulation, folder: Path) -> PlanRecBundle:
    """Write what was learnt as a bundle with the rate card of this operator, and open it as every command does."""
    contents = replace(learnt.contents, catalogue=card_text(operator.catalogue).encode())
    return PlanRecBundle.open(write_bundle(folder, info=learnt.info, write=contents.write).path)


def _training_settings(config: PlanRecConfig, operator: Simulation, folder: Path) -> PlanRecConfig:
    """Return the settings with the operator's tables as data, tested from the study's first test month on."""
    study, source = config.evaluation.study, config.data.simulator
    last = int(month_indices(operator.months[MONTH]).max()) - source.horizon_months + 1
    test_months = last - month_index(study.first_test_month) + 1
    if test_months < 1:
        raise ConfigError(
            f"evaluation.study.first_test_month is {study.first_test_month}, and the operator's table ends before "
            f"{source.horizon_months} months from it on are known; choose an earlier month, or simulate more months."
        )
    split = config.training.split.model_copy(update={"test_months": test_months})
    return config.model_copy(
        update={
            "data": config.data.model_copy(update={"source": "simulator", "folder": folder}),
            "training": config.training.model_copy(update={"split": split}),
        }
    )
