"""A card made ready for arithmetic: rows in order of use, line items with their denominators, integer prices.

Each item has one denominator that holds all its prices exactly: a minute's price is per second, a megabyte's per
millionth. Items that share a spending cap share the denominator, so that the cap can cut them. A card whose largest
possible charge is beyond 64 bits is refused here, with the key that causes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import lcm

from common_utils.errors import ConfigError
from planrec.billing.cards import Allowance, Cap, FullCard, FullPlan, Option, Pass, Rate
from planrec.billing.events import MICRO

__all__ = ["MOST_EVENTS", "MOST_MEGABYTES", "MOST_SECONDS", "CardRow", "Owner", "Sheet"]

# What one subscriber can use in one period; more is refused, so that no sum of charges leaves 64 bits.
MOST_SECONDS = 5_000_000
MOST_MEGABYTES = 1_000_000
MOST_EVENTS = 100_000
# Of one price; a unit of use meets one price of an item and its call at most three more, so sums stay below 2**62.
_LARGEST = 2**60
_LARGEST_BILL = 2**58  # cents; 31 such bills add up within 64 bits
_FINEST = 4096  # blocks of 1,024 bytes to the megabyte of a million need 16


@dataclass(frozen=True)
class Owner:
    """The plan or the option that a row belongs to; positions in the card, -1 for the other."""

    plan: int = -1
    option: int = -1


@dataclass(frozen=True)
class CardRow:
    """One row of the card with its owner and where it stands."""

    owner: Owner
    key: str
    rate: Rate | None = None
    allowance: Allowance | None = None
    bought: Pass | None = None
    cap: Cap | None = None
    single: bool = False  # of an option that is bought one by one


@dataclass
class Sheet:
    """All rows of a card in order of use.

    Attributes
    ----------
    card : FullCard
    unit : int
        Parts of a megabyte in which data are counted: millionths, or finer ones where a block of the card needs them;
        given where the card is a part of another.
    """

    card: FullCard
    unit: int = 0
    rates: list[CardRow] = field(init=False)
    allowances: list[CardRow] = field(init=False)
    passes: list[CardRow] = field(init=False)
    caps: list[CardRow] = field(init=False)

    def __post_init__(self) -> None:
        self.unit = self.unit or data_unit(self.card)
        plans = [(Owner(plan=i), p, f"plans.{p.plan_id}") for i, p in enumerate(self.card.plans)]
        options = [(Owner(option=i), o, f"options.{o.option_id}") for i, o in enumerate(self.card.options)]
        both: list[tuple[Owner, FullPlan | Option, str]] = [*options, *plans]
        self.rates = [CardRow(w, f"{k}.rates[{i}]", rate=r) for w, o, k in both for i, r in enumerate(o.rates)]
        self.passes = [CardRow(w, f"{k}.passes[{i}]", bought=r) for w, o, k in both for i, r in enumerate(o.passes)]
        self.caps = [CardRow(w, f"{k}.caps[{i}]", cap=r) for w, o, k in both for i, r in enumerate(o.caps)]
        later: list[tuple[Owner, FullPlan | Option, str]] = [*plans, *options]
        self.allowances = [
            CardRow(w, f"{k}.allowances[{i}]", allowance=r, single=isinstance(o, Option) and o.starts is not None)
            for w, o, k in later
            for i, r in enumerate(o.allowances)
        ]
        self._refuse_too_large()

    def _prices(self) -> Iterator[tuple[str, str, Fraction, int]]:
        """Yield (item, key, price of a counted unit, most units of a period) for every price of use."""
        for row in self.rates:
            if row.rate is not None:
                yield from _prices_of_rate(row.rate, row.key, self.unit)
        for row in self.allowances:
            within = row.allowance.within if row.allowance else None
            if within is not None:
                key, price = f"{row.key}.within.beyond.per_mb", Fraction(within.beyond.per_mb) / self.unit
                yield within.beyond.item, key, price, MOST_MEGABYTES * self.unit
        for row in self.passes:
            if row.bought is not None:
                yield row.bought.item, f"{row.key}.fee", Fraction(row.bought.fee), MOST_EVENTS

    @cached_property
    def items(self) -> dict[str, int]:
        """Line items of use and the denominator of each."""
        found: dict[str, int] = {}
        for item, _, price, _ in self._prices():
            found[item] = lcm(found.get(item, 1), price.denominator)
        extra = self._denominator_of_all()
        found = {item: lcm(d, extra) for item, d in found.items()}
        groups: list[tuple[set[str], int]] = []
        for row in self.caps:
            if row.cap is None:
                continue
            names, common = set(row.cap.items) & set(found), Fraction(row.cap.amount).denominator
            for other in [g for g in groups if g[0] & names]:
                groups.remove(other)
                names, common = names | other[0], lcm(common, other[1])
            groups.append((names, lcm(common, *(found[n] for n in names))))
        for names, common in groups:
            found.update(dict.fromkeys(names, common))
        return found

    def _denominator_of_all(self) -> int:
        rounding = self.card.rounding
        common = 2 * Fraction(rounding.to).denominator if rounding.each == "event" else 1
        if self.card.band_rule == "split":  # a call's item is the start's, its price each second's own
            calls = [p for row in self.rates if row.rate for _, p in row.rate.per_minute]
            common = lcm(common, *(Fraction(p, 60).denominator for p in map(Fraction, calls)))
        return common

    def _refuse_too_large(self) -> None:
        for item, key, price, most in self._prices():
            if int(price * self.items[item]) * most >= _LARGEST:
                raise ConfigError(
                    f"card {self.card.version}: {key}: the largest charge of a period is beyond 64 bits at this "
                    "price with these decimals; write fewer decimals or a lower price."
                )
        self._refuse_large_bills()
        for key, item, amount in self._limits():
            if amount * self.items[item] >= _LARGEST:
                raise ConfigError(
                    f"card {self.card.version}: {key}: beyond 64 bits over the decimals of the prices of {item!r}; "
                    "write fewer decimals in these prices or a lower amount."
                )

    def _refuse_large_bills(self) -> None:
        """Refuse prices that are within the bound of each item, but whose bill with discounts and tax is not."""
        prices = [(price * most, key) for _, key, price, most in self._prices()]
        if not prices:
            return
        taken = [
            d.percent or max((p for _, p in d.steps), default=Decimal(0)) for p in self.card.plans for d in p.discounts
        ]
        factor = (1 + Fraction(self.card.tax.percent or 0) / 100) * (1 + Fraction(sum(taken, Decimal(0))) / 100)
        largest, key = max(prices)
        if sum(cents for cents, _ in prices) * factor >= _LARGEST_BILL:
            raise ConfigError(
                f"card {self.card.version}: {key}: a bill of all prices with discounts and tax is beyond 64 bits, and "
                f"most of it is this price ({float(largest):.1e} cents a period); write a lower one."
            )

    def _limits(self) -> Iterator[tuple[str, str, Fraction]]:
        """Yield (key, item, cents) of amounts that are held over an item's denominator but are no price of use."""
        for row in self.caps:
            for item in (i for i in (row.cap.items if row.cap else ()) if i in self.items):
                yield f"{row.key}.amount", item, Fraction(row.cap.amount if row.cap else 0)
        if self.card.rounding.each == "event":  # rounding adds up to one unit to a charge
            yield from (("rounding.to", item, 2 * Fraction(self.card.rounding.to)) for item in self.items)

    def parts(self, megabytes: Decimal) -> int:
        """Return megabytes of the card in the unit in which data are counted."""
        return int(Fraction(megabytes) * self.unit)

    def in_item(self, item: str, price: Decimal | Fraction, per: int = 1) -> int:
        """Return a price divided by `per` as a numerator over the item's denominator."""
        exact = Fraction(price) / per * self.items[item]
        if exact.denominator != 1:
            raise AssertionError(f"{item}: {price} is not whole over {self.items[item]}")
        return exact.numerator


