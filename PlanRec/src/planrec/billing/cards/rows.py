"""Rows of a card that meet events: rates, allowances, passes and caps, with the bands in which they hold."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from planrec.billing.cards.value_types import (
    Amount,
    BlockSize,
    Cents,
    ClockTime,
    Days,
    Kinds,
    LocalDate,
    Megabytes,
    Minutes,
    Name,
    Part,
    Word,
    Words,
)
from planrec.billing.cards.values import slots, span, whole

__all__ = [
    "Allowance",
    "Also",
    "Band",
    "Bank",
    "Beyond",
    "Cap",
    "Ladder",
    "LadderBeyond",
    "NotSold",
    "NumbersLimit",
    "Pass",
    "Rate",
    "Rollover",
    "Window",
    "Within",
]


class NamedSets(Protocol):
    """What rows ask of their card: its names for sets of classes and of places."""

    @property
    def classes(self) -> Mapping[str, tuple[str, ...]]:
        """Names for sets of classes."""
        ...

    @property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Names for sets of places."""
        ...


class Window(Part):
    """A part of the week by the local clock; `from` is included, `to` is not."""

    days: Days = Field(description="days of the week on which the window holds")
    first: ClockTime = Field(alias="from", description="HH:MM, included")
    last: ClockTime = Field(alias="to", description="HH:MM, not included; 24:00 is midnight")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Window:
        if self.last <= self.first:
            raise ValueError("`to` is not after `from`; write a window over midnight as two")
        return self


Band: TypeAlias = tuple[Window, ...]


class Beyond(Part):
    """What the megabytes beyond a limit cost."""

    item: Name = Field(description="line item of the charge")
    per_mb: Cents = Field(description="cents a megabyte, exact part")


class LadderBeyond(Part):
    """Started blocks beyond the last step of a ladder."""

    item: Name = Field(description="line item of the charge")
    block_mb: BlockSize = Field(description="size of a block, megabytes")
    per_block: Cents = Field(description="cents a started block")


class Ladder(Part):
    """A fee by the step in which the period's megabytes fall."""

    steps: tuple[tuple[Megabytes, Cents], ...] = Field(min_length=1, description="[up to megabytes, cents]")
    beyond: LadderBeyond | None = Field(None, description="blocks beyond the last step")

    @model_validator(mode="after")
    def _steps_rise(self) -> Ladder:
        limits = [limit for limit, _ in self.steps]
        if sorted(set(limits)) != limits:
            raise ValueError("the limits of `steps` do not rise")
        return self


class Also(Part):
    """A further item of every call that takes place."""

    item: Name = Field(description="line item of the charge")
    per_call: Cents = Field(Decimal(0), description="cents a call")
    per_minute: Cents = Field(Decimal(0), description="cents a billed minute")


