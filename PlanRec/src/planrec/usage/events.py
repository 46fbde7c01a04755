"""From single calls, messages and data sessions to usage months, exactly: sums of decimals, by DuckDB.

Rules
-----
- A call is rounded up to whole minutes before it is summed where the rate card says so. Calls of no length and
  sessions of no data are real events and make a month one with events.
- The month of `reg_date` is billed in full, kept, and marked `partial` unless it starts on the 1st; the month of
  `churn_date` is billed in full as well.
- A month without events between `reg_date` and `churn_date`, within the months of the data, is a billed month of no
  usage, or is left out.
- Events before `reg_date`, of a subscriber the list does not hold, or on a day that does not exist are rejected.
- Events after `churn_date`, where the cut is asked for, and after the last month that counts (`last_month`) are set
  aside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from planrec.billing.catalogue import Rounding
from planrec.columns import (
    AGE,
    CURRENT_PLAN,
    KEY,
    MEGABYTES,
    MINUTES,
    MONTH,
    PARTIAL,
    REQUIRED,
    SUBSCRIBER,
    TENURE,
    USAGE,
)
from planrec.months import month_indices, month_text
from planrec.usage.event_ids import check_ids
from planrec.usage.event_sums import (
    AFTER_CHURN,
    REASONS,
    EventBlock,
    EventSums,
    People,
    SubscriberCodes,
    people_of,
)
from planrec.usage.last_month import first_month, last_month

__all__ = [
    "AMOUNTS",
    "CALLS",
    "CHURN_DATE",
    "DATE",
    "EVENT_TABLES",
    "MESSAGE_EVENTS",
    "REG_DATE",
    "SESSIONS",
    "SUBSCRIBERS",
    "Aggregate",
    "EventSource",
    "EventTables",
    "aggregate_blocks",
    "aggregate_events",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

CALLS, MESSAGE_EVENTS, SESSIONS, SUBSCRIBERS = "calls", "messages", "sessions", "subscribers"
EVENT_TABLES = (CALLS, MESSAGE_EVENTS, SESSIONS)
AMOUNTS = {CALLS: MINUTES, SESSIONS: MEGABYTES}
"""What an event of a table has beside a day."""
DATE = "date"  # of an event; datetime64, or text YYYY-MM-DD
REG_DATE = "reg_date"  # of a subscriber: first day with the operator
CHURN_DATE = "churn_date"  # of a subscriber: last day with the operator; missing while there

_DAY = r"^\d{4}-\d{2}-\d{2}([ T]|$)"  # as text; anything else is no day, whatever a parser makes of it

_REASONS = "SELECT source, reason, sum(events) FROM sums WHERE reason > 0 GROUP BY ALL"

_SUBSCRIBERS = "SELECT month, count(DISTINCT code) FROM sums WHERE reason = 0 GROUP BY month"

_ALL = "SELECT count(DISTINCT code) FROM sums WHERE reason = 0"

_LATE, _EARLY = 100, 101
_MOST_MONTHS = 10_000 * 12
_SET_ASIDE = f"""
UPDATE sums SET reason = CASE WHEN month > $1 THEN {_LATE} ELSE {_EARLY} END
WHERE reason = 0 AND (month > $1 OR month < $2)
"""  # noqa: S608 - whole numbers named above

_MONTHS = """
CREATE TABLE months AS
SELECT code, month,
    coalesce(round(sum(amount) FILTER (source = 'calls'), 6), 0)::DOUBLE AS minutes,
    coalesce(sum(amount) FILTER (source = 'messages'), 0)::DOUBLE AS messages,
    coalesce(round(sum(amount) FILTER (source = 'sessions'), 6), 0)::DOUBLE AS megabytes