def data_unit(card: FullCard) -> int:
    """Return the parts of a megabyte that hold every block and amount of a card exactly, at least a million.

    Raises
    ------
    ConfigError
        If a value would need parts too fine to count in 64 bits.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "data", "item": "data", "block_mb": "0.009765625", "per_block": "1", "rounded": "session"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", "rates": [rate]}]}
    >>> data_unit(parse_card(tree, "card"))
    8000000
    """
    unit = MICRO
    for key, value in _megabytes(card):
        unit = lcm(unit, Fraction(value).denominator)
        if unit > MICRO * _FINEST:
            raise ConfigError(f"card {card.version}: {key}: {value} MB has more decimals than can be counted.")
    return unit


def _megabytes(card: FullCard) -> Iterator[tuple[str, Decimal]]:
    owners: list[tuple[str, FullPlan | Option]] = [(f"plans.{p.plan_id}", p) for p in card.plans]
    owners += [(f"options.{o.option_id}", o) for o in card.options]
    for key, owner in owners:
        for i, rate in enumerate(owner.rates):
            steps = rate.ladder.steps if rate.ladder else ()
            blocks = [rate.block_mb, rate.ladder.beyond.block_mb if rate.ladder and rate.ladder.beyond else None]
            yield from ((f"{key}.rates[{i}]", v) for v in (*blocks, rate.includes_mb, *(s for s, _ in steps)) if v)
        for i, row in enumerate(a for a in owner.allowances if "data" in a.kind):
            amounts = [row.within.amount if row.within else None, row.rollover.max if row.rollover else None]
            amounts += [row.amount if row.amount != "unlimited" else None]
            yield from ((f"{key}.allowances[{i}]", v) for v in amounts if v)
    if card.pool is not None:
        yield "pool.allowance_mb", card.pool.allowance_mb
        if card.pool.over is not None:
            yield "pool.over.block_mb", card.pool.over.block_mb


