"""Types of a card's values: each says what it takes and within which bounds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from planrec.billing.cards.values import names, number

__all__ = [
    "Amount",
    "BlockSize",
    "Cents",
    "ClockTime",
    "Day",
    "Days",
    "Kind",
    "Kinds",
    "Megabytes",
    "Minutes",
    "Name",
    "Part",
    "Percent",
    "Word",
    "Words",
]

Kind: TypeAlias = Literal["call", "call_in", "sms", "data"]
Cents = Annotated[Decimal, BeforeValidator(number), Field(ge=0, le=1_000_000_000)]
Megabytes = Annotated[Decimal, BeforeValidator(number), Field(ge=0, le=10_000_000)]
BlockSize = Annotated[Decimal, BeforeValidator(number), Field(gt=0, le=10_000_000)]
Percent = Annotated[Decimal, BeforeValidator(number), Field(ge=0, le=1000)]
Minutes = Annotated[Decimal, BeforeValidator(number), Field(ge=0, le=1_000_000)]
Amount = Annotated[Decimal, BeforeValidator(number), Field(ge=0, le=10_000_000)]
Word = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[tuple[Word, ...], BeforeValidator(names), Field(max_length=2000)]
Kinds = Annotated[tuple[Kind, ...], BeforeValidator(names), Field(min_length=1, max_length=4)]
ClockTime = Annotated[str, Field(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Days = Annotated[tuple[Day, ...], BeforeValidator(names), Field(min_length=1, max_length=7)]


class Part(BaseModel):
    """A mapping of a card: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
