"""Operators nobody tuned to: every file is read, is another world, and says truly what is different in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planrec.billing import Catalogue, load_catalogue
from planrec.commands.run.study import launched_before, operator_parameters
from planrec.config import PlanRecConfig
from planrec.months import month_index, month_indices
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.study.worlds import two_worlds

PARAMETERS = ("campaign", "constants", "growth", "noise", "season")
CARDS = {"plans_6": 6, "plans_40": 40, "plans_earlier_launch": 13}
SMALL = {"subscribers": 400, "event_subscribers": 0}


@pytest.fixture(scope="module")
def folder(project_folder: Path) -> Path:
    return project_folder / "configs" / "operators"


def months_of(config: SimulatorConfig, catalogue: Catalogue) -> pd.DataFrame:
    return simulate(config.model_copy(update=SMALL), catalogue, np.random.default_rng(3)).months


@pytest.fixture(scope="module")
def shipped(catalogue: Catalogue) -> pd.DataFrame:
    return months_of(SimulatorConfig.model_validate({}), catalogue)


def test_every_file_is_tried_here(folder: Path) -> None:
    assert {path.stem for path in folder.glob("*.yaml")} == {*PARAMETERS, *CARDS}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_differ_from_the_shipped_ones_and_simulate(folder: Path, catalogue: Catalogue, name: str) -> None:
    found = operator_parameters(folder / f"{name}.yaml")
    assert found != SimulatorConfig.model_validate({})
    operator = simulate(found.model_copy(update=SMALL), catalogue, np.random.default_rng(3))
    assert len(operator.offers)
    assert operator.truth.churn["no_offer"].between(0, 1).all()


def growth(months: pd.DataFrame) -> float:
    """By how much a middling subscriber's data grow a month, on average."""
    middling = months.groupby("month")["megabytes"].median().to_numpy()
    return float(np.polyfit(np.arange(len(middling)), np.log(middling), 1)[0])


def swing(months: pd.DataFrame) -> float:
    """Standard deviation of the logarithm of data from one month to the next."""
    used = months[months["megabytes"] > 0]
    logs = pd.Series(np.log(used["megabytes"].to_numpy()), index=used["subscriber_id"].to_numpy())
    return float(logs.groupby(level=0).diff().std())


def test_what_is_different_is_what_the_file_says(folder: Path, catalogue: Catalogue, shipped: pd.DataFrame) -> None:
    found = {name: operator_parameters(folder / f"{name}.yaml") for name in PARAMETERS}
    assert growth(months_of(found["growth"], catalogue)) > growth(shipped) + 0.02
    assert swing(months_of(found["noise"], catalogue)) > 1.6 * swing(shipped)
    of_season = months_of(found["season"], catalogue).groupby("month")["megabytes"].median()
    assert of_season.idxmax() in ("2025-07", "2025-08", "2025-09")
    assert shipped.groupby("month")["megabytes"].median().idxmax() in ("2025-11", "2025-12")
    offers = simulate(found["campaign"].model_copy(update=SMALL), catalogue, np.random.default_rng(3)).offers
    usual = simulate(
        SimulatorConfig.model_validate({}).model_copy(update=SMALL), catalogue, np.random.default_rng(3)
    ).offers
    assert len(offers) < 0.7 * len(usual)
    assert offers["propensity"].max() < usual["propensity"].max()


@pytest.mark.parametrize("name", CARDS)
def test_cards_are_read_and_hold_a_launch_after_training(folder: Path, settings: PlanRecConfig, name: str) -> None:
    card = load_catalogue(folder / f"{name}.yaml")
    assert len(card.plans) == CARDS[name]
    first = month_index(settings.evaluation.study.first_test_month)
    launches = [month_index(plan.on_sale.first) for plan in card.plans if plan.on_sale.first]
    assert any(month >= first for month in launches)
    begins = month_index(settings.simulator.first_month)
    earlier = [month for month in launches if begins < month < first]
    assert bool(earlier) == (name == "plans_earlier_launch") == launched_before(settings, card)
    small = settings.model_copy(update={"simulator": settings.simulator.model_copy(update=SMALL)})
    known, launch = two_worlds(small, card, seed=3)
    assert launch.launched.size == 1
    assert launch.oracle.shape[1] == CARDS[name]
    taken = known.operator.months[month_indices(known.operator.months["month"]) < first]["current_plan"]
    assert taken.nunique() >= 0.7 * CARDS[name]
    if earlier:
        assert "talk-800" in set(taken)
