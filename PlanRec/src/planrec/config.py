"""Every setting of PlanRec, typed; `configs/config.yaml` fills it. Light to import: no pandas, no scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from common_utils import DEFAULT_SEED
from common_utils.config import BaseConfig, load_config, resolve_path
from common_utils.config.project import ProjectSpec
from common_utils.config.reading import ReadingConfig
from common_utils.decision_log.config import DecisionsConfig
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.monitoring.config import MonitoringConfig
from common_utils.releases.config import ReleaseConfig
from common_utils.releases.fewer_rows import ACCEPT_FEWER_ROWS
from common_utils.serving.config import ServiceConfig
from common_utils.tracking.config import TrackingConfig
from planrec.months import MONTH_PATTERN, RECENT_MONTHS
from planrec.simulator.config import SimulatorConfig

__all__ = [
    "RULES_VARIABLE",
    "SPEC",
    "AdviceConfig",
    "ChallengerConfig",
    "DataConfig",
    "DataSource",
    "EvaluationConfig",
    "ExplorationConfig",
    "FeatureConfig",
    "MegalineConfig",
    "ModelConfig",
    "OfferConfig",
    "PlanRecConfig",
    "ServedOffersConfig",
    "ServingConfig",
    "SourceConfig",
    "SplitConfig",
    "StudyConfig",
    "TableConfig",
    "TrainingConfig",
    "load_planrec_config",
]

RULES_VARIABLE = "PLANREC__SERVING__RULES"

DataSource = Literal["simulator", "megaline", "table"]


class SourceConfig(BaseConfig):
    """What belongs to one source of usage months."""

    plans: Path = Field(description="rate card, relative to the project's folder")
    drop_columns: tuple[str, ...] = Field(
        description="columns that never become features: identifiers, and what reveals the target"
    )
    with_current_plan: bool = Field(
        description="whether the plan held before the decision is a feature; no where the target is the plan held"
    )
    extra_columns: tuple[str, ...] = Field(default=(), description="further numeric columns that become features")
    usage_statistics: bool = Field(
        default=True,
        description="whether mean, spread, trend and the like of the usage itself are features beside the bills it "
        "would make; without them a service answers sooner",
    )
    horizon_months: int = Field(ge=1, le=12, description="months after a decision over which bills are compared")

    @model_validator(mode="after")
    def _dropped_is_no_feature(self) -> Self:
        features = {*self.extra_columns, *(["current_plan"] if self.with_current_plan else [])}
        both = sorted(features & set(self.drop_columns))
        if both:
            raise ValueError(
                f"{both} would be dropped and be a feature; take it out of drop_columns, or out of extra_columns "
                "(current_plan: with_current_plan)"
            )
        return self


class MegalineConfig(SourceConfig):
    """The raw Megaline events."""

    churn_cut: Literal["none", "documented"] = Field(
        default="documented", description="documented: events after a user's churn_date are rejected"
    )
    empty_months: Literal["bill", "drop"] = Field(
        default="bill", description="bill: a month without events between registration and churn is a usage month"
    )


class TableConfig(SourceConfig, ReadingConfig):
    """A user's own usage months, or events, and how every table a command reads is written."""

    kind: Literal["months", "events"] = Field(default="months", description="what the file or folder holds")
    until: str | None = Field(
        default=None,
        pattern=MONTH_PATTERN,
        description="last month that counts, YYYY-MM; later ones are set aside. Unset: the last month that 1 % of the "
        "subscribers have, or the one before 12 months without anything",
    )


class DataConfig(BaseConfig):
    """Where usage months come from."""

    source: DataSource = "simulator"
    folder: Path | None = Field(
        default=None,
        description="file or folder; unset: the simulator runs anew, megaline is where PORTFOLIO_DATA points",
    )
    simulator: SourceConfig
    megaline: MegalineConfig
    table: TableConfig

    def chosen(self) -> SourceConfig:
        """Return the settings of the chosen source."""
        return {"simulator": self.simulator, "megaline": self.megaline, "table": self.table}[self.source]


