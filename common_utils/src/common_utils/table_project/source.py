"""Where a project's table comes from: a file, the folder of public tables, or the sample generator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray
from common_utils.bundle import fingerprint_bytes
from common_utils.config import resolve_path
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import TrainingTable, snapshot_tables
from common_utils.errors import ConfigError, DataError
from common_utils.table_project.config import TableDataConfig, TableProjectConfig
from common_utils.table_project.task import TableTask
from common_utils.tables import Reading, RowReport, TableResult, read_table
from common_utils.tables.columns import check_targets
from common_utils.tables.pieces.checked import CheckedPieces
from common_utils.tables.write import holds_returns
from common_utils.units.amounts import SizeCounts, check_amounts, check_sizes, sizes_of

__all__ = [
    "PORTFOLIO_DATA",
    "RecordPieces",
    "SourceTable",
    "apply_rules",
    "load_table",
    "owners_of",
    "public_table",
    "read_records",
    "read_rows",
    "snapshot_of_settings",
    "stated",
    "take_snapshot",
]

Settings = TypeVar("Settings", bound=TableProjectConfig)

PORTFOLIO_DATA = "PORTFOLIO_DATA"


@dataclass(frozen=True)
class SourceTable:
    """A table with the account of every row.

    Attributes
    ----------
    frame : DataFrame
        Rows kept, index 0 .. n-1.
    rows : int64 array of shape (n,)
        Number of each row in the file, the first below the header being 1.
    report : RowReport
        Rows read, kept, repaired, rejected by reason, and set aside by rule.
    source : {"table", "sample"}
        Whether a file was read or the generator ran.
    name : str
        The file's name, or what the generator is called; no folder.
    """

    frame: pd.DataFrame
    rows: NDArray[np.int64]
    report: RowReport
    source: Literal["table", "sample"]
    name: str

    @property
    def fingerprint(self) -> str:
        """Sha256 over the rows: the same rows give the same fingerprint."""
        return fingerprint_bytes(pd.util.hash_pandas_object(self.frame, index=False).to_numpy().tobytes())


def public_table(name: str, *, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the public table of a name, or None where PORTFOLIO_DATA is not set.

    Parameters
    ----------
    name : str
        File name, for example `Churn_Modelling.csv`.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    DataError
        If PORTFOLIO_DATA is set and its folder has no such file: set but missing is an error, never the sample.

    Examples
    --------
    >>> public_table("cars.csv", environ={}) is None
    True
    """
    folder = (os.environ if environ is None else environ).get(PORTFOLIO_DATA, "")
    if not folder:
        return None
    path = Path(folder) / name
    if not path.is_file():
        raise DataError(f"{PORTFOLIO_DATA} is set, but its folder has no {name}; bring the table, or unset it.")
    return path


def load_table(
    config: TableDataConfig,
    schema: pandera.DataFrameSchema,
    *,
    name: str,
    folder: Path,
    sample: Callable[[int], pd.DataFrame],
    reading: Reading | None = None,
    environ: Mapping[str, str] | None = None,
) -> SourceTable:
    """Return the table that the settings name.

    Parameters
    ----------
    config : TableDataConfig
    schema : pandera.DataFrameSchema
        Of the file.
    name : str
        What messages call the table.
    folder : Path
        The project's; `file` counts from it.
    sample : callable
        Given a number of rows, returns that many with the schema's columns.
    reading : Reading, optional
        What the command line says over the settings' `table`.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If a table is asked for and none is named.
    DataError
        If it cannot be read, or no row is left.
    """
    path: Path | None = None
    if config.source != "sample":
        path = public_table(config.public_file, environ=environ) if config.file is None else config.file
    if path is not None:
        return read_records(resolve_path(folder, path), schema, name=name, reading=stated(config, schema, reading))
    if config.source == "table":
        raise ConfigError(
            f"data.source table: name it with `data.file`, or set {PORTFOLIO_DATA} to the folder of "
            f"{config.public_file}."
        )
    frame = sample(config.sample_rows)
    report = RowReport(name, read=len(frame), kept=len(frame))
    return SourceTable(frame, np.arange(1, len(frame) + 1), report, "sample", "sample generator")


def read_records(
    path: Path, schema: pandera.DataFrameSchema, *, name: str, reading: Reading | None = None
) -> SourceTable:
    """Read a file against a schema; columns it does not know are dropped, and said so in the account.

    Raises
    ------
    DataError
        As `common_utils.tables.read.read_table`, and `check_amounts`.
    """
    read = read_table(path, schema, name=name, extra_columns="drop", reading=reading)
    report = check_amounts(read.frame, schema, read.report, accept=reading is not None and reading.accept_units)
    if reading is not None:
        reading.accounts.update(report)
    return SourceTable(read.frame, read.rows, report, "table", path.name)