class Rate(Part):
    """What use costs that no allowance covers; the first that fits holds."""

    kind: Kinds = Field(description="call, call_in, sms, data; one or a list")
    to: Words | None = Field(None, description="classes of the number called; any where not told")
    at: Words = Field(("home",), description="places; home where not told")
    when: Word | None = Field(None, description="a band; any time where not told")
    valid_from: LocalDate | None = Field(None, description="first local day on which the price holds")
    valid_to: LocalDate | None = Field(None, description="last local day on which the price holds")
    item: Name | None = Field(None, description="line item of the charge")
    increment: Annotated[tuple[int, int], BeforeValidator(span)] = Field(
        (1, 1), description="FIRST/STEP in seconds: the least billed, then whole steps"
    )
    setup: Cents = Field(Decimal(0), description="cents a call")
    per_minute: Annotated[tuple[tuple[int, Cents], ...], BeforeValidator(slots)] = Field(
        (), description="cents a minute, or [[from second, cents], ...]"
    )
    minimum: Cents = Field(Decimal(0), description="least price of a call that is not covered whole")
    also: tuple[Also, ...] = Field((), max_length=5, description="further items of each call")
    each: Cents | None = Field(None, description="cents a message")
    per_mb: Cents | None = Field(None, description="cents a megabyte, exact part")
    block_mb: BlockSize | None = Field(None, description="size of a data block, megabytes")
    per_block: Cents | None = Field(None, description="cents a started block")
    rounded: Literal["session", "day", "period"] | None = Field(
        None, description="blocks of a session, of the sum of a local day or of the period's"
    )
    day_minimum: Cents = Field(
        Decimal(0), description="least price of the megabytes of a local day, where there are any"
    )
    throttled: bool = Field(False, description="no charge; the megabytes are reported as slowed")
    day_fee: Cents | None = Field(None, description="cents on each local day with data")
    includes_mb: Megabytes = Field(Decimal(0), description="megabytes that a day fee covers")
    beyond: Beyond | None = Field(None, description="what a day's further megabytes cost")
    ladder: Ladder | None = Field(None, description="fee by the period's megabytes")

    @property
    def of_days(self) -> bool:
        """Whether what it charges depends on how data are spread over days."""
        return self.day_fee is not None or self.rounded == "day" or self.day_minimum > 0

    @model_validator(mode="after")
    def _one_price(self) -> Rate:
        data_prices = [self.per_mb, self.block_mb, self.day_fee, self.ladder, self.throttled or None]
        calls, data = {"call", "call_in"} & set(self.kind), "data" in self.kind
        told = sum(price is not None for price in data_prices)
        if data and told != 1:
            raise ValueError("data needs one of `per_mb`, `block_mb`, `day_fee`, `ladder`, `throttled`")
        if not data and told:
            raise ValueError("a price of data on a rate without the kind data")
        if "sms" in self.kind and self.each is None:
            raise ValueError("messages need `each`")
        if not calls and (self.setup or self.per_minute or self.minimum or self.also):
            raise ValueError("`setup`, `per_minute`, `minimum` and `also` belong to calls")
        if (self.block_mb is None) != (self.per_block is None) or (self.block_mb is None) != (self.rounded is None):
            raise ValueError("`block_mb`, `per_block` and `rounded` come together")
        if self.day_minimum and self.per_mb is None and self.rounded not in ("session", "day"):
            raise ValueError("`day_minimum` goes with `per_mb`, or with blocks of a session or a day")
        if self.day_fee is None and (self.beyond is not None or self.includes_mb):
            raise ValueError("`includes_mb` and `beyond` belong to a `day_fee`")
        if self.item is None and self._charges():
            raise ValueError("`item` is missing")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("`valid_to` lies before `valid_from`")
        return self

    def _charges(self) -> bool:
        prices = [self.setup, self.minimum, self.each, self.per_mb, self.per_block, self.day_fee, self.day_minimum]
        return any(prices) or any(price for _, price in self.per_minute) or self.ladder is not None


class Within(Part):
    """A limit inside an allowance; what goes beyond it costs a surcharge and still counts for the allowance."""

    at: Words = Field(description="places to which the limit applies")
    amount: Megabytes = Field(description="megabytes of a period without surcharge")
    beyond: Beyond = Field(description="the surcharge")


class Rollover(Part):
    """What is left at a period's end is carried into the next."""

    used: Literal["first", "last"] = Field(description="before or after the period's own amount")
    lasts: Literal["1 period", "forever"] = Field(description="own amounts only, or carried ones as well")
    max: Amount | None = Field(None, description="most that is carried in")


class Bank(Part):
    """Unused quotas of some days of the week, used on later days of the same week."""

    collects: Days = Field(description="days whose unused quota is collected")
    spent_on: Days = Field(description="days on which the collected amount can be used")


class NumbersLimit(Part):
    """A limit on the different numbers to which an allowance covers use."""

    most: Annotated[int, Field(ge=1, le=100_000), BeforeValidator(whole)] = Field(description="so many numbers")
    per: Literal["period", "week", "day"] = Field(description="counted anew with each; weeks begin on Monday")


