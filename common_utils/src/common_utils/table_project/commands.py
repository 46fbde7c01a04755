"""What the commands of a project on one table do: read, call one thing, write or show."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from pydantic_core import to_json

from common_utils.bundle import Bundle, open_bundle
from common_utils.command_line.lifecycle.card import card_of_use
from common_utils.command_line.terminal import note, note_next, show_table, steps
from common_utils.config import resolve_path
from common_utils.decision_log.batch import BatchEntry, LogOf, logged_run
from common_utils.decision_log.coarse_groups import coarse_groups
from common_utils.decision_log.recorder import open_batch_recorder
from common_utils.errors import ConfigError
from common_utils.monitoring.profiles.batch import open_batch_profile
from common_utils.outputs import write_bytes, write_text
from common_utils.releases.config import load_trust
from common_utils.releases.trained import check_project, trained_settings
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.cards import (
    GOAL_TABLE,
    REFITTED,
    data_card,
    goal_rows,
    model_card,
    readme_with_results,
    results_document,
    source_words,
)
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.feature_columns import table_columns
from common_utils.table_project.source import RecordPieces, SourceTable, read_records, stated
from common_utils.table_project.task import TableTask
from common_utils.table_project.training import measure_holdout, train_table
from common_utils.tables import Reading, TableResult, frame_writer

__all__ = ["answered", "configured_bundle", "run_card", "run_evaluate", "run_explain", "run_predict", "run_train"]

Settings = TypeVar("Settings", bound=TableProjectConfig)
_ROW = "row"
_NEXT = {
    "answer a table": "predict --input FILE --output FILE",
    "measure it again": "evaluate",
    "answer over HTTP": "serve",
}


def run_train(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    output: Path | None,
    *,
    reading: Reading | None = None,
) -> None:
    """Train and show what came out; what the command line says of the table becomes part of the bundle's settings."""
    artifacts = output or resolve_path(folder, config.training.artifacts)
    reading = Reading() if reading is None else reading
    with steps() as step:
        bundle = train_table(task, _as_read(config, reading), folder, artifacts=artifacts, step=step, reading=reading)
    _account(reading)
    _show(task, bundle.read_json("metrics.json"))
    note(f"bundle: {bundle.path}")
    note(f"card:   {bundle.path / 'model_card.md'}")
    note_next(task.spec.name, _NEXT, output)


def run_evaluate(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    bundle_path: Path | None,
    *,
    as_json: bool,
    output: Path | None,
    reading: Reading | None = None,
) -> None:
    """Score a bundle again on the rows set aside, and show every table; `output` also takes them as Markdown.

    A bundle that was refitted has learnt from those rows: its figures from before are shown, and no row is read.
    """
    bundle = configured_bundle(task, config, folder, bundle_path)
    metrics: dict[str, Any] = bundle.read_json("metrics.json")
    if metrics.get("refitted"):
        note(f"no row is read: {REFITTED}")
    else:
        metrics = _measured_again(task, config, folder, bundle, Reading() if reading is None else reading)
    if output is not None:
        command = f"make -C {folder.resolve().name} evaluate"
        write_text(output, results_document(task, metrics, command))
        note(f"written to {output}")
    if as_json:
        _print_json({"bundle": bundle.version, **metrics})
    else:
        _show(task, metrics)


def _measured_again(
    task: TableTask[Settings], config: Settings, folder: Path, bundle: Bundle, reading: Reading
) -> dict[str, Any]:
    """Score a bundle on the rows set aside of its own table, or of the copy that `data.file` names."""
    trained = _trained(task, bundle)
    most = max(trained.data.table.max_rejected_share, config.data.table.max_rejected_share)
    table = trained.data.table.model_copy(update={"max_rejected_share": most})
    trained = trained.model_copy(update={"data": trained.data.model_copy(update={"table": table})})
    if config.data.file is not None:
        written = {"file": config.data.file, "source": "table", "table": config.data.table}
        trained = trained.model_copy(update={"data": trained.data.model_copy(update=written)})
    with steps() as step:
        metrics, same = measure_holdout(task, trained, folder, bundle, open_model(bundle), step, reading=reading)
    _account(reading)
    if not same:
        note("the rows differ from those the bundle was trained on: the holdout differs from its card")
    return metrics


def run_predict(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    input_: Path,
    output: Path,
    bundle_path: Path | None,
    *,
    reading: Reading | None = None,
) -> None:
    """Write one answer for each record: id or row number first."""
    bundle = configured_bundle(task, config, folder, bundle_path)
    records = _records(task, config, input_, reading)
    model, trained = open_model(bundle), _trained(task, bundle)
    recorder = open_batch_recorder(config.decisions, task.spec.name, folder)
    profile = open_batch_profile(config.monitoring, folder, bundle, "predict")
    step, done = model[0].step(), 0
    about = LogOf("predict", "predict", bundle.version, "", snapshot=bundle.snapshot)
    with (
        logged_run(recorder, output, about) as run,
        frame_writer(output, quoted=records.has_returns) as write,
    ):
        for piece in records:
            if not len(piece.rows):
                continue
            names, answers = _names(task, piece), task.predictions(trained, model, piece.frame)
            table = pd.concat([names, answers], axis=1)
            write(table)
            if keep := run.keep_with(partial(_entries, groups=_groups(task, piece.frame), first=done + 1)):
                keep(table)
            if profile is not None:
                subjects = None if names.columns[0] == _ROW else names.iloc[:, 0].to_numpy(dtype=object)
                score = answers[task.score_column].to_numpy(dtype=np.float64)
                profile.add(step.watched(table_columns(piece.frame)), score=score, subjects=subjects)
            done += len(table)
    if profile is not None:
        profile.keep(note)
    note(records.report.summary())
    note(f"{done:,} answers written to {output}")
    _caveat(task)


