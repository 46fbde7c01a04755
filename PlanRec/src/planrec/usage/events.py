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

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb
import numpy as np
import pandas as pd

from common_utils.errors import DataError
from planrec.billing.catalogue import Rounding
from planrec.columns import AGE, CURRENT_PLAN, KEY, REQUIRED, SUBSCRIBER
from planrec.months import month_index, month_text
from planrec.usage.last_month import first_month, last_month

__all__ = [
    "CALLS",
    "CHURN_DATE",
    "DATE",
    "EVENT_TABLES",
    "MESSAGE_EVENTS",
    "REG_DATE",
    "ROW",
    "SESSIONS",
    "SUBSCRIBERS",
    "Aggregate",
    "EventTables",
    "aggregate_events",
]

CALLS, MESSAGE_EVENTS, SESSIONS, SUBSCRIBERS = "calls", "messages", "sessions", "subscribers"
EVENT_TABLES = (CALLS, MESSAGE_EVENTS, SESSIONS)
ROW = "row_number"  # of an event in its file, the first being 1
AFTER_CHURN = "after churn_date"
DATE = "date"  # of an event; datetime64, or text YYYY-MM-DD
REG_DATE = "reg_date"  # of a subscriber: first day with the operator
CHURN_DATE = "churn_date"  # of a subscriber: last day with the operator; missing while there

_NOBODY = pd.DataFrame({SUBSCRIBER: [], REG_DATE: []}, dtype="str")

# Every event with its month, and the reason to reject it, if any. DuckDB itself would read 4/3/18 as a day of year 4.
# A millionth of a unit is the finest step, as in the rater; a sixtieth of a minute needs more digits until then.
_JUDGE = r"""
CREATE TABLE events AS
WITH read AS (
    SELECT 'calls' AS source, row_number, subscriber_id, date::VARCHAR AS written,
        minutes::DECIMAL(26, 12) AS amount FROM calls_read
    UNION ALL
    SELECT 'messages', row_number, subscriber_id, date::VARCHAR, 1 FROM messages_read
    UNION ALL
    SELECT 'sessions', row_number, subscriber_id, date::VARCHAR, megabytes::DECIMAL(26, 12) FROM sessions_read
), dated AS (
    SELECT *, CASE WHEN regexp_matches(written, '^\d{4}-\d{2}-\d{2}([ T]|$)')
        THEN TRY_CAST(substr(written, 1, 10) AS DATE) END AS day
    FROM read
)
SELECT source, row_number, subscriber_id, strftime(day, '%Y-%m') AS month, amount, CASE
    WHEN day IS NULL THEN 'no such day'
    WHEN getvariable('listed') AND reg_date IS NULL THEN 'subscriber not in the list'
    WHEN day < reg_date::DATE THEN 'before reg_date'
    WHEN getvariable('churn_cut') AND day > churn_date::DATE THEN 'after churn_date' END AS reason
FROM dated LEFT JOIN people USING (subscriber_id)
"""

_REASONS = "SELECT source, reason, count(*) FROM events WHERE reason IS NOT NULL GROUP BY ALL ORDER BY ALL"

_REJECTED_ROWS = """
SELECT source AS "table", row_number AS row, reason FROM events WHERE reason IS NOT NULL ORDER BY ALL
"""

_SUBSCRIBERS = "SELECT month, count(DISTINCT subscriber_id) FROM events WHERE reason IS NULL GROUP BY month"

_TOTAL = """
SELECT CASE WHEN getvariable('listed') THEN (SELECT count(*) FROM people)
    ELSE (SELECT count(DISTINCT subscriber_id) FROM events WHERE reason IS NULL) END
"""

_SET_ASIDE = """
UPDATE events SET reason = CASE WHEN month > $1 THEN $3 ELSE $4 END
WHERE reason IS NULL AND (month > $1 OR month < $2)
"""

# Ids that would meet if signs, leading zeros and letter case were taken away; they are never merged. Where there is a
# list, what is not in it is the odd one of such a pair; else the one with fewer events.
_STRAYS = r"""
WITH ids AS (
    SELECT subscriber_id::VARCHAR AS id, count(*) AS n FROM events GROUP BY ALL
    UNION ALL SELECT subscriber_id::VARCHAR, 0 FROM people
), spelt AS (
    SELECT id, lower(regexp_replace(id, '^[+0]+', '')) AS folded, sum(n) AS n FROM ids GROUP BY ALL
), ranked AS (
    SELECT id, row_number() OVER (PARTITION BY folded ORDER BY n DESC, id) AS place, count(*) OVER (PARTITION BY folded)
        AS spellings FROM spelt
)
SELECT source, count(*) FILTER (reason = 'subscriber not in the list') AS strays, count(*) AS events,
    count(*) FILTER (spellings > 1 AND CASE WHEN getvariable('listed') THEN reason = 'subscriber not in the list'
        ELSE place > 1 END) AS alike
FROM events LEFT JOIN ranked ON id = subscriber_id::VARCHAR GROUP BY source ORDER BY source
"""

# Two event tables with at least ten people each and nobody in common, where no list of subscribers says who is right.
_STRANGERS = """
WITH who AS (SELECT DISTINCT source, subscriber_id FROM events),
many AS (SELECT source FROM who GROUP BY source HAVING count(*) >= 10)
SELECT one.source, other.source FROM many one JOIN many other ON one.source < other.source
WHERE NOT getvariable('listed') AND NOT EXISTS (
    SELECT 1 FROM who a JOIN who b USING (subscriber_id) WHERE a.source = one.source AND b.source = other.source)
ORDER BY ALL
"""

