"""What changed between two snapshots: rows, months, columns, and how the values are distributed."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from common_utils.datasets.snapshot import Snapshot, SnapshotFile
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import load_file

__all__ = ["differences"]


def differences(store: SnapshotStore, old: Snapshot, new: Snapshot) -> list[dict[str, Any]]:
    """Return what differs, one row each: table, what, before, after.

    Numbers are compared by mean and share missing, other columns by the largest change of a value's share. Subjects
    are counted and never shown.

    Parameters
    ----------
    store : SnapshotStore
    old, new : Snapshot

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    before, after = ({file.name: file for file in one.files} for one in (old, new))
    rows: list[dict[str, Any]] = []
    for name in sorted(before.keys() | after.keys()):
        left, right = before.get(name), after.get(name)
        if left is None or right is None:
            rows.append(_row(name, "table", left and "there", right and "there"))
        elif left.sha256 != right.sha256:
            rows += _of_file(store, left, right)
    return rows


def _of_file(store: SnapshotStore, left: SnapshotFile, right: SnapshotFile) -> list[dict[str, Any]]:
    rows = [
        _row(left.name, what, one, two)
        for what, one, two in (
            ("rows", left.rows, right.rows),
            ("first month", *((file.months or (None,))[0] for file in (left, right))),
            ("last month", *((file.months or (None,))[-1] for file in (left, right))),
            ("columns gone", ", ".join(sorted({*left.columns} - {*right.columns})) or None, None),
            ("columns new", None, ", ".join(sorted({*right.columns} - {*left.columns})) or None),
        )
        if one != two
    ]
    old, new = load_file(store, left), load_file(store, right)
    for column in (one for one in left.columns if one in right.columns):
        if column == left.subject:
            counts = old[column].nunique(), new[column].nunique()
            rows += [_row(left.name, "subjects", *counts)] if counts[0] != counts[1] else []
        else:
            rows += _of_column(left.name, column, old[column], new[column])
    return rows


def _of_column(table: str, column: str, old: pd.Series[Any], new: pd.Series[Any]) -> list[dict[str, Any]]:
    said: list[tuple[str, float | None, float | None]] = [
        ("share missing", float(old.isna().mean()), float(new.isna().mean()))
    ]
    if is_numeric_dtype(old) and is_numeric_dtype(new) and not is_bool_dtype(old):
        said.append(("mean", _mean(old), _mean(new)))
    else:
        shares = [one.astype(str).value_counts(normalize=True) for one in (old, new)]
        change = shares[1].sub(shares[0], fill_value=0.0).abs()
        if len(change) and change.max() > 0:
            value = str(change.idxmax())
            before, after = (float(one.get(value, 0.0)) for one in shares)
            said.append((f"share of {value[:40]!a}", before, after))
    return [_row(table, f"{column}: {what}", one, two) for what, one, two in said if one != two]


def _mean(column: pd.Series[Any]) -> float | None:
    """Return the mean of the values there are; None where there are none."""
    return float(column.mean()) if column.notna().any() else None


def _row(table: str, what: str, before: object, after: object) -> dict[str, Any]:
    return {"table": table, "what": what, "before": before, "after": after}
