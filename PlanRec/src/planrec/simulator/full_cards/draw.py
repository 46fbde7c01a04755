"""Draw when, to whom and where simulated calls, messages and sessions are made; their amounts stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import IntArray
from planrec.billing.events import DAY, LocalClock
from planrec.columns import MEGABYTES, MINUTES, SUBSCRIBER
from planrec.simulator.full_cards.traits import EventTraits
from planrec.usage.events import DATE, EventTables

__all__ = ["EVENT_COLUMNS", "full_events", "held_plans"]

EVENT_COLUMNS = ("event", "subscriber", "kind", "start", "seconds", "mb", "to", "at")
# Weights of the hours of the local day. None from 02:00 to 03:59, in which clocks change.
_HOURS = np.array([2, 1, 0, 0, 0.3, 0.3, 1, 3, 6, 7, 7, 7, 7, 7, 6, 6, 7, 8, 9, 9, 8, 7, 5, 4], dtype=np.float64)
_SHORTEST_TRIP, _LONGEST_TRIP = 3, 10  # days


def held_plans(traits: EventTraits, subscribers: Sequence[str], rng: np.random.Generator) -> dict[str, str]:
    """Return the plan each subscriber holds in all months."""
    plans = list(traits.plans)
    drawn = rng.choice(len(plans), size=len(subscribers), p=list(traits.plans.values()))
    return {who: plans[k] for who, k in zip(subscribers, drawn.tolist(), strict=True)}


def full_events(
    tables: EventTables, traits: EventTraits, plans: Mapping[str, str], timezone: str, rng: np.random.Generator
) -> pd.DataFrame:
    """Give simulated events a time of day, a class of number and a place.

    Parameters
    ----------
    tables : EventTables
        As `simulate_events` returns them.
    traits : EventTraits
    plans : mapping of str to str
        Plan of each subscriber.
    timezone : str
        Zone of local time.
    rng : numpy.random.Generator

    Returns
    -------
    DataFrame
        `EVENT_COLUMNS` as text, sorted by subscriber and start. Calls have whole seconds, so that started minutes and
        megabytes add up to the usage months; calls received come on top. Starts are in UTC.
    """
    people = list(plans)
    made = _joined(tables, people)
    heard = made[(made["kind"] == "call") & (rng.random(len(made)) < traits.received)].copy()
    heard["kind"], heard["event"] = "call_in", heard["event"] + "r"
    events = pd.concat([made, heard], ignore_index=True)
    who = events["who"].to_numpy()
    events["to"] = ""
    for kind, shares in (("call", traits.calls), ("sms", traits.messages)):
        rows = np.flatnonzero(events["kind"] == kind)
        events.loc[rows, "to"] = _classes(shares, traits.own_mix, who[rows], len(people), rng)
    day = events[DATE].to_numpy().astype("datetime64[D]").astype(np.int64)
    events["at"] = _places(traits, np.array(list(plans.values()))[who], events, day, rng)
    hour = rng.choice(24, size=len(events), p=_HOURS / _HOURS.sum())
    instants, _ = LocalClock(timezone).instants(day * DAY + hour * 3600 + rng.integers(0, 3600, len(events)))
    order = np.lexsort((events["event"].to_numpy(dtype=np.str_), instants, who))
    start = np.datetime_as_string(instants.astype("datetime64[s]"), timezone="UTC")
    events["start"] = [text.removesuffix("Z") + "+00:00" for text in start.tolist()]
    return events.iloc[order].reset_index(drop=True)[list(EVENT_COLUMNS)]


def _joined(tables: EventTables, people: Sequence[str]) -> pd.DataFrame:
    parts = [
        tables.calls.assign(kind="call", seconds=_seconds(tables.calls[MINUTES].to_numpy()), mb=""),
        tables.messages.assign(kind="sms", seconds="", mb=""),
        tables.sessions.assign(kind="data", seconds="", mb=tables.sessions[MEGABYTES].map("{:.2f}".format)),
    ]
    events = pd.concat([part[["id", SUBSCRIBER, DATE, "kind", "seconds", "mb"]] for part in parts], ignore_index=True)
    events["event"] = events["kind"].str[0] + events["id"]
    events["who"] = events[SUBSCRIBER].map({name: i for i, name in enumerate(people)})
    return events.rename(columns={SUBSCRIBER: "subscriber"})


def _seconds(minutes: NDArray[np.float64]) -> list[str]:
    return [str(s) for s in np.ceil(np.round(minutes * 60, 6)).astype(np.int64).tolist()]


def _classes(
    shares: Mapping[str, float], own_mix: float, who: IntArray, n: int, rng: np.random.Generator
) -> NDArray[np.str_]:
    """Return a class for each event; every subscriber has a mix of their own around the shares."""
    own = np.cumsum(rng.dirichlet(np.array(list(shares.values())) * own_mix, size=n), axis=1)
    place = (rng.random(len(who))[:, None] > own[who]).sum(axis=1)
    return np.array(list(shares))[np.minimum(place, len(shares) - 1)]


def _places(
    traits: EventTraits, plan: NDArray[np.str_], events: pd.DataFrame, day: IntArray, rng: np.random.Generator
) -> NDArray[np.str_]:
    """Return where each event is: in the zone of a trip on its days, else at home."""
    at = np.full(len(day), "home", dtype=object)
    if not traits.zones:
        return at.astype(np.str_)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    trips, trip = np.unique(events["who"].to_numpy() * 100_000 + month, return_inverse=True)
    travels = rng.random(len(trips)) < traits.travel
    first = 1 + (rng.random(len(trips)) * 25).astype(np.int64)
    last = first + rng.integers(_SHORTEST_TRIP, _LONGEST_TRIP + 1, len(trips)) - 1
    zone = rng.choice(len(traits.zones), size=len(trips), p=[z.share for z in traits.zones.values()])
    of_month = day - month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + 1
    away = travels[trip] & (of_month >= first[trip]) & (of_month <= last[trip])
    calls, to = (events["kind"] == "call").to_numpy(), events["to"].to_numpy(dtype=np.str_)
    for k, (name, where) in enumerate(traits.zones.items()):
        there = away & (zone[trip] == k)
        if where.plans:
            there &= np.isin(plan, where.plans)
        if where.calls:
            there &= ~calls | np.isin(to, where.calls)
        at[there] = name
    return at.astype(np.str_)
