"""Every setting of CarVision, typed; `configs/config.yaml` fills it. Light to import: no pandas, no scikit-learn."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from carvision import QUESTION
from carvision.columns import LISTING
from common_utils.boosting.config import ForestConfig
from common_utils.config import BaseConfig
from common_utils.config.project import ProjectSpec
from common_utils.table_project.config import TableProjectConfig

__all__ = ["SPEC", "CarVisionConfig", "CleaningConfig", "ModelConfig", "SimilarConfig"]


class CleaningConfig(BaseConfig):
    """Which ads are believed; a row outside is removed and counted, a row that does not say is kept."""

    price_above: float = Field(default=1000, ge=0, le=1e7, description="US dollars; cheaper ads do not count as offers")
    price_below: float = Field(default=500_000, gt=0, le=1e7, description="US dollars")
    year_from: int = Field(default=1990, ge=1900, le=2030, description="older cars are collectors' items")
    odometer_above: float = Field(default=0, ge=0, le=1e7, description="miles; 0 stands for a field left empty")
    odometer_below: float = Field(default=500_000, gt=0, le=1e7, description="miles")

    @model_validator(mode="after")
    def _bounds_leave_something(self) -> Self:
        if self.price_below <= self.price_above or self.odometer_below <= self.odometer_above:
            raise ValueError("cleaning: a lower bound is not below its upper bound, so every row would be removed")
        return self


class ModelConfig(BaseConfig):
    """The forests of the price and of its interval; all work on the logarithm of the price."""

    members: tuple[ForestConfig, ...] = Field(
        min_length=1, max_length=10, description="grown for the median; each counts the same"
    )
    interval_members: tuple[ForestConfig, ...] = Field(
        min_length=1, max_length=10, description="grown twice, for the lower and the upper end of the interval"
    )
    coverage: float = Field(default=0.9, gt=0.5, lt=1, description="share of prices the interval is to hold")
    calibration_folds: int = Field(
        default=3, ge=2, le=20, description="inner folds, cars kept whole, that the interval is widened or narrowed by"
    )
    fewest_ads: int = Field(
        default=1, ge=1, le=10_000, description="ads a model needs in the training table to be known by its name"
    )
    hidden_share: float = Field(
        default=0.03,
        gt=0,
        le=0.5,
        description="share of the rows repeated with the model's name hidden, to learn what to say of unseen models",
    )
    interval_hidden_share: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        description="the same for the interval, which must learn how uncertain an unseen model's price is",
    )


class SimilarConfig(BaseConfig):
    """Comparable listings shown beside a price."""

    count: int = Field(default=5, ge=1, le=50, description="listings shown")
    year_scale: float = Field(default=1.0, gt=0, le=100, description="years that weigh as much as `mile_scale` miles")
    mile_scale: float = Field(default=15_000, gt=0, le=1e6, description="miles")
    condition_scale: float = Field(default=1.0, gt=0, le=100, description="steps of condition that weigh the same")


class CarVisionConfig(TableProjectConfig):
    """All settings.

    Examples
    --------
    >>> from pathlib import Path
    >>> config = SPEC.load(Path(__file__).parents[2], environ={})
    >>> config.data.public_file, config.model.coverage
    ('vehicles_us.csv', 0.9)
    """

    cleaning: CleaningConfig = CleaningConfig()
    model: ModelConfig
    similar: SimilarConfig = SimilarConfig()

    @model_validator(mode="after")
    def _cars_can_be_told_apart(self) -> Self:
        if needed := set(LISTING).intersection(self.data.drop_columns):
            raise ValueError(f"data.drop_columns: {sorted(needed)} tell cars apart; take them out of the list")
        return self


SPEC = ProjectSpec(
    name="carvision",
    title="CarVision",
    question=QUESTION,
    settings=CarVisionConfig,
)
