"""Months that may come: each is a whole past month of the subscriber, scaled to what the next one may hold.

The level is a mean of the subscriber's own months in which later ones weigh more. How far one month strays from it is
drawn from all subscribers' months, the three services together. Calls and messages are repeated or left out evenly,
calls then stretched to the whole second; data sessions are scaled. Days move by whole weeks, so that weekdays stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.billing.cards import AccountHolder, BillRequest
from planrec.billing.events import CALL, DATA, DAY, MICRO, Events, LocalClock
from planrec.outlook.full_cards.past_use import PastUse

__all__ = ["DRAWS", "LOOKED_BACK", "Months", "drawn_months"]

DRAWS = 39  # the 4th and the 36th of 39 hold a further draw in 32 of 40 cases
LOOKED_BACK = 6  # months
_LARGEST = 20.0  # factor on a month


@dataclass(frozen=True)
class Months:
    """Drawn months as subscribers of their own: subscriber s in draw d is number s * `DRAWS` + d.

    Attributes
    ----------
    request : BillRequest
        One period, the next after those known; what is held stays, and there is neither activation nor end.
    events : Events
    known : int64 array of shape (n_known,)
        Positions of the subscribers with a whole period behind them; others have no months.
    """

    request: BillRequest
    events: Events
    known: IntArray


def drawn_months(
    request: BillRequest, events: Events, past: PastUse, timezone: str, rng: np.random.Generator
) -> Months:
    """Draw months for every subscriber with a whole period behind them."""
    known = np.flatnonzero(past.whole[:, -LOOKED_BACK:].any(axis=1))
    wanted = past.levels(len(past.periods))[known]
    ratios = past.ratios()
    level = np.repeat(wanted, DRAWS, axis=0) * ratios[rng.integers(0, len(ratios), len(known) * DRAWS)]
    month = _months(past, known, wanted, rng)
    use = past.use[np.repeat(known, DRAWS), month]
    factor = np.minimum(np.divide(level, use, out=np.zeros_like(level), where=use > 0), _LARGEST)
    row, source = _rows(events, past, known, month)
    count = _repeats(row * 3 + past.service[source], factor[row, past.service[source]], rng)
    count[events.kind[source] == DATA] = 1
    row, source = np.repeat(row, count), np.repeat(source, count)
    quantity = _scaled(events, row, source, factor * use, factor)
    table = _table(events, past, timezone, (row, source, quantity), len(known) * DRAWS)
    holder = {f"{i}": _from_now_on(h) for i, h in enumerate(h for h in _held(request, known) for _ in range(DRAWS))}
    name = past.rule.name(int(past.periods[-1]) + 1)
    update = {"bill": (name,), "subscribers": holder, "choose": None, "billed_until": None}
    return Months(request.model_copy(update=update), table, known)


def _held(request: BillRequest, known: IntArray) -> list[AccountHolder]:
    holders = tuple(request.subscribers.values())
    return [holders[i] for i in known.tolist()]


def _from_now_on(holder: AccountHolder) -> AccountHolder:
    return holder.model_copy(update={"first": None, "last": None, "plan_changes": (), "device": None, "topups": ()})


def _months(past: PastUse, known: IntArray, level: FloatArray, rng: np.random.Generator) -> IntArray:
    """Return a past period for each draw: one in which every service that is used at all was used, if there is one."""
    recent = np.zeros(past.whole.shape[1], dtype=bool)
    recent[-LOOKED_BACK:] = True
    whole = past.whole[known] & recent
    used = whole & ((past.use[known] > 0) | (level == 0)[:, None, :]).all(axis=2)
    fits = np.where(used.any(axis=1)[:, None], used, whole)
    bounds = np.repeat(np.cumsum(fits, axis=1), DRAWS, axis=0)
    wanted = (rng.random(len(bounds)) * bounds[:, -1]).astype(np.int64) + 1
    return (bounds < wanted[:, None]).sum(axis=1)


def _rows(events: Events, past: PastUse, known: IntArray, month: IntArray) -> tuple[IntArray, IntArray]:
    """Return the draws and events of the drawn months, one entry for each event of each draw, draw by draw."""
    p = len(past.periods)
    inside = np.flatnonzero(past.period >= 0)
    key = events.subscriber[inside] * p + past.period[inside]
    inside, key = inside[np.argsort(key, kind="stable")], np.sort(key, kind="stable")
    wanted = np.repeat(known, DRAWS) * p + month
    low, high = np.searchsorted(key, wanted), np.searchsorted(key, wanted, side="right")
    row = np.repeat(np.arange(len(wanted)), high - low)
    place = np.arange(len(row)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
    return row, inside[low[row] + place]


def _repeats(group: IntArray, factor: FloatArray, rng: np.random.Generator) -> IntArray:
    """Return how often each event stands: evenly spread, `factor` times on the whole of its group."""
    order = np.argsort(group, kind="stable")
    sorted_group = group[order]
    total = np.cumsum(factor[order])
    starts = np.flatnonzero(np.diff(sorted_group, prepend=-1))
    base = np.concatenate([[0.0], total])[starts]
    lengths = np.diff(np.append(starts, len(order)))
    within = total - np.repeat(base, lengths) + np.repeat(rng.random(len(starts)), lengths)
    upto = np.floor(within).astype(np.int64)
    before = np.concatenate([[0], upto[:-1]])[: len(upto)]
    before[starts] = 0
    count = np.empty(len(order), dtype=np.int64)
    count[order] = upto - before
    return count


def _scaled(events: Events, row: IntArray, source: IntArray, wanted: FloatArray, factor: FloatArray) -> IntArray:
    """Return the quantities: calls stretched so that a draw's sum is what is wanted, data scaled."""
    quantity = events.quantity[source].astype(np.float64)
    kind = events.kind[source]
    calls = kind == CALL
    sums = np.bincount(row[calls], weights=quantity[calls], minlength=len(wanted))
    stretch = np.divide(wanted[:, 0], sums, out=np.ones(len(wanted)), where=sums > 0)
    quantity[calls] *= stretch[row[calls]]
    data = kind == DATA
    quantity[data] *= factor[row[data], 2]
    return np.rint(quantity).astype(np.int64)


def _table(events: Events, past: PastUse, timezone: str, drawn: tuple[IntArray, IntArray, IntArray], n: int) -> Events:
    row, source, quantity = drawn
    clock = LocalClock(timezone)
    seconds = events.instant[source] // MICRO
    of_day = (seconds + clock.offsets(seconds)) % DAY
    starts = past.rule.start(np.append(past.periods, [past.periods[-1] + 1, past.periods[-1] + 2]))
    first, end = int(starts[-2]), int(starts[-1])
    day = past.day[source] + (first - starts[past.period[source]] + 3) // 7 * 7
    day += np.maximum(-(-(first - day) // 7), 0) * 7
    day -= np.maximum(-(-(day - end + 1) // 7), 0) * 7
    local = np.maximum(day, first) * DAY + of_day
    instant, exists = clock.instants(local)
    instant = np.where(exists, instant, clock.instants(local + 2 * 3600)[0]) * MICRO  # an hour that the clock skips
    order = np.lexsort((source, instant, row))
    row, source = row[order], source[order]
    return Events(
        None,
        tuple(str(i) for i in range(n)),
        events.classes,
        events.places,
        row,
        events.kind[source],
        instant[order],
        quantity[order],
        events.to[source],
        events.at[source],
        None if events.callee is None else events.callee[source],
    )
