"""A table that lost half of its rows is not learnt from without a word: a broken export looks like a small table."""

from __future__ import annotations

from pathlib import Path

from common_utils.bundle import current_version, open_bundle
from common_utils.errors import ArtifactError, DataError

__all__ = ["ACCEPT_FEWER_ROWS", "refuse_fewer_rows"]

ACCEPT_FEWER_ROWS = "train on a table that lost half of its rows, or has half of those of the bundle that is live"
"""Description of the setting `training.accept_fewer_rows`."""


def refuse_fewer_rows(
    artifacts: Path, kept: int, *, counted: str, source: str, table: str, read: int | None = None
) -> None:
    """Refuse a table half of which was lost, or that has half as many rows as the live bundle was trained on, or fewer.

    Parameters
    ----------
    artifacts : Path
        Root of the bundles; without a bundle from the same source there is nothing to compare with.
    kept : int
        Rows that would be learnt from or measured on.
    counted : str
        What the bundles' `row_counts` call that number.
    source : str
        As `source` in `metrics.json`: a sample is not compared with a table.
    table : str
        What the message calls the table.
    read : int, optional
        Rows of the file.

    Raises
    ------
    DataError
        Naming both numbers and the setting that accepts them.

    Examples
    --------
    >>> refuse_fewer_rows(Path("nowhere"), 40, counted="kept", source="table", table="cars", read=100)
    Traceback (most recent call last):
        ...
    common_utils.errors.DataError: cars: 40 of 100 rows are left. If that is meant, set training.accept_fewer_rows=true.
    """
    meant = "If that is meant, set training.accept_fewer_rows=true."
    if read is not None and 2 * kept <= read:
        raise DataError(f"{table}: {kept:,} of {read:,} rows are left. {meant}")
    try:
        version = current_version(artifacts)
        live = None if version is None else open_bundle(artifacts / version)
    except ArtifactError:  # what cannot be opened cannot be compared with; publishing says what is wrong with it
        return
    if live is None or live.read_json("metrics.json").get("source") != source:
        return
    counts = live.info.get("row_counts")
    before = counts.get(counted) if isinstance(counts, dict) else None
    if isinstance(before, int) and 2 * kept <= before:
        raise DataError(
            f"{table}: {kept:,} rows, where the live bundle {version} was trained on {before:,}: half is missing. "
            f"Look at the export. {meant}"
        )
