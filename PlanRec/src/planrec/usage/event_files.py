"""Read single calls, messages and data sessions from files and sum them to usage months; rules in `events.py`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
import pandera.pandas as pandera

from common_utils.errors import ConfigError, DataError
from common_utils.tables import Accounts, Reading, RowReport, check_share, id_column, read_table
from common_utils.tables.files import TABLE_ENDINGS
from common_utils.tables.parquet_folder import parquet_parts
from common_utils.tables.pieces.blocks import TableBlocks
from common_utils.tables.reading import ColumnSource
from planrec.billing import MAX_USAGE, Catalogue
from planrec.columns import AGE, CURRENT_PLAN, MEGABYTES, MINUTES, SUBSCRIBER, USAGE
from planrec.usage.amounts import check_amounts, counts_of
from planrec.usage.event_stream import EVENT_ID, EventStream
from planrec.usage.event_sums import SubscriberCodes
from planrec.usage.events import (
    AMOUNTS,
    CALLS,
    CHURN_DATE,
    DATE,
    EVENT_TABLES,
    MESSAGE_EVENTS,
    REG_DATE,
    SESSIONS,
    SUBSCRIBERS,
    aggregate_blocks,
)
from planrec.usage.months_table import UsageData, usage_months, with_known_plans
from planrec.usage.read import amount_units, optional_facts

__all__ = ["ChurnCut", "EmptyMonths", "event_schemas", "read_event_tables", "read_megaline"]

ChurnCut = Literal["none", "documented"]
EmptyMonths = Literal["bill", "drop"]

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


def read_megaline(
    folder: Path,
    catalogue: Catalogue,
    *,
    churn_cut: ChurnCut,
    empty_months: EmptyMonths,
    reading: Reading | None = None,
) -> UsageData:
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
        "documented" sets aside the events of users after their `churn_date`; "none" keeps them.
    empty_months : {"bill", "drop"}
        Whether a month without events between registration and churn (or 2018-12) is a usage month of zeros.
    reading : Reading, optional
        How much may be rejected, and where the accounts go.

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
        paths,
        catalogue,
        columns=_MEGALINE_COLUMNS,
        churn_cut=churn_cut,
        empty_months=empty_months,
        reading=reading,
    )


def read_event_tables(
    source: Path | Mapping[str, Path],
    catalogue: Catalogue,
    *,
    columns: Mapping[str, str] | None = None,
    churn_cut: ChurnCut = "documented",
    empty_months: EmptyMonths = "bill",
    reading: Reading | None = None,
    until: int | None = None,
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
        Column of the file -> our name; "calls.start" is the column `start` of that table only.
    churn_cut : {"none", "documented"}
        "documented" sets aside events after a subscriber's `churn_date`.
    empty_months : {"bill", "drop"}
        Whether a month without events between `reg_date` and `churn_date` (or the end of the data) is a usage month.
    reading : Reading, optional
        How the columns are written, and how much may be rejected.
    until : int, optional
        Month index of the last month that counts; events after it are set aside. Else the last month that 1 % of the
        subscribers have events in, or the one before 12 months without any.

    Returns
    -------
    UsageData

    Raises
    ------
    DataError
        If no table of events is there, one cannot be read, too much of one is rejected, or no month is left.
    ConfigError
        If `columns` or `source` names a table or column that does not exist.
    """
    paths = _found(source) if isinstance(source, Path) else dict(source)
    unknown = sorted(set(paths) - {*EVENT_TABLES, SUBSCRIBERS})
    if unknown:
        raise ConfigError(f"events: no table {unknown[:5]}; there are {[*EVENT_TABLES, SUBSCRIBERS]}.")
    reading = reading or Reading()
    gigabyte = catalogue.rounding.data_unit_megabytes
    schemas = {name: _event_schema(name, gigabyte) for name in EVENT_TABLES} | {SUBSCRIBERS: _subscriber_schema()}
    mappings = _by_table({**reading.columns, **{k: ColumnSource(v) for k, v in (columns or {}).items()}}, schemas)
    # How much is rejected is known once the events have met the subscribers.
    own = {name: replace(reading, columns=mappings[name], max_rejected_share=None) for name in paths}
    with ExitStack() as opened:
        streams = {
            name: opened.enter_context(
                EventStream(TableBlocks(path, schemas[name], name=name, reading=own[name]), schemas[name])
            )
            for name, path in paths.items()
            if name != SUBSCRIBERS
        }
        listed = _listed(paths, schemas, own, catalogue)
        people = None if listed is None else listed[0]
        codes = SubscriberCodes([] if people is None else people[SUBSCRIBER].tolist())
        try:
            result = aggregate_blocks(
                streams,
                codes,
                people,
                catalogue.rounding,
                churn_cut=churn_cut == "documented",
                empty_months=empty_months,
                until=until,
            )
        finally:  # its account stands after those of the events
            if listed is not None:
                reading.accounts.add(listed[1].report, listed[1].rejects)
        reads: Mapping[str, EventStream | _Read] = {**streams, **({} if listed is None else {SUBSCRIBERS: listed[1]})}
        told = _told_once({name: reads[name].report for name in paths}, mappings)
        accounts = {name: streams[name].doubted(told[name]) if name in streams else told[name] for name in paths}
    accounts = {
        name: report.after(result.set_aside.get(name, {}), result.rejected.get(name, {}))
        for name, report in accounts.items()
    }
    rejects = {name: _all_rejects(reads[name].rejects, result.rejected_rows, name) for name in accounts}
    for name, report in accounts.items():
        reading.accounts.add(report, rejects[name])
    for name, report in accounts.items():
        if result.months.empty and not report.kept and not report.set_aside:
            continue  # said below, with the accounts of all tables
        check_share(report, rejects[name], reading)
    if result.months.empty:
        said = "\n".join(report.summary() for report in accounts.values())
        raise DataError(f"{said}\nusage months: none is left; see the reasons above.")
    months = usage_months(result.months)
    reports = [*accounts.values()]
    reports[0] = replace(reports[0], notes=(*reports[0].notes, *result.notes))
    reports[0] = check_amounts(counts_of(months), reports[0], accept=reading.accept_units)
    reading.accounts.update(reports[0])
    return UsageData(months, tuple(reports), f"events of {', '.join(paths)}", _notes(months, churn_cut, empty_months))