class Allowance(Part):
    """What is covered; allowances are used in the order of the list."""

    name: str = Field("", max_length=80, description="name a subscriber knows")
    kind: Kinds = Field(description="call, call_in, sms, data; one or a list")
    to: Words | None = Field(None, description="classes of the number called; any where not told")
    at: Words = Field(("home",), description="places; home where not told")
    when: Word | None = Field(None, description="a band; any time where not told")
    amount: Literal["unlimited"] | Amount = Field(description="unlimited, minutes, messages or megabytes")
    unit: Literal["minute"] | None = Field(None, description="minute for calls")
    per: Literal["period", "day"] = Field("period", description="the amount is for a period or for a local day")
    covers_setup: bool = Field(True, description="a call of which it takes a second pays no set-up")
    per_call_max: Minutes | None = Field(None, description="most minutes of one call")
    per_day_max: Minutes | None = Field(None, description="most minutes of one local day")
    per_week_max: Minutes | None = Field(None, description="most minutes of a week, Monday to Sunday, in a period")
    numbers: NumbersLimit | None = Field(None, description="covers use to so many different numbers, the first ones")
    within: Within | None = Field(None, description="a limit at some places, with a surcharge beyond it")
    rollover: Rollover | None = Field(None, description="what is left is carried into the next period")
    bank: Bank | None = Field(None, description="unused quotas of days used later in the week")

    @property
    def single_uses(self) -> bool:
        """Whether a limit makes it matter when, how long or to which number single calls were."""
        return self._limits_calls or self.numbers is not None

    @property
    def _limits_calls(self) -> bool:
        return any(most is not None for most in (self.per_call_max, self.per_day_max, self.per_week_max))

    @property
    def adds_up(self) -> bool:
        """Whether several of it are one of the sum of their amounts."""
        plain = self.within is None and self.rollover is None and not self.single_uses
        return plain and self.amount != "unlimited" and self.per == "period"

    @model_validator(mode="after")
    def _fits_together(self) -> Allowance:
        kinds = set(self.kind)
        calls = kinds & {"call", "call_in"}
        finite = self.amount != "unlimited"
        if finite and calls and (self.unit != "minute" or kinds - calls):
            raise ValueError("an amount of calls needs `unit: minute` and no other kind beside it")
        if finite and not calls and (self.unit is not None or len(kinds) > 1):
            raise ValueError("an amount is of one kind; `unit: minute` is for calls")
        if self.numbers is not None and kinds - {"call", "sms"}:
            raise ValueError("`numbers` are those of calls made and messages")
        if self._limits_calls and kinds - calls:
            raise ValueError("`per_call_max`, `per_day_max` and `per_week_max` are minutes of calls")
        if self.within is not None and kinds != {"data"}:
            raise ValueError("`within` is for data")
        if self.rollover is not None and (self.per == "day" or not finite):
            raise ValueError("`rollover` needs an amount of a period")
        if self.per_week_max is not None and self.per == "day":
            raise ValueError("`per_week_max` does not go with `per: day`; write the day's limit as `per_day_max`")
        if self.bank is not None and (self.per != "day" or not finite):
            raise ValueError("`bank` needs an amount `per: day`")
        return self


class Pass(Part):
    """Bought by the first use at a place; use counts as elsewhere while it lasts."""

    name: str = Field("", max_length=80, description="name a subscriber knows")
    at: Words = Field(description="places at which it is bought")
    kinds: Kinds = Field(("call", "call_in", "sms", "data"), description="kinds of use that buy it and that it serves")
    fee: Cents = Field(description="cents")
    lasts: Literal["24h", "day"] = Field(description="24 hours of elapsed time, or the local calendar day")
    treat_as: Word = Field(description="the place as which use counts")
    item: Name = Field(description="line item of the fee")
    max_per_period: Annotated[int, Field(ge=0), BeforeValidator(whole)] | None = Field(
        None, description="after so many in a period the next ones are free"
    )


class NotSold(Part):
    """A use that a plan does not sell: it needs no price, and an event of it is refused."""

    kind: Kinds = Field(description="call, call_in, sms, data; one or a list")
    to: Words | None = Field(None, description="classes of the number called; any where not told")
    at: Words = Field(("home",), description="places; home where not told")

    def fits(self, sets: NamedSets, kind: str, to: str, at: str) -> bool:
        """Return whether a use of a kind, to a class and at a place, is one of these; `sets` is the card."""
        places = {m for p in self.at for m in sets.places.get(p, (p,))}
        classes = {m for c in self.to or () for m in sets.classes.get(c, (c,))}
        return kind in self.kind and at in places and (self.to is None or to in classes)


class Cap(Part):
    """A limit on the sum of some items in a period."""

    name: str = Field("", max_length=80, description="name a subscriber knows")
    items: Words = Field(description="items that count")
    amount: Cents = Field(description="cents a period")
    mode: Literal["free", "refuse"] = Field(description="further use is free, or does not take place")
