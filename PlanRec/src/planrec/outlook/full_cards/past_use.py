"""What subscribers used in the periods behind them, what they use of late, and how far one period strays from that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing.cards import BillRequest, FullCard
from planrec.billing.events import CALL, CALL_IN, DATA, DAY, MICRO, SMS, Events, LocalClock, PeriodRule, day_number

__all__ = ["SERVICES", "PastUse", "past_use"]

SERVICES = 3  # calls, messages, data
_SERVICE = np.zeros(4, dtype=np.int64)
_SERVICE[[CALL, CALL_IN, SMS, DATA]] = 0, 0, 1, 2
_DECAY = 0.75  # a period weighs three quarters of the next one; the ratios below are of the same mean
_LEAST_BEFORE, _LEAST_RATIOS = 3, 50
_USUAL_SPREAD = 0.3  # of log use between months, where there are too few months to see it


@dataclass(frozen=True)
class PastUse:
    """Use in listed periods.

    Attributes
    ----------
    use : float64 array of shape (n_subscribers, n_periods, 3)
        Seconds called, messages, millionths of a megabyte.
    whole : bool array of shape (n_subscribers, n_periods)
        Whether the subscriber was there on each day.
    days : int64 array of shape (n_periods + 1,)
        Length of each period and of the next one.
    period, day, service : int64 arrays of shape (n_events,)
        Listed period (-1 if none), local day and service of each event.
    """

    rule: PeriodRule
    periods: IntArray
    use: FloatArray
    whole: BoolArray
    days: IntArray
    period: IntArray
    day: IntArray
    service: IntArray

    def levels(self, before: int) -> FloatArray:
        """Return the use to expect in period `before`, from the whole periods before it; (n_subscribers, 3)."""
        age = np.arange(before)[::-1]
        weights = self.whole[:, :before] * _DECAY**age
        daily = self.use[:, :before] / self.days[:before, None]
        sums = weights.sum(axis=1, keepdims=True)
        mean = (daily * weights[:, :, None]).sum(axis=1) / np.where(sums > 0, sums, 1.0)
        return mean * self.days[before]

    def ratios(self) -> FloatArray:
        """Return use over what was to be expected, one row a subscriber and period; float64 array of shape (n, 3).

        1 where nothing was to be expected. With fewer than 50, those of a lognormal spread of 0.3.
        """
        rows = [np.ones((0, SERVICES))]
        for t in range(_LEAST_BEFORE, len(self.periods)):
            known = self.whole[:, t] & (self.whole[:, :t].sum(axis=1) >= _LEAST_BEFORE)
            level = self.levels(t)[known]
            rows.append(np.where(level > 0, self.use[known, t] / np.where(level > 0, level, 1.0), 1.0))
        found = np.concatenate(rows)
        if len(found) >= _LEAST_RATIOS:
            return found
        return np.exp(np.random.default_rng(1).normal(0.0, _USUAL_SPREAD, (1_000, SERVICES)))


def past_use(card: FullCard, request: BillRequest, events: Events) -> PastUse:
    """Return what subscribers used in the request's periods.

    Parameters
    ----------
    card : FullCard
    request : BillRequest
        Its periods follow one another.
    events : Events
        Their `subscribers` are the request's, in its order.
    """
    rule = PeriodRule(card.period)
    first = rule.parse(request.bill[0])
    periods = np.arange(first, rule.parse(request.bill[-1]) + 1)
    starts = rule.start(np.append(periods, [periods[-1] + 1, periods[-1] + 2]))
    seconds = events.instant // MICRO
    day = (seconds + LocalClock(card.timezone).offsets(seconds)) // DAY
    period = rule.index(day) - first
    period = np.where((period >= 0) & (period < len(periods)), period, -1)
    n, p = len(request.subscribers), len(periods)
    service = _SERVICE[events.kind]
    counted = (period >= 0) & (events.kind != CALL_IN)
    key = ((events.subscriber * p + period) * SERVICES + service)[counted]
    sums = np.bincount(key, weights=events.quantity[counted].astype(np.float64), minlength=n * p * SERVICES)
    holders = tuple(request.subscribers.values())
    joined = np.array([day_number(h.first) if h.first else starts[0] for h in holders], dtype=np.int64)
    left = np.array([day_number(h.last) if h.last else starts[-1] for h in holders], dtype=np.int64)
    whole = (joined[:, None] <= starts[:p]) & (left[:, None] >= starts[1 : p + 1] - 1)
    return PastUse(
        rule, periods, sums.astype(np.float64).reshape(n, p, SERVICES), whole, np.diff(starts), period, day, service
    )
