"""Damaged rows in the written tables, and a ledger of every one of them.

No row has two defects, so a reader that accounts for its rows must come to the ledger's numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from common_utils.array_types import IntArray
from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN, MEGABYTES, MONTH, SUBSCRIBER, USAGE
from planrec.simulator.config import DefectConfig
from planrec.usage.events import DATE, EVENT_TABLES, REG_DATE, EventTables

__all__ = ["GHOST_PLAN", "DefectCounts", "damaged_events", "damaged_months", "with_decimal_commas"]

GHOST_PLAN = "ghost-99"
DefectCounts = dict[str, int]  # defect -> rows


def damaged_months(
    months: pd.DataFrame, catalogue: Catalogue, defects: DefectConfig, rng: np.random.Generator
) -> tuple[pd.DataFrame, IntArray, DefectCounts]:
    """Damage usage months.

    Parameters
    ----------
    months : DataFrame
        Usage months sorted by subscriber and month, index 0 .. n-1; not modified.
    catalogue : Catalogue
        With two plans or more.
    defects : DefectConfig
    rng : numpy.random.Generator

    Returns
    -------
    tuple of DataFrame, int64 array and dict
        The table with further rows beside those they repeat or contradict; the rows whose megabytes are to be written
        with a decimal comma; rows by defect, those with a comma not among them.
    """
    shares = {
        "duplicates": defects.duplicates,
        "negatives": defects.negatives,
        "month_13": defects.month_13,
        "unknown_plan": defects.unknown_plan,
        "plan_changed": defects.plan_changed,
    }
    hit = _drawn(len(months), [*shares.values(), defects.decimal_comma], rng)
    copy, negative, month_13, ghost, changed, comma = hit
    megabytes = months[MEGABYTES].to_numpy(copy=True)
    names = months[MONTH].to_numpy(dtype=object, copy=True)
    plans = months[CURRENT_PLAN].to_numpy(dtype=object, copy=True)
    megabytes[negative] = -megabytes[negative] - 1
    names[month_13] = [name[:5] + "13" for name in names[month_13]]
    plans[ghost] = GHOST_PLAN
    frame = months.assign(**{MEGABYTES: megabytes, MONTH: names, CURRENT_PLAN: plans})
    second = frame.iloc[changed].copy()
    first_half = np.floor(second[list(USAGE)] / 2)
    frame.loc[changed, list(USAGE)] = first_half
    second[list(USAGE)] = (second[list(USAGE)] - first_half).round(2)
    moved = [(catalogue.index(p) + 1) % len(catalogue.plans) for p in second[CURRENT_PLAN]]
    second = second.assign(**{CURRENT_PLAN: np.array(catalogue.plan_ids, dtype=object)[moved]})
    whole = pd.concat([frame, frame.iloc[copy], second]).sort_index(kind="stable")
    commas = np.flatnonzero(np.isin(whole.index.to_numpy(), comma))
    ledger = {kind: len(rows) for kind, rows in zip(shares, hit[:-1], strict=True)}
    return (
        whole.astype({str(name): kind for name, kind in months.dtypes.items()}).reset_index(drop=True),
        commas,
        ledger,
    )


def with_decimal_commas(months: pd.DataFrame, rows: IntArray) -> tuple[pd.DataFrame, DefectCounts]:
    """Return usage months as text, the megabytes of some rows written `12,5`, and how many those are.

    Examples
    --------
    >>> with_decimal_commas(pd.DataFrame({"megabytes": [1.5, 2.5]}), np.array([1]))[0]["megabytes"].tolist()
    ['1.5', '2,5']
    """
    text = months[MEGABYTES].astype("str").to_numpy(dtype=object, copy=True)
    text[rows] = [value.replace(".", ",") for value in text[rows]]
    return months.assign(**{MEGABYTES: text}), {"decimal_comma": len(rows)}


def damaged_events(
    events: EventTables, defects: DefectConfig, rng: np.random.Generator
) -> tuple[EventTables, dict[str, DefectCounts]]:
    """Damage calls, messages and sessions.

    Parameters
    ----------
    events : EventTables
        With a list of subscribers.
    defects : DefectConfig
    rng : numpy.random.Generator

    Returns
    -------
    tuple of EventTables and dict
        Events with some dated to the day before their subscriber joined and some of subscribers not listed; rows by
        table and defect.
    """
    people = events.subscribers
    joined = pd.Series(dtype="datetime64[us]") if people is None else people.set_index(SUBSCRIBER)[REG_DATE]
    tables: dict[str, pd.DataFrame] = {}
    ledger: dict[str, DefectCounts] = {}
    for name in EVENT_TABLES:
        frame = getattr(events, name).copy()
        early, stray = _drawn(len(frame), [defects.clock_shift, defects.orphans], rng)
        dates = frame[DATE].to_numpy(copy=True)
        first = joined.reindex(frame[SUBSCRIBER].to_numpy()[early]).to_numpy()
        dates[early] = first - np.timedelta64(1, "D")
        ids = frame[SUBSCRIBER].to_numpy(dtype=object, copy=True)
        ids[stray] = [f"{subscriber}-unlisted" for subscriber in ids[stray]]
        tables[name] = frame.assign(**{DATE: dates, SUBSCRIBER: pd.Series(ids, dtype="str")})
        ledger[name] = {"clock_shift": len(early), "orphans": len(stray)}
    return replace(events, **tables), ledger


def _drawn(count: int, shares: Sequence[float], rng: np.random.Generator) -> list[IntArray]:
    """Return disjoint rows, so many for each share."""
    order = rng.permutation(count)
    sizes = [round(share * count) for share in shares]
    return [np.sort(part) for part in np.split(order, np.cumsum(sizes))[:-1]]
