"""Whom simulated subscribers call, where they travel and which plan of a full card they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from common_utils.config import BaseConfig
from common_utils.config.marked_yaml import read_marked
from common_utils.errors import ConfigError
from planrec.billing.cards import FullCard

__all__ = ["EventTraits", "Zone", "load_traits", "refuse_unknown"]

_Share = Annotated[float, Field(ge=0, le=1)]
_Shares = Annotated[dict[str, Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]


class Zone(BaseConfig):
    """A zone that subscribers travel to.

    Examples
    --------
    >>> Zone(share=0.2).plans
    ()
    """

    share: float = Field(gt=0, le=1, description="share of trips that lead there")
    plans: tuple[str, ...] = Field((), description="plans that can be used there; all if none is named")
    calls: tuple[str, ...] = Field((), description="classes called from there, others from home; all if none is named")


class EventTraits(BaseConfig):
    """What events for a full card have beyond day, minutes and megabytes.

    Examples
    --------
    >>> traits = EventTraits(card="card.yaml", plans={"duo": 1}, calls={"mobile": 1}, messages={"mobile": 1})
    >>> traits.travel
    0.08
    """

    card: Path = Field(description="the full card, relative to this file")
    plans: _Shares = Field(description="share of subscribers on each plan of the card; held in all months")
    calls: _Shares = Field(description="share of calls to each class of number")
    messages: _Shares = Field(description="share of messages to each class of number")
    zones: dict[str, Zone] = Field({}, description="where trips lead")
    travel: _Share = Field(0.08, description="share of months with a trip of 3 to 10 days")
    received: _Share = Field(0.5, description="calls received for each call made")
    own_mix: float = Field(
        8.0, gt=0, le=10_000, description="how alike subscribers are in whom they call; more is more alike"
    )

    @model_validator(mode="after")
    def _shares_add_up(self) -> EventTraits:
        zones = {"zones": {name: zone.share for name, zone in self.zones.items()}} if self.zones else {}
        for name, shares in ({"plans": self.plans, "calls": self.calls, "messages": self.messages} | zones).items():
            total = sum(shares.values())
            if abs(total - 1) > 1e-9:
                raise ValueError(f"the shares of `{name}` add up to {total:g}, not 1")
        return self


def load_traits(path: Path) -> EventTraits:
    """Read a file of traits; its card is found from the file's folder.

    Raises
    ------
    ConfigError
        If the file cannot be read or a key or value is wrong.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"traits {path}: cannot be read: {error.strerror}.") from error
    traits = read_marked(EventTraits, data, f"traits {path}", strict=True)
    return traits.model_copy(update={"card": path.parent / traits.card})


def refuse_unknown(traits: EventTraits, card: FullCard) -> None:
    """Refuse plans, classes and zones that the card does not know.

    Raises
    ------
    ConfigError
        Naming the first.
    """
    owners = (*card.plans, *card.options)
    rows = [row for owner in owners for row in (*owner.rates, *owner.allowances)]
    groups = {name: set(members) for name, members in (card.classes | card.places).items()}
    classes = {*card.prefixes, *(c for row in rows for c in row.to or ())}
    places = {p for row in rows for p in row.at or ()} | {p for owner in owners for q in owner.passes for p in q.at}
    for known in (classes, places):
        known |= {member for name in known & set(groups) for member in groups[name]}
    plans = {plan.plan_id for plan in card.plans}
    held = {plan for zone in traits.zones.values() for plan in zone.plans}
    for key, named, known in (
        ("plans", {*traits.plans, *held}, plans),
        ("calls", {*traits.calls, *(c for zone in traits.zones.values() for c in zone.calls)}, classes),
        ("messages", set(traits.messages), classes),
        ("zones", set(traits.zones), places),
    ):
        unknown = sorted(named - known)
        if unknown:
            raise ConfigError(f"traits: {key}: {unknown[0]!r} is not in card {card.version}.")
