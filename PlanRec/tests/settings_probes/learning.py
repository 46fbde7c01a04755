"""Settings of what is fitted, split and judged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from settings_probes.lab import Lab, Probe, source
from settings_probes.reading import learnt

from common_utils.errors import PortfolioError
from planrec.billing import load_catalogue
from planrec.bundle import PlanRecBundle, SaidSettings, open_configured
from planrec.choice.boosting import MonotoneBoosting
from planrec.commands.requests import SettingsCommand, StudyCommand
from planrec.commands.run import study as study_command
from planrec.config import PlanRecConfig
from planrec.cross_validation import build_pipeline, fit
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.evaluation import Models, choice_figures, evaluate
from planrec.simulator.operator import simulate
from planrec.study import bundles as study_bundles
from planrec.study import measure as study_measure
from planrec.training import train

__all__ = [
    "challenged",
    "elsewhere",
    "fewer_rows",
    "fitted",
    "judged",
    "sample",
    "split",
    "steps_of",
    "studied",
]


def sample(lab: Lab) -> pd.DataFrame:
    return lab.prepared().train.head(300)


def fitted(setting: str, value: str) -> Probe:
    def probabilities(lab: Lab, *overrides: str) -> object:
        config = lab.config(*source("table", lab), "training.model.max_iter=3", *overrides)
        rows = sample(lab)
        return fit(build_pipeline(config, lab.prepared().catalogue), rows).predict_proba(rows).tobytes()

    return lambda lab: (probabilities(lab), probabilities(lab, f"training.model.{setting}={value}"))


def challenged(setting: str, value: str) -> Probe:
    def probabilities(lab: Lab, *overrides: str) -> object:
        config = lab.config("training.challenger.max_iter=3", *overrides)
        rows = sample(lab)
        model = MonotoneBoosting(lab.prepared().catalogue, config.training.challenger, 6)
        return model.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object)).predict_proba(rows).tobytes()

    return lambda lab: (probabilities(lab), probabilities(lab, f"training.challenger.{setting}={value}"))


def steps_of(run: Callable[[PlanRecConfig, Callable[[str], None]], object], setting: str, value: str) -> Any:
    """Count the folds by what is told."""

    def told(lab: Lab, *overrides: str) -> list[str]:
        said: list[str] = []
        small = ("training.model.max_iter=1", "training.challenger.max_iter=1", "training.split.folds=2")
        run_on = lab.config(*source("table", lab), *small, "training.challenger.folds=2", *overrides)
        run(run_on, said.append, lab)  # type: ignore[call-arg]
        return said

    return lambda lab: (told(lab), told(lab, f"{setting}={value}"))


def split(setting: str, value: str) -> Probe:
    def tried(lab: Lab) -> tuple[object, object]:
        own = source("table", lab)
        return (
            lab.once("learnt table", lambda: learnt(lab, *own)),
            learnt(lab, *own, f"training.split.{setting}={value}"),
        )

    return tried


def elsewhere(lab: Lab) -> tuple[object, object]:
    """Where bundles lie."""

    def opened(*overrides: str) -> str:
        config = lab.config(*overrides)
        try:
            return open_configured(SaidSettings.of(config, environ={}), lab.project).version
        except PortfolioError as error:
            return str(error)

    return opened(f"training.artifacts={lab.folder}"), opened(f"training.artifacts={lab.bundle.path.parent}")


def fewer_rows(lab: Lab) -> tuple[object, object]:
    half = dataclasses.replace(lab.prepared().data, months=lab.prepared().data.months.iloc[:20])
    lab.patch.setattr("planrec.training.prepare", lambda *_: dataclasses.replace(lab.prepared(), data=half))

    def begun(*_: object) -> None:
        raise KeyboardInterrupt

    lab.patch.setattr("planrec.training.out_of_fold", begun)

    def tried(*overrides: str) -> str:
        config = lab.config(*overrides)
        try:
            train(config, lab.project, artifacts=lab.bundle.path.parent, step=lambda _: None)
        except PortfolioError as error:
            return str(error)
        except KeyboardInterrupt:
            return "began"
        return "ended"

    return tried(), tried("training.accept_fewer_rows=true")


def judged(setting: str, value: str) -> Probe:
    def figures(lab: Lab, *overrides: str) -> str:
        config = lab.config(*source("table", lab), *overrides)
        if setting == "resamples":
            rows = sample(lab)
            classes = np.unique(rows[CHOSEN_PLAN].to_numpy(dtype=object))
            even = np.full((len(rows), len(classes)), 1 / len(classes))
            even[:, 0] += np.linspace(0, 0.1, len(rows))
            return repr(choice_figures(rows, classes, even / even.sum(axis=1, keepdims=True), config))
        models = Models.open(PlanRecBundle.open(lab.bundle.path))
        return repr(evaluate(config, lab.prepared(), models)["minimum_gain"])

    return lambda lab: (figures(lab), figures(lab, f"evaluation.{setting}={value}"))


def studied(setting: str, value: str) -> Probe:
    """What the study is asked to measure; the measuring itself takes minutes."""
    asked_for = StudyCommand(SettingsCommand.of(None, None), None, False, None, None, None, None)

    def asked(lab: Lab, *overrides: str) -> object:
        config, seen = lab.config(*overrides), []
        if setting == "first_test_month":
            card = load_catalogue(lab.project / "configs" / "plans.yaml")
            longer = config.simulator.model_copy(update={"subscribers": 200, "months": 12})
            operator = simulate(longer, card, np.random.default_rng(1))
            return study_bundles._training_settings(config, operator, lab.project).training.split.test_months
        if setting == "offer_runs":
            lab.patch.setattr(study_measure, "off_policy_study", lambda _, runs, seed: seen.append((runs, seed)))
            with pytest.raises(AttributeError):
                study_measure._off_policy_figures(None, config, 1)  # type: ignore[arg-type]
            return seen
        lab.patch.setattr(
            study_command, "kept_or_measured", lambda _keep, _digest, _process, seed, _: seen.append(seed)
        )
        lab.patch.setattr(study_command, "defect_study", lambda *part: seen.append(part[2]))
        lab.patch.setattr(study_command, "_leaks", lambda *part: seen.append((part[0].simulator.subscribers, part[2])))
        study_command._measured(asked_for, config, lab.project, ("logit",), lambda _: None)
        return seen

    return lambda lab: (asked(lab), asked(lab, f"evaluation.study.{setting}={value}"))