class _Read(NamedTuple):
    """A table read at once, and its account."""

    report: RowReport
    rejects: pd.DataFrame


def _listed(
    paths: Mapping[str, Path],
    schemas: Mapping[str, pandera.DataFrameSchema],
    own: Mapping[str, Reading],
    catalogue: Catalogue,
) -> tuple[pd.DataFrame, _Read] | None:
    """Return the list of subscribers, where there is one; plans that are in no rate card are unknown."""
    if SUBSCRIBERS not in paths:
        return None
    schema, reading = schemas[SUBSCRIBERS], replace(own[SUBSCRIBERS], accounts=Accounts())
    read = read_table(paths[SUBSCRIBERS], schema, name=SUBSCRIBERS, extra_columns="drop", reading=reading)
    people, report = with_known_plans(read.frame, read.report, catalogue, rows=read.rows)
    return people, _Read(report, read.rejects)


def _told_once(
    reports: Mapping[str, RowReport], mappings: Mapping[str, Mapping[str, ColumnSource]]
) -> dict[str, RowReport]:
    """Return the accounts without the note that one table lacks a column of the mapping which another has."""
    named = {name: [f"data.table.columns names {written!r} " for written in mappings[name]] for name in reports}
    lacking = {
        name: [note for note in report.notes if note.startswith("data.table.columns names ")]
        for name, report in reports.items()
    }
    told: dict[str, RowReport] = {}
    for name, report in reports.items():
        needless = [
            note
            for note in lacking[name]
            for start in named[name]
            if note.startswith(start)
            and any(start in named[o] and not any(n.startswith(start) for n in lacking[o]) for o in reports)
        ]
        told[name] = replace(report, notes=tuple(note for note in report.notes if note not in needless))
    return told


