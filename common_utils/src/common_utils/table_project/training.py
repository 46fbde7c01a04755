"""One training run of a project on one table: read, account, set aside, fold, fit, measure, bundle."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from common_utils.bundle import Bundle, fingerprint_bytes, git_commit, library_versions, write_bundle
from common_utils.bundle.signing import Trust
from common_utils.config import dump_config
from common_utils.datasets.erasures import keyed_by
from common_utils.datasets.store import SnapshotStore
from common_utils.leakage import audit
from common_utils.monitoring.profiles.counting import reference_profile
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.profiles.profile_json import PROFILE_FILE, profile_bytes
from common_utils.releases import promote, publish
from common_utils.releases.author import Author, default_who
from common_utils.releases.config import load_trust
from common_utils.releases.fewer_rows import refuse_fewer_rows
from common_utils.releases.trained import SETTINGS_FILE
from common_utils.seed import set_seed
from common_utils.splits import assert_apart, group_holdout
from common_utils.table_project.cards import model_card
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.feature_columns import table_columns
from common_utils.table_project.source import SourceTable, owners_of, read_rows, take_snapshot
from common_utils.table_project.task import FOLD_VALUES, Rounds, Step, TableTask
from common_utils.tables import Reading
from common_utils.tracking.figures import folds_of
from common_utils.tracking.recorder import RunBook, recorded_run

__all__ = [
    "PreparedTable",
    "measure_holdout",
    "prepare_rows",
    "prepare_table",
    "recorded_training",
    "refuse_few_rows",
    "train_table",
    "write_trained_table",
]

Settings = TypeVar("Settings", bound=TableProjectConfig)


@dataclass(frozen=True)
class PreparedTable:
    """Everything a run needs before a model is fitted.

    Attributes
    ----------
    table : SourceTable
    train_index, holdout_index : int arrays
        Positions in the table; no group is in both.
    rounds : sequence of sequence of (train, test)
        Folds of each round, as positions in `train`; no group is on both sides of a fold.
    """

    table: SourceTable
    train_index: NDArray[np.intp]
    holdout_index: NDArray[np.intp]
    rounds: Rounds

    @property
    def train(self) -> pd.DataFrame:
        """Rows of analysis, tuning and cross-validation; index 0 .. n-1."""
        return self.table.frame.iloc[self.train_index].reset_index(drop=True)

    @property
    def holdout(self) -> pd.DataFrame:
        """Rows set aside before any of that, scored at the end of a run; index 0 .. n-1."""
        return self.table.frame.iloc[self.holdout_index].reset_index(drop=True)


def prepare_table(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    step: Step,
    *,
    reading: Reading | None = None,
    environ: Mapping[str, str] | None = None,
) -> PreparedTable:
    """Read the table, account for every row, set the holdout aside, make the folds, audit for leaks.

    Parameters
    ----------
    task : TableTask
    config : TableProjectConfig
    folder : Path
        The project's.
    step : callable
        Told in a few words what begins.
    reading : Reading, optional
        What the command line says over `data.table`; it takes the account of the rows.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    DataError
        If the table cannot be read, or is too small to split or to be measured on.
    LeakageError
        If a column that is not under `drop_columns` reveals the target, or a group is on both sides.
    """
    step("reading the table")
    table = read_rows(task, config, folder, reading=reading, environ=environ)
    return prepare_rows(task, config, table, step)


def prepare_rows(task: TableTask[Settings], config: Settings, table: SourceTable, step: Step) -> PreparedTable:
    """Set the holdout of a table that was read aside, make the folds, audit for leaks.

    Raises
    ------
    DataError, LeakageError
        As `prepare_table`.
    """
    seed, split = config.training.seed, config.training.split
    groups = task.groups(table.frame)
    train_index, holdout_index = group_holdout(owners_of(task, table), share=split.holdout_share, seed=seed)
    train = table.frame.iloc[train_index].reset_index(drop=True)
    train_groups = None if groups is None else groups[train_index]
    rounds = [
        task.folds(train, train_groups, n_splits=split.folds, seed=seed + number) for number in range(split.repeats)
    ]
    step("auditing for leaks")
    if groups is not None:
        assert_apart(groups, train_index, holdout_index)
    prepared = PreparedTable(table, train_index, holdout_index, rounds)
    task.check_measurable(prepared.train, "the rows to learn from")
    task.check_measurable(prepared.holdout, "the rows set aside")
    dropped = [column for column in config.data.drop_columns if column in train.columns]
    audit(train.drop(columns=dropped), task.target, seed=seed).raise_for_findings()
    return prepared


def train_table(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    *,
    artifacts: Path,
    step: Step,
    reading: Reading | None = None,
    environ: Mapping[str, str] | None = None,
) -> Bundle:
    """Train, measure, write the bundle whole, publish and promote it; both enter the history of releases.

    Parameters
    ----------
    task : TableTask
    config : TableProjectConfig
    folder : Path
        The project's.
    artifacts : Path
        Root of the bundles.
    step : callable
        Told in a few words what begins.
    reading, environ
        As `prepare_table`.

    Returns
    -------
    Bundle
        Verified; `metrics.json` holds every figure.

    Raises
    ------
    PortfolioError
        As `prepare_table`; DataError if the table lost half of its rows; ArtifactError if the bundle cannot be
        written. The one that was current stays.
    """
    trust = load_trust(config.releases, folder, environ=environ)  # a missing key is told before the work
    with recorded_training(task, config, folder) as run:
        return _trained(task, config, folder, run, artifacts, trust, step, reading=reading, environ=environ)


def _trained(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    run: RunBook,
    artifacts: Path,
    trust: Trust,
    step: Step,
    *,
    reading: Reading | None,
    environ: Mapping[str, str] | None,
) -> Bundle:
    set_seed(config.training.seed)
    with threadpool_limits(1):  # small trees: threads wait for each other longer than they work
        prepared = prepare_table(task, config, folder, step, reading=reading, environ=environ)
    refuse_few_rows(config, artifacts, prepared.table)
    keyed = keyed_by(config.decisions, task.spec.name, folder, environ=environ)
    snapshot = take_snapshot(task, SnapshotStore.beside(artifacts, keyed), prepared.table).digest
    bundle = write_trained_table(
        task, config, folder, prepared, snapshot, root=artifacts, trust=trust, step=step, run=run
    )
    author = Author(default_who(), f"trained on {prepared.table.name} with seed {config.training.seed}")
    publish(artifacts, bundle.path, author=author, trust=trust)
    promote(artifacts, bundle.version, author=author, trust=trust)
    return bundle


def recorded_training(task: TableTask[Settings], config: Settings, folder: Path) -> AbstractContextManager[RunBook]:
    """Record what the block does as a run of training; see `common_utils.tracking.recorder.recorded_run`."""
    return recorded_run(
        config.tracking, folder, project=task.spec.name, kind="training", settings=config, libraries=task.libraries
    )


def write_trained_table(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    prepared: PreparedTable,
    snapshot: str,
    *,
    root: Path,
    trust: Trust,
    step: Step,
    run: RunBook,
) -> Bundle:
    """Fit, measure, and write the bundle whole; nothing is published.

    Parameters
    ----------
    task, config, folder, step
        As `train_table`.
    prepared : PreparedTable
    snapshot : str
        Digest of the data.
    root : Path
        Where the bundle is written, under its version.
    trust : Trust
        Its first key signs.
    run : RunBook
        Told what was measured and written.

    Raises
    ------
    PortfolioError
        If it cannot be measured or compiled; ArtifactError if it cannot be written.
    """
    with threadpool_limits(1):
        measured = task.cross_validate(config, prepared.train, prepared.rounds, step)
        folds = folds_of(prepared.table.fingerprint, prepared.rounds, measured.pop(FOLD_VALUES, {}))
        step("fitting the model on every row that was not set aside")
        learnt_from = prepared.train
        model = _fitted(task, config, learnt_from)
        step("scoring the rows set aside")
        metrics = {
            **_about(task, config, prepared),
            **measured,
            "holdout": task.score_holdout(config, model, prepared.holdout),
        }
        scores = task.predictions(config, model, prepared.holdout)[task.score_column]
        if config.training.refit:
            step("fitting once more, on every row")
            learnt_from = prepared.table.frame
            model = _fitted(task, config, learnt_from)
        metrics |= {**task.learnt(model), "refitted": config.training.refit}
        step("compiling for the service")
        compiled = task.compile(config, model, learnt_from)
        further = task.service_files(config, model)
    step("writing the bundle")
    info = {**_info(task, config, folder, prepared), "snapshot": snapshot}

    def write(target: Path) -> None:
        joblib.dump(model, target / "model.joblib")
        compiled.save(target)
        for name, content in further.items():
            (target / name).write_bytes(content)
        (target / SETTINGS_FILE).write_text(dump_config(config), encoding="utf-8")
        _write_json(target / "metrics.json", metrics)
        (target / PROFILE_FILE).write_bytes(profile_bytes(_reference(model, learnt_from, scores)))
        task.figures(target, metrics)
        (target / "model_card.md").write_text(model_card(task, metrics, info), encoding="utf-8")

    run.reached(metrics, headline=f"cross_validation.{task.goals[0].figure}" if task.goals else "", folds=folds)
    bundle = write_bundle(root, info=info, write=write, trust=trust)
    run.wrote(bundle, task.figure_names)
    return bundle


def measure_holdout(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    bundle: Bundle,
    model: Any,
    step: Step,
    *,
    reading: Reading | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], bool]:
    """Score a bundle's model again on the rows set aside; what was cross-validated comes from the bundle.

    Parameters
    ----------
    task, config, folder, step, reading, environ
        As `train_table`; `config` is the bundle's own.
    bundle : Bundle
    model : fitted Pipeline
        The bundle's; not one that was refitted, which has learnt from the rows set aside.

    Returns
    -------
    tuple of dict and bool
        As `metrics.json`, and whether the rows are those the bundle was trained on.
    """
    with threadpool_limits(1):
        prepared = prepare_table(task, config, folder, step, reading=reading, environ=environ)
        step("scoring the rows set aside")
        holdout = task.score_holdout(config, model, prepared.holdout)
    metrics = {**bundle.read_json("metrics.json"), **_about(task, config, prepared), "holdout": holdout}
    return metrics, prepared.table.fingerprint == bundle.info["data_fingerprint"]


def _fitted(task: TableTask[Settings], config: Settings, rows: pd.DataFrame) -> Any:
    model = task.build(config)
    return model.fit(rows, rows[task.target].to_numpy())


def refuse_few_rows(config: TableProjectConfig, artifacts: Path, table: SourceTable) -> None:
    """Refuse a table that lost half of its rows, unless `training.accept_fewer_rows` says that it is meant.

    Raises
    ------
    DataError
        As `refuse_fewer_rows`.
    """
    if not config.training.accept_fewer_rows:
        kept, read = table.report.kept, table.report.read
        refuse_fewer_rows(artifacts, kept, counted="kept", source=table.source, table=table.report.table, read=read)


def _about(task: TableTask[Settings], config: Settings, prepared: PreparedTable) -> dict[str, Any]:
    table = prepared.table
    return {
        "project": task.spec.name,
        "source": table.source,
        "table": table.name,
        "synthetic": table.source == "sample",
        "rows": {
            "train": len(prepared.train_index),
            "holdout": len(prepared.holdout_index),
            "read": [table.report.to_dict()],
        },
        "split": config.training.split.model_dump(),
        "seed": config.training.seed,
    }


def _info(task: TableTask[Settings], config: Settings, folder: Path, prepared: PreparedTable) -> dict[str, object]:
    return {
        "python": platform.python_version(),
        "libraries": library_versions(task.libraries),
        "git_commit": git_commit(folder),
        "seed": config.training.seed,
        "data_fingerprint": prepared.table.fingerprint,
        "config_fingerprint": fingerprint_bytes(dump_config(config).encode()),
        "row_counts": {
            "read": prepared.table.report.read,
            "kept": prepared.table.report.kept,
            "train": len(prepared.train_index),
            "holdout": len(prepared.holdout_index),
        },
    }


def _reference(model: Any, learnt_from: pd.DataFrame, scores: pd.Series) -> Profile:
    """Return what later tables are compared with: the columns learnt from, and the answers to rows never seen."""
    columns = model[0].step().watched(table_columns(learnt_from))
    return reference_profile(columns, score=scores.to_numpy(dtype=np.float64))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, allow_nan=False, default=str) + "\n", encoding="utf-8")
