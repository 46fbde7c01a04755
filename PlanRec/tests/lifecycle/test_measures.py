"""Regret, who is moved and who is worse off, on bills that can be checked by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common_utils.lifecycle.measures import PairedFigure, PairedHarm
from planrec.columns import AGE, CURRENT_PLAN, MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER
from planrec.config import load_planrec_config
from planrec.decisions import latest_rows
from planrec.evaluation import segment_labels
from planrec.lifecycle import measures
from planrec.lifecycle.rows import JudgedRows

BILLS = np.array([[10.0, 8, 12], [10, 8, 12], [10, 10, 12], [10, 8, 12], [10, 5, 12]])
CURRENT = np.array([0, 0, 0, -1, 0])
AVAILABLE = np.ones((5, 3), dtype=np.bool_)
AVAILABLE[4] = [False, False, True]  # the cheap plan may not be taken, and the plan held is cheaper than what may
LIVE = np.array([1, 0, 1, 1, 2])
NEW = np.array([2, 0, 0, 2, 0])


@pytest.fixture
def found(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    config = load_planrec_config(project_folder, environ={})
    live, new = SimpleNamespace(config=config, advised=LIVE), SimpleNamespace(config=config, advised=NEW)
    monkeypatch.setattr(measures, "advised_plans", lambda bundle, *_: bundle.advised)
    usage = pd.DataFrame(
        {SUBSCRIBER: list("abcde"), MONTH: "2025-05", MINUTES: 1.0, MESSAGES: 1.0, MEGABYTES: 1.0, AGE: 30.0}
    ).assign(**{CURRENT_PLAN: "basic"})
    asked = latest_rows(usage, as_of=2025 * 12 + 4, history_months=config.advice.history_months)
    rows = JudgedRows(asked, np.full(5, 0), AVAILABLE, CURRENT, BILLS, usage.iloc[:0], "five")
    return measures.measures_of(live, new, rows, SimpleNamespace())  # type: ignore[arg-type]


def test_regret_is_the_bill_above_the_cheapest_that_was_open(found: list[Any]) -> None:
    regret = found[0]
    assert isinstance(regret, PairedFigure)
    assert regret.less_is_better
    assert regret.live.tolist() == [0, 2, 0, 0, 2]
    assert regret.challenger.tolist() == [4, 2, 0, 4, 0]


def test_harm_is_a_dearer_bill_of_those_who_are_moved(found: list[Any]) -> None:
    harm = found[1]
    assert isinstance(harm, PairedHarm)
    assert harm.live_moved.tolist() == [True, False, True, False, True]
    assert harm.challenger_moved.tolist() == [True, False, False, False, False]
    assert harm.live_harmed.tolist() == [False, False, False, False, True]
    assert harm.challenger_harmed.tolist() == [True, False, False, False, False]


def test_more_is_better_only_of_the_ranking(found: list[Any]) -> None:
    assert [(one.name.split()[0], one.less_is_better) for one in found[2:]] == [("NDCG@5", False), ("log", True)]


def test_who_all_use_the_same_are_one_segment(found: list[Any]) -> None:
    assert set(found[0].segments["data usage"]) == {"light"}


def test_data_usage_is_divided_in_thirds() -> None:
    usage = pd.DataFrame({SUBSCRIBER: list("abcdef"), MONTH: "2025-05", MINUTES: 1.0, MESSAGES: 1.0})
    asked = [usage.assign(**{MEGABYTES: amounts}) for amounts in ([1, 2, 3, 4, 5, 6], [0, 0, 0, 0, 5, 9])]
    found = [segment_labels(latest_rows(one, as_of=2025 * 12 + 4, history_months=3), 3) for one in asked]
    assert [one["data usage"].tolist() for one in found] == [
        ["light", "light", "middle", "middle", "heavy", "heavy"],
        ["light", "light", "light", "light", "heavy", "heavy"],
    ]