def _prices_of_rate(rate: Rate, key: str, unit: int) -> Iterator[tuple[str, str, Fraction, int]]:
    item = rate.item or ""
    for also in rate.also:
        yield also.item, f"{key}.also.per_call", Fraction(also.per_call), MOST_EVENTS
        yield also.item, f"{key}.also.per_minute", Fraction(also.per_minute) / 60, 2 * MOST_SECONDS
    yield item, f"{key}.setup", Fraction(rate.setup), MOST_EVENTS
    yield item, f"{key}.minimum", Fraction(rate.minimum), MOST_EVENTS
    for _, price in rate.per_minute:
        yield item, f"{key}.per_minute", Fraction(price) / 60, 2 * MOST_SECONDS
    if rate.each is not None:
        yield item, f"{key}.each", Fraction(rate.each), MOST_EVENTS
    yield from _prices_of_data(rate, item, key, unit)


def _prices_of_data(rate: Rate, item: str, key: str, unit: int) -> Iterator[tuple[str, str, Fraction, int]]:
    if rate.per_mb is not None:
        yield item, f"{key}.per_mb", Fraction(rate.per_mb) / unit, MOST_MEGABYTES * unit
    if rate.block_mb is not None and rate.per_block is not None:
        most = int(MOST_MEGABYTES / Fraction(rate.block_mb)) + MOST_EVENTS
        yield item, f"{key}.per_block", Fraction(rate.per_block), most
    if rate.day_minimum:
        yield item, f"{key}.day_minimum", Fraction(rate.day_minimum), 400
    if rate.day_fee is not None:
        yield item, f"{key}.day_fee", Fraction(rate.day_fee), 400
    if rate.beyond is not None:
        price = Fraction(rate.beyond.per_mb) / unit
        yield rate.beyond.item, f"{key}.beyond.per_mb", price, MOST_MEGABYTES * unit
    if rate.ladder is not None:
        for _, fee in rate.ladder.steps:
            yield item, f"{key}.ladder.steps", Fraction(fee), 1
        if rate.ladder.beyond is not None:
            b = rate.ladder.beyond
            yield (
                b.item,
                f"{key}.ladder.beyond.per_block",
                Fraction(b.per_block),
                int(MOST_MEGABYTES / Fraction(b.block_mb)) + 1,
            )
