"""Runs that tests need."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from common_utils.tracking.run import CodeOf, Cost, FoldFigures, RunFigure, RunRecord

NAME = "20261129T101500000000Z-00000001"


def a_run(name: str = NAME, **changes: Any) -> RunRecord:
    """A training that ended; what is given differs."""
    said: dict[str, Any] = {
        "run": name,
        "project": "demo",
        "kind": "training",
        "state": "done",
        "host": "here",
        "process": 1,
        "started": datetime(2026, 11, 29, 10, 15, tzinfo=UTC),
        "settings": {"training.seed": "42"},
        "code": CodeOf(git_commit="a" * 40, python="3.12.1", libraries={"numpy": "2.0"}),
        "headline": "auc",
        "figures": {"auc": RunFigure(value=0.8, low=0.7, high=0.9), "rows": RunFigure(value=900)},
        "folds": FoldFigures(of="f1", test_over_train=0.25, figures={"auc": (0.7, 0.8, 0.9)}),
        "cost": Cost(wall_seconds=90, cpu_seconds=100, peak_megabytes=512),
    }
    return RunRecord(**said | changes)
