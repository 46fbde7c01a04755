"""Truths outside the choice model's family: each as its source says, and unlike the logit and the satisficing one."""

from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.simulator.config import ChoiceProcess, HabitConfig, SimulatorConfig
from planrec.simulator.market import Market, run_market
from planrec.simulator.processes.habit import habit_probabilities
from planrec.simulator.processes.loss_aversion import loss_averse

PROCESSES: tuple[ChoiceProcess, ...] = ("logit", "satisficing", "habit", "loss_averse")


@pytest.fixture(scope="module")
def markets(catalogue: Catalogue) -> dict[str, Market]:
    """One operator a process, all else equal."""
    return {
        process: run_market(
            SimulatorConfig(subscribers=1500, choice_process=process), catalogue, np.random.default_rng(5)
        )
        for process in PROCESSES
    }


def moved(market: Market) -> float:
    """Share of the months in which a subscriber changes plan."""
    before, after = market.plan[:, :-1], market.plan[:, 1:]
    there = (before >= 0) & (after >= 0)
    return float((before != after)[there].mean())


def test_plans_are_taken_as_often_as_the_chances_say(markets: dict[str, Market], catalogue: Catalogue) -> None:
    for process in ("habit", "loss_averse"):
        market = markets[process]
        who, when = market.chooser.T
        taken = np.bincount(market.plan[who, when], minlength=len(catalogue.plans)) / len(who)
        assert market.chance.sum(axis=1) == pytest.approx(1)
        assert market.chance.mean(axis=0) == pytest.approx(taken, abs=0.02)


def from_a_logit(market: Market) -> float:
    """Mean over decisions of the largest difference between the chances and a logit of the utilities."""
    logit = np.exp(market.utility - market.utility.max(axis=1, keepdims=True))
    logit /= logit.sum(axis=1, keepdims=True)
    return float(np.abs(logit - market.chance).max(axis=1).mean())


def test_habit_keeps_more_people_where_they_are_than_both_others(markets: dict[str, Market]) -> None:
    shares = {process: moved(market) for process, market in markets.items()}
    assert shares["habit"] < 0.8 * min(shares["logit"], shares["satisficing"])


def test_the_loss_averse_move_less_than_the_logit_and_are_a_logit_as_the_satisficing_are_not(
    markets: dict[str, Market],
) -> None:
    assert moved(markets["loss_averse"]) < 0.95 * moved(markets["logit"])
    assert from_a_logit(markets["loss_averse"]) < 0.05  # answers to offers are no logit of the plans' utilities
    assert from_a_logit(markets["satisficing"]) > 0.1
    assert from_a_logit(markets["habit"]) > 0.1


def test_a_newcomer_always_looks_and_compares_with_nothing() -> None:
    value, bills, both = np.zeros((1, 2)), np.array([[20.0, 19.0]]), np.ones((1, 2), dtype=bool)
    newcomer = np.array([-1])
    assert habit_probabilities(value, bills, both, newcomer, HabitConfig(attention=0)).tolist() == [[0.5, 0.5]]
    assert loss_averse(value, bills, np.array([0.5]), newcomer, 2.25).tolist() == [[0.0, 0.0]]


def test_attention_looks_all_the_same() -> None:
    bills, both = np.array([[20.0, 19.0]]), np.ones((1, 2), dtype=bool)
    rules = HabitConfig(threshold=0.2, attention=0.4)
    chance = habit_probabilities(np.zeros((1, 2)), bills, both, np.array([0]), rules)
    assert chance == pytest.approx(np.array([[0.8, 0.2]]))


def test_without_loss_aversion_it_is_the_logit(catalogue: Catalogue, markets: dict[str, Market]) -> None:
    config = SimulatorConfig(subscribers=1500, choice_process="loss_averse", loss_aversion=1.0)
    market = run_market(config, catalogue, np.random.default_rng(5))
    np.testing.assert_array_equal(market.plan, markets["logit"].plan)
