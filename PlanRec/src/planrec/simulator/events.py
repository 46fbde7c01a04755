"""Single calls, messages and data sessions that add up to simulated usage months."""

from __future__ import annotations

import calendar
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from common_utils.errors import DataError
from planrec.billing.catalogue import Rounding
from planrec.columns import MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER
from planrec.usage.events import DATE, REG_DATE, EventTables

if TYPE_CHECKING:
    from planrec.simulator.simulation import Simulation

__all__ = ["simulate_events"]

# Shape of the Megaline events: a call lasts 8.5 minutes and a session takes 420 MB where they take any;
# for each such call there are .24 without an answer (19.5 % of all), for each such session .15 without data.
_MINUTES_A_CALL, _MISSED_A_CALL = 8.5, 0.24
_MEGABYTES_A_SESSION, _EMPTY_A_SESSION = 420.0, 0.15


def simulate_events(simulation: Simulation, subscribers: Collection[str], rng: np.random.Generator) -> EventTables:
    """Draw events of some subscribers that sum exactly to their usage months.

    Parameters
    ----------
    simulation : Simulation
    subscribers : collection of str
        Whose events; each in the simulation.
    rng : numpy.random.Generator

    Returns
    -------
    EventTables
        Calls with decimal minutes, some of length zero; messages; sessions with megabytes, some zero; the list of
        subscribers with their first day. Each event has an `id`, unique in its table.

    Raises
    ------
    DataError
        If a subscriber is not in the simulation.

    Examples
    --------
    >>> from planrec.simulator.operator import simulate
    >>> from planrec.simulator.config import SimulatorConfig
    >>> operator = simulate(SimulatorConfig(subscribers=3, months=1), card, np.random.default_rng(1))
    >>> events = simulate_events(operator, ["S0"], np.random.default_rng(2))
    >>> len(events.messages) == int(operator.months.messages[0])
    True
    """
    chosen = set(subscribers)
    missing = len(chosen) - int(simulation.subscribers[SUBSCRIBER].isin(chosen).sum())
    if missing:
        raise DataError(f"simulation: {missing} of the subscribers asked for are not in it; take ids from its table.")
    people = simulation.subscribers[simulation.subscribers[SUBSCRIBER].isin(chosen)].reset_index(drop=True)
    months = simulation.months[simulation.months[SUBSCRIBER].isin(chosen)].reset_index(drop=True)
    days = _days(months, people)
    calls = _calls(months, simulation.catalogue.rounding, rng)
    sessions = _sessions(months, rng)
    texts = np.repeat(np.arange(len(months)), months[MESSAGES].to_numpy().astype(np.int64))
    return EventTables(
        calls=_table(months, days, *calls, MINUTES, rng),
        messages=_table(months, days, texts, np.zeros(len(texts)), "", rng),
        sessions=_table(months, days, *sessions, MEGABYTES, rng),
        subscribers=people,
    )


def _days(months: pd.DataFrame, people: pd.DataFrame) -> tuple[IntArray, IntArray]:
    """First and last day of each usage month on which its subscriber was there."""
    month = months[MONTH]
    lengths = {m: calendar.monthrange(int(m[:4]), int(m[5:]))[1] for m in month.unique()}
    joined = people.set_index(SUBSCRIBER)[REG_DATE].reindex(months[SUBSCRIBER]).dt
    first = np.where(joined.strftime("%Y-%m").to_numpy() == month.to_numpy(), joined.day, 1)
    return np.asarray(first, dtype=np.int64), np.array([lengths[m] for m in month], dtype=np.int64)


def _calls(months: pd.DataFrame, rounding: Rounding, rng: np.random.Generator) -> tuple[IntArray, NDArray[np.float64]]:
    """Month of each call, and its minutes."""
    minutes = months[MINUTES].to_numpy()
    per_call = rounding.minutes == "call"
    total = np.rint(minutes if per_call else minutes * 100).astype(np.int64)
    count = np.minimum(rng.poisson(minutes / _MINUTES_A_CALL) + 1, total)  # 0 calls where there are no minutes
    missed = rng.poisson(count * _MISSED_A_CALL)
    at, part = _split(total - count, count, rng)
    # A call charged as c whole minutes lasted between c - .99 and c of them.
    length = (part + 1) * 100 - rng.integers(0, 100, size=len(part)) if per_call else part + 1
    return _with_zeros(at, length / 100, missed)


def _sessions(months: pd.DataFrame, rng: np.random.Generator) -> tuple[IntArray, NDArray[np.float64]]:
    megabytes = months[MEGABYTES].to_numpy()
    total = np.rint(megabytes * 100).astype(np.int64)
    count = np.minimum(rng.poisson(megabytes / _MEGABYTES_A_SESSION) + 1, total)
    empty = rng.poisson(count * _EMPTY_A_SESSION)
    at, part = _split(total - count, count, rng)
    return _with_zeros(at, (part + 1) / 100, empty)


def _split(total: IntArray, count: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Split each total into so many whole parts >= 0 at random places; return row and part of each."""
    at = np.repeat(np.arange(len(total)), count)
    last = np.cumsum(count)[count > 0] - 1
    cuts = (rng.random(len(at)) * (total[at] + 1)).astype(np.int64)
    cuts[last] = total[at[last]]  # the last part ends where the total does
    cuts = cuts[np.lexsort((cuts, at))]
    previous = np.concatenate([[0], cuts[:-1]])[: len(cuts)]
    starts = last - count[count > 0] + 1
    previous[starts] = 0
    return at, cuts - previous


def _with_zeros(at: IntArray, amount: NDArray[np.float64], zeros: IntArray) -> tuple[IntArray, NDArray[np.float64]]:
    return (
        np.concatenate([at, np.repeat(np.arange(len(zeros)), zeros)]),
        np.concatenate([amount, np.zeros(int(zeros.sum()))]),
    )


def _table(
    months: pd.DataFrame,
    days: tuple[IntArray, IntArray],
    at: IntArray,
    amount: NDArray[np.float64],
    column: str,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Give each event a day and an id, sorted by subscriber, then day; `column` names its amount, if it has one."""
    first, last = days[0][at], days[1][at]
    day = first + (rng.random(len(at)) * (last - first + 1)).astype(np.int64)
    order = np.lexsort((day, at))
    at, day = at[order], day[order]
    who = months[SUBSCRIBER].to_numpy()[at]
    starts = months[MONTH].to_numpy(dtype="datetime64[D]")[at]
    dates = (starts + (day - 1).astype("timedelta64[D]")).astype("datetime64[us]")
    frame = pd.DataFrame({SUBSCRIBER: pd.Series(who, dtype="str"), DATE: dates})
    if column:
        frame[column] = amount[order]
    number = frame.groupby(SUBSCRIBER).cumcount().astype("str")
    frame.insert(0, "id", frame[SUBSCRIBER] + "_" + number)
    return frame
