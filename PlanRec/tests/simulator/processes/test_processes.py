"""Truths outside the choice model's family: each as its source says, and unlike the logit and the satisficing one."""

from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.simulator.choice import Tastes
from planrec.simulator.config import ChoiceProcess, HabitConfig, SimulatorConfig
from planrec.simulator.market import Market, run_market
from planrec.simulator.process_settings import FlatRateConfig, LatentClass
from planrec.simulator.processes.flat_rate import draw_dread, with_dread
from planrec.simulator.processes.habit import habit_probabilities
from planrec.simulator.processes.latent_classes import with_classes
from planrec.simulator.processes.loss_aversion import loss_averse

PROCESSES: tuple[ChoiceProcess, ...] = ("logit", "satisficing", "habit", "loss_averse", "flat_rate", "latent_classes")


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
    for process in ("habit", "loss_averse", "flat_rate", "latent_classes"):
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


def beyond_the_fee(market: Market, catalogue: Catalogue) -> float:
    """Share of all that is paid that is paid beyond the fee, in the second half of the table."""
    who, when = np.nonzero(market.plan >= 0)
    late = when >= 6
    plan = market.plan[who, when]
    bills, fees = market.bills[who, when, plan][late], catalogue.prices.fee_cents[plan][late]
    return float((bills - fees).sum() / bills.sum())


def test_a_flat_rate_bias_pays_less_beyond_the_fee_than_both_others(
    markets: dict[str, Market], catalogue: Catalogue
) -> None:
    shares = {process: beyond_the_fee(markets[process], catalogue) for process in ("logit", "satisficing", "flat_rate")}
    assert shares["flat_rate"] < 0.8 * min(shares["logit"], shares["satisficing"])


def moves_again(market: Market) -> float:
    """Correlation, over those there all the time, of the moves of the first five months with those of the others."""
    before, after = market.plan[:, :-1], market.plan[:, 1:]
    there = ((before >= 0) & (after >= 0)).all(axis=1)
    moves = (before != after)[there]
    return float(np.corrcoef(moves[:, :5].sum(axis=1), moves[:, 5:].sum(axis=1))[0, 1])


def test_in_latent_classes_tastes_go_together_and_the_same_people_move_again(markets: dict[str, Market]) -> None:
    tastes = {process: markets[process].tastes for process in ("logit", "satisficing", "latent_classes")}
    together = {name: float(np.corrcoef(found.price, found.inertia)[0, 1]) for name, found in tastes.items()}
    assert together["latent_classes"] < -0.5
    assert max(abs(together["logit"]), abs(together["satisficing"])) < 0.1
    again = {name: moves_again(markets[name]) for name in tastes}
    assert again["latent_classes"] > max(again["logit"], again["satisficing"]) + 0.03


def test_the_meter_weighs_for_some_and_the_fee_for_others() -> None:
    bills, fees = np.array([[24.0, 30.0]] * 3), np.array([20.0, 30.0])
    dread = np.array([[0.0, 2.0], [0.5, 0.0], [0.0, 0.0]])
    found = with_dread(np.zeros((3, 2)), bills, fees, np.full(3, 0.5), dread)
    assert found.tolist() == [[-4, 0], [-5, -7.5], [0, 0]]
    drawn = draw_dread(10_000, FlatRateConfig(share=0.3, per_use_share=0.2), np.random.default_rng(1))
    assert (drawn > 0).mean(axis=0) == pytest.approx([0.2, 0.3], abs=0.02)
    assert not (drawn > 0).all(axis=1).any()


def test_everybody_is_of_one_class_and_has_all_its_factors() -> None:
    n = 10_000
    same = np.ones(n)
    tastes = Tastes(same, same, same, same, same, same, guess=np.zeros((n, 3)))
    kinds = [
        LatentClass(name="a", share=0.25, price=2, inertia=0, flat_rate=3, perk=4, contract=5),
        LatentClass(name="b", share=0.75),
    ]
    found = with_classes(tastes, kinds, np.random.default_rng(1))
    first = found.price == 2
    assert first.mean() == pytest.approx(0.25, abs=0.02)
    for name, factor in (("inertia", 0), ("flat_rate", 3), ("perk", 4), ("contract", 5)):
        assert (getattr(found, name) == np.where(first, factor, 1)).all()
    assert (found.overestimation == 1).all()  # what is believed is no taste


def test_classes_and_biases_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match=r"latent_classes: the shares add up to 0\.5, not 1"):
        SimulatorConfig(latent_classes=(LatentClass(name="half", share=0.5),))
    with pytest.raises(ValueError, match="nobody has both biases"):
        FlatRateConfig(share=0.7, per_use_share=0.4)


def test_the_truths_of_before_are_drawn_as_before(catalogue: Catalogue, markets: dict[str, Market]) -> None:
    """Neither a class nor a bias touches the random numbers of another truth."""
    other = SimulatorConfig(subscribers=1500, flat_rate=FlatRateConfig(share=0.1), latent_classes=ONE_CLASS)
    market = run_market(other, catalogue, np.random.default_rng(5))
    np.testing.assert_array_equal(market.plan, markets["logit"].plan)
    alone = other.model_copy(update={"choice_process": "latent_classes"})
    np.testing.assert_array_equal(run_market(alone, catalogue, np.random.default_rng(5)).plan, market.plan)


ONE_CLASS = (LatentClass(name="everybody", share=1),)
