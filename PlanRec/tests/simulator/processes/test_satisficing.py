from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planrec.billing import Catalogue
from planrec.months import month_index
from planrec.simulator.config import SatisficingConfig, SimulatorConfig
from planrec.simulator.market import run_market
from planrec.simulator.processes.satisficing import pick, salience, satisficing_probabilities


def by_enumeration(
    cost: np.ndarray, weights: np.ndarray, aspiration: float, allowed: np.ndarray, current: int, considered: int
) -> np.ndarray:
    """Walk through every set that could be looked at."""
    others = [j for j in range(len(cost)) if allowed[j] and j != current]
    chances, total = np.zeros(len(cost)), 0.0
    for looked_at in itertools.combinations(others, min(considered, len(others))):
        weight = float(np.prod(weights[list(looked_at)]))
        good = [j for j in looked_at if cost[j] <= aspiration]
        if good:
            taken = max(good, key=lambda j: weights[j])
        else:
            taken = current if current >= 0 else min(looked_at, key=lambda j: cost[j])
        chances[taken] += weight
        total += weight
    return chances / total


@settings(deadline=None, max_examples=80)
@given(data=st.data(), considered=st.integers(1, 5), current=st.integers(-1, 6))
def test_chances_are_those_of_walking_through_every_set(data: st.DataObject, considered: int, current: int) -> None:
    costs = data.draw(st.permutations(range(10, 80, 10)))
    weights = data.draw(st.permutations([0.2, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0]))
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=7, max_size=7)))
    allowed[max(current, 0)] = True
    aspiration = data.draw(st.floats(0, 90))
    cost, weight = np.array(costs, dtype=np.float64), np.array(weights)
    got = satisficing_probabilities(
        cost[None], weight[None], np.array([aspiration]), allowed[None], np.array([current]), considered
    )
    assert got[0] == pytest.approx(by_enumeration(cost, weight, aspiration, allowed, current, considered))
    assert got.sum() == pytest.approx(1)


def test_current_plan_is_kept_where_nothing_is_good_enough() -> None:
    cost, free = np.array([[5.0, 4.0, 3.0]]), np.full((1, 3), True)
    got = satisficing_probabilities(cost, np.ones((1, 3)), np.array([1.0]), free, np.array([0]), 2)
    assert got.tolist() == [[1, 0, 0]]


def test_current_plan_alone_is_kept() -> None:
    only = np.array([[True, False]])
    got = satisficing_probabilities(np.ones((1, 2)), np.ones((1, 2)), np.ones(1), only, np.array([0]), 3)
    assert got.tolist() == [[1, 0]]


def test_salience_is_highest_for_a_fee_near_the_usual_bill_and_for_a_new_plan(catalogue: Catalogue) -> None:
    rules = SatisficingConfig(unlimited_salience=0)
    launch, later = (salience(np.array([18.9]), month_index(m), rules, catalogue)[0] for m in ("2025-10", "2026-01"))
    assert int(later.argmax()) == catalogue.index("smart-12")
    new = catalogue.index("max-voice")
    assert launch[new] / later[new] == pytest.approx(np.e)
    assert np.delete(launch, new) == pytest.approx(np.delete(later, new))


def test_pick_follows_the_chances() -> None:
    chances = np.tile([0.2, 0.0, 0.5, 0.3], (40_000, 1))
    drawn = np.bincount(pick(chances, np.random.default_rng(1)), minlength=4) / 40_000
    assert drawn == pytest.approx(chances[0], abs=0.01)
    assert drawn[1] == 0


def test_satisficing_market_takes_plans_as_often_as_its_chances_say(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=3000, choice_process="satisficing")
    market = run_market(config, catalogue, np.random.default_rng(5))
    who, when = market.chooser.T
    taken = np.bincount(market.plan[who, when], minlength=len(catalogue.plans)) / len(who)
    assert market.chance.sum(axis=1) == pytest.approx(1)
    assert market.chance.mean(axis=0) == pytest.approx(taken, abs=0.01)


def test_satisficing_is_no_logit_of_the_utilities(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=1000, choice_process="satisficing")
    market = run_market(config, catalogue, np.random.default_rng(5))
    logit = np.exp(market.utility - market.utility.max(axis=1, keepdims=True))
    logit /= logit.sum(axis=1, keepdims=True)
    assert np.abs(logit - market.chance).max(axis=1).mean() > 0.1


def test_restless_subscribers_move_more_often(catalogue: Catalogue) -> None:
    moved = []
    for restless in (0.0, 1.0):
        rules = SatisficingConfig(restless=restless)
        config = SimulatorConfig(subscribers=1000, choice_process="satisficing", satisficing=rules)
        plan = run_market(config, catalogue, np.random.default_rng(5)).plan
        moved.append((plan[:, 1:] != plan[:, :-1]).sum())
    assert moved[1] > 1.3 * moved[0]
