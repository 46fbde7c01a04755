"""Types of a card's values: each says what it takes and within which bounds."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from planrec.billing.cards.values import dated, names, number

__all__ = [
    "Amount",
    "BlockSize",
    "Cents",
    "ClockTime",
    "Day",
    "Days",
    "Instant",
    "Kind",
    "Kinds",
    "LocalDate",
    "Megabytes",
    "Minutes",
    "Name",
    "Part",
    "Percent",
    "Word",
    "Words",
]

Kind: TypeAlias = Literal["call", "call_in", "sms", "data"]
Cents = Annotated[Decimal, Field(ge=0, le=1_000_000_000), BeforeValidator(number)]
Megabytes = Annotated[Decimal, Field(ge=0, le=10_000_000), BeforeValidator(number)]
BlockSize = Annotated[Decimal, Field(gt=0, le=10_000_000), BeforeValidator(number)]
Percent = Annotated[Decimal, Field(ge=0, le=1000), BeforeValidator(number)]
Minutes = Annotated[Decimal, Field(ge=0, le=1_000_000), BeforeValidator(number)]
Amount = Annotated[Decimal, Field(ge=0, le=10_000_000), BeforeValidator(number)]
Word = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[tuple[Word, ...], BeforeValidator(names), Field(max_length=2000)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(names), Field(min_length=1, max_length=4)]
ClockTime = Annotated[str, Field(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$")]
LocalDate = Annotated[date, BeforeValidator(dated)]
Instant = Annotated[datetime, BeforeValidator(dated)]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Days = Annotated[tuple[Day, ...], BeforeValidator(names), Field(min_length=1, max_length=7)]


class Part(BaseModel):
    """A mapping of a card: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