def _records(task: TableTask[Settings], config: Settings, input_: Path, reading: Reading | None) -> RecordPieces:
    schema = task.record_schema()
    how = stated(config.data, schema, reading, training=task.schema())
    return RecordPieces(input_, schema, name=task.spec.name, reading=how, id_column=task.id_column)


def answered(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    input_: Path,
    bundle_path: Path | None,
    *,
    reading: Reading | None = None,
) -> tuple[SourceTable, pd.DataFrame, pd.DataFrame]:
    """Return the records of a file, what they are called (id or row number), and a bundle's answers, row by row."""
    bundle = configured_bundle(task, config, folder, bundle_path)
    schema = task.record_schema()
    how = stated(config.data, schema, reading, training=task.schema())
    records = read_records(input_, schema, name=task.spec.name, reading=how)
    answers = task.predictions(_trained(task, bundle), open_model(bundle), records.frame)
    return records, _names(task, records), answers


def run_explain(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    input_: Path,
    bundle_path: Path | None,
    *,
    row: int,
    as_json: bool,
    reading: Reading | None = None,
) -> None:
    """Say what one record's score is made of; `row` is its number in the file."""
    bundle = configured_bundle(task, config, folder, bundle_path)
    records = _records(task, config, input_, reading)
    one = next((piece.frame[piece.rows == row].reset_index(drop=True) for piece in records if row in piece.rows), None)
    if one is None:
        raise ConfigError(f"--row {row}: the table has no such record, or it was rejected; {records.report.summary()}")
    explanation = task.explain(_trained(task, bundle), open_model(bundle), one)
    if as_json:
        _print_json({"bundle": bundle.version, "row": row, **explanation.to_dict()})
    else:
        sys.stdout.write(explanation.words() + "\n")
        _caveat(task)


def run_card(
    task: TableTask[Settings], config: Settings, folder: Path, bundle_path: Path | None, output: Path | None
) -> None:
    """Write the cards and figures of a bundle and, in the project itself, the README's results."""
    bundle = configured_bundle(task, config, folder, bundle_path)
    metrics = bundle.read_json("metrics.json")
    docs = output or folder / "docs"
    figures = docs / "figures"
    used = card_of_use(bundle, resolve_path(folder, config.monitoring.folder))
    write_text(docs / "model_card.md", model_card(task, metrics, bundle) + used)
    write_text(docs / "data_card.md", data_card(task, metrics, bundle))
    for name in task.figure_names:
        write_bytes(figures / name, bundle.read_bytes(name))
    if output is None:
        readme = folder / "README.md"
        write_text(readme, readme_with_results(task, readme.read_text(encoding="utf-8"), metrics))
    note(f"cards of {bundle.version} written to {docs}")


def _as_read(config: Settings, reading: Reading) -> Settings:
    """Return the settings with what the command line says of the table, so that `evaluate` reads it in the same way."""
    said = {"decimal": reading.decimal, "accept_units": reading.accept_units or None}
    table = config.data.table.model_copy(update={name: value for name, value in said.items() if value is not None})
    return config.model_copy(update={"data": config.data.model_copy(update={"table": table})})


def _account(reading: Reading) -> None:
    for report in reading.accounts.reports:
        note(report.summary())


def _groups(task: TableTask[Any], frame: pd.DataFrame) -> Iterator[bytes]:
    """Yield the declared coarse groups of each record."""
    known = [name for name in task.coarse_groups if name in frame]
    columns = [frame[name].tolist() for name in known]
    return (
        coarse_groups(known, values) for values in (zip(*columns, strict=True) if known else repeat((), len(frame)))
    )


def _entries(table: pd.DataFrame, groups: Iterator[bytes], *, first: int) -> Iterator[BatchEntry]:
    """Yield an entry for each answer, numbered; the first column is an id, and so the subject, or the row's number."""
    answers, named = table.iloc[:, 1:].to_dict("records"), table.columns[0] != _ROW
    rows = zip(table.iloc[:, 0].tolist(), answers, groups, strict=True)
    for row, (name, answer, mine) in enumerate(rows, start=first):
        yield BatchEntry(str(name) if named else None, to_json(answer, inf_nan_mode="null"), row=row, groups=mine)


def _names(task: TableTask[Settings], records: SourceTable | TableResult) -> pd.DataFrame:
    if task.id_column is not None and task.id_column in records.frame.columns:
        return records.frame[[task.id_column]]
    return pd.DataFrame({_ROW: records.rows})


def configured_bundle(task: TableTask[Any], config: TableProjectConfig, folder: Path, path: Path | None) -> Bundle:
    """Open the bundle that `--bundle` names, else the configured one; another project's is refused."""
    trust = load_trust(config.releases, folder)
    bundle = open_bundle(path or resolve_path(folder, config.training.artifacts), trust=trust)
    check_project(bundle, task.spec.name)
    return bundle


def _trained(task: TableTask[Settings], bundle: Bundle) -> Settings:
    """Return the settings a bundle was trained with."""
    return trained_settings(bundle, task.spec.settings, task.spec.name)


def _show(task: TableTask[Any], metrics: Mapping[str, Any]) -> None:
    note(f"measured on {source_words(metrics)}")
    for title, rows in {GOAL_TABLE: goal_rows(task.goals, metrics), **task.tables(metrics)}.items():
        show_table(title, rows)
    _caveat(task)


def _caveat(task: TableTask[Any]) -> None:
    if task.caveat:
        note(task.caveat)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1, allow_nan=False, default=str) + "\n")
