"""What `monitor` does in a project on one table: read the records, look, keep the day, show it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TypeVar

import numpy as np

from common_utils.command_line.lifecycle.retrain import RetrainCommand
from common_utils.command_line.terminal import note, steps
from common_utils.config import resolve_path
from common_utils.decision_log.desk import Desk
from common_utils.lifecycle.chain import retrain
from common_utils.monitoring.beside import export_until_ended
from common_utils.monitoring.day import DayBook
from common_utils.monitoring.judge import Sight, inputs_digest, with_matured
from common_utils.monitoring.matured import decided_until, rows_digest
from common_utils.monitoring.traffic import traffic_sight
from common_utils.reporting.monitor_days import answer_day, answer_traffic, explain_day, last_day
from common_utils.reporting.retrain_days import show_retrain_day
from common_utils.table_project.commands import configured_bundle
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.source import read_records, stated
from common_utils.table_project.task import TableTask
from common_utils.table_project.watch.look import look_at_table
from common_utils.table_project.watch.outcomes import look_at_records
from common_utils.table_project.watch.quality import rejected_finding
from common_utils.table_project.watch.retraining import table_retraining
from common_utils.tables import Reading

__all__ = ["run_explain", "run_export", "run_monitor", "run_retrain"]

Settings = TypeVar("Settings", bound=TableProjectConfig)


def run_monitor(
    task: TableTask[Settings],
    config: Settings,
    folder: Path,
    input_: Path | None,
    as_of: date,
    bundle_path: Path | None,
    *,
    decisions: bool,
    as_json: bool,
    reading: Reading,
) -> None:
    """Look at a period and leave with its code; the same question again is answered from the record."""
    bundle = configured_bundle(task, config, folder, bundle_path)
    book = _book(config, folder)
    log = Desk(config.decisions, task.spec.name, folder, config.data.table)
    rows = decided_until(log, as_of) if decisions else None

    def judged_late(sight: Sight) -> Sight:
        if rows is None:
            return sight
        rng = np.random.default_rng(config.training.seed)
        return with_matured(sight, look_at_records(task, rows, bundle.read_json("metrics.json"), rng=rng))

    if input_ is None:
        answer_traffic(
            book.folder,
            lambda: judged_late(traffic_sight(book.folder, bundle.version, ["predict"], as_of, table="--input")),
            as_of,
            project=task.spec.name,
            bundle=bundle.version,
            as_json=as_json,
        )

    def look() -> Sight:
        with steps() as step:
            step("reading records")
            schema = task.record_schema()
            how = stated(config.data, schema, reading, training=task.schema())
            records = read_records(input_, schema, name=task.spec.name, reading=how)
            note(records.report.summary())
            step("comparing")
            quality = (rejected_finding(records.report, since=as_of.isoformat()),)
            return judged_late(look_at_table(task, bundle, records.frame, as_of, book=book, quality=quality))

    said = bundle.version if rows is None else f"{bundle.version}\0{rows_digest(rows)}"
    inputs = inputs_digest(said, [input_])
    answer_day(book, as_of, inputs, look, project=task.spec.name, bundle=bundle.version, as_json=as_json)


def run_explain(config: TableProjectConfig, folder: Path, as_of: date | None) -> None:
    """Say what moved most on a day."""
    explain_day(last_day(_book(config, folder), as_of))


def run_export(config: TableProjectConfig, folder: Path, port: int, address: str) -> None:
    """Serve the latest verdicts until SIGTERM."""
    export_until_ended(_book(config, folder).folder, port, address, note)


def run_retrain(task: TableTask[Settings], config: Settings, folder: Path, asked: RetrainCommand) -> None:
    """Retrain if there is a reason, show the day, and leave with its code."""
    with steps() as step:
        day, known = retrain(table_retraining(task, config, folder, step, asked.reading), asked.as_of, step)
    show_retrain_day(day, known=known, as_json=asked.as_json)


def _book(config: TableProjectConfig, folder: Path) -> DayBook:
    return DayBook(resolve_path(folder, config.monitoring.folder))
