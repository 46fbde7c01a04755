"""Settings that every project on one table has; a project's own class adds its model. Light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from common_utils.config import BaseConfig
from common_utils.release_config import ReleaseConfig
from common_utils.seed import DEFAULT_SEED
from common_utils.serving_config import ServiceConfig

__all__ = [
    "EvaluationConfig",
    "ForestConfig",
    "TableDataConfig",
    "TableProjectConfig",
    "TableSplitConfig",
    "TableTrainingConfig",
]


class TableDataConfig(BaseConfig):
    """Where the table comes from, and what never becomes a feature."""

    source: Literal["auto", "table", "sample"] = Field(
        default="auto", description="auto: `file`, else `public_file` in the folder PORTFOLIO_DATA names, else sample"
    )
    file: Path | None = Field(default=None, description="CSV or Parquet, relative to the project's folder")
    public_file: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="name of the public table in the folder of PORTFOLIO_DATA"
    )
    sample_rows: int = Field(default=6000, ge=500, le=1_000_000, description="rows the sample generator makes")
    drop_columns: tuple[str, ...] = Field(
        default=(), description="columns that never become features: identifiers, and what reveals the target"
    )


class TableSplitConfig(BaseConfig):
    """What is set aside, and the folds of everything else."""

    holdout_share: float = Field(default=0.1, gt=0, lt=0.5, description="share set aside before any analysis")
    folds: int = Field(default=5, ge=2, le=20, description="parts of one round of cross-validation")
    repeats: int = Field(default=2, ge=1, le=20, description="rounds, each with folds of its own seed")


class ForestConfig(BaseConfig):
    """One boosted forest; several are averaged, tree by tree as numbers, into one."""

    kind: Literal["catboost", "lightgbm", "hist"] = Field(
        default="catboost", description="library that grows it; hist is scikit-learn's histogram gradient boosting"
    )
    iterations: int = Field(default=300, ge=1, le=5000, description="trees")
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    depth: int = Field(default=6, ge=1, le=6, description="levels of a tree; 6 levels are 64 leaves, what compiles")
    leaves: int = Field(default=31, ge=2, le=64, description="leaves of a tree where the kind grows leaf by leaf")
    min_leaf: int = Field(default=20, ge=1, le=100_000, description="rows of a leaf where the kind limits them")
    l2: float = Field(default=3.0, ge=0, le=1e6, description="penalty on leaf values")
    column_share: float = Field(default=1.0, gt=0, le=1, description="columns each split or tree may look at")
    row_share: float = Field(
        default=1.0, gt=0, le=1, description="rows each tree is grown on, drawn anew (lightgbm; below 1 only there)"
    )
    huber: float = Field(
        default=0.0,
        ge=0,
        le=1e9,
        description="of a median: errors below this count squared, for smoother answers (lightgbm; above 0 only there)",
    )
    random_strength: float = Field(default=1.0, ge=0, le=100, description="noise on split scores (catboost)")
    seeds: int = Field(default=1, ge=1, le=20, description="forests grown with this setting, seed after seed")

    @model_validator(mode="after")
    def _what_only_lightgbm_knows(self) -> Self:
        if self.kind != "lightgbm" and (self.row_share < 1 or self.huber > 0):
            raise ValueError(f"row_share and huber are for kind: lightgbm, not {self.kind}; take them out")
        return self


class TableTrainingConfig(BaseConfig):
    """What a training run needs beyond table and model."""

    seed: int = Field(default=DEFAULT_SEED, ge=0, le=2**31 - 1, description="of holdout, folds, models and resamples")
    artifacts: Path = Field(default=Path("artifacts"), description="root of the bundles, relative to the project")
    split: TableSplitConfig = TableSplitConfig()


class EvaluationConfig(BaseConfig):
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
    evaluation: EvaluationConfig = EvaluationConfig()
    serving: ServiceConfig = ServiceConfig()
    releases: ReleaseConfig = ReleaseConfig()

    @model_validator(mode="after")
    def _a_table_needs_a_name(self) -> Self:
        if self.data.source == "sample" and self.data.file is not None:
            raise ValueError("data.file names a table and data.source asks for the sample; leave one of them out")
        return self
