"""Which rows fail a schema's checks, and which repeat an earlier row or contradict it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray
from pandera.config import config_context
from pandera.errors import SchemaErrors

from common_utils.errors import DataError

__all__ = ["differing_copies", "failed_checks", "repeated_rows", "strictly_ascending"]

_MOST_REPORTED = 5


def failed_checks(frame: pd.DataFrame, schema: pandera.DataFrameSchema, *, table: str) -> dict[str, NDArray[np.int64]]:
    """Return the positions of the rows that fail each check of a schema, by the reason to give.

    Shape, types and keys are dealt with elsewhere, row by row; here only what the checks say counts.

    Raises
    ------
    DataError
        If a check cannot be run, or fails without saying for which rows.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"minutes": pandera.Column(float, pandera.Check.ge(0))})
    >>> failed_checks(pd.DataFrame({"minutes": [1.0, -1.0]}), schema, table="usage")
    {'minutes: greater_than_or_equal_to(0)': array([1])}
    """
    checks = copy.deepcopy(schema)
    checks.unique, checks.strict, checks.coerce, checks.ordered = None, False, False, False
    for column in checks.columns.values():
        column.unique, column.coerce = False, False
    try:
        # Whatever PANDERA_VALIDATION_ENABLED says: a table that was not checked must not pass for one that was.
        with config_context(validation_enabled=True):
            checks.validate(frame.reset_index(drop=True), lazy=True)
    except SchemaErrors as error:
        failures: pd.DataFrame = error.failure_cases
    else:
        return {}
    names = failures["check"].astype("str")
    whole = failures["index"].isna()
    if whole.any():
        listed = sorted(set(names[whole]))[:_MOST_REPORTED]
        raise DataError(f"{table}: check(s) {listed} cannot be run or fail for the table as a whole.")
    of_column = failures["schema_context"].eq("Column")
    reasons = names.where(~of_column, failures["column"].astype("str") + ": " + names)
    positions = failures["index"].to_numpy(dtype=np.int64)
    return {reason: np.unique(positions[(reasons == reason).to_numpy()]) for reason in dict.fromkeys(reasons)}


def repeated_rows(frame: pd.DataFrame, schema: pandera.DataFrameSchema) -> dict[str, NDArray[np.int64]]:
    """Return the positions of rows whose key another row has: equal to an earlier one, or contradicting it.

    Only columns of the schema count: a line number or a time of export, which nobody reads, makes no contradiction.
    Of rows that are equal the first is left; of rows that contradict each other none is, so that nothing depends on
    their order. Keys are the `unique` of the schema and each column declared unique; without a key rows may repeat.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"id": pandera.Column(str, unique=True), "age": pandera.Column(int)})
    >>> repeated_rows(pd.DataFrame({"id": ["a", "a", "a"], "age": [1, 1, 2]}), schema)
    {'conflicting row for the same key': array([0, 1, 2])}
    """
    keys = [schema.unique] if schema.unique else []
    keys += [[column] for column, declared in schema.columns.items() if declared.unique and column in frame]
    # Most large files are sorted, and looking costs less than a hash of every row.
    keys = [key for key in keys if not strictly_ascending(frame, key)]
    again = np.zeros(len(frame), dtype=bool)
    for key in keys:
        again |= frame.duplicated(subset=key).to_numpy()
    if not again.any():
        return {}
    equal = frame.duplicated(subset=_known(frame, schema)).to_numpy()
    conflicting = np.zeros(len(frame), dtype=bool)
    for key in keys:
        odd = frame.duplicated(subset=key).to_numpy() & ~equal  # a first row that contradicts an earlier one
        if odd.any():
            shared = pd.MultiIndex.from_frame(frame[list(key)])
            conflicting |= shared.isin(shared[odd].unique())
    found = {
        "duplicate row": np.flatnonzero(equal & again & ~conflicting),
        "conflicting row for the same key": np.flatnonzero(conflicting),
    }
    return {reason: positions for reason, positions in found.items() if len(positions)}


def differing_copies(frame: pd.DataFrame, schema: pandera.DataFrameSchema) -> dict[str, NDArray[np.int64]]:
    """Return, by column that the schema does not know, the positions of copies of a row that differ in it.

    Parameters
    ----------
    frame : pandas.DataFrame
        In which `repeated_rows` found copies.

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"id": pandera.Column(str, unique=True)})
    >>> differing_copies(pd.DataFrame({"id": ["a", "a", "b"], "line": [1, 2, 3], "city": ["x", "x", "y"]}), schema)
    {'line': array([0, 1])}
    """
    known = _known(frame, schema)
    copies = np.flatnonzero(frame.duplicated(subset=known, keep=False).to_numpy())
    group = frame.iloc[copies].groupby(known, dropna=False, sort=False).ngroup()
    found: dict[str, NDArray[np.int64]] = {}
    for column in frame.columns.difference(known, sort=False):
        values = frame[column].iloc[copies].groupby(group)
        differ = (values.transform("nunique", dropna=False) > 1).to_numpy(dtype=bool)
        if differ.any():
            found[column] = copies[differ]
    return found


def _known(frame: pd.DataFrame, schema: pandera.DataFrameSchema) -> list[str]:
    return [column for column in frame.columns if column in schema.columns or column in (schema.unique or [])]


def strictly_ascending(frame: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Tell whether each row is greater than the one before it, the first column deciding first; then none repeats.

    Parameters
    ----------
    frame : pandas.DataFrame
    columns : sequence of str
        A missing value is neither greater nor smaller than another.

    Examples
    --------
    >>> frame = pd.DataFrame({"id": ["a", "a", "b"], "month": [1, 2, 1]})
    >>> strictly_ascending(frame, ["id", "month"]), strictly_ascending(frame, ["id"])
    (True, False)
    """
    ascends = np.zeros(max(len(frame) - 1, 0), dtype=bool)
    equal = np.ones_like(ascends)
    for column in columns:
        values = frame[column].array
        ascends |= equal & _holds(values[1:] > values[:-1])
        equal &= _holds(values[1:] == values[:-1])
    return bool(ascends.all())


def _holds(comparison: Any) -> NDArray[np.bool_]:
    return np.asarray(pd.array(comparison, dtype="boolean").fillna(False), dtype=bool)