FROM sums WHERE reason = 0 GROUP BY ALL
"""

_BILL_EMPTY = """
INSERT INTO months
WITH data AS (SELECT min(month) AS first, max(month) AS last FROM months), there AS (
    SELECT code, unnest(generate_series(greatest(joined, first), least(coalesce(gone, last), last))) AS month
    FROM people, data
)
SELECT code, month, 0, 0, 0 FROM there ANTI JOIN months USING (code, month)
"""


@dataclass(frozen=True)
class EventTables:
    """Events as read.

    Attributes
    ----------
    calls : DataFrame
        `subscriber_id`, `date`, `minutes` (>= 0, of the single call).
    messages : DataFrame
        `subscriber_id`, `date`.
    sessions : DataFrame
        `subscriber_id`, `date`, `megabytes` (>= 0).
    subscribers : DataFrame or None
        `subscriber_id` (unique), `reg_date`, and where known `churn_date`, `current_plan`, `age`. None: everybody in
        the events is a subscriber, there only in months with events.
    """

    calls: pd.DataFrame
    messages: pd.DataFrame
    sessions: pd.DataFrame
    subscribers: pd.DataFrame | None = None


@dataclass(frozen=True)
class Aggregate:
    """Usage months, and what became of the events that are in none.

    Attributes
    ----------
    months : DataFrame
    rejected, set_aside : mapping of str to mapping of str to int
        Table -> reason -> events.
    rejected_rows : DataFrame
        `table`, `row` and `reason` of each rejected event.
    notes : tuple of str
        On ids that may be one subscriber's.
    """

    months: pd.DataFrame
    rejected: Mapping[str, Mapping[str, int]]
    set_aside: Mapping[str, Mapping[str, int]]
    rejected_rows: pd.DataFrame
    notes: tuple[str, ...] = ()


class EventSource(Protocol):
    """Events of a table, to be gone through once."""

    def events(self, codes: SubscriberCodes, sums: EventSums, *, per_event: bool) -> Iterable[EventBlock]:
        """Return what is to be added to the sums; some may be added at once."""
        ...


@dataclass(frozen=True)
class _AtOnce:
    block: EventBlock

    def events(self, codes: SubscriberCodes, sums: EventSums, *, per_event: bool) -> Iterable[EventBlock]:
        del codes, sums, per_event
        return [self.block]


def aggregate_events(
    tables: EventTables,
    rounding: Rounding,
    *,
    churn_cut: bool,
    empty_months: Literal["bill", "drop"],
    until: int | None = None,
) -> Aggregate:
    """Sum events to usage months; the rules stand at the top of this module.

    Parameters
    ----------
    tables : EventTables
    rounding : Rounding
        Of the rate card.
    churn_cut : bool
        Whether events after a subscriber's last date are set aside.
    empty_months : {"bill", "drop"}
        Whether a month without events is a usage month. Without a list of subscribers there are none to bill.
    until : int, optional
        Month index of the last month that counts; else `last_month` finds it.

    Raises
    ------
    DataError
        If more than 1 % of a table meets nobody because ids are spelt in two ways.

    Returns
    -------
    Aggregate
        Months sorted by subscriber and month; `current_plan`, `age`, `tenure_months`, `partial` where the list of
        subscribers gives them.

    Examples
    --------
    >>> day = {"subscriber_id": ["a", "a"], "date": ["2018-03-05", "2018-03-06"]}
    >>> tables = EventTables(
    ...     pd.DataFrame(day | {"minutes": [0.0, 2.1]}),
    ...     pd.DataFrame(day),
    ...     pd.DataFrame(day | {"megabytes": [0.1, 0.2]}),
    ... )
    >>> result = aggregate_events(tables, Rounding(minutes="call"), churn_cut=False, empty_months="drop")
    >>> result.months.to_numpy().tolist()
    [['a', '2018-03', 3.0, 2.0, 0.3]]
    """
    people = tables.subscribers
    codes = SubscriberCodes([] if people is None else people[SUBSCRIBER].astype("str").tolist())
    read = {name: getattr(tables, name) for name in EVENT_TABLES}
    sources = {name: _AtOnce(_block(name, events, codes)) for name, events in read.items() if len(events)}
    return aggregate_blocks(
        sources,
        codes,
        people,
        rounding,
        churn_cut=churn_cut,
        empty_months=empty_months,
        until=until,
    )


def aggregate_blocks(
    sources: Mapping[str, EventSource],
    codes: SubscriberCodes,
    people: pd.DataFrame | None,
    rounding: Rounding,
    *,
    churn_cut: bool,
    empty_months: Literal["bill", "drop"],
    until: int | None = None,
) -> Aggregate:
    """Sum events that come block by block; each table is gone through once.

    Parameters
    ----------
    sources : mapping of str to EventSource
        By table.
    codes : SubscriberCodes
        That the blocks are written in; it began with the subscribers of the list.
    people : DataFrame or None
        As `EventTables.subscribers`.
    rounding, churn_cut, empty_months, until
        As `aggregate_events`.

    Raises
    ------
    DataError
        As `aggregate_events`, and if there is no room on the disk.

    Returns
    -------
    Aggregate
    """
    listed = None if people is None else people_of(people, REG_DATE, CHURN_DATE)
    with EventSums(listed, churn_cut=churn_cut) as sums:
        for name, source in sources.items():
            per_event = name == CALLS and rounding.minutes == "call"
            sums.add(name, source.events(codes, sums, per_event=per_event), per_event=per_event)
        ask = sums.connection
        notes = check_ids(ask, codes.ids, listed=None if listed is None else len(listed.ids))
        outside = _set_aside(ask, None if listed is None else len(listed.ids), until)
        ask.execute(_MONTHS)
        if empty_months == "bill" and listed is not None:
            ask.register("people", _month_range(listed))
            ask.execute(_BILL_EMPTY)
        found = ask.execute("SELECT * FROM months").fetchnumpy()
        reasons = ask.execute(_REASONS).fetchall()
        months = _in_order(found, codes.ids)
        rejected_rows = _rejected_rows(sums.rejected)
    named = dict(enumerate(REASONS)) | dict(zip((_LATE, _EARLY), outside, strict=False))
    told = sorted((str(table), named[why], int(n)) for table, why, n in reasons)
    rejected = {t: {why: n for table, why, n in told if table == t} for t in EVENT_TABLES}
    aside = {
        name: {why: counts.pop(why) for why in (AFTER_CHURN, *outside) if why in counts}
        for name, counts in rejected.items()
    }
    return Aggregate(_with_people(months, people), rejected, aside, rejected_rows, notes)


def _block(name: str, events: pd.DataFrame, codes: SubscriberCodes) -> EventBlock:
    """Return the events of a frame; a day that is written otherwise than YYYY-MM-DD, or does not exist, is none."""
    days = events[DATE]
    if not pd.api.types.is_datetime64_any_dtype(days.dtype):
        days = days.astype("str")
        days = pd.to_datetime(days.where(days.str.match(_DAY)).str[:10], format="%Y-%m-%d", errors="coerce")
    amounts = events[AMOUNTS[name]].to_numpy(dtype=np.float64) if name in AMOUNTS else None
    ids = pa.chunked_array([pa.array(events[SUBSCRIBER].astype("str"), pa.string())]).combine_chunks()
    return EventBlock(codes.of(ids), days.to_numpy().astype("datetime64[us]"), amounts, np.arange(1, len(events) + 1))


def _month_range(people: People) -> pd.DataFrame:
    """Return the first and the last month of each subscriber of the list, by code."""

    def month(days: NDArray[np.datetime64]) -> pd.Series:
        indices = days.astype("datetime64[M]").astype(np.int64) + 1970 * 12
        return pd.Series(indices).mask(np.isnat(days)).astype("Int64")

    return pd.DataFrame(
        {"code": np.arange(len(people.ids)), "joined": month(people.joined), "gone": month(people.left)}
    )


def _in_order(found: Mapping[str, Any], ids: Any) -> pd.DataFrame:
    """Return months by subscriber, as text, and month."""
    code = found["code"].astype(np.int64)
    month = found["month"].astype(np.int64)
    order = pc.sort_indices(ids).to_numpy()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    first = month.min(initial=_MOST_MONTHS)
    last = month.max(initial=first)
    by = np.argsort(place[code] * (last - first + 1) + month - first)
    texts = pa.array([month_text(int(one)) for one in range(first, last + 1)], pa.string())
    columns = {
        SUBSCRIBER: ids.take(pa.array(code[by])).to_pandas(),
        MONTH: texts.take(pa.array(month[by] - first)).to_pandas(),
    }
    return pd.DataFrame({**columns, **{c: found[c][by] for c in REQUIRED if c in USAGE}})


def _with_people(months: pd.DataFrame, people: pd.DataFrame | None) -> pd.DataFrame:
    """Return the months with what the list of subscribers says."""
    months = months.astype(dict.fromkeys(KEY, "str"))
    if people is None:
        return months
    named = people.drop_duplicates(SUBSCRIBER).set_index(people[SUBSCRIBER].astype("str"))
    who = months[SUBSCRIBER]
    nothing = pd.Series(pd.NA, index=named.index, dtype="str")
    joined = pd.to_datetime(who.map(pd.to_datetime(named[REG_DATE])))
    start = joined.dt.year * 12 + joined.dt.month - 1
    month = pd.Series(month_indices(months[MONTH]), index=months.index)
    return months.assign(
        **{
            CURRENT_PLAN: who.map(named.get(CURRENT_PLAN, nothing)).astype("str"),
            AGE: who.map(named.get(AGE, nothing)).astype("float64"),
            TENURE: (month - start).astype("float64"),
            PARTIAL: ((start > month) | ((start == month) & (joined.dt.day > 1))).astype(bool),
        }
    )


def _rejected_rows(parts: list[pd.DataFrame]) -> pd.DataFrame:
    nobody = pd.DataFrame({"table": [], "row": [], "reason": []})
    rows = pd.concat(parts) if parts else nobody
    rows = rows.astype({"table": "str", "row": "int64", "reason": "str"})
    return rows.sort_values(["table", "row"], ignore_index=True)


def _set_aside(connection: duckdb.DuckDBPyConnection, listed: int | None, until: int | None) -> tuple[str, ...]:
    """Set events aside after the last month that counts and before the first; return the reasons they are given."""
    subscribers = {int(month): int(n) for month, n in connection.execute(_SUBSCRIBERS).fetchall()}
    if not subscribers:
        return ()
    total = connection.execute(_ALL).fetchall()[0][0] if listed is None else listed
    last = last_month(subscribers, int(total), until=until)
    first = first_month(subscribers)
    connection.execute(_SET_ASIDE, [last, first])
    return (
        f"after {month_text(last)}, the last month that counts",
        f"before {month_text(first)}, the first month that counts",
    )
