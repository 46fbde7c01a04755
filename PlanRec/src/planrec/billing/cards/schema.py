"""The full rate card as written: plans, options, fees, periods, tax, pools and prepaid packs.

Prices, percentages and megabytes are decimals read from text. What a key means is said in its description;
`docs/rate_cards.md` lists them by construct.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from planrec.billing.cards.rows import Allowance, Band, Cap, NotSold, Pass, Rate
from planrec.billing.cards.value_types import BlockSize, Cents, LocalDate, Megabytes, Name, Part, Percent, Word, Words
from planrec.billing.cards.values import names, number, whole

__all__ = [
    "Bonus",
    "Discount",
    "FeeChange",
    "FullCard",
    "FullPlan",
    "MinimumSpend",
    "MinimumTerm",
    "MoneyRounding",
    "Option",
    "Pack",
    "Period",
    "Pool",
    "PoolOver",
    "Tax",
]


class FeeChange(Part):
    """A fee that holds from a period on."""

    from_period: Word = Field(description="name of the first period")
    fee: Cents = Field(description="cents a period")


class Discount(Part):
    """Money off, worked out from the exact items before any discount."""

    item: Name = Field(description="line item of the discount")
    of: Words = Field((), description="items of which a percentage is taken")
    percent: Percent | None = Field(None, description="percent of the items")
    cents: Cents | None = Field(None, description="cents a period")
    steps: tuple[tuple[Cents, Percent], ...] = Field(
        (), description="[above cents, percent]: of the part above, up to the next"
    )
    of_all: bool = Field(False, description="the percent of the step reached is taken of the whole sum")
    first_periods: Annotated[int, Field(ge=0), BeforeValidator(whole)] | None = Field(None, description="the first n")
    after_periods: Annotated[int, Field(ge=0), BeforeValidator(whole)] | None = Field(
        None, description="from the period after the n-th on"
    )
    needs: Word | None = Field(None, description="a flag of the subscriber")

    @model_validator(mode="after")
    def _one_kind(self) -> Discount:
        if (self.percent is not None) + (self.cents is not None) + bool(self.steps) != 1:
            raise ValueError("a discount has one of `percent`, `cents`, `steps`")
        if (self.cents is None) != bool(self.of):
            raise ValueError("`of` names the items of a percentage")
        limits = [above for above, _ in self.steps]
        if sorted(set(limits)) != limits:
            raise ValueError("the limits of `steps` do not rise")
        if self.of_all and not self.steps:
            raise ValueError("`of_all` belongs to `steps`")
        return self


class MinimumSpend(Part):
    """A least sum of some items in a period."""

    cents: Cents = Field(description="least sum, cents")
    counts: Words = Field(description="items that count; `options`: all option fees")


class MinimumTerm(Part):
    """What who leaves before the term's end pays."""

    months: Annotated[int, Field(ge=1, le=120), BeforeValidator(whole)] = Field(description="length of the term")
    percent_of_remaining_fees: Percent = Field(description="percent of the fee for each period left")
    max: Cents | None = Field(None, description="most, cents")
    item: Name = Field(description="line item")


class Pack(Part):
    """A prepaid pack that renews while the credit covers it."""

    price: Cents = Field(description="cents")
    days: Annotated[int, Field(ge=1, le=366), BeforeValidator(whole)] = Field(
        description="whole days, booking included"
    )
    minutes: Annotated[int, Field(ge=0), BeforeValidator(whole)] = Field(0, description="minutes of the pack")
    mb: Megabytes = Field(Decimal(0), description="megabytes at full speed")


class Bonus(Part):
    """Credit that a top-up gives beside its money; it pays for some uses only, and expires."""

    percent: Percent = Field(description="percent of a top-up")
    from_cents: Cents = Field(Decimal(0), description="least top-up that gives it")
    days: Annotated[int, Field(ge=1, le=3660), BeforeValidator(whole)] | None = Field(
        None, description="whole days for which it holds, that of the top-up included; for ever where not told"
    )
    pays: Annotated[
        tuple[Literal["calls", "messages", "data", "pack"], ...], BeforeValidator(names), Field(min_length=1)
    ] = Field(description="what it pays for")
    used: Literal["first", "last"] = Field("first", description="it pays before, or after, the subscriber's own credit")


