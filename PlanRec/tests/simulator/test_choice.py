from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.simulator.choice import (
    Tastes,
    anticipated_regret,
    believed_bills,
    choice_set,
    choose,
    draw_tastes,
    logit_probabilities,
    utilities,
)
from planrec.simulator.config import ServiceValues, SimulatorConfig


def tastes(**changes: float) -> Tastes:
    values = {"overestimation": 1.0, "price": 0.1, "flat_rate": 3.0, "perk": 0.25, "contract": 0.5, "inertia": 2.0}
    values |= changes
    return Tastes(**{k: np.array([v]) for k, v in values.items()}, guess=np.zeros((1, 3)))


def test_tastes_overestimate_on_average_by_the_setting() -> None:
    drawn = draw_tastes(SimulatorConfig(), np.ones((50_000, 3)), np.random.default_rng(1))
    assert drawn.overestimation.mean() == pytest.approx(1.1, abs=0.01)
    assert np.median(drawn.price) == pytest.approx(0.145, abs=0.002)
    assert (drawn.inertia >= 0).all()
    assert drawn.inertia.mean() == pytest.approx(1.4, abs=0.02)


def test_believed_bill_spreads_where_the_variance_is_believed(megaline: Catalogue) -> None:
    at_the_edge = np.array([[500.0, 0.0, 15360.0]])
    calm = SimulatorConfig(perceived_variance=0)
    anxious = SimulatorConfig(perceived_variance=1)
    assert believed_bills(at_the_edge, calm, megaline)[0].tolist() == [[20.0, 70.0]]
    mean, spread = believed_bills(at_the_edge, anxious, megaline)
    assert mean[0, 0] > 20 + 5
    assert spread[0, 0] > 5
    assert spread[0, 1] == 0


def test_believed_bill_keeps_the_mean_of_linear_prices(megaline: Catalogue) -> None:
    config = SimulatorConfig(noise_sd=ServiceValues(minutes=0.5, messages=0, megabytes=0), perceived_variance=1)
    mean, _ = believed_bills(np.array([[2000.0, 0.0, 0.0]]), config, megaline)
    assert mean[0, 0] == pytest.approx(20 + 1500 * 0.03, abs=0.02)  # all nodes lie beyond 500 minutes


def test_believed_bills_of_nobody_is_empty(megaline: Catalogue) -> None:
    assert believed_bills(np.empty((0, 3)), SimulatorConfig(), megaline)[0].shape == (0, 2)


def test_choice_set_holds_plans_on_sale_for_the_age_and_the_current_one(catalogue: Catalogue) -> None:
    age, current = np.array([20, 70]), np.array([-1, catalogue.index("flex-5")])
    allowed = choice_set(catalogue, month_index("2025-11"), age, current)
    named = [{p for p, a in zip(catalogue.plan_ids, row, strict=True) if a} for row in allowed]
    everybody = set(catalogue.plan_ids) - {"flex-5", "young-10", "senior-talk"}
    assert named == [everybody | {"young-10"}, everybody | {"senior-talk", "flex-5"}]


def test_utilities_add_their_parts(catalogue: Catalogue) -> None:
    n = len(catalogue.plans)
    current = np.array([catalogue.index("unlimited")])
    bills = (np.full((1, n), 30.0), np.full((1, n), 4.0))
    value = utilities(tastes(), bills, current, SimulatorConfig(risk_aversion=0.5), catalogue)[0]
    base = -0.1 * (30 + 0.5 * 4)
    by_plan = dict(zip(catalogue.plan_ids, value, strict=True))
    assert by_plan["prepaid-0"] == pytest.approx(base)
    assert by_plan["smart-12"] == pytest.approx(base - 0.5)  # one year
    assert by_plan["family-40"] == pytest.approx(base - 1.0 + 2 * 0.25)  # two, and two perks
    assert by_plan["max-voice"] == pytest.approx(base + 2.0 + 0.25)  # two of three services unlimited, a perk
    assert by_plan["unlimited"] == pytest.approx(base + 3.0 + 0.75 + 2.0)  # staying binds nobody anew


def test_choose_follows_the_logit_of_the_utilities() -> None:
    value = np.tile([0.0, 1.0, 9.0], (40_000, 1))
    allowed = np.tile([True, True, False], (40_000, 1))
    chosen = choose(value, allowed, np.random.default_rng(2))
    assert (chosen < 2).all()
    assert chosen.mean() == pytest.approx(1 / (1 + np.exp(-1)), abs=0.01)


def test_logit_probabilities_are_those_that_choose_draws_from() -> None:
    value, allowed = np.tile([0.0, 1.0, 2.0], (40_000, 1)), np.tile([True, True, False], (40_000, 1))
    exact = logit_probabilities(value, allowed)
    drawn = np.bincount(choose(value, allowed, np.random.default_rng(3)), minlength=3) / 40_000
    assert exact[0] == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e), 0])
    assert drawn == pytest.approx(exact[0], abs=0.01)


def test_regret_is_zero_for_a_plan_that_is_best_whatever_happens(megaline: Catalogue) -> None:
    believed = np.array([[100.0, 10, 1000]])
    both = np.array([[True, True]])
    regret = anticipated_regret(believed, both, SimulatorConfig(perceived_variance=1), megaline)
    assert regret.tolist() == [[0, 50]]


def test_regret_compares_with_allowed_plans_only(megaline: Catalogue) -> None:
    believed = np.array([[100.0, 10, 1000]])
    only = np.array([[False, True]])
    assert anticipated_regret(believed, only, SimulatorConfig(), megaline)[0, 1] == 0


def test_regret_grows_with_the_variance_that_is_believed(megaline: Catalogue) -> None:
    believed, both = np.array([[100.0, 10, 15360 + 2048]]), np.array([[True, True]])
    calm, anxious = (
        anticipated_regret(believed, both, SimulatorConfig(perceived_variance=v), megaline)[0, 1] for v in (0, 1)
    )
    assert calm == 30  # 70 against 20 + 2 x 10
    assert anxious > calm
