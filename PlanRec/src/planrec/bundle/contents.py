"""What training puts into a PlanRec bundle: every file and its name, written in one place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from common_utils.compiled import CompiledModel
from common_utils.config import dump_config
from common_utils.monitoring.profiles.profile_json import PROFILE_FILE
from common_utils.releases.trained import SETTINGS_FILE
from planrec.advice.engine import OfferModels
from planrec.bundle.choice_model import ChoiceModel
from planrec.config import PlanRecConfig
from planrec.outlook import UsageForecast

__all__ = [
    "CATALOGUE_FILE",
    "FORECAST_FILE",
    "METRICS_FILE",
    "OFFERS_FILE",
    "PIPELINE_FILE",
    "RULES_FILE",
    "BundleContents",
]

CATALOGUE_FILE, RULES_FILE = "plans.yaml", "rules.yaml"
FORECAST_FILE, OFFERS_FILE = "forecast.json", "offers.json"
METRICS_FILE = "metrics.json"
PIPELINE_FILE = "model.joblib"


@dataclass(frozen=True)
class BundleContents:
    """Everything a PlanRec bundle holds but its figures and card.

    Attributes
    ----------
    pipeline : fitted Pipeline
        The multiclass model, for notebooks and audits; a service opens `compiled`.
    compiled : CompiledModel
        The same as arrays.
    choice : ChoiceModel
    forecast : UsageForecast
    offers : OfferModels or None
        None: the bundle gives advice only.
    catalogue, rules : bytes
        The rate card and the rule file as they were read.
    config : PlanRecConfig
    metrics, profile : mapping
        Every figure, and what the training data looked like; plain numbers.
    """

    pipeline: object
    compiled: CompiledModel
    choice: ChoiceModel
    forecast: UsageForecast
    offers: OfferModels | None
    catalogue: bytes
    rules: bytes
    config: PlanRecConfig
    metrics: Mapping[str, object]
    profile: Mapping[str, object]

    def write(self, folder: Path) -> None:
        """Write the files into the folder of a bundle that is being written."""
        from common_utils.scoring.joblib_scorer import save_model

        save_model(self.pipeline, folder / PIPELINE_FILE)
        self.compiled.save(folder)
        self.choice.save(folder)
        _write_json(folder / FORECAST_FILE, self.forecast.to_dict())
        if self.offers is not None:
            _write_json(folder / OFFERS_FILE, self.offers.to_dict())
        (folder / CATALOGUE_FILE).write_bytes(self.catalogue)
        (folder / RULES_FILE).write_bytes(self.rules)
        (folder / SETTINGS_FILE).write_text(dump_config(self.config), encoding="utf-8")
        _write_json(folder / METRICS_FILE, self.metrics)
        _write_json(folder / PROFILE_FILE, self.profile)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False, default=str) + "\n", encoding="utf-8")
