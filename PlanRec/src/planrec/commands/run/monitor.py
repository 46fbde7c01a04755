"""`planrec monitor`: read the months, look, keep the day, show it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.command_line.terminal import note, steps
from common_utils.decision_log.desk import Desk
from common_utils.errors import DataError
from common_utils.monitoring.beside import export_until_ended
from common_utils.monitoring.day import DayBook
from common_utils.monitoring.judge import Sight, inputs_digest, with_matured
from common_utils.monitoring.matured import decided_until, rows_digest
from common_utils.monitoring.traffic import traffic_sight
from common_utils.reporting.monitor_days import answer_day, answer_traffic, explain_day, last_day
from planrec.billing import Catalogue, load_catalogue
from planrec.columns import KEY
from planrec.commands.requests import MonitorCommand, SettingsCommand
from planrec.commands.settings import LoadedSettings, load_run
from planrec.config import SPEC
from planrec.monitoring.look import look_at_month
from planrec.monitoring.outcomes import look_at_outcomes
from planrec.usage.read import read_usage_table

__all__ = ["run_explain", "run_export", "run_monitor"]

_ANSWERS = ("predict", "recommend")


def run_monitor(request: MonitorCommand) -> None:
    """Look at a day and leave with its code; the same question again is answered from the record."""
    run = load_run(request.settings)
    bundle = run.open_bundle(request.bundle)
    log = Desk(run.config.decisions, SPEC.name, run.project, run.config.data.table)
    rows = decided_until(log, request.as_of) if request.decisions else None

    def judged_late(sight: Sight) -> Sight:
        if rows is None:
            return sight
        rng = np.random.default_rng(run.config.training.seed)
        return with_matured(sight, look_at_outcomes(rows, bundle.bundle.read_json("metrics.json"), rng=rng))

    if not request.usage:
        root = run.path(run.config.monitoring.folder)
        answer_traffic(
            root,
            lambda: judged_late(traffic_sight(root, bundle.version, _ANSWERS, request.as_of, table="--usage")),
            request.as_of,
            project=SPEC.name,
            bundle=bundle.version,
            as_json=request.as_json,
        )
    card_file = request.plans or run.path(run.config.data.chosen().plans)
    card = load_catalogue(card_file)
    book = _book(run)
    decided = "" if rows is None else rows_digest(rows)
    inputs = inputs_digest(f"{bundle.version}\0{decided}", [card_file, *request.usage])

    def look() -> Sight:
        with steps() as step:
            step("reading usage months")
            months = _months(request.usage, run, card)
            step("comparing")
            return judged_late(look_at_month(bundle, months, request.as_of, card=card))

    answer_day(book, request.as_of, inputs, look, project=SPEC.name, bundle=bundle.version, as_json=request.as_json)


def run_explain(settings: SettingsCommand, as_of: date | None) -> None:
    """Say what moved most on a day."""
    explain_day(last_day(_book(load_run(settings)), as_of))


def run_export(settings: SettingsCommand, port: int, address: str) -> None:
    """Serve the latest verdicts until SIGTERM."""
    export_until_ended(_book(load_run(settings)).folder, port, address, note)


def _book(run: LoadedSettings) -> DayBook:
    return DayBook(run.path(run.config.monitoring.folder))


def _months(paths: Sequence[Path], run: LoadedSettings, card: Catalogue) -> pd.DataFrame:
    """Return the usage months of all files, sorted; plans outside the card stay, for they are to be found.

    Raises
    ------
    DataError
        If a subscriber's month is in two files.
    """
    parts: list[pd.DataFrame] = []
    for path in paths:
        data = read_usage_table(path, catalogue=card, reading=run.reading, keep_plans=True)
        for report in data.reports:
            note(report.summary())
        parts.append(data.months)
    months = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    twice = months.duplicated(list(KEY))
    if twice.any():
        raise DataError(f"{int(twice.sum()):,} month(s) of a subscriber are in two files; name each table once.")
    return months.sort_values(list(KEY), ignore_index=True)