class FeatureConfig(BaseConfig):
    """What a decision row carries."""

    history_months: int = Field(default=6, ge=1, le=24, description="months of usage before the decision")
    recent_months: int = Field(
        default=RECENT_MONTHS,
        ge=1,
        le=120,
        description="the last usage month must be among the last this many months, or the subscriber is not answered",
    )


class SplitConfig(BaseConfig):
    """How unseen subscribers and later months are set aside."""

    test_share: float = Field(default=0.3, gt=0, lt=1, description="share of subscribers never trained on")
    test_months: int = Field(default=2, ge=1, le=24, description="last decision months with a whole horizon after them")
    folds: int = Field(default=5, ge=2, le=20, description="cross-validation folds, grouped by subscriber")


class ModelConfig(BaseConfig):
    """Histogram gradient boosting; few leaves a tree keep it calibrated, and quick to score and to compile."""

    max_iter: int = Field(default=40, ge=1, le=2000, description="boosting rounds")
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    max_leaf_nodes: int = Field(default=8, ge=2, le=64, description="leaves of a tree; 64 is what can be compiled")
    min_samples_leaf: int = Field(default=80, ge=1, le=100_000)
    l2_regularization: float = Field(default=5.0, ge=0, le=1e6)


class ChallengerConfig(BaseConfig):
    """Monotone boosting over alternatives, and how it is tried against the conditional logit."""

    max_iter: int = Field(default=80, ge=1, le=2000, description="boosting rounds")
    learning_rate: float = Field(default=0.08, gt=0, le=1)
    max_leaf_nodes: int = Field(default=15, ge=2, le=64, description="leaves of a tree; 64 is what can be compiled")
    min_samples_leaf: int = Field(default=150, ge=1, le=100_000)
    l2_regularization: float = Field(default=5.0, ge=0, le=1e6)
    folds: int = Field(default=3, ge=2, le=20, description="parts of the subscribers, each tried on by the others")


class TrainingConfig(BaseConfig):
    """What a training run needs beyond data and model."""

    seed: int = Field(default=DEFAULT_SEED, ge=0, le=2**32 - 1)
    artifacts: Path = Field(default=Path("artifacts"), description="root of the bundles, relative to the project")
    model: ModelConfig = ModelConfig()
    challenger: ChallengerConfig = ChallengerConfig()
    split: SplitConfig = SplitConfig()
    accept_fewer_rows: bool = Field(default=False, description=ACCEPT_FEWER_ROWS)


class StudyConfig(BaseConfig):
    """The study over several simulated operators whose truth is known: `planrec study`."""

    seeds: tuple[int, ...] = Field(
        default=(101, 102, 103, 104, 105), min_length=1, description="operators; none of them was looked at before"
    )
    first_test_month: str = Field(
        default="2025-10", pattern=MONTH_PATTERN, description="decisions before it train, from it on test"
    )
    offer_runs: int = Field(
        default=1000, ge=10, le=100_000, description="logs drawn anew to judge off-policy intervals"
    )
    clean_seeds: int = Field(default=20, ge=1, le=1000, description="operators without a leak the audit must pass")
    subscribers: int = Field(
        default=8000,
        ge=200,
        le=1_000_000,
        description="subscribers of each operator (not `simulator.subscribers`)",
    )


class EvaluationConfig(BaseConfig):
    """How certain a figure is said to be."""

    resamples: int = Field(default=500, ge=50, le=100_000, description="bootstrap resamples, by subscriber")
    gain_steps_cents: tuple[int, ...] = Field(
        default=(0, 100, 200, 400, 600, 1000), description="minimum gains at which saving is shown"
    )
    study: StudyConfig = StudyConfig()


