"""Who is billed and for which periods: the request that goes with a full card and a table of events."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from planrec.billing.cards.value_types import Cents, Instant, LocalDate, Part, Word, Words
from planrec.billing.cards.values import names, whole

__all__ = ["AccountHolder", "BillRequest", "Choose", "Device", "PlanChange", "Purchase", "TopUp"]

_Subscribers = Annotated[tuple[Word, ...], BeforeValidator(names), Field(max_length=1_000_000)]


class PlanChange(Part):
    """The plan from a period on."""

    from_period: Word = Field(description="name of the first period")
    plan: Word = Field(description="plan held from then on")


class Device(Part):
    """A device paid in instalments, beside the plan."""

    cents: Cents = Field(description="one instalment")
    instalments: Annotated[int, Field(ge=1, le=120), BeforeValidator(whole)] = Field(description="number of them")


class TopUp(Part):
    """Money put on a prepaid credit."""

    at: Instant = Field(description="instant; local time of the card where it has no offset")
    cents: Annotated[int, Field(ge=0, le=1_000_000_000), BeforeValidator(whole)] = Field(description="cents")


class Purchase(Part):
    """An option bought on a day, of those that are bought one by one."""

    option: Word = Field(description="the option")
    on: LocalDate = Field(description="local day")


class AccountHolder(Part):
    """One subscriber: what is held, and since when."""

    plan: Word | None = Field(None, description="plan held in the first period billed")
    first: LocalDate | None = Field(
        None, alias="from", description="first day; there before, unknown how long, if not told"
    )
    last: LocalDate | None = Field(None, alias="to", description="last day")
    plan_changes: tuple[PlanChange, ...] = Field((), description="later plans")
    options: Words = Field((), description="options held in all periods")
    bought: tuple[Purchase, ...] = Field((), max_length=10_000, description="options bought one by one")
    device: Device | None = Field(None, description="a device in instalments")
    topups: tuple[TopUp, ...] = Field((), description="prepaid: money put on the credit")
    flags: Words = Field((), description="what discounts ask for, as autopay")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> AccountHolder:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("`to` lies before `from`")
        return self


class Choose(Part):
    """Find the plan and the options with the least sum over all periods."""

    who: _Subscribers = Field(alias="for", description="subscribers")
    plans: Words = Field(min_length=1, description="plans to choose from")
    options: Words = Field((), description="options to choose from")


class BillRequest(Part):
    """Periods and subscribers to bill."""

    bill: Words = Field(min_length=1, description="periods, in order")
    subscribers: dict[Word, AccountHolder] = Field(description="by identifier")
    billed_until: Word | None = Field(None, description="last of the periods whose bills are out")
    choose: Choose | None = Field(None, description="choose plans and options instead of billing those held")
