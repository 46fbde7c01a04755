"""Read single calls, messages and data sessions from files and sum them to usage months; rules in `events.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
import pandera.pandas as pandera

from common_utils.errors import ConfigError, DataError
from common_utils.tables import RowReport, read_table
from planrec.billing import MAX_USAGE, Catalogue
from planrec.columns import AGE, CURRENT_PLAN, MEGABYTES, MINUTES, SUBSCRIBER, USAGE
from planrec.usage.events import (
    CALLS,
    CHURN_DATE,
    DATE,
    EVENT_TABLES,
    MESSAGE_EVENTS,
    REG_DATE,
    SESSIONS,
    SUBSCRIBERS,
    EventTables,
    aggregate_events,
)
from planrec.usage.months_table import UsageData, usage_months

__all__ = ["ChurnCut", "EmptyMonths", "read_event_tables", "read_megaline"]

ChurnCut = Literal["none", "documented"]
EmptyMonths = Literal["bill", "drop"]

_AMOUNTS = {CALLS: MINUTES, SESSIONS: MEGABYTES}
_MEGALINE_FILES = {
    CALLS: "megaline_calls.csv",
    MESSAGE_EVENTS: "megaline_messages.csv",
    SESSIONS: "megaline_internet.csv",
    SUBSCRIBERS: "megaline_users.csv",
}
_MEGALINE_COLUMNS = {
    "user_id": SUBSCRIBER,
    "plan": CURRENT_PLAN,
    "calls.call_date": DATE,
    "calls.duration": MINUTES,
    "messages.message_date": DATE,
    "sessions.session_date": DATE,
    "sessions.mb_used": MEGABYTES,
}


def read_megaline(folder: Path, catalogue: Catalogue, *, churn_cut: ChurnCut, empty_months: EmptyMonths) -> UsageData:
    """Read the raw Megaline events of 2018 and sum them to usage months.

    Zero-duration calls and zero-megabyte sessions are real events. The month of registration is billed in full, kept
    and marked `partial`. Events before registration or of an unknown user are rejected, with the reason. Names and
    city never leave this function.

    Parameters
    ----------
    folder : Path
        With `megaline_calls.csv`, `megaline_messages.csv`, `megaline_internet.csv` and `megaline_users.csv`.
    catalogue : Catalogue
        `configs/plans_megaline.yaml`: each call is rounded up to whole minutes.
    churn_cut : {"none", "documented"}
        "documented" rejects the events of users after their `churn_date`; "none" keeps them.
    empty_months : {"bill", "drop"}
        Whether a month without events between registration and churn (or 2018-12) is a usage month of zeros.

    Returns
    -------
    UsageData
        With `current_plan`, `age`, `tenure_months` and `partial`.

    Raises
    ------
    DataError
        If a file is missing or cannot be read.
    """
    paths = {table: folder / name for table, name in _MEGALINE_FILES.items()}
    return read_event_tables(
        paths, catalogue, columns=_MEGALINE_COLUMNS, churn_cut=churn_cut, empty_months=empty_months
    )


def read_event_tables(
    source: Path | Mapping[str, Path],
    catalogue: Catalogue,
    *,
    columns: Mapping[str, str] | None = None,
    churn_cut: ChurnCut = "documented",
    empty_months: EmptyMonths = "bill",
) -> UsageData:
    """Read events and sum them to usage months.

    Tables: `calls` (subscriber_id, date, minutes), `messages` (subscriber_id, date), `sessions` (subscriber_id, date,
    megabytes), each with an optional unique `id`; `subscribers` (subscriber_id, reg_date, and where known churn_date,
    current_plan, age). A service that was not sold has no table. Without `subscribers` everybody in the events is one,
    there only in months with events. Further columns are dropped.

    Parameters
    ----------
    source : Path or mapping of str to Path
        A folder with `calls`, `messages`, `sessions` and `subscribers`, each .csv or .parquet, or the file of each.
    catalogue : Catalogue
        Its rate card says how minutes are rounded, its plans which `current_plan` there is.
    columns : mapping of str to str, optional
        Column of the file -> our name; `calls.start` is the column `start` of that table only.
    churn_cut : {"none", "documented"}
        "documented" rejects events after a subscriber's `churn_date`.
    empty_months : {"bill", "drop"}
        Whether a month without events between `reg_date` and `churn_date` (or the end of the data) is a usage month.

    Returns
    -------
    UsageData

    Raises
    ------
    DataError
        If no table of events is there, one cannot be read, or no month is left.
    ConfigError
        If `columns` or `source` names a table or column that does not exist.
    """
    paths = _found(source) if isinstance(source, Path) else dict(source)
    unknown = sorted(set(paths) - {*EVENT_TABLES, SUBSCRIBERS})
    if unknown:
        raise ConfigError(f"events: no table {unknown[:5]}; there are {[*EVENT_TABLES, SUBSCRIBERS]}.")
    schemas = {name: _event_schema(name) for name in EVENT_TABLES} | {SUBSCRIBERS: _subscriber_schema(catalogue)}
    mappings = _by_table(columns or {}, schemas)
    frames: dict[str, pd.DataFrame] = {}
    reports: dict[str, RowReport] = {}
    for name, path in paths.items():
        read = read_table(path, schemas[name], name=name, columns=mappings[name], extra_columns="drop")
        frames[name], reports[name] = read.frame, read.report
    tables = EventTables(
        calls=frames.get(CALLS, _empty(schemas[CALLS])),
        messages=frames.get(MESSAGE_EVENTS, _empty(schemas[MESSAGE_EVENTS])),
        sessions=frames.get(SESSIONS, _empty(schemas[SESSIONS])),
        subscribers=frames.get(SUBSCRIBERS),
    )
    result = aggregate_events(
        tables, catalogue.rounding, churn_cut=churn_cut == "documented", empty_months=empty_months
    )
    accounts = tuple(_account(report, result.rejected.get(name, {})) for name, report in reports.items())
    months = usage_months(result.months)
    return UsageData(months, accounts, f"events of {', '.join(paths)}", _notes(months, churn_cut, empty_months))


def _found(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by table."""
    found: dict[str, Path] = {}
    for name in (*EVENT_TABLES, SUBSCRIBERS):
        files = [p for p in (folder / f"{name}.csv", folder / f"{name}.parquet") if p.is_file()]
        if len(files) > 1:
            raise DataError(f"events: {folder} holds {name} twice, as .csv and .parquet; remove one.")
        found |= dict.fromkeys([name][: len(files)], *files)
    if not set(found) & set(EVENT_TABLES):
        raise DataError(
            f"events: {folder} holds none of {list(EVENT_TABLES)} as .csv or .parquet; name the folder that does."
        )
    return found