class FullPlan(Part):
    """One plan of a full rate card.

    Examples
    --------
    >>> FullPlan.model_validate({"plan_id": "cero", "fee": "0"}).fee_item
    'fee'
    """

    plan_id: Word = Field(description="stable identifier")
    name: Name | None = Field(None, description="name a subscriber knows")
    fee: Cents = Field(Decimal(0), description="cents a period")
    fee_item: Name = Field("fee", description="line item of the fee")
    fee_changes: tuple[FeeChange, ...] = Field((), description="the fee from a period on; the last begun holds")
    prorate_first: bool = Field(False, description="charge the first period by its days")
    prorate_last: bool = Field(False, description="charge the last period by its days")
    activation: Cents = Field(Decimal(0), description="cents, once, of a newcomer")
    discounts: tuple[Discount, ...] = Field((), description="money off")
    minimum_spend: MinimumSpend | None = Field(None, description="least sum of some items")
    minimum_term: MinimumTerm | None = Field(None, description="term and price of leaving early")
    rates: tuple[Rate, ...] = Field((), description="the first that fits holds")
    allowances: tuple[Allowance, ...] = Field((), description="in order of use")
    passes: tuple[Pass, ...] = Field((), description="the first that fits is bought")
    caps: tuple[Cap, ...] = Field((), description="limits on money")
    not_sold: tuple[NotSold, ...] = Field((), description="uses that have no price, for they are not sold")
    per_minute: Cents | None = Field(None, description="prepaid: cents a started minute")
    per_message: Cents | None = Field(None, description="prepaid: cents a message")
    per_mb: Cents | None = Field(None, description="prepaid: cents a megabyte")
    pack: Pack | None = Field(None, description="prepaid: the pack")
    bonus: Bonus | None = Field(None, description="prepaid: credit that top-ups give beside their money")


class Option(Part):
    """What can be added to a plan for a fee."""

    option_id: Word = Field(description="stable identifier")
    name: Name = Field(description="name a subscriber knows")
    fee: Cents = Field(Decimal(0), description="cents a period, always whole")
    group: Word | None = Field(None, description="one option of a group at most")
    only_with: Words | None = Field(None, description="plans with which it can be held")
    requires: Words = Field((), description="options that must be held as well")
    starts: Literal["day", "next_day"] | None = Field(
        None, description="bought one by one, from its day or the next one to the period's end; held where not told"
    )
    max_per_period: Annotated[int, Field(ge=1), BeforeValidator(whole)] | None = Field(
        None, description="most that are bought in a period"
    )
    rates: tuple[Rate, ...] = Field((), description="come before the plan's")
    allowances: tuple[Allowance, ...] = Field((), description="used after the plan's")
    passes: tuple[Pass, ...] = Field((), description="come before the plan's")
    caps: tuple[Cap, ...] = Field((), description="limits on money")

    @model_validator(mode="after")
    def _one_by_one(self) -> Option:
        if self.starts is None:
            if self.max_per_period is not None:
                raise ValueError("`max_per_period` belongs to an option with `starts`, which is bought one by one")
            return self
        if self.rates or self.passes or self.caps or self.group is not None:
            raise ValueError("an option with `starts` holds allowances only, and no `group`")
        if not all(row.adds_up for row in self.allowances):
            raise ValueError(
                "an option with `starts` holds amounts of a period, without limits, `within` or `rollover`"
            )
        return self


class PoolOver(Part):
    """Started blocks beyond a pool."""

    item: Name = Field(description="line item")
    block_mb: BlockSize = Field(description="size of a block, megabytes")
    per_block: Cents = Field(description="cents a started block")
    max: Cents | None = Field(None, description="most a period, cents")


