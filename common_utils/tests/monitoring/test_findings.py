"""Findings: the levels' order, and what holds retraining back."""

from __future__ import annotations

import json

import pytest

from common_utils.monitoring.findings import LEVELS, Finding, Level, blocks_retraining, worst


def _finding(level: Level, *, blocks: bool = False) -> Finding:
    return Finding("missing", "age", level, 0.5, 0.1, "2025-10", 300, "age: half is missing.", blocks)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        pytest.param([], "insufficient", id="nothing-was-checked"),
        pytest.param(["ok", "ok"], "ok", id="all-well"),
        pytest.param(["ok", "insufficient"], "insufficient", id="too-little-is-never-ok"),
        pytest.param(["insufficient", "notice"], "notice", id="a-notice-is-not-hidden"),
        pytest.param(["alarm", "insufficient", "ok", "notice"], "alarm", id="alarm"),
    ],
)
def test_worst_is_the_worst_level(levels: list[Level], expected: Level) -> None:
    assert worst(_finding(level) for level in levels) == expected
    assert expected in LEVELS


def test_one_blocking_finding_blocks() -> None:
    assert blocks_retraining([_finding("ok"), _finding("alarm", blocks=True)])
    assert not blocks_retraining([_finding("alarm"), _finding("notice")])


def test_finding_writes_itself_as_json() -> None:
    assert json.loads(json.dumps(_finding("alarm").to_dict())) == {
        "check": "missing",
        "feature": "age",
        "level": "alarm",
        "value": 0.5,
        "usual": 0.1,
        "since": "2025-10",
        "count": 300,
        "sentence": "age: half is missing.",
        "blocks_retraining": False,
    }
