"""Requests and answers. Every field is typed and bounded, unknown fields are refused; names are the table's."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, JsonValue

from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.table_project.service import TableRecord

__all__ = ["ANSWER", "EXAMPLE", "MEANING", "MonthRequest", "PredictResponse"]

EXAMPLE: dict[str, JsonValue] = {"calls": 40, "minutes": 311.9, "messages": 83, "mb_used": 19915.42}
MEANING = "the plan held, not the best plan; for advice ask PlanRec"

ANSWER: dict[str, JsonValue] = {
    "prediction": "smart",
    "probability": 0.24531981975878306,
    "meaning": MEANING,
    "model_version": "20261123T120102Z-1a2b3c4d5e6f",
}
"""What a bundle of the public table answers to `EXAMPLE`."""


class MonthRequest(TableRecord):
    """One month of usage, as a row of the table."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    calls: float = Field(ge=0, le=20_000, description="calls of the month")
    minutes: float = Field(ge=0, le=44_640, description="minutes called, not rounded")
    messages: float = Field(ge=0, le=100_000, description="messages sent")
    mb_used: float = Field(ge=0, le=10_000_000, description="megabytes used")


class PredictResponse(LoggedAnswer):
    """Which plan such a month was on, and how likely; not which plan is best."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]}, protected_namespaces=())

    prediction: Literal["smart", "ultra"] = Field(description="plan held, by the threshold of the bundle's settings")
    probability: float = Field(description="of being on Ultra, calibrated")
    meaning: Literal["the plan held, not the best plan; for advice ask PlanRec"] = Field(
        default=MEANING, description="what this answer means; the same in every answer"
    )
    model_version: str
