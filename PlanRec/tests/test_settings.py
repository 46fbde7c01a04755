"""Every setting of what is answered, learnt, read and logged changes an answer, a figure or a refusal.

The settings are walked by their models: one without an entry here fails, and so does an entry whose setting is gone. A
probe returns what a user would see; a setting is tried by comparing it under the default and under another value.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel
from settings_probes.answers import answered, answers, other_rules, plan_rules, ruled
from settings_probes.lab import Lab, Probe, source
from settings_probes.learning import (
    challenged,
    elsewhere,
    fewer_rows,
    fitted,
    judged,
    sample,
    split,
    steps_of,
    studied,
)
from settings_probes.logged import kept_days, logs_of_commands, served, shipped_to, syncs
from settings_probes.reading import (
    DOUBTFUL,
    GIGABYTES,
    GOOD,
    HEAD,
    REJECTED,
    of_source,
    other_card,
    read,
    reads,
    zoned,
)
from settings_probes.tracked import mirrored, runs_kept, waited

from common_utils.bundle import Bundle
from common_utils.config.forms import FORMS
from planrec.billing import Plan
from planrec.billing.cards import FullCard
from planrec.choice.selection import select_choice_model
from planrec.config import PlanRecConfig
from planrec.cross_validation import out_of_fold
from planrec.rules import Rules
from planrec.rules.rulebook import PlanRule
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate

SECTIONS = ("features", "advice", "offer", "offers", "decisions", "data", "training", "evaluation", "tracking")

CANNOT = {
    "rules.plans.why": "the reason of a rule, for whoever reads the file later",
}
"""Settings that change nothing anybody is told, and why they stay."""


def leaves(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the dotted names of all settings under a model."""
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if inner:
            yield from leaves(inner[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def settings_there_are() -> set[str]:
    found = {"rules", *leaves(Rules, "rules.")}
    for section in SECTIONS:
        found |= set(leaves(PlanRecConfig.model_fields[section].annotation, f"{section}."))  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return {}


@pytest.fixture(scope="module")
def months(settings: PlanRecConfig, catalogue: Any) -> pd.DataFrame:
    """A small operator's months, with what offers ask about."""
    operator = simulate(
        settings.simulator.model_copy(update={"subscribers": 300}), catalogue, np.random.default_rng(5)
    ).months
    rng = np.random.default_rng(6)
    people = operator["subscriber_id"].factorize()[0]
    count = int(people.max()) + 1
    return operator.assign(
        consent=(rng.random(count) < 0.7)[people],
        contacts_90d=rng.integers(0, 4, count)[people],
        holdout=(rng.random(count) < 0.2)[people],
    )


@pytest.fixture
def lab(
    project_folder: Path,
    tmp_path: Path,
    bundle: Bundle,
    months: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    made: dict[str, Any],
) -> Lab:
    return Lab(project_folder, tmp_path, bundle, months, monkeypatch, made)


def of_every_source(name: str, card: str) -> dict[str, Probe]:
    return {
        f"data.{name}.plans": other_card(name, card),
        f"data.{name}.drop_columns": of_source(name, "drop_columns", "[subscriber_id, month, partial, tenure_months]"),
        f"data.{name}.with_current_plan": of_source(name, "with_current_plan", str(name == "megaline").lower()),
        f"data.{name}.extra_columns": of_source(name, "extra_columns", "[contacts]"),
        f"data.{name}.usage_statistics": of_source(name, "usage_statistics", str(name == "simulator").lower()),
        f"data.{name}.horizon_months": of_source(name, "horizon_months", "2"),
    }


TRIED: dict[str, Probe] = {
    "features.history_months": answered("features.history_months", "1"),
    "features.recent_months": answered("features.recent_months", "12"),
    "advice.history_months": answered("advice.history_months", "1"),
    "advice.risk_weight": answered("advice.risk_weight", "4"),
    "advice.forecast_risk_weight": answered("advice.forecast_risk_weight", "4"),
    "offer.margin_weight": answered("offer.margin_weight", "2"),
    "offer.churn_weight_cents": answered("offer.churn_weight_cents", "900000"),
    "offer.perk_cost_cents": answered("offer.perk_cost_cents", "5000"),
    "offers.exploration.share": served("offers.exploration.share", "1"),
    "offers.exploration.floor": served("offers.exploration.floor", "0.3"),
    "decisions.log": served("decisions.log", "false"),
    "decisions.journal": served("decisions.journal", "{folder}/elsewhere"),
    "decisions.journal_megabytes": served("decisions.journal_megabytes", "0.002"),
    "decisions.key_file": served("decisions.key_file", "{folder}/k2"),
    "decisions.durability": syncs,
    "decisions.batch": logs_of_commands,
    "decisions.url": shipped_to,
    "decisions.retention_days": kept_days,
    "tracking.folder": runs_kept,
    "tracking.url": mirrored,
    "tracking.timeout_seconds": waited,
    "rules": other_rules,
    "rules.version": other_rules,
    "rules.minimum_gain.advice_cents": ruled("minimum_gain", advice_cents=900),
    "rules.minimum_gain.offer_cents": ruled("minimum_gain", offer_cents=0),
    "rules.minimum_gain.advice_certainty": ruled("minimum_gain", advice_certainty=0.0),
    "rules.contract.while_bound": ruled("contract", while_bound="allow_dearer"),
    "rules.offers.consent_required": ruled("offers", consent_required=False),
    "rules.offers.max_contacts_90d": ruled("offers", max_contacts_90d=None),
    "rules.offers.respect_holdout": ruled("offers", respect_holdout=False),
    "rules.offers.usage_required": ruled("offers", usage_required=False),
    "rules.offers.churn_errors": ruled("offers", churn_errors=10.0),
    "rules.offers.min_churn_fall": ruled("offers", min_churn_fall=0.9),
    "rules.plans.plans": plan_rules(PlanRule(plans=("basic-6",), why="x"), PlanRule(plans=("smart-12",), why="x")),
    "rules.plans.modes": plan_rules(
        PlanRule(plans=("basic-6",), why="x"), PlanRule(plans=("basic-6",), modes=("offer",), why="x")
    ),
    "rules.plans.holders_of": plan_rules(
        PlanRule(plans=("basic-6",), why="x"), PlanRule(plans=("basic-6",), holders_of=("unlimited",), why="x")
    ),
    "data.source": reads("simulator", "data.source=megaline"),
    "data.folder": lambda lab: (read(lab, "data.source=table"), read(lab, *source("table", lab))),
    **of_every_source("simulator", "plans.yaml"),
    **of_every_source("table", "plans.yaml"),
    **of_every_source("megaline", "plans_megaline.yaml"),
    "data.megaline.churn_cut": reads("megaline", "data.megaline.churn_cut=none"),
    "data.megaline.empty_months": reads("megaline", "data.megaline.empty_months=drop"),
    "data.table.columns": reads(
        "table", "data.table.columns={calls: minutes}", table=HEAD.replace("minutes", "calls") + GOOD
    ),
    "data.table.decimal": reads("table", "data.table.decimal=comma", table=DOUBTFUL),
    "data.table.timezone": zoned,
    "data.table.accept_units": reads("table", "data.table.accept_units=true", table=GIGABYTES),
    "data.table.max_rejected_share": reads("table", "data.table.max_rejected_share=0.5", table=REJECTED),
    "data.table.kind": reads("table", "data.table.kind=events"),
    "data.table.until": reads("table", "data.table.until=2025-06"),
    "training.seed": lambda lab: (read(lab), read(lab, "training.seed=7")),
    "training.artifacts": elsewhere,
    "training.accept_fewer_rows": fewer_rows,
    "training.model.max_iter": fitted("max_iter", "2"),
    "training.model.learning_rate": fitted("learning_rate", "0.5"),
    "training.model.max_leaf_nodes": fitted("max_leaf_nodes", "2"),
    "training.model.min_samples_leaf": fitted("min_samples_leaf", "5"),
    "training.model.l2_regularization": fitted("l2_regularization", "500"),
    "training.challenger.max_iter": challenged("max_iter", "2"),
    "training.challenger.learning_rate": challenged("learning_rate", "0.5"),
    "training.challenger.max_leaf_nodes": challenged("max_leaf_nodes", "2"),
    "training.challenger.min_samples_leaf": challenged("min_samples_leaf", "5"),
    "training.challenger.l2_regularization": challenged("l2_regularization", "500"),
    "training.challenger.folds": steps_of(
        lambda config, step, lab: select_choice_model(config, lab.prepared().catalogue, lab.prepared().train, step),  # type: ignore[misc]
        "training.challenger.folds",
        "3",
    ),
    "training.split.folds": steps_of(
        lambda config, step, lab: out_of_fold(config, lab.prepared().catalogue, sample(lab), step),  # type: ignore[misc]
        "training.split.folds",
        "3",
    ),
    "training.split.test_share": split("test_share", "0.5"),
    "training.split.test_months": split("test_months", "1"),
    "evaluation.resamples": judged("resamples", "60"),
    "evaluation.gain_steps_cents": judged("gain_steps_cents", "[0, 250]"),
    "evaluation.study.seeds": studied("seeds", "[1, 2]"),
    "evaluation.study.first_test_month": studied("first_test_month", "2025-06"),
    "evaluation.study.offer_runs": studied("offer_runs", "20"),
    "evaluation.study.clean_seeds": studied("clean_seeds", "3"),
    "evaluation.study.subscribers": studied("subscribers", "300"),
}


def test_every_setting_is_tried_or_listed_with_its_reason() -> None:
    assert settings_there_are() == TRIED.keys() | CANNOT.keys()
    assert not TRIED.keys() & CANNOT.keys()
    assert all(CANNOT.values())


@pytest.mark.parametrize("setting", sorted(TRIED))
def test_a_setting_changes_an_answer_a_figure_or_a_refusal(lab: Lab, setting: str) -> None:
    usual, other = TRIED[setting](lab)
    assert usual != other


def test_a_setting_that_is_ignored_is_seen(lab: Lab) -> None:
    # Of no consequence for a bundle that is there.
    assert answers(lab, lab.config()) == answers(lab, lab.config("training.model.max_iter=9"))


def _patterns(schema: object) -> set[str]:
    """Return every regular expression in a JSON schema."""
    if isinstance(schema, list):
        return {pattern for part in schema for pattern in _patterns(part)}
    if not isinstance(schema, dict):
        return set()
    own = {str(schema["pattern"])} if isinstance(schema.get("pattern"), str) else set()
    return own | {pattern for part in schema.values() for pattern in _patterns(part)}


@pytest.mark.parametrize(
    "model", [PlanRecConfig, Plan, Rules, SimulatorConfig, FullCard], ids=lambda model: model.__name__
)
def test_every_form_that_people_write_has_words(model: type[BaseModel]) -> None:
    assert _patterns(model.model_json_schema()) <= {*FORMS}
