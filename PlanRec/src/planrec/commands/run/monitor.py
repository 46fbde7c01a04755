"""`planrec monitor`: read the months, look, keep the day, show it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from common_utils.command_line.terminal import note, steps
from common_utils.errors import DataError
from common_utils.monitoring.day import Day, DayBook
from common_utils.monitoring.judge import asked_day, judged
from common_utils.reporting.monitor_days import explain_day, last_day, leave_with, show_day
from planrec.billing import Catalogue, load_catalogue
from planrec.columns import KEY
from planrec.commands.requests import MonitorCommand, SettingsCommand
from planrec.commands.settings import LoadedSettings, load_run
from planrec.config import SPEC
from planrec.monitoring.look import look_at_month
from planrec.usage.read import read_usage_table

__all__ = ["run_explain", "run_monitor"]

_RUNBOOK = "docs/runbooks/drift_alarm.md"


def run_monitor(request: MonitorCommand) -> None:
    """Look at a day and leave with its code; the same question again is answered from the record."""
    run = load_run(request.settings)
    bundle = run.open_bundle(request.bundle)
    card_file = request.plans or run.path(run.config.data.chosen().plans)
    card = load_catalogue(card_file)
    book = _book(run)
    inputs = _digest(bundle.version, [card_file, *request.usage], decisions=request.decisions)

    def look(before: Sequence[Day]) -> Day:
        with steps() as step:
            step("reading usage months")
            months = _months(request.usage, run, card)
            step("comparing")
            sight = look_at_month(bundle, months, request.as_of, card=card)
        day = judged(sight, project=SPEC.name, bundle=bundle.version, as_of=request.as_of, inputs=inputs, before=before)
        if sight.now is not None:
            book.keep_profile(sight.period, sight.now)
        return day

    day, known = asked_day(book, request.as_of, inputs, look)
    show_day(day, book, known=known, runbook=_RUNBOOK, as_json=request.as_json)
    leave_with(day)


def run_explain(settings: SettingsCommand, as_of: date | None) -> None:
    """Say what moved most on a day."""
    explain_day(last_day(_book(load_run(settings)), as_of))


def _book(run: LoadedSettings) -> DayBook:
    return DayBook(run.path(Path("data/monitoring")))


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


def _digest(version: str, paths: Sequence[Path], *, decisions: bool) -> str:
    """Return the digest of what is looked at: the bundle and the bytes of every file."""
    digest = hashlib.sha256(f"{version}\0{decisions}".encode())
    for path in paths:
        try:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    return digest.hexdigest()
