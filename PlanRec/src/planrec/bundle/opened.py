"""One door to a PlanRec bundle: what it holds, opened and made into what answers.

Whoever opens a bundle answers by what it holds: rate card, rules, settings, forecast, offers and models. The settings
at hand say where the bundle lies and whose signature counts, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_utils.bundle import Bundle, open_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.compiled import META_FILE, CompiledScorer
from common_utils.config import resolve_path
from common_utils.errors import ConfigError
from common_utils.releases.config import load_trust
from common_utils.releases.trained import trained_settings
from planrec.advice import Engine
from planrec.advice.engine import OfferModels
from planrec.billing import Catalogue, parse_catalogue
from planrec.bundle.choice_model import MODEL_FILE, ChoiceModel
from planrec.bundle.contents import (
    CATALOGUE_FILE,
    FORECAST_FILE,
    METRICS_FILE,
    OFFERS_FILE,
    PIPELINE_FILE,
    RULES_FILE,
)
from planrec.bundle.matrix import decision_matrix
from planrec.bundle.next_choice import NextChoice
from planrec.bundle.said import SaidSettings
from planrec.config import SPEC, PlanRecConfig
from planrec.decisions import DecisionMatrix
from planrec.outlook import UsageForecast
from planrec.rules import Rules, load_rules, parse_rules

if TYPE_CHECKING:
    from common_utils.scoring.joblib_scorer import JoblibScorer

__all__ = ["PlanRecBundle", "open_configured"]


@dataclass(frozen=True)
class PlanRecBundle:
    """A verified bundle and what it holds; each part is read, and made, when it is first asked for.

    Attributes
    ----------
    bundle : Bundle
        Its files, verified.
    config : PlanRecConfig
        The settings it was trained with.
    """

    bundle: Bundle
    config: PlanRecConfig

    @classmethod
    def open(cls, path: Path, *, trust: Trust = INTEGRITY_ONLY, said: SaidSettings | None = None) -> PlanRecBundle:
        """Verify a bundle and read its settings; nothing is parsed before signature and hash are checked.

        Parameters
        ----------
        path : Path
            A bundle, or a root of bundles.
        trust : Trust
            Whose signatures count.
        said : SaidSettings, optional
            What the run says beside the bundle.

        Raises
        ------
        ArtifactError
            If the bundle is missing, altered, or its settings cannot be read.
        ConfigError
            If something said differs from what the bundle was trained with.
        """
        bundle = open_bundle(path, trust=trust)
        config = trained_settings(bundle, PlanRecConfig, SPEC.name)
        if said is not None:
            said.refuse_other_than(config, f"bundle {bundle.version}")
        return cls(bundle, config)

    @property
    def version(self) -> str:
        """Version of the bundle."""
        return self.bundle.version

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"bundle {self.version}"

    @cached_property
    def catalogue(self) -> Catalogue:
        """The rate card it was trained on."""
        content = self.catalogue_bytes()
        with self.bundle.fitting(CATALOGUE_FILE):
            return parse_catalogue(content, self.name)

    @cached_property
    def rules(self) -> Rules:
        """The rules it was trained with."""
        content, catalogue = self.rules_bytes(), self.catalogue
        with self.bundle.fitting(RULES_FILE):
            return parse_rules(content, self.name, catalogue)

    @cached_property
    def forecast(self) -> UsageForecast:
        """What the coming months' usage may be."""
        content = self.bundle.read_json(FORECAST_FILE)
        with self.bundle.fitting(FORECAST_FILE):
            return UsageForecast.from_dict(content)

    @cached_property
    def offers(self) -> OfferModels | None:
        """What offers do; None where it was trained without a log of offers."""
        if OFFERS_FILE not in self.bundle.files:
            return None
        content = self.bundle.read_json(OFFERS_FILE)
        with self.bundle.fitting(OFFERS_FILE):
            return OfferModels.from_dict(content)

    @cached_property
    def matrix(self) -> DecisionMatrix:
        """The features that the multiclass model reads."""
        return decision_matrix(self.config, self.catalogue)

    @cached_property
    def scorer(self) -> CompiledScorer:
        """The multiclass baseline as arrays; nothing answers with it."""
        with self.bundle.fitting(META_FILE):
            return CompiledScorer.open(self.bundle, self.matrix)

    @cached_property
    def choice(self) -> ChoiceModel:
        """The choice model that scores any plan, as arrays."""
        catalogue = self.catalogue
        with self.bundle.fitting(MODEL_FILE):
            choice = ChoiceModel.open(
                self.bundle,
                catalogue,
                history_months=self.config.features.history_months,
                with_current_plan=self.config.data.chosen().with_current_plan,
            )
            choice.tables()  # trees of another version are found here, not at the first answer
        return choice

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Every figure of its training run."""
        return self.bundle.read_json(METRICS_FILE)

    def pipeline_scorer(self) -> JoblibScorer:
        """Return the multiclass model as it was fitted; scikit-learn and joblib are loaded for it."""
        from common_utils.scoring.joblib_scorer import JoblibScorer

        return JoblibScorer.open(self.bundle, PIPELINE_FILE)

    def catalogue_bytes(self) -> bytes:
        """Return the rate card as it was read in training."""
        return self.bundle.read_bytes(CATALOGUE_FILE)

    def rules_bytes(self) -> bytes:
        """Return the rule file as it was read in training."""
        return self.bundle.read_bytes(RULES_FILE)

    def followed(self, rules: Path | None) -> Rules:
        """Return the rules of a file, or the bundle's where none is named.

        Raises
        ------
        ConfigError
            If the file cannot be used, or names a plan that is not the bundle's.
        """
        return self.rules if rules is None else load_rules(rules, self.catalogue)

    def next_choice(self, rules: Rules | None = None) -> NextChoice:
        """Return what says which plan is expected to be chosen, by the bundle's rules or others.

        Raises
        ------
        ArtifactError
            If the bundle holds no choice model.
        """
        return NextChoice(self.choice, self.rules if rules is None else rules)

    def engine(self, rules: Rules | None = None) -> Engine:
        """Return what answers from arrays, by the bundle's rules or others."""
        return Engine(self.catalogue, self.rules if rules is None else rules, self.forecast, self.offers)

    def offering(self) -> None:
        """See that offers can be made.

        Raises
        ------
        ConfigError
            If the bundle was trained without a log of offers.
        """
        if self.offers is None:
            raise ConfigError(
                f"{self.name} was trained without a log of offers; train on a source that has one, or ask for advice."
            )


def open_configured(said: SaidSettings, project: Path, path: Path | None = None) -> PlanRecBundle:
    """Open the bundle that a run names, or the configured one, with the configured keys.

    Parameters
    ----------
    said : SaidSettings
        The settings at hand: where bundles lie, and whose signatures count.
    project : Path
        Folder that relative paths count from.
    path : Path, optional
        What `--bundle` gave.

    Raises
    ------
    ArtifactError, ConfigError
        As `PlanRecBundle.open` and `load_trust`.
    """
    trust = load_trust(said.config.releases, project)
    where = path or resolve_path(project, said.config.training.artifacts)
    return PlanRecBundle.open(where, trust=trust, said=said)