class Pool(Part):
    """Data at home that all lines share."""

    payer: Word = Field(description="the line that pays")
    fee: Cents = Field(Decimal(0), description="cents a period")
    item: Name = Field("pool", description="line item of the fee")
    allowance_mb: Megabytes = Field(description="megabytes a period, whatever lines join")
    over: PoolOver | None = Field(None, description="what goes beyond; free where not told")


class Period(Part):
    """How time is cut into billing periods."""

    kind: Literal["calendar_month", "days", "anniversary"] = Field("calendar_month", description="rule")
    length: Annotated[int, Field(ge=1, le=400), BeforeValidator(whole)] | None = Field(None, description="days")
    first_day: LocalDate | None = Field(None, description="first day of one period")
    day: Annotated[int, Field(ge=1, le=31), BeforeValidator(whole)] | None = Field(None, description="day of the month")

    @model_validator(mode="after")
    def _has_its_keys(self) -> Period:
        wanted = {
            "calendar_month": (False, False, False),
            "days": (True, True, False),
            "anniversary": (False, False, True),
        }
        told = (self.length is not None, self.first_day is not None, self.day is not None)
        if told != wanted[self.kind]:
            raise ValueError(
                "kind days takes `length` and `first_day`, anniversary takes `day`, calendar_month neither"
            )
        return self


class MoneyRounding(Part):
    """Where money becomes whole cents."""

    each: Literal["item", "event"] = Field("item", description="the items only, or each charge first")
    how: Literal["half_up", "up"] = Field("half_up", description="how a charge of an event is rounded")
    to: Annotated[Decimal, Field(gt=0, le=1_000_000), BeforeValidator(number)] = Field(
        Decimal(1), description="cents to a multiple of which a charge of an event is rounded"
    )

    @model_validator(mode="after")
    def _items_half_up(self) -> MoneyRounding:
        if self.each == "item" and (self.how != "half_up" or self.to != 1):
            raise ValueError("items are rounded half up to the cent; `how: up` and `to` belong to `each: event`")
        return self


class Tax(Part):
    """Whether prices hold the tax."""

    prices: Literal["included", "excluded"] = Field("included", description="prices with or without tax")
    percent: Percent | None = Field(None, description="percent of the taxed items")

    @model_validator(mode="after")
    def _percent_where_excluded(self) -> Tax:
        if (self.prices == "excluded") != (self.percent is not None):
            raise ValueError("`percent` comes with `prices: excluded` only")
        return self


class FullCard(Part):
    """One version of a full rate card."""

    version: Word = Field(description="version of the card; returned with every bill")
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = Field(description="ISO 4217 code")
    timezone: Word = Field(description="zone of local time, as Europe/Madrid")
    period: Period = Field(default_factory=lambda: Period.model_validate({}), description="billing periods")
    rounding: MoneyRounding = Field(
        default_factory=lambda: MoneyRounding.model_validate({}), description="where money is rounded"
    )
    tax: Tax = Field(default_factory=lambda: Tax.model_validate({}), description="tax in or out of the prices")
    classes: dict[Word, Words] = Field({}, description="names for sets of classes")
    places: dict[Word, Words] = Field({}, description="names for sets of places")
    prefixes: dict[Word, Words] = Field({}, description="prefixes of the numbers of a class; the longest wins")
    bands: dict[Word, Band] = Field({}, description="named parts of the week")
    holidays: tuple[LocalDate, ...] = Field(
        (), max_length=1000, description="local days on which the bands of Sunday hold"
    )
    band_rule: Literal["start", "split"] = Field("start", description="price by the start, or split at a band's edge")
    prepaid: bool = Field(False, description="a bill is what was taken from the credit")
    pool: Pool | None = Field(None, description="data that all lines share")
    plans: tuple[FullPlan, ...] = Field(min_length=1, max_length=1000, description="all plans")
    options: tuple[Option, ...] = Field((), max_length=200, description="what can be added")
