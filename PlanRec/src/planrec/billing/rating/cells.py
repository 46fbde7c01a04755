"""Cells: all that a row of the card can ask of an event (kind, class, place, band, validity, holding) as one number.

There are few cells and many events. Which rate and which allowances fit is worked out once for each cell; an event
then looks its cell up.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, IntArray
from planrec.billing.cards import Allowance, FullCard, Rate
from planrec.billing.events import CALL_IN, DATA, KINDS, day_number
from planrec.billing.rating.sheet import Owner, Sheet

__all__ = ["CardCells", "band_table"]

_WEEK_MINUTES = 7 * 24 * 60
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def band_table(card: FullCard) -> tuple[NDArray[np.int16], BoolArray]:
    """Return the band set of each minute of the week, and which bands each set holds.

    Returns
    -------
    int16 array of shape (10080,)
        Set of the minute, Monday 00:00 first.
    bool array of shape (n_sets, n_bands)
    """
    held = np.zeros((_WEEK_MINUTES, max(len(card.bands), 1)), dtype=bool)
    for b, windows in enumerate(card.bands.values()):
        for window in windows:
            first, last = (int(t[:2]) * 60 + int(t[3:]) for t in (window.first, window.last))
            for day in window.days:
                start = _DAYS.index(day) * 1440
                held[start + first : start + last, b] = True
    code = np.zeros(_WEEK_MINUTES, dtype=np.int64)
    for b in range(held.shape[1]):  # one number for each set of bands, band by band
        _, code = np.unique(code * 2 + held[:, b], return_inverse=True)
    _, first = np.unique(code, return_index=True)
    return code.astype(np.int16), held[first]


class CardCells:
    """The cells of one table of events under one sheet.

    Parameters
    ----------
    sheet : Sheet
    classes, places : tuple of str
        What the codes of the events stand for; places named only by the card are added behind.
    holdings : list of (plan, options)
    like : CardCells, optional
        Cells of the whole card, when the sheet holds a part of its plans: places and dates are those.
    """

    def __init__(
        self,
        sheet: Sheet,
        classes: tuple[str, ...],
        places: tuple[str, ...],
        holdings: list[tuple[int, BoolArray]],
        like: CardCells | None = None,
    ) -> None:
        self.sheet, self.classes, self.holdings = sheet, classes, holdings
        treated = [row.bought.treat_as for row in sheet.passes if row.bought]
        self.places = places + tuple(dict.fromkeys(t for t in treated if t not in places))
        self.band_of_minute, self.band_sets = band_table(sheet.card)
        dates = [d for row in sheet.rates if row.rate for d in (row.rate.valid_from, row.rate.valid_to) if d]
        froms = {day_number(r.rate.valid_from) for r in sheet.rates if r.rate and r.rate.valid_from}
        untils = {day_number(r.rate.valid_to) + 1 for r in sheet.rates if r.rate and r.rate.valid_to}
        self.dates = np.array(sorted(froms | untils) if dates else [], dtype=np.int64)
        if like is not None:
            self.places, self.dates = like.places, like.dates
        self.shape = (
            len(holdings),
            len(self.dates) + 1,
            len(self.band_sets),
            len(self.places),
            len(KINDS),
            len(classes),
        )
        self.n = int(np.prod(self.shape))

    def weekday(self, day: IntArray) -> IntArray:
        """Return the day of the week whose bands hold, Monday being 0; holidays of the card are Sundays.

        Parameters
        ----------
        day : int64 array of shape (n,)
            Days since 1970.
        """
        holidays = [day_number(d) for d in self.sheet.card.holidays]
        return np.where(np.isin(day, holidays), 6, (day + 3) % 7) if holidays else (day + 3) % 7

    @property
    def place_step(self) -> int:
        """What a cell's number grows by with the next place."""
        return len(KINDS) * len(self.classes)

    @property
    def band_step(self) -> int:
        """What a cell's number grows by with the next band set."""
        return self.place_step * len(self.places)

    def parts(self, cell: IntArray) -> tuple[IntArray, ...]:
        """Return holding, validity, band set, place, kind and class of cells."""
        return np.unravel_index(cell, self.shape)

    def _fits(self, row: Rate | Allowance) -> BoolArray:
        """Return which of (validity, band set, place, kind, class) a row fits; shape[1:] flattened."""
        card = self.sheet.card
        wanted = set(row.at) | {p for name in row.at for p in card.places.get(name, ())}
        at = np.array([p in wanted for p in self.places])
        to = np.ones(len(self.classes), dtype=bool)
        if row.to is not None:
            named = set(row.to) | {c for name in row.to for c in card.classes.get(name, ())}
            to = np.array([c in named for c in self.classes])
        kind = np.array([k in row.kind for k in KINDS])
        band = np.ones(len(self.band_sets), dtype=bool)
        if row.when is not None:
            band = self.band_sets[:, list(card.bands).index(row.when)]
        valid = np.ones(len(self.dates) + 1, dtype=bool)
        if isinstance(row, Rate):
            starts = np.concatenate(([-(10**9)], self.dates))
            valid &= starts >= (day_number(row.valid_from) if row.valid_from else -(10**9))
            valid &= starts <= (day_number(row.valid_to) if row.valid_to else 10**9)
        part = (kind[:, None] & to[None])[None] & at[:, None, None]
        return (valid[:, None, None, None, None] & band[None, :, None, None, None] & part).reshape(-1)

    def owned(self, owner: Owner) -> BoolArray:
        """Return which holdings hold an owner's rows."""
        return np.array(
            [plan == owner.plan or (owner.option >= 0 and held[owner.option]) for plan, held in self.holdings]
        )

    @cached_property
    def rate(self) -> NDArray[np.int16]:
        """The first rate that fits each cell, -1 where none does; int16 array of shape (n_cells,)."""
        found = np.full((len(self.holdings), self.n // len(self.holdings)), -1, dtype=np.int16)
        for r, row in enumerate(self.sheet.rates):
            if row.rate is not None:
                fits = self.owned(row.owner)[:, None] & self._fits(row.rate)[None]
                found[fits & (found < 0)] = r
        return found.reshape(-1)

    @cached_property
    def allowances(self) -> list[BoolArray]:
        """Which cells each allowance fits; received calls without a rate use none."""
        free = (self.parts(np.arange(self.n))[4] == CALL_IN) & (self.rate < 0)
        found: list[BoolArray] = []
        for row in self.sheet.allowances:
            fits = np.zeros(0, dtype=bool)
            if row.allowance is not None:
                fits = (self.owned(row.owner)[:, None] & self._fits(row.allowance)[None]).reshape(-1) & ~free
            found.append(fits)
        return found

    @cached_property
    def passes(self) -> NDArray[np.int16]:
        """The first pass that fits each cell, -1 where none does."""
        _, _, _, place, kind, _ = self.parts(np.arange(self.n))
        holding = self.parts(np.arange(self.n))[0]
        found = np.full(self.n, -1, dtype=np.int16)
        card = self.sheet.card
        for i, row in enumerate(self.sheet.passes):
            if row.bought is None:
                continue
            wanted = set(row.bought.at) | {p for name in row.bought.at for p in card.places.get(name, ())}
            at = np.array([p in wanted for p in self.places])
            kinds = np.array([k in row.bought.kinds for k in KINDS])
            found[self.owned(row.owner)[holding] & at[place] & kinds[kind] & (found < 0)] = i
        return found

    @cached_property
    def increments(self) -> tuple[IntArray, IntArray]:
        """First and step of each cell's rate, in units of quantity; 1 and 1 where no rate fits."""
        first, step = np.ones(self.n, dtype=np.int64), np.ones(self.n, dtype=np.int64)
        kind = self.parts(np.arange(self.n))[4]
        for r, row in enumerate(self.sheet.rates):
            rate = row.rate
            if rate is None:
                continue
            here = self.rate == r
            calls = here & (kind <= CALL_IN)
            first[calls], step[calls] = rate.increment
            if rate.block_mb is not None and rate.rounded == "session":
                block = self.sheet.parts(rate.block_mb)
                first[here & (kind == DATA)] = block
                step[here & (kind == DATA)] = block
        return first, step