_SUM = """
CREATE TABLE months AS
SELECT subscriber_id, month,
    coalesce(round(sum(CASE WHEN getvariable('per_call') THEN ceil(round(amount, 6))::DECIMAL(26, 12) ELSE amount END)
        FILTER (source = 'calls'), 6), 0)::DOUBLE AS minutes,
    coalesce(sum(amount) FILTER (source = 'messages'), 0)::DOUBLE AS messages,
    coalesce(round(sum(amount) FILTER (source = 'sessions'), 6), 0)::DOUBLE AS megabytes
FROM events WHERE reason IS NULL GROUP BY ALL
"""

_BILL_EMPTY = """
INSERT INTO months
WITH data AS (
    SELECT (min(month) || '-01')::DATE AS first, (max(month) || '-01')::DATE AS last FROM months
), there AS (
    SELECT subscriber_id, unnest(generate_series(
        greatest(date_trunc('month', reg_date::DATE), first)::TIMESTAMP,
        least(coalesce(churn_date::DATE, last), last)::TIMESTAMP,
        INTERVAL 1 MONTH)) AS start
    FROM people, data
), billed AS (
    SELECT subscriber_id, strftime(start, '%Y-%m') AS month FROM there
)
SELECT subscriber_id, month, 0, 0, 0 FROM billed ANTI JOIN months USING (subscriber_id, month)
"""

_WITH_PEOPLE = """
SELECT months.*, current_plan, age::DOUBLE AS age,
    datediff('month', reg_date::DATE, (month || '-01')::DATE)::DOUBLE AS tenure_months,
    coalesce(reg_date::DATE > (month || '-01')::DATE, false) AS partial
FROM months LEFT JOIN people USING (subscriber_id)
ORDER BY subscriber_id, month
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
    with duckdb.connect() as connection:
        for name in EVENT_TABLES:
            connection.register(f"{name}_read", _numbered(getattr(tables, name)))
        connection.register("people", _whole_list(_NOBODY if people is None else people))
        connection.execute("SET VARIABLE listed = $1", [people is not None])
        connection.execute("SET VARIABLE churn_cut = $1", [churn_cut])
        connection.execute("SET VARIABLE per_call = $1", [rounding.minutes == "call"])
        connection.execute(_JUDGE)
        strays, strangers = connection.execute(_STRAYS).fetchall(), connection.execute(_STRANGERS).fetchall()
        notes = _check_ids(strays, strangers, listed=people is not None)
        outside = _set_aside(connection, until)
        connection.execute(_SUM)
        if empty_months == "bill":
            connection.execute(_BILL_EMPTY)
        months = connection.sql(_WITH_PEOPLE).df()
        reasons = connection.execute(_REASONS).fetchall()
        rows = connection.sql(_REJECTED_ROWS).df()
    rejected = {name: {str(why): int(n) for table, why, n in reasons if table == name} for name in EVENT_TABLES}
    months = months.astype(dict.fromkeys((*KEY, CURRENT_PLAN), "str"))
    aside = {
        name: {why: found.pop(why) for why in (AFTER_CHURN, *outside) if why in found}
        for name, found in rejected.items()
    }
    rows = rows[~rows["reason"].isin([AFTER_CHURN, *outside])].astype({"table": "str", "reason": "str"})
    return Aggregate(months if people is not None else months[list(REQUIRED)], rejected, aside, rows, notes)


def _numbered(events: pd.DataFrame) -> pd.DataFrame:
    return events if ROW in events.columns else events.assign(**{ROW: np.arange(1, len(events) + 1)})


def _set_aside(connection: duckdb.DuckDBPyConnection, until: int | None) -> tuple[str, ...]:
    """Set events aside after the last month that counts and before the first; return the reasons they are given."""
    subscribers = {month_index(month): int(n) for month, n in connection.execute(_SUBSCRIBERS).fetchall()}
    if not subscribers:
        return ()
    (total,) = connection.execute(_TOTAL).fetchall()[0]
    last = month_text(last_month(subscribers, int(total), until=until))
    first = month_text(first_month(subscribers))
    reasons = f"after {last}, the last month that counts", f"before {first}, the first month that counts"
    connection.execute(_SET_ASIDE, [last, first, *reasons])
    return reasons


def _check_ids(
    strays: list[tuple[str, int, int, int]], strangers: list[tuple[str, str]], *, listed: bool
) -> tuple[str, ...]:
    """Refuse events that meet nobody because two files spell ids in two ways; return a note where only few do.

    Raises
    ------
    DataError
        If more than 1 % of a table meets nobody, and most of that only for a sign, zeros or letter case; or two tables
        have nobody in common.
    """
    notes: list[str] = []
    for name, alone, events, alike in strays:
        if listed and 100 * alone > events and 2 * alike > alone:
            raise DataError(
                f"{name}: {alone} of {events} events are of no subscriber in the list; {alike} of these ids are in "
                "it but for a leading + or 0, or letter case. Ids that differ are never merged: write them alike in "
                "both files."
            )
        if listed or not alike:
            continue
        said = (
            f"{name}: {alike} of {events} events have an id that another differs from by a leading + or 0, or letter "
            "case"
        )
        if 100 * alike > events:
            raise DataError(f"{said}. Ids that differ are never merged: write them alike in all files.")
        notes.append(f"{said}: subscriber_id is taken as written")
    for one, other in strangers:
        raise DataError(
            f"events: no subscriber of {one} is in {other}, so that their ids may be spelt in two ways; write them "
            "alike, or bring the list of subscribers."
        )
    return tuple(notes)


def _whole_list(people: pd.DataFrame) -> pd.DataFrame:
    """Give the list every column the queries name."""
    missing = [c for c in (CHURN_DATE, CURRENT_PLAN) if c not in people.columns]
    full = people.assign(**{c: pd.Series(pd.NA, index=people.index, dtype="str") for c in missing})
    return full if AGE in full.columns else full.assign(**{AGE: float("nan")})
