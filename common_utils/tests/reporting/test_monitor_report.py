"""A day's report says the verdict, what moved, for whom and what to do, in both forms, and needs no other file."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest

from common_utils.monitoring.day import MonitorDay, Moved
from common_utils.monitoring.findings import Finding
from common_utils.reporting.monitor_report import html_report, markdown_report, verdict_lines

_RUNBOOK = "docs/runbooks/drift.md"
_MOVED = (
    Moved("megabytes", ("up to 1", "over <1"), (0.5, 0.5), (0.3, 0.7), 0.17, "training"),
    Moved("age", ("up to 40", "over 40"), (0.5, 0.5), (0.5, 0.5), 0.0, "2025-09"),
)
_FINDINGS = (
    Finding("drift", "megabytes", "alarm", 0.17, 0.0, "2025-10", 400, "megabytes: 70 % <above> 1, 50 % in training."),
    Finding("drift", "age", "ok", 0.0, 0.0, None, 400, "age lies as it did."),
    Finding("late_labels", "", "insufficient", None, None, None, 3, "3 matured outcomes: too few."),
)
_DAY = MonitorDay(
    "demo", "v1", "2025-11-01", "2025-10", "0" * 64, _FINDINGS, _MOVED, ("young",), ("Bills rise by 3 %.",)
)


def test_markdown_says_everything_in_its_order() -> None:
    text = markdown_report(_DAY, _RUNBOOK)
    heads = re.findall("^## (.*)$", text, re.M)
    assert heads == [
        "What moved",
        "For whom",
        "What it does to the answers",
        "What could not be judged",
        "What to do",
        "By how much",
        "Every check",
    ]
    assert "in training. Since 2025-10." in text
    assert f"- Follow {_RUNBOOK}." in text
    assert "3 matured outcomes" in text


def test_html_holds_its_pictures_and_escapes_names() -> None:
    text = html_report(_DAY, [replace(_DAY, period="2025-09", findings=())], _RUNBOOK, notice=0.02, alarm=0.1)
    pictures = re.findall('src="data:image/png;base64,([^"]+)"', text)
    assert len(pictures) == 4  # sizes, two features, the days before
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in pictures)
    assert "&lt;above&gt;" in text
    assert "<above>" not in text
    assert "http" not in text


def test_same_day_same_bytes() -> None:
    first, second = (html_report(_DAY, [], _RUNBOOK, notice=0.02, alarm=0.1) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("findings", "step"),
    [
        (_FINDINGS[1:2], "Nothing."),
        (_FINDINGS[2:], "ask for this day again"),
        ((replace(_FINDINGS[0], blocks_retraining=True),), "do not train on it"),
    ],
)
def test_each_verdict_has_its_step(findings: tuple[Finding, ...], step: str) -> None:
    assert step in markdown_report(replace(_DAY, findings=findings), _RUNBOOK)


def test_a_terminal_shows_what_is_wrong_and_not_what_is_well() -> None:
    lines = verdict_lines(replace(_DAY, findings=(*_FINDINGS, replace(_FINDINGS[0], blocks_retraining=True))))
    assert lines[0].startswith("demo 2025-11-01: alarm.")
    assert not any("lies as it did" in line for line in lines)
    assert lines[-1] == "  Retraining is blocked until somebody has looked at the data."


def test_nothing_moved_draws_nothing() -> None:
    text = html_report(replace(_DAY, moved=()), [], _RUNBOOK, notice=0.02, alarm=0.1)
    assert "data:image" not in text
