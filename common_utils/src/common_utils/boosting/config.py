"""Settings of boosted forests; light, so that a configuration can carry them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from common_utils.config import BaseConfig

__all__ = ["CalibratedForestsConfig", "ForestConfig"]


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


class CalibratedForestsConfig(BaseConfig):
    """Forests that are averaged into a probability, and how it is calibrated."""

    members: tuple[ForestConfig, ...] = Field(min_length=1, max_length=10, description="each counts the same")
    calibration_folds: int = Field(
        default=4,
        ge=2,
        le=20,
        description="inner folds: the sigmoid and the thresholds see only their out-of-fold scores",
    )
