"""What a project on one table brings to a day of retraining: its table read once, and a bundle trained on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from common_utils.bundle import Bundle, fingerprint_bytes, open_bundle
from common_utils.bundle.signing import Trust
from common_utils.config import dump_config, resolve_path
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import DataError
from common_utils.lifecycle.chain import Retraining
from common_utils.lifecycle.gate import GateReport
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.profiles.profile_json import bundle_profile
from common_utils.releases.author import default_who
from common_utils.releases.config import load_trust
from common_utils.scoring.joblib_scorer import open_model
from common_utils.seed import set_seed
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.feature_columns import table_columns
from common_utils.table_project.source import SourceTable, read_rows, take_snapshot
from common_utils.table_project.task import Step, TableTask
from common_utils.table_project.training import (
    PreparedTable,
    prepare_rows,
    recorded_training,
    refuse_few_rows,
    write_trained_table,
)
from common_utils.table_project.watch.judged import judge_tables
from common_utils.tables import Reading

__all__ = ["TableTraining", "check_units", "table_retraining"]

Settings = TypeVar("Settings", bound=TableProjectConfig)

_TIMES = 20  # beyond the reference's outer edges: as far as no year takes a table, and less than a unit does
_MOST_FAR = 0.01  # of the rows


def table_retraining(
    task: TableTask[Settings], config: Settings, folder: Path, step: Step, reading: Reading | None = None
) -> Retraining:
    """Return what a project brings to a day of retraining; it has neither rate card nor rules.

    Parameters
    ----------
    task : TableTask
    config : TableProjectConfig
        Of the next bundle.
    folder : Path
        The project's.
    step : callable
        Told in a few words what begins.
    reading : Reading, optional
        What the command line says over `data.table`.
    """
    trust = load_trust(config.releases, folder)
    artifacts = resolve_path(folder, config.training.artifacts)

    def read() -> TableTraining[Settings]:
        step("reading the table")
        return TableTraining(
            task, config, folder, artifacts, trust, read_rows(task, config, folder, reading=reading), step
        )

    return Retraining(
        project=task.spec.name,
        artifacts=artifacts,
        trust=trust,
        config=config.lifecycle,
        folder=resolve_path(folder, config.lifecycle.folder),
        monitoring=resolve_path(folder, config.monitoring.folder),
        settings=fingerprint_bytes(dump_config(config).encode()),
        live_digests=_no_digests,
        now={},
        read=read,
        who=default_who(),
    )


def _no_digests(live: Bundle) -> Mapping[str, str]:
    del live
    return {}


@dataclass
class TableTraining(Generic[Settings]):
    """A table that was read for one training; a `common_utils.lifecycle.chain.TrainingData`."""

    task: TableTask[Settings]
    config: Settings
    folder: Path
    artifacts: Path
    trust: Trust
    table: SourceTable
    step: Step
    made: PreparedTable | None = None

    def snapshot(self) -> Snapshot:
        """Keep the table as a snapshot."""
        store = SnapshotStore.beside(self.artifacts)
        keyed = store.keyed_by(self.config.decisions, self.task.spec.name, self.folder)
        return take_snapshot(self.task, keyed, self.table)

    def prepared(self) -> PreparedTable:
        """Return the table split and audited for leaks; once.

        Raises
        ------
        DataError, LeakageError
            As `prepare_rows`.
        """
        if self.made is None:
            self.made = prepare_rows(self.task, self.config, self.table, self.step)
        return self.made

    def train(self, root: Path, snapshot: str) -> Bundle:
        """Check the columns, audit for leaks, train, and write the bundle into a root of its own.

        Raises
        ------
        DataError, GateError
            As `check_units`, `prepare_rows` and `write_trained_table`.
        """
        self.step("checking the columns")
        live = open_bundle(self.artifacts, trust=self.trust)
        refuse_few_rows(self.config, self.artifacts, self.table)
        columns = open_model(live)[0].step().watched(table_columns(self.table.frame))
        check_units(bundle_profile(live), columns, self.task.spec.name)
        set_seed(self.config.training.seed)
        prepared = self.prepared()
        with recorded_training(self.task, self.config, self.folder) as run:
            return write_trained_table(
                self.task,
                self.config,
                self.folder,
                prepared,
                snapshot,
                root=root,
                trust=self.trust,
                step=self.step,
                run=run,
            )

    def judge(self, live: Bundle, challenger: Bundle) -> GateReport:
        """Return what the gate finds."""
        store = SnapshotStore.beside(self.artifacts)
        return judge_tables(self.task, live, challenger, self.prepared(), store)


def check_units(reference: Profile, columns: Mapping[str, NDArray[Any]], table: str) -> None:
    """Refuse a table in which a column has slipped into another unit, in all rows or in more than 1 in 100.

    Parameters
    ----------
    reference : Profile
        Of the live bundle's training.
    columns : mapping of str to array of shape (n,)
        What a model reads of the new table.
    table : str
        What the message calls it.

    Raises
    ------
    DataError
        Naming the columns.

    Examples
    --------
    >>> from common_utils.monitoring.profiles.counting import reference_profile
    >>> before = reference_profile({"km": np.linspace(10, 90, 500)})
    >>> check_units(before, {"km": np.linspace(10, 90, 100)}, "cars")
    >>> check_units(before, {"km": 1000 * np.linspace(10, 90, 100)}, "cars")
    Traceback (most recent call last):
    common_utils.errors.DataError: cars: km (100% of the rows) lie more than 20 times beyond what was learnt from. ...
    """
    slipped: list[str] = []
    for name, counts in reference.numbers.items():
        edges = np.abs(counts.edges[counts.edges != 0])
        if name not in columns or not len(edges):
            continue
        values = np.abs(np.asarray(columns[name], dtype=np.float64))
        values = values[values > 0]
        far = (values > _TIMES * edges.max()) | (values < edges.min() / _TIMES)
        if len(values) and far.mean() > _MOST_FAR:
            slipped.append(f"{name} ({far.mean():z.0%} of the rows)")
    if slipped:
        raise DataError(
            f"{table}: {', '.join(slipped)} lie more than {_TIMES} times beyond what was learnt from. Look whether a "
            "source changed its unit; train by hand if it is meant."
        )