def _all_rejects(read: pd.DataFrame, later: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows rejected while a table was read and after its events met the subscribers."""
    events = later.loc[later["table"] == name, ["row", "reason"]].assign(column="")
    return pd.concat([read, events]).sort_values("row", ignore_index=True)


def _found(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by table."""
    found: dict[str, Path] = {}
    for name in (*EVENT_TABLES, SUBSCRIBERS):
        candidates = [folder / f"{name}{ending}" for ending in TABLE_ENDINGS]
        files = [p for p in candidates if p.is_file() or (p.is_dir() and parquet_parts(p))]
        if len(files) > 1:
            endings = " and ".join(p.name.removeprefix(name) for p in files)
            raise DataError(f"events: {folder} holds {name} twice, as {endings}; remove one.")
        found |= dict.fromkeys([name][: len(files)], *files)
    if not set(found) & set(EVENT_TABLES):
        raise DataError(
            f"events: {folder} holds none of {list(EVENT_TABLES)} as {', '.join(TABLE_ENDINGS)}; "
            "name the folder that does."
        )
    return found


def event_schemas(gigabyte: int = 1024) -> dict[str, pandera.DataFrameSchema]:
    """Return the schema of each table of events, and of the subscribers beside them.

    Examples
    --------
    >>> list(event_schemas())
    ['calls', 'messages', 'sessions', 'subscribers']
    """
    return {**{name: _event_schema(name, gigabyte) for name in EVENT_TABLES}, SUBSCRIBERS: _subscriber_schema()}


def _event_schema(name: str, gigabyte: int) -> pandera.DataFrameSchema:
    columns = {
        EVENT_ID: id_column(unique=True, required=False),
        SUBSCRIBER: id_column(),
        DATE: pandera.Column("datetime64[us]"),
    }
    if name in AMOUNTS:
        within = pandera.Check.in_range(0, MAX_USAGE, error=f"not between 0 and {MAX_USAGE:,}")
        units = amount_units(AMOUNTS[name], gigabyte=gigabyte)
        columns[AMOUNTS[name]] = pandera.Column(float, within, metadata={"units": units})
    return pandera.DataFrameSchema(columns)


def _subscriber_schema() -> pandera.DataFrameSchema:
    return pandera.DataFrameSchema(
        {
            SUBSCRIBER: id_column(unique=True),
            REG_DATE: pandera.Column("datetime64[us]"),
            CHURN_DATE: pandera.Column("datetime64[us]", nullable=True, required=False),
            CURRENT_PLAN: pandera.Column(str, nullable=True, required=False, metadata={"soft": True}),
            AGE: optional_facts()[AGE],
        },
        checks=pandera.Check(_leaves_after_joining, error="churn_date before reg_date"),
    )


def _leaves_after_joining(frame: pd.DataFrame) -> pd.Series[bool] | bool:
    return CHURN_DATE not in frame.columns or ~(frame[CHURN_DATE] < frame[REG_DATE])


def _by_table(
    columns: Mapping[str, ColumnSource], schemas: Mapping[str, pandera.DataFrameSchema]
) -> dict[str, dict[str, ColumnSource]]:
    """Return the mapping of each table: what names it, and what names none and leads to a column it has."""
    targets = {column for schema in schemas.values() for column in schema.columns}
    strange = sorted({source.target for source in columns.values()} - targets)
    if strange:
        raise ConfigError(f"events: `columns` leads to {strange[:5]}; the tables have {sorted(targets)}.")
    mappings: dict[str, dict[str, ColumnSource]] = {name: {} for name in schemas}
    for written, target in columns.items():
        table, dot, column = written.partition(".")
        if dot and table in schemas:
            mappings[table][column] = target
            continue
        for name in schemas:
            if target.target in schemas[name].columns:
                mappings[name][written] = target
    return mappings


def _notes(months: pd.DataFrame, churn_cut: ChurnCut, empty_months: EmptyMonths) -> tuple[str, ...]:
    unused = (months[list(USAGE)] == 0).all(axis=1)
    seen = (~unused).groupby(months[SUBSCRIBER]).cumsum() > 0
    rule = {"bill": "billed as months of no usage", "drop": "left out"}[empty_months]
    cut = {"documented": "set aside", "none": "kept"}[churn_cut]
    before = int((unused & ~seen).sum())
    return (
        f"months without events are {rule}; events after churn_date are {cut}",
        f"{int(unused.sum())} months without usage, {before} of them before the subscriber's first use",
    )