def _event_schema(name: str) -> pandera.DataFrameSchema:
    columns = {
        "id": pandera.Column(str, unique=True, required=False),
        SUBSCRIBER: pandera.Column(str),
        DATE: pandera.Column("datetime64[us]"),
    }
    if name in _AMOUNTS:
        within = pandera.Check.in_range(0, MAX_USAGE, error=f"not between 0 and {MAX_USAGE:,}")
        columns[_AMOUNTS[name]] = pandera.Column(float, within)
    return pandera.DataFrameSchema(columns)


def _subscriber_schema(catalogue: Catalogue) -> pandera.DataFrameSchema:
    known_plan = pandera.Check.isin(catalogue.plan_ids, error="not in the rate card")
    return pandera.DataFrameSchema(
        {
            SUBSCRIBER: pandera.Column(str, unique=True),
            REG_DATE: pandera.Column("datetime64[us]"),
            CHURN_DATE: pandera.Column("datetime64[us]", nullable=True, required=False),
            CURRENT_PLAN: pandera.Column(str, known_plan, nullable=True, required=False),
            AGE: pandera.Column(
                float, pandera.Check.in_range(0, 130, error="not between 0 and 130"), nullable=True, required=False
            ),
        },
        checks=pandera.Check(_leaves_after_joining, error="churn_date before reg_date"),
    )


def _leaves_after_joining(frame: pd.DataFrame) -> pd.Series[bool] | bool:
    return CHURN_DATE not in frame.columns or ~(frame[CHURN_DATE] < frame[REG_DATE])


def _by_table(columns: Mapping[str, str], schemas: Mapping[str, pandera.DataFrameSchema]) -> dict[str, dict[str, str]]:
    """Return the mapping of each table: what names it, and what names none and leads to a column it has."""
    targets = {column for schema in schemas.values() for column in schema.columns}
    strange = sorted(set(columns.values()) - targets)
    if strange:
        raise ConfigError(f"events: `columns` leads to {strange[:5]}; the tables have {sorted(targets)}.")
    mappings: dict[str, dict[str, str]] = {name: {} for name in schemas}
    for written, target in columns.items():
        table, dot, column = written.partition(".")
        if dot and table in schemas:
            mappings[table][column] = target
            continue
        for name in schemas:
            if target in schemas[name].columns:
                mappings[name][written] = target
    return mappings


def _empty(schema: pandera.DataFrameSchema) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype="str") for name in schema.columns})


def _account(report: RowReport, rejected: Mapping[str, int]) -> RowReport:
    """Add rows rejected after the table was read."""
    kept = report.kept - sum(rejected.values())
    repaired = {why: min(count, kept) for why, count in report.repaired.items()}
    return RowReport(report.table, report.read, kept, repaired, {**report.rejected, **rejected})


def _notes(months: pd.DataFrame, churn_cut: ChurnCut, empty_months: EmptyMonths) -> tuple[str, ...]:
    unused = (months[list(USAGE)] == 0).all(axis=1)
    seen = (~unused).groupby(months[SUBSCRIBER]).cumsum() > 0
    rule = {"bill": "billed as months of no usage", "drop": "left out"}[empty_months]
    cut = {"documented": "rejected", "none": "kept"}[churn_cut]
    before = int((unused & ~seen).sum())
    return (
        f"months without events are {rule}; events after churn_date are {cut}",
        f"{int(unused.sum())} months without usage, {before} of them before the subscriber's first use",
    )
