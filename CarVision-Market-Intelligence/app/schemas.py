"""Requests and answers. Every field is typed and bounded, unknown fields are refused; names are the table's."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.serving.explain import FORM
from common_utils.table_project.service import TableRecord

__all__ = ["ANSWER", "EXAMPLE", "CarRequest", "PriceResponse", "SimilarListing"]

EXAMPLE: dict[str, JsonValue] = {
    "model": "ford f-150",
    "model_year": 2013,
    "odometer": 92000,
    "condition": "good",
    "cylinders": 8,
    "fuel": "gas",
    "transmission": "automatic",
    "type": "truck",
    "paint_color": "white",
    "is_4wd": 1,
}

ANSWER: dict[str, JsonValue] = {
    "prediction": 18929,
    "low": 12963,
    "high": 26406,
    "model_known": True,
    "similar": [
        {
            "model": "ford f-150",
            "type": "truck",
            "condition": "good",
            "model_year": 2013,
            "odometer": 90000,
            "price": 19000,
        }
    ],
    "model_version": "20261123T120102Z-1a2b3c4d5e6f",
}
"""What a bundle of the public table answers to `EXAMPLE`; the comparable ad is invented."""


class CarRequest(TableRecord):
    """One used car, as a row of the table; leave out, or send null for, what is unknown."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]}, protected_namespaces=())

    model: str = Field(
        min_length=1,
        max_length=80,
        pattern=r"\w",
        json_schema_extra={FORM: "a name with a letter or digit"},
        description="make and model; letter case does not count, a blank is a hyphen. A model unknown to training "
        "gets a wide interval",
    )
    model_year: int | None = Field(default=None, ge=1990, le=2020, description="year")
    odometer: float | None = Field(default=None, ge=0, le=499_999, description="miles")
    condition: Literal["salvage", "fair", "good", "excellent", "like new", "new"]
    cylinders: int | None = Field(default=None, ge=1, le=16, description="count")
    fuel: Literal["gas", "diesel", "hybrid", "other", "electric"]
    transmission: Literal["automatic", "manual", "other"]
    type: Literal[
        "hatchback", "sedan", "wagon", "mini-van", "SUV", "coupe", "convertible", "offroad", "van", "bus", "truck",
        "pickup", "other",
    ]  # fmt: skip
    paint_color: (
        Literal[
            "black", "blue", "brown", "custom", "green", "grey", "orange", "purple", "red", "silver", "white", "yellow"
        ]
        | None
    ) = None  # fmt: skip
    is_4wd: int | None = Field(default=None, ge=0, le=1, description="1: four-wheel drive; left out means 0")


class SimilarListing(BaseModel):
    """A comparable ad that the model was trained on."""

    model_config = ConfigDict(protected_namespaces=())

    model: str
    type: str
    condition: str
    model_year: int
    odometer: int = Field(description="miles")
    price: int = Field(description="US dollars asked")


class PriceResponse(LoggedAnswer):
    """What the car is worth, how sure that is, and comparable ads."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]}, protected_namespaces=())

    prediction: int = Field(description="US dollars; the median that an ad for such a car asks")
    low: int = Field(description="lower end of the 90 % interval, US dollars")
    high: int = Field(description="upper end of the 90 % interval, US dollars")
    model_known: bool = Field(description="whether training knew the model; if not, the interval is wide")
    similar: list[SimilarListing] = Field(description="nearest comparable ads, nearest first")
    model_version: str
