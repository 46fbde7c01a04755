"""Outcomes from a file: every row is kept, corrected something, was there already, or is rejected with a reason."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pandera

from common_utils.decision_log.keys import KeyRing
from common_utils.decision_log.kinds import KINDS, check_value
from common_utils.decision_log.outcomes import KEPT, WINDOW_DAYS, Said, Telling
from common_utils.decision_log.store.store import Store
from common_utils.errors import DataError
from common_utils.identifiers import LONGEST_ID, ONE_NAME, names_one
from common_utils.tables import Reading, TableResult, check_share, id_column, month_column, read_table

__all__ = ["OUTCOME_SCHEMA", "OutcomeReport", "keep_outcomes", "read_outcome_table"]

_WORDS = {"1": True, "1.0": True, "true": True, "yes": True, "0": False, "0.0": False, "false": False, "no": False}
OUTCOME_SCHEMA = pandera.DataFrameSchema(
    {
        "event_id": id_column(required=False, nullable=True),
        "subject": pandera.Column(
            str,
            pandera.Check.str_length(1, LONGEST_ID, error=f"not 1 to {LONGEST_ID} characters"),
            nullable=True,
            required=False,
            metadata={"id": True},
        ),
        "kind": pandera.Column(str, pandera.Check.isin(list(KINDS), error=f"none of {', '.join(KINDS)}")),
        "value": pandera.Column(str),
        "date": pandera.Column("datetime64[us]"),
        "month": month_column(nullable=True),
    }
)
OUTCOME_SCHEMA.columns["month"].required = False
"""A file of outcomes; each row names its event or its subject."""


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """What became of the rows of a file.

    Attributes
    ----------
    rows : int
    counts : mapping of str to int
        Rows by what became of them; they add up to `rows`.
    """

    rows: int
    counts: Mapping[str, int]

    def summary(self) -> str:
        """Return a line for people.

        Examples
        --------
        >>> OutcomeReport(3, {"new": 2, "late": 1}).summary()
        'outcomes: 3 rows; 2 new, 0 known already, 0 corrected, 1 rejected (late: 1)'
        """
        refused = {reason: count for reason, count in self.counts.items() if reason not in KEPT}
        why = f" ({', '.join(f'{reason}: {count:,}' for reason, count in refused.items())})" if refused else ""
        new, again, corrected = (self.counts.get(name, 0) for name in KEPT)
        return (
            f"outcomes: {self.rows:,} rows; {new:,} new, {again:,} known already, {corrected:,} corrected, "
            f"{sum(refused.values()):,} rejected{why}"
        )


def read_outcome_table(path: Path, reading: Reading) -> TableResult:
    """Read a table of `kind`, `value`, `date`, and `event_id` or `subject`; `month` of a bill.

    Raises
    ------
    DataError
        If it cannot be read, or names neither events nor subjects.
    """
    table = read_table(path, OUTCOME_SCHEMA, name="outcomes", reading=reading)
    if not {"event_id", "subject"} & set(table.frame.columns):
        raise DataError(f"{path.name}: neither event_id nor subject; an outcome must say which decision it is of.")
    return table


def keep_outcomes(
    table: TableResult,
    store: Store,
    keys: KeyRing,
    project: str,
    *,
    reading: Reading,
    window_days: int = WINDOW_DAYS,
) -> OutcomeReport:
    """Join the rows of a table to their decisions, in one transaction.

    Parameters
    ----------
    table : TableResult
        As `read_outcome_table`.
    store : Store
    keys : KeyRing
    project : str
    reading : Reading
        Takes the account of the rows.
    window_days : int
        As `Telling`.

    Raises
    ------
    DataError
        If no row can be kept, or more are rejected than `reading` allows; then none is.
    """
    rows = [_one(row, keys, project) for row in table.frame.to_dict("records")]
    with store.database.transaction():
        telling = Telling(store, time.time_ns(), window_days)
        joined = iter(telling.record([said for said in rows if isinstance(said, Said)]))
        verdicts = [next(joined) if isinstance(said, Said) else said for said in rows]
        refused = [(row, why) for row, why in zip(table.rows.tolist(), verdicts, strict=True) if why not in KEPT]
        report = table.report.after({}, Counter(why for _, why in refused))
        later = pd.DataFrame(refused, columns=["row", "reason"]).assign(column="")
        check_share(report, pd.concat([table.rejects, later]).sort_values("row", ignore_index=True), reading)
    counts = Counter(why for why in verdicts if why in KEPT)
    return OutcomeReport(report.read, {**counts, **report.rejected})


def _one(row: Mapping[Any, Any], keys: KeyRing, project: str) -> Said | str:
    """Return what a row says, or what is wrong with it."""
    event, subject, month = (_known(row.get(name)) for name in ("event_id", "subject", "month"))
    kind, text = row["kind"], row["value"]
    value = _value(kind, text)
    wrong = check_value(kind, value)
    if wrong is not None:
        return f"value: {wrong}"
    if not names_one(event, subject):
        return ONE_NAME
    return Said(
        kind=kind,
        value=value,
        at_ms=int(row["date"].timestamp() * 1000),
        event=event,
        subjects=() if subject is None else keys.subjects(project, subject),
        period=month or (f"{row['date']:%Y-%m}" if kind == "bill_paid" else ""),
    )


def _known(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _value(kind: str, text: str) -> Any:
    match KINDS[kind].value:
        case "text":
            return text
        case "yes or no":
            return _WORDS.get(text.strip().lower(), text)
        case _:
            try:
                return float(text)
            except ValueError:
                return text