class AdviceConfig(BaseConfig):
    """What advice weighs; the rules say what a switch must gain."""

    history_months: int = Field(default=6, ge=1, le=24, description="months looked back over")
    risk_weight: float = Field(
        default=0.5, ge=0, le=10, description="basis past: standard deviations added to the mean bill"
    )
    forecast_risk_weight: float = Field(
        default=0.1,
        ge=0,
        le=10,
        description="basis forecast: standard deviations added to the mean bill; its spread holds doubt already",
    )


class ExplorationConfig(BaseConfig):
    """Offers of the service that are not the best one, so that the log can tell what another policy would bring."""

    share: float = Field(default=0.0, ge=0, le=1, description="share drawn evenly among the plans that may be offered")
    floor: float = Field(default=0.0, ge=0, le=0.5, description="least chance of each of these plans")


class ServedOffersConfig(BaseConfig):
    """How offers are made, beside what the bundle decides."""

    exploration: ExplorationConfig = ExplorationConfig()


class OfferConfig(BaseConfig):
    """What an offer weighs, beside P(accept) x saving; returned with every answer."""

    margin_weight: float = Field(
        default=0.1, ge=0, le=10, description="cents of saving that one cent of the operator's margin is worth"
    )
    churn_weight_cents: int = Field(
        default=2000, ge=0, le=10_000_000, description="cents a month that a subscriber who certainly leaves would cost"
    )
    perk_cost_cents: int = Field(
        default=100, ge=0, le=1_000_000, description="what one perk costs the operator a month"
    )


class ServingConfig(ServiceConfig):
    """Where the service listens, which callers it answers, which rules it follows."""

    rules: Path | None = Field(
        default=None,
        description="rule file the service follows instead of the bundle's, relative to the project",
    )


class PlanRecConfig(BaseConfig):
    """All settings.

    Examples
    --------
    >>> config = load_planrec_config(project, environ={})
    >>> config.data.source, config.training.seed
    ('simulator', 42)
    """

    data: DataConfig
    simulator_file: Path | None = Field(
        default=None, description="file with the keys of `simulator`, relative to the project; `simulator` overrides it"
    )
    simulator: SimulatorConfig = Field(default_factory=lambda: SimulatorConfig.model_validate({}))
    features: FeatureConfig = FeatureConfig()
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    advice: AdviceConfig = AdviceConfig()
    offer: OfferConfig = OfferConfig()
    rules: Path | None = Field(
        default=None,
        description="rule file of advice and offers, relative to the project; unset: the built-in rules. "
        "Training puts it into the bundle",
    )
    serving: ServingConfig = ServingConfig()
    releases: ReleaseConfig = ReleaseConfig()
    decisions: DecisionsConfig = DecisionsConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    tracking: TrackingConfig = TrackingConfig()
    lifecycle: LifecycleConfig = LifecycleConfig()
    offers: ServedOffersConfig = ServedOffersConfig()


SPEC = ProjectSpec(
    name="planrec",
    title="PlanRec",
    question="Which mobile plan should this subscriber be on, what would they pay, and should they stay?",
    settings=PlanRecConfig,
)


def load_planrec_config(
    project: Path,
    *,
    explicit: Path | None = None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> PlanRecConfig:
    """Return the settings: class defaults < `simulator_file` < file < environment (`PLANREC__...`) < overrides.

    Parameters
    ----------
    project : Path
        Folder that relative paths count from; `configs/config.yaml` is the file where nothing else names one.
    explicit : Path, optional
        What `--config` gave.
    overrides : sequence of str
        `training.seed=7`.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If a key is unknown or a value does not fit; nothing is read past that.
    """
    path = SPEC.settings_file(project, explicit=explicit, environ=environ)

    def load(sections: Mapping[str, Path]) -> PlanRecConfig:
        return load_config(
            PlanRecConfig, path=path, sections=sections, env_prefix=SPEC.prefix, overrides=overrides, environ=environ
        )

    config = load({})  # which names the file, wherever that name came from
    if config.simulator_file is None:
        return config
    return load({"simulator": resolve_path(project, config.simulator_file)})
