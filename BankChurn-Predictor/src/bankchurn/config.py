"""Every setting of BankChurn, typed; `configs/config.yaml` fills it. Light to import: no pandas, no scikit-learn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bankchurn import QUESTION
from common_utils.boosting.config import CalibratedForestsConfig
from common_utils.config import BaseConfig
from common_utils.config.project import ProjectSpec
from common_utils.table_project.config import TableProjectConfig

__all__ = ["SPEC", "BankChurnConfig", "ModelConfig", "RetentionConfig"]


class ModelConfig(CalibratedForestsConfig):
    """The forests that are averaged and calibrated."""

    left_out: tuple[str, ...] = Field(
        default=(), description="columns these forests do not look at: noise to them, by cross-validation"
    )
    threshold: Literal["f1", "profit"] = Field(
        default="f1", description="what the shipped yes or no maximises on the inner out-of-fold scores"
    )


class RetentionConfig(BaseConfig):
    """What a retention campaign costs and brings; money in euro."""

    kept_value: float = Field(default=400, gt=0, le=1e6, description="margin of a customer who was kept")
    success_rate: float = Field(default=0.3, gt=0, le=1, description="share of contacted leavers who then stay")
    contact_cost: float = Field(default=25, gt=0, le=1e6, description="cost of one contact, kept or not")
    contact_budget_share: float = Field(default=0.2, gt=0, le=1, description="share of customers that can be contacted")


class BankChurnConfig(TableProjectConfig):
    """All settings.

    Examples
    --------
    >>> from pathlib import Path
    >>> config = SPEC.load(Path(__file__).parents[2], environ={})
    >>> config.data.public_file, config.training.seed
    ('Churn_Modelling.csv', 42)
    """

    model: ModelConfig
    retention: RetentionConfig = RetentionConfig()


SPEC = ProjectSpec(
    name="bankchurn",
    title="BankChurn",
    question=QUESTION,
    settings=BankChurnConfig,
)
