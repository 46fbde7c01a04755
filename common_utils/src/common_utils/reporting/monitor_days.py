"""A day's verdict for people: its reports beside its record, the lines on a terminal, the code to leave with."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NoReturn

import typer

from common_utils.errors import DataError
from common_utils.monitoring.day import DayBook, MonitorDay
from common_utils.monitoring.drift.comparison import Limits
from common_utils.monitoring.exporter import write_verdicts
from common_utils.monitoring.judge import Sight, asked_day, inputs_digest, judged
from common_utils.monitoring.lasting_days import lasting_findings
from common_utils.monitoring.profiles.profile_json import profile_bytes
from common_utils.outputs import write_text
from common_utils.reporting.monitor_report import html_report, markdown_report, verdict_lines

__all__ = ["RUNBOOK", "answer_day", "answer_traffic", "explain_day", "keep_verdicts", "last_day", "show_day"]

RUNBOOK = "docs/runbooks/drift_alarm.md"
"""Where the steps for each alarm stand."""


def answer_day(
    book: DayBook,
    as_of: date,
    inputs: str,
    look: Callable[[], Sight],
    *,
    project: str,
    bundle: str,
    as_json: bool,
) -> NoReturn:
    """Look at a day unless it was looked at with the same inputs, show it, and leave with its code.

    What Prometheus is told is written last: a run that failed is not taken for one that found nothing.

    Parameters
    ----------
    book : DayBook
    as_of : date
    inputs : str
        As `inputs_digest`.
    look : callable
        Returns what the project shows.
    project, bundle : str
        Package, and the version that is live.
    as_json : bool
        Print the record instead of the verdict.

    Raises
    ------
    typer.Exit
        With 0, 5 at an alarm, 6 where there is too little to judge by.
    """

    def judge(before: Sequence[MonitorDay]) -> MonitorDay:
        sight = look()
        if sight.now is not None:
            book.keep_profile(sight.period, sight.now)
            sight = replace(sight, findings=(*sight.findings, *lasting_findings(book.detector_file, sight)))
        return judged(sight, project=project, bundle=bundle, as_of=as_of, inputs=inputs, before=before)

    day, known = asked_day(book, as_of, inputs, judge)
    show_day(day, book, known=known, as_json=as_json)
    keep_verdicts(book, day)
    raise typer.Exit(day.exit_code)


def answer_traffic(
    root: Path, look: Callable[[], Sight], as_of: date, *, project: str, bundle: str, as_json: bool
) -> NoReturn:
    """Look at a day's traffic, show it, and leave with its code; days of traffic lie apart from those of tables.

    Parameters
    ----------
    root : Path
        `monitoring.folder`.
    look, as_of, project, bundle, as_json
        As in `answer_day`; what is seen is its own digest.

    Raises
    ------
    typer.Exit
        As `answer_day`.
    """
    sight = look()
    said = [bundle, *(finding.sentence for finding in sight.findings)]
    profiles = [sight.now, *(one.profile for one in sight.references)]
    seen = "".join(profile_bytes(one).decode() for one in profiles if one is not None)
    inputs = inputs_digest("\0".join([*said, seen]), [])
    answer_day(DayBook(root / "traffic"), as_of, inputs, lambda: sight, project=project, bundle=bundle, as_json=as_json)


def keep_verdicts(book: DayBook, day: MonitorDay) -> None:
    """Write what `monitor export` serves; a day before the last one looked at leaves that one's.

    Raises
    ------
    DataError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> book = DayBook(Path(tempfile.mkdtemp()))
    >>> keep_verdicts(book, MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, ()))
    >>> book.verdict_file.exists()
    True
    """
    if all(one.as_of <= day.as_of for one in book.days()):
        write_verdicts(book.verdict_file, day.project, day.period, day.findings)


def show_day(day: MonitorDay, book: DayBook, *, known: bool, as_json: bool) -> None:
    """Write the two reports of a day beside its record, and show the verdict.

    Parameters
    ----------
    day : MonitorDay
    book : DayBook
    known : bool
        Whether the day had been asked for before; then the reports lie there.
    as_json : bool
        Print the record instead of the verdict.
    """
    places = [book.report_file(day.as_of, ending) for ending in ("md", "html")]
    if not (known and all(place.exists() for place in places)):
        limits = Limits()
        history = [one for one in book.days() if one.as_of < day.as_of]
        write_text(places[0], markdown_report(day, RUNBOOK))
        write_text(places[1], html_report(day, history, RUNBOOK, notice=limits.notice, alarm=limits.alarm))
    if as_json:
        sys.stdout.write(json.dumps(day.to_dict(), indent=1, allow_nan=False) + "\n")
        return
    sys.stdout.write("\n".join(verdict_lines(day)) + "\n")
    sys.stdout.write(f"{'asked before; ' if known else ''}report: {places[1]}\n")


def last_day(book: DayBook, as_of: date | None) -> MonitorDay:
    """Return the day asked for, or the last one there is.

    Raises
    ------
    DataError
        If nothing was looked at.
    """
    day = book.day(as_of) if as_of is not None else next(reversed(book.days()), None)
    if day is None:
        raise DataError(f"{book.folder}: no day was looked at; run `monitor --as-of DAY` first.")
    return day


def explain_day(day: MonitorDay) -> None:
    """Show what moved most, for which kinds of subjects, and what it does to the answers; no value of a person."""
    lines = [f"{day.project} {day.period}, looked at on {day.as_of}: {day.level}"]
    for heading, said in (("kinds that moved most", day.kinds), ("what it does to the answers", day.effect)):
        lines += [f"{heading}:", *(f"  {line}" for line in said or ("nothing is known.",))]
    lines += ["features that moved most:"]
    lines += [f"  {m.feature}: {m.size:z.3f} against {m.against}" for m in day.moved[:3]] or [
        "  none could be compared."
    ]
    sys.stdout.write("\n".join(lines) + "\n")
