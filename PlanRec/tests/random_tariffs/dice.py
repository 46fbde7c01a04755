"""Randomness that remembers what it drew, and the constructs that have to be drawn.

They are those of the neutral notation, and the keys of the card that the notation lacks.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

__all__ = ["CLASSES", "CONSTRUCTS", "DAYS", "PLACES", "Dice", "Row"]

Row = dict[str, Any]
CLASSES = ["on_net", "off_net", "fixed", "intl", "premium"]
PLACES = ["home", "eu", "world"]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
PRICES = ["0", "1", "3.63", "9", "18.15", "0.24", "12.5", "0.007", "60", "150"]
# Every construct that a thousand cases must hold; the count of each is printed by `make tariff-check`.
CONSTRUCTS = [
    "period calendar_month",
    "period days",
    "period anniversary",
    "gap between listed periods",
    "tax excluded",
    "rounding event half_up",
    "rounding event up",
    "rounding to another unit",
    "bands",
    "band_rule split",
    "holidays",
    "rate when",
    "increment",
    "setup",
    "slots",
    "minimum",
    "also per_call",
    "also per_minute",
    "call_in rate",
    "per_mb",
    "block session",
    "block day",
    "block period",
    "day_minimum",
    "throttled",
    "day_fee",
    "day_fee beyond",
    "ladder",
    "ladder beyond",
    "allowance unlimited",
    "allowance period",
    "allowance day",
    "covers_setup false",
    "per_call_max",
    "per_day_max",
    "per_week_max",
    "numbers of a period",
    "numbers of a week",
    "numbers of a day",
    "within",
    "rollover first",
    "rollover last",
    "rollover forever",
    "rollover max",
    "bank",
    "pass 24h",
    "pass day",
    "max_per_period",
    "cap free",
    "cap refuse",
    "caps share an item",
    "cap on a pass",
    "fee_item",
    "fee_changes",
    "prorate_first",
    "prorate_last",
    "activation",
    "discount percent",
    "discount cents",
    "discount steps",
    "of_all",
    "first_periods",
    "after_periods",
    "needs",
    "minimum_spend",
    "minimum_spend options",
    "minimum_term",
    "device",
    "from",
    "to",
    "plan_changes",
    "option held",
    "option rates",
    "option pass",
    "option cap",
    "option allowance",
    "option from day",
    "option from next_day",
    "option bought",
    "choose",
    "group",
    "only_with",
    "requires",
    "pool",
    "pool over max",
    "prepaid",
    "pack",
    "topup",
    "bonus first",
    "bonus last",
    "bonus that expires",
    "no offset",
    "offset of another zone",
    "equal instants",
    "zero quantity",
    "clock change",
    "month end",
    "leap day",
    "one second",
    "least megabytes",
    "block of 1,024 bytes",
    "exactly an amount",
    "one over an amount",
]


class Dice:
    """Randomness that remembers what it drew."""

    def __init__(self, seed: int) -> None:
        self.random, self.drawn = random.Random(seed), Counter[str]()  # noqa: S311 - repeatable

    def some(self, chance: float, name: str = "") -> bool:
        hit = self.random.random() < chance
        if hit and name:
            self.drawn[name] += 1
        return hit

    def pick(self, values: list[Any], prefix: str = "") -> Any:
        value = self.random.choice(values)
        if prefix:
            self.drawn[f"{prefix}{value}"] += 1
        return value

    def few(self, values: list[str], least: int = 1) -> list[str]:
        return sorted(self.random.sample(values, self.random.randint(least, len(values))), key=values.index)

    def tick(self, name: str) -> None:
        self.drawn[name] += 1

    def price(self) -> str:
        return (
            self.pick(PRICES) if self.some(0.7) else f"{self.random.randint(0, 300)}.{self.random.randint(0, 99):02d}"
        )
