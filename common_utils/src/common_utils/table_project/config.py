"""Settings that every project on one table has; a project's own class adds its model. Light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from common_utils.config import BaseConfig
from common_utils.config.reading import ReadingConfig
from common_utils.decision_log.config import DecisionsConfig
from common_utils.lifecycle.config import LifecycleConfig
from common_utils.monitoring.config import MonitoringConfig
from common_utils.releases.config import ReleaseConfig
from common_utils.releases.fewer_rows import ACCEPT_FEWER_ROWS
from common_utils.seed import DEFAULT_SEED
from common_utils.serving.config import ServiceConfig
from common_utils.tracking.config import TrackingConfig

__all__ = ["TableDataConfig", "TableEvaluationConfig", "TableProjectConfig", "TableSplitConfig", "TableTrainingConfig"]


class TableDataConfig(BaseConfig):
    """Where the table comes from, and what never becomes a feature."""

    source: Literal["auto", "table", "sample"] = Field(
        default="auto", description="auto: `file`, else `public_file` in the folder PORTFOLIO_DATA names, else sample"
    )
    file: Path | None = Field(default=None, description="CSV or Parquet, relative to the project's folder")
    public_file: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="name of the public table in the folder of PORTFOLIO_DATA"
    )
    table: ReadingConfig = Field(default=ReadingConfig(), description="how the columns of the table are written")
    sample_rows: int = Field(default=6000, ge=500, le=1_000_000, description="rows the sample generator makes")
    drop_columns: tuple[str, ...] = Field(
        default=(), description="columns that never become features: identifiers, and what reveals the target"
    )


class TableSplitConfig(BaseConfig):
    """What is set aside, and the folds of everything else."""

    holdout_share: float = Field(default=0.1, gt=0, lt=0.5, description="share set aside before any analysis")
    folds: int = Field(default=5, ge=2, le=20, description="parts of one round of cross-validation")
    repeats: int = Field(default=2, ge=1, le=20, description="rounds, each with folds of its own seed")


class TableTrainingConfig(BaseConfig):
    """What a training run needs beyond table and model."""

    seed: int = Field(default=DEFAULT_SEED, ge=0, le=2**31 - 1, description="of holdout, folds, models and resamples")
    artifacts: Path = Field(default=Path("artifacts"), description="root of the bundles, relative to the project")
    split: TableSplitConfig = TableSplitConfig()
    refit: bool = Field(
        default=False,
        description="fit once more on every row after the rows set aside were scored; the figures are from before",
    )
    accept_fewer_rows: bool = Field(default=False, description=ACCEPT_FEWER_ROWS)


class TableEvaluationConfig(BaseConfig):
    """How certain a figure is said to be."""

    resamples: int = Field(default=500, ge=50, le=100_000, description="bootstrap resamples")


class TableProjectConfig(BaseConfig):
    """All settings that projects on one table share.

    Examples
    --------
    >>> config = TableProjectConfig.model_validate({"data": {"public_file": "cars.csv"}})
    >>> config.data.source, config.training.split.folds
    ('auto', 5)
    """

    data: TableDataConfig
    training: TableTrainingConfig = TableTrainingConfig()
    evaluation: TableEvaluationConfig = TableEvaluationConfig()
    serving: ServiceConfig = ServiceConfig()
    releases: ReleaseConfig = ReleaseConfig()
    decisions: DecisionsConfig = DecisionsConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    tracking: TrackingConfig = TrackingConfig()
    lifecycle: LifecycleConfig = LifecycleConfig()

    @model_validator(mode="after")
    def _a_table_needs_a_name(self) -> Self:
        if self.data.source == "sample" and self.data.file is not None:
            raise ValueError("data.file names a table and data.source asks for the sample; leave one of them out")
        return self
