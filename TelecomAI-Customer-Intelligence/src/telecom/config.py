"""Every setting of TelecomAI, typed; `configs/config.yaml` fills it. Light to import: no pandas, no scikit-learn."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from common_utils.boosting.config import CalibratedForestsConfig
from common_utils.config.project import ProjectSpec
from common_utils.table_project.config import TableProjectConfig
from telecom import QUESTION

__all__ = ["SPEC", "ModelConfig", "TelecomConfig"]


class ModelConfig(CalibratedForestsConfig):
    """The forests that are averaged and calibrated."""

    bills: bool = Field(
        default=False, description="whether the forests see bills on both tariffs, which they can find out themselves"
    )
    threshold: Literal["likelier", "f1"] = Field(
        default="likelier", description="what the shipped answer is: the likelier plan, or Ultra where F1 is largest"
    )


class TelecomConfig(TableProjectConfig):
    """All settings.

    Examples
    --------
    >>> from pathlib import Path
    >>> config = SPEC.load(Path(__file__).parents[2], environ={})
    >>> config.data.public_file, config.training.split.repeats
    ('users_behavior.csv', 3)
    """

    model: ModelConfig


SPEC = ProjectSpec(
    name="telecom",
    title="TelecomAI",
    question=QUESTION,
    settings=TelecomConfig,
)
