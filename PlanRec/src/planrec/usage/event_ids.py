"""Ids of subscribers that two files spell in two ways: never merged, refused where most would meet nobody."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from common_utils.errors import DataError
from planrec.usage.event_sums import NOT_LISTED, REASONS

__all__ = ["check_ids"]

# Ids that would meet if signs, leading zeros and letter case were taken away; they are never merged. Where there is a
# list, what is not in it is the odd one of such a pair; else the one with fewer events.
_STRAYS = r"""
WITH counted AS (
    SELECT code, sum(events) AS n FROM sums GROUP BY code
), spelt AS (
    SELECT code, id, lower(regexp_replace(id, '^[+0]+', '')) AS folded, coalesce(n, 0) AS n
    FROM ids LEFT JOIN counted USING (code) WHERE n > 0 OR code < $1
), ranked AS (
    SELECT code, row_number() OVER (PARTITION BY folded ORDER BY n DESC, id) AS place,
        count(*) OVER (PARTITION BY folded) AS spellings FROM spelt
)
SELECT source, coalesce(sum(events) FILTER (reason = $2), 0)::BIGINT AS strays, sum(events)::BIGINT AS events,
    coalesce(sum(events) FILTER (spellings > 1 AND CASE WHEN $3 THEN reason = $2 ELSE place > 1 END), 0)::BIGINT
        AS alike
FROM sums LEFT JOIN ranked USING (code) GROUP BY source ORDER BY source
"""

# Two event tables with at least ten people each and nobody in common, where no list of subscribers says who is right.
_STRANGERS = """
WITH who AS (SELECT DISTINCT source, code FROM sums),
many AS (SELECT source FROM who GROUP BY source HAVING count(*) >= 10)
SELECT one.source, other.source FROM many one JOIN many other ON one.source < other.source
WHERE NOT EXISTS (SELECT 1 FROM who a JOIN who b USING (code) WHERE a.source = one.source AND b.source = other.source)
ORDER BY ALL
"""


def check_ids(connection: duckdb.DuckDBPyConnection, ids: Any, *, listed: int | None) -> tuple[str, ...]:
    """Refuse events that meet nobody because two files spell ids in two ways; return a note where only few do.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the table `sums` of `event_sums.EventSums`.
    ids : pyarrow.Array of str
        By code.
    listed : int or None
        How many of them, the first ones, are in the list of subscribers; None: there is no list.

    Raises
    ------
    DataError
        If more than 1 % of a table meets nobody, and most of that only for a sign, zeros or letter case; or two tables
        have nobody in common.
    """
    connection.register("ids", pa.table({"code": pa.array(np.arange(len(ids))), "id": ids}))
    asked = [listed or 0, REASONS.index(NOT_LISTED), listed is not None]
    strays = connection.execute(_STRAYS, asked).fetchall()
    notes = _alike(strays, listed=listed is not None)
    for one, other in [] if listed is not None else connection.execute(_STRANGERS).fetchall():
        raise DataError(
            f"events: no subscriber of {one} is in {other}, so that their ids may be spelt in two ways; write them "
            "alike, or bring the list of subscribers."
        )
    return notes


def _alike(strays: list[Any], *, listed: bool) -> tuple[str, ...]:
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
    return tuple(notes)
