"""The scheme of cells: all that decides how a card's use is summed, and nothing of what it costs.

Two cards with one scheme differ in prices, fees and allowances only, so that the cells of one price the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

import numpy as np

from planrec.billing.cards import FullCard, Rate
from planrec.billing.events import CALL, CALL_IN, DATA
from planrec.billing.rating import CardCells, Sheet, decimal_text

__all__ = ["CellScheme", "Increment", "scheme_of"]

_FORMAT = 1


class Increment(NamedTuple):
    """How use is counted: `label` stands in files; first and step in seconds of a call or parts of a megabyte."""

    label: str
    first: int
    step: int


@dataclass(frozen=True)
class CellScheme:
    """What decides how use becomes cells.

    Attributes
    ----------
    card : FullCard
    unit : int
        Parts of a megabyte in which data are counted.
    calls : tuple of Increment
        Of all rates of calls, and 1/1, which calls without a rate have.
    data : tuple of Increment
        Exact, and the blocks of a session.
    slots : tuple of int
        Seconds of a call from which a price of the card begins, but for 0.
    dates : tuple of str
        Days from which a price begins or no longer holds, YYYY-MM-DD, after "" for the time before the first.
    bands : tuple of str
        Bands that hold together, in order of the alphabet, joined by +; "" where none does.
    """

    card: FullCard
    unit: int
    calls: tuple[Increment, ...]
    data: tuple[Increment, ...]
    slots: tuple[int, ...]
    dates: tuple[str, ...]
    bands: tuple[str, ...]

    def increments(self, kind: int) -> tuple[Increment, ...]:
        """Return the increments by which a kind of use is counted."""
        if kind in (CALL, CALL_IN):
            return self.calls
        return self.data if kind == DATA else (Increment("exact", 1, 1),)

    @cached_property
    def sheet(self) -> Sheet:
        """The rows of the card."""
        return Sheet(self.card)

    @cached_property
    def digest(self) -> str:
        """The sha256 of the scheme as JSON, in hexadecimal."""
        card = self.card
        period = card.period.model_dump(mode="json", exclude_none=True)
        told = {
            "format": _FORMAT,
            "timezone": card.timezone,
            "period": period,
            "bands": {name: [w.model_dump(mode="json") for w in windows] for name, windows in card.bands.items()},
            "holidays": sorted(d.isoformat() for d in card.holidays),
            "dates": self.dates,
            "prefixes": {name: sorted(group) for name, group in card.prefixes.items()},
            "calls": [i.label for i in self.calls],
            "slots": self.slots,
            "data": [i.label for i in self.data],
            "unit": self.unit,
        }
        return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    @property
    def words(self) -> str:
        """What the card counts by, for a message."""
        parts = [f"zone {self.card.timezone}", f"calls by {', '.join(i.label for i in self.calls)}"]
        parts += [f"seconds beyond {', '.join(map(str, self.slots))}"] if self.slots else []
        parts += [f"data {', '.join(i.label for i in self.data)}"]
        parts += [f"bands {', '.join(self.card.bands)}"] if self.card.bands else []
        parts += [f"prices from {', '.join(self.dates[1:])}"] if len(self.dates) > 1 else []
        return "; ".join(parts)

    @property
    def needed(self) -> str:
        """What to do about cells by another scheme, for a message."""
        return (
            f"Needed are cells by {self.words}. Count the events again with `planrec bill --card --accounts --events "
            "--cells-output`."
        )


def scheme_of(card: FullCard) -> CellScheme:
    """Return the scheme of a card's cells.

    Examples
    --------
    >>> from planrec.billing.cards import parse_card
    >>> rate = {"kind": "call", "item": "calls", "per_minute": [["0", "0"], ["300", "3.63"]], "increment": "60/1"}
    >>> tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", "rates": [rate]}]}
    >>> scheme = scheme_of(parse_card(tree, "card"))
    >>> [i.label for i in scheme.calls], scheme.slots
    (['1/1', '60/1'], (300,))
    >>> dearer = {**rate, "per_minute": [["0", "1"], ["300", "9"]]}
    >>> scheme_of(parse_card({**tree, "plans": [{"plan_id": "b", "rates": [dearer]}]}, "card")).digest == scheme.digest
    True
    """
    sheet = Sheet(card)
    cells = CardCells(sheet, ("",), ("home",), [(0, np.zeros(len(card.options), dtype=bool))])
    rates = list(_rates(card))
    spans = {(1, 1)} | {r.increment for r in rates if {"call", "call_in"} & set(r.kind)}
    blocks = {sheet.parts(r.block_mb) for r in rates if r.block_mb is not None and r.rounded == "session"}
    return CellScheme(
        card,
        sheet.unit,
        tuple(Increment(f"{a}/{b}", a, b) for a, b in sorted(spans)),
        (
            Increment("exact", 1, 1),
            *(Increment(f"{decimal_text(b, sheet.unit)} MB", b, b) for b in sorted(blocks)),
        ),
        tuple(sorted({s for r in rates for s, _ in r.per_minute if s})),
        ("", *((date(1970, 1, 1) + timedelta(days=d)).isoformat() for d in cells.dates.tolist())),
        tuple("+".join(sorted(b for b, held in zip(card.bands, row, strict=False) if held)) for row in cells.band_sets),
    )


def _rates(card: FullCard) -> Iterator[Rate]:
    for owner in (*card.plans, *card.options):
        yield from owner.rates
