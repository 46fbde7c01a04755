"""Training on Megaline: events of calls, and no plan held before the month."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planrec.billing import Catalogue, load_catalogue
from planrec.config import load_planrec_config
from planrec.cross_validation import held_plan_figures
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.preparation import prepare


def quiet(_: str) -> None:
    """Say nothing."""


def test_usage_says_nothing_of_a_plan_drawn_by_lot(small: tuple[str, ...], project_folder: Path) -> None:
    rng = np.random.default_rng(5)
    people = pd.DataFrame({"subscriber_id": [f"s{i:03d}" for i in range(120)]})
    people["current_plan"] = rng.choice(["surf", "ultimate"], 120)
    months = people.merge(pd.DataFrame({"month": [f"2018-{m:02d}" for m in range(1, 6)]}), how="cross")
    for service in ("minutes", "messages", "megabytes"):
        months[service] = rng.gamma(2, 200, len(months))
    config = load_planrec_config(project_folder, overrides=[*small, "data.source=megaline"], environ={})
    figures = held_plan_figures(config, _megaline(project_folder), months, quiet)
    assert figures["auc_ovr"]["low"] < 0.5 < figures["auc_ovr"]["high"]  # type: ignore[index]


def _megaline(project_folder: Path) -> Catalogue:
    return load_catalogue(project_folder / "configs" / "plans_megaline.yaml")


@pytest.mark.realdata
def test_megaline_trains_on_the_real_events(
    small: tuple[str, ...], project_folder: Path, megaline_folder: Path
) -> None:
    config = load_planrec_config(
        project_folder,
        overrides=[*small, "data.source=megaline", f"data.folder={megaline_folder}"],
        environ={},
    )
    ready = prepare(config, project_folder, quiet)
    assert set(ready.decisions[CHOSEN_PLAN]) == {"surf", "ultimate"}
    assert ready.test["month"].min() == "2018-11"