class RecordPieces:
    r"""The records of a file of any size, in pieces: rows, account and refusals are those of `read_records`.

    Parameters
    ----------
    path, schema, name, reading
        As `read_records`.
    id_column : str, optional
        Column of text that answers will repeat.

    Attributes
    ----------
    report : RowReport
        The account of all rows.
    has_returns : bool
        Whether some id holds a carriage return, as `common_utils.tables.frame_writer` asks.

    Raises
    ------
    DataError
        As `read_records`, before the first piece.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "cars.csv"
    >>> _ = path.write_text("price\n900\n?\n700\n")
    >>> records = RecordPieces(path, pandera.DataFrameSchema({"price": pandera.Column(float)}), name="cars")
    >>> records.report.kept, [piece.rows.tolist() for piece in records]
    (2, [[1, 3]])
    """

    def __init__(
        self,
        path: Path,
        schema: pandera.DataFrameSchema,
        *,
        name: str,
        reading: Reading | None = None,
        id_column: str | None = None,
    ) -> None:
        self.has_returns = False
        self._id = [] if id_column is None else [id_column]
        self._schema = schema
        self._sizes: dict[str, SizeCounts] = {}
        self._pieces = CheckedPieces(path, schema, name=name, reading=reading, look=self._look)
        accept = reading is not None and reading.accept_units
        self.report = check_sizes(self._sizes, schema, self._pieces.report, self._amounts, accept=accept)
        if reading is not None:
            reading.accounts.update(self.report)

    def __iter__(self) -> Iterator[TableResult]:
        """Go through the pieces, as often as need be; some may be empty."""
        return iter(self._pieces)

    def _look(self, frame: pd.DataFrame) -> None:
        for column, counts in sizes_of(frame, self._schema).items():
            self._sizes[column] = self._sizes.get(column, SizeCounts()) + counts
        self.has_returns = self.has_returns or holds_returns(frame[frame.columns.intersection(self._id)])

    def _amounts(self, column: str) -> Iterator[FloatArray]:
        return (piece.frame[column].to_numpy(dtype=np.float64) for piece in self._pieces)


def stated(
    config: TableDataConfig,
    schema: pandera.DataFrameSchema,
    reading: Reading | None = None,
    *,
    training: pandera.DataFrameSchema | None = None,
) -> Reading:
    """Return how the table is written.

    Parameters
    ----------
    config : TableDataConfig
    schema : pandera.DataFrameSchema
        Of the table.
    reading : Reading, optional
        What the command line says over the settings.
    training : pandera.DataFrameSchema, optional
        Of the training file, where that is another table: one mapping serves both, and what it says of columns that
        only the training file has is left out.

    Raises
    ------
    ConfigError
        If the mapping leads to a column that neither has.
    """
    said = Reading.of(config.table) if reading is None else reading.over(config.table)
    known = [*schema.columns, *(c for c in (training.columns if training else ()) if c not in schema.columns)]
    check_targets("the table", [source.target for source in said.columns.values()], known)
    return replace(said, columns={name: s for name, s in said.columns.items() if s.target in schema.columns})


def apply_rules(table: SourceTable, rules: Mapping[str, BoolArray]) -> SourceTable:
    """Return the table without the rows that a rule sets aside; each row counts once, under the first rule.

    Parameters
    ----------
    table : SourceTable
    rules : mapping of str to bool array of shape (n,)
        By rule, whether it removes the row.

    Raises
    ------
    DataError
        If no row is left.

    Examples
    --------
    >>> frame = pd.DataFrame({"price": [1, 900, 2]})
    >>> table = SourceTable(frame, np.arange(1, 4), RowReport("cars", read=3, kept=3), "table", "cars.csv")
    >>> cleaned = apply_rules(table, {"price below 100": frame["price"].to_numpy() < 100})
    >>> cleaned.report.set_aside, cleaned.rows.tolist()
    ({'price below 100': 2}, [2])
    """
    if not rules:
        return table
    kept = np.ones(len(table.frame), dtype=np.bool_)
    removed: dict[str, int] = {}
    for rule, hits in rules.items():
        now = kept & hits
        if now.any():
            removed[rule] = int(now.sum())
        kept &= ~now
    if not kept.any():
        raise DataError(f"{table.report.table}: the cleaning rules remove every row; loosen them in the settings.")
    frame = table.frame[kept].reset_index(drop=True)
    return SourceTable(frame, table.rows[kept], table.report.after(removed), table.source, table.name)


def read_rows(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    *,
    reading: Reading | None = None,
    environ: Mapping[str, str] | None = None,
) -> SourceTable:
    """Return the configured table, tidied, without the rows that a rule sets aside; `reading` takes the account.

    Raises
    ------
    PortfolioError
        If the table cannot be read.
    """
    table = load_table(
        config.data,
        task.schema(),
        name=task.spec.name,
        folder=folder,
        sample=lambda n_rows: task.sample(n_rows, np.random.default_rng(config.training.seed)),
        reading=reading,
        environ=environ,
    )
    table = replace(table, frame=task.tidied(table.frame))
    table = apply_rules(table, task.rules(table.frame, config))
    if reading is not None:
        reading.accounts.update(table.report)
    return table


def owners_of(task: TableTask[Settings], table: SourceTable) -> NDArray[Any]:
    """Return what decides a row's side: its group, else its id, else its number in the file."""
    groups = task.groups(table.frame)
    if groups is not None:
        return groups
    if task.id_column is not None and task.id_column in table.frame.columns:
        return table.frame[task.id_column].to_numpy()
    return table.rows


def snapshot_of_settings(
    task: TableTask[Settings], config: Settings, folder: Path, store: SnapshotStore, *, reading: Reading | None = None
) -> Snapshot:
    """Keep the table that training with these settings would learn from, and measure on, as a snapshot.

    Raises
    ------
    PortfolioError
        As `read_rows`, and as `take_snapshot`.
    """
    store = store.keyed_by(config.decisions, task.spec.name, folder)
    return take_snapshot(task, store, read_rows(task, config, folder, reading=reading))


def take_snapshot(task: TableTask[Settings], store: SnapshotStore, table: SourceTable) -> Snapshot:
    """Keep a project's table as a snapshot.

    Raises
    ------
    DataError, ArtifactError
        As `snapshot_tables`.
    """
    subject = task.id_column if task.id_column in table.frame.columns else None
    return snapshot_tables(store, {task.spec.name: TrainingTable(table.frame, subject)}, source=table.name)
