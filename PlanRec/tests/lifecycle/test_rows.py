"""Whom and when the gate judges: months later than both trainings, of subscribers that neither learnt from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from common_utils.splits import group_holdout
from planrec.billing import load_catalogue
from planrec.columns import CURRENT_PLAN, MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER
from planrec.config import load_planrec_config
from planrec.lifecycle.rows import judged_rows

PEOPLE = np.array([f"S{n:02}" for n in range(60)], dtype=object)
USE = {MINUTES: 30.0, MESSAGES: 3.0, MEGABYTES: 900.0}
MONTHS = [f"2025-{month:02}" for month in range(1, 11)]
"""Ten months; bills over three months from August on end with October, the last."""


def _bundle(project: Path, seed: int, until: str) -> Any:
    words = [f"training.seed={seed}", "training.split.test_share=0.4"]
    config = load_planrec_config(project, overrides=words, environ={})
    return SimpleNamespace(config=config, metrics={"rows": {"train_months": ["2025-01", until]}})


def _prepared(project: Path, config: Any) -> Any:
    catalogue = load_catalogue(project / config.data.chosen().plans)
    rows = [
        {
            SUBSCRIBER: who,
            MONTH: month,
            MINUTES: 30.0,
            MESSAGES: 3.0,
            MEGABYTES: 900.0,
            CURRENT_PLAN: catalogue.plan_ids[0],
        }
        for who in PEOPLE
        for month in MONTHS
    ]
    usage = pd.DataFrame(rows)
    return SimpleNamespace(
        catalogue=catalogue, data=SimpleNamespace(months=usage), decisions=usage[[SUBSCRIBER, MONTH]].copy()
    )


def _aside(seed: int) -> set[str]:
    return set(PEOPLE[group_holdout(PEOPLE, share=0.4, seed=seed)[1]])


@pytest.mark.parametrize(("live", "new"), [("2025-03", "2025-05"), ("2025-05", "2025-03")])
def test_rows_are_later_than_both_trainings_and_of_subscribers_in_neither(
    project_folder: Path, live: str, new: str
) -> None:
    first, second = _bundle(project_folder, 1, live), _bundle(project_folder, 2, new)
    assert second.config.data.chosen().horizon_months == 3
    rows = judged_rows(first, second, _prepared(project_folder, second.config))
    both = _aside(1) & _aside(2)
    assert 5 < len(both) < len(_aside(2))
    judged = pd.DataFrame({"who": rows.asked[SUBSCRIBER], "month": rows.months % 12})
    months = {"2025-06", "2025-07", "2025-08"}
    assert set(judged["who"]) == both
    assert set(rows.asked[MONTH]) == {"2025-05", "2025-06", "2025-07"}  # asked at the end of the month before
    assert judged["month"].nunique() == 3
    assert len(rows.asked) == 3 * len(both)
    assert (set(rows.decisions[SUBSCRIBER]), set(rows.decisions[MONTH])) == (both, months)
    assert f"{len(rows.asked)} months of {len(both)} subscribers, 2025-06 to 2025-08" in rows.words
