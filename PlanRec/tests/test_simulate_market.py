from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Usage, bill_totals
from planrec.catalogue import Catalogue
from planrec.months import month_index
from planrec.simulate_config import SimulatorConfig
from planrec.simulate_market import ACTIVATION, BILL_SHOCK, CONTRACT_END, REVIEW, Market, run_market

CONFIG = SimulatorConfig(subscribers=3000, months=12)


@pytest.fixture(scope="module")
def market(catalogue: Catalogue) -> Market:
    return run_market(CONFIG, catalogue, np.random.default_rng(11))


def held_bills(market: Market, catalogue: Catalogue) -> np.ndarray:
    totals = bill_totals(Usage(*np.moveaxis(market.usage, 2, 0)), catalogue) / 100
    return np.take_along_axis(totals, np.maximum(market.plan, 0)[..., None], axis=2)[..., 0]


def test_market_moves_only_at_a_decision(market: Market) -> None:
    moved = (market.plan[:, 1:] != market.plan[:, :-1]) & (market.plan[:, :-1] >= 0)
    assert moved.any()
    assert (market.decision[:, 1:][moved] > 0).all()


def test_market_takes_no_decision_while_a_contract_binds(market: Market) -> None:
    bound = market.contract_left[:, :-1] > 0
    assert bound.any()
    assert (market.decision[:, 1:][bound] == 0).all()


def test_market_counts_a_contract_down_to_its_end(market: Market, catalogue: Catalogue) -> None:
    terms = np.array([p.contract_months for p in catalogue.plans])
    moved = (market.plan[:, 1:] != market.plan[:, :-1]) & (market.plan[:, :-1] >= 0)
    after, before, plan = market.contract_left[:, 1:], market.contract_left[:, :-1], market.plan[:, 1:]
    assert (after[moved] == np.maximum(terms[plan[moved]] - 1, 0)).all()
    stayed = ~moved & (market.plan[:, :-1] >= 0)
    assert (after[stayed] == np.maximum(before[stayed] - 1, 0)).all()
    ended = (market.contract_left[:, 1:-1] == 0) & (market.contract_left[:, :-2] == 1)
    assert ended.any()
    assert (market.decision[:, 2:][ended] == CONTRACT_END).all()


def test_market_chooses_among_plans_on_sale_for_the_age_or_the_current_one(
    market: Market, catalogue: Catalogue
) -> None:
    youngest, oldest = catalogue.age_limits
    who, when = market.chooser.T
    taken = market.plan[who, when]
    age = market.people.age[who]
    on_sale = catalogue.sale_state(month_index("2025-01") + when)[np.arange(len(who)), taken] == 0
    fits = (age >= youngest[taken]) & (age <= oldest[taken])
    kept = (when > 0) & (market.plan[who, when - 1] == taken)
    assert (on_sale & fits | kept | (when == 0)).all()
    assert np.isfinite(market.utility[np.arange(len(who)), taken]).all()


def test_market_joiners_activate_in_their_first_month(market: Market) -> None:
    joiners = np.flatnonzero(market.people.joined >= 0)
    first = market.people.joined[joiners]
    assert (market.decision[joiners, first] == ACTIVATION).all()
    assert (market.tenure[joiners, first] == 0).all()
    assert (market.plan[joiners, first - 1] == -1).all()
    assert (market.decision == ACTIVATION).sum() == len(joiners)


def test_market_shock_is_a_bill_far_above_the_three_before(market: Market, catalogue: Catalogue) -> None:
    bills = held_bills(market, catalogue)
    old = np.flatnonzero(market.people.joined < 0)
    shocked = 0
    for t in range(4, 12):
        usual = bills[old, t - 4 : t - 1].mean(axis=1)
        expected = (bills[old, t - 1] >= 1.3 * usual) & (bills[old, t - 1] >= usual + 4)
        seen = market.decision[old, t] == BILL_SHOCK
        free = market.decision[old, t] != CONTRACT_END
        free &= market.contract_left[old, t - 1] == 0
        assert (seen == (expected & free)).all()
        shocked += int(seen.sum())
    assert shocked > 100


def test_market_reviews_as_often_as_the_setting_says(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=3000, months=4, review_probability=0.5, shock_ratio=10, joins_late=0)
    market = run_market(config, catalogue, np.random.default_rng(4))
    free = (market.contract_left[:, :-1] == 0) & (market.decision[:, 1:] != CONTRACT_END)
    assert np.mean(market.decision[:, 1:][free] == REVIEW) == pytest.approx(0.5, abs=0.02)


def test_market_without_reviews_has_none(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=200, months=4, review_probability=0, shock_ratio=10, joins_late=0)
    market = run_market(config, catalogue, np.random.default_rng(4))
    assert set(np.unique(market.decision)) <= {0, CONTRACT_END}


def test_market_utilities_stand_in_the_order_of_the_decisions(market: Market) -> None:
    who, when = np.nonzero(market.decision)
    assert len(market.utility) == len(market.chooser) == len(who)
    assert set(map(tuple, market.chooser.tolist())) == set(zip(who.tolist(), when.tolist(), strict=True))


def test_market_choices_are_as_likely_as_their_logit_says(market: Market) -> None:
    who, when = market.chooser.T
    weight = np.exp(market.utility - market.utility.max(axis=1, keepdims=True))
    p = weight / weight.sum(axis=1, keepdims=True)
    best = np.argmax(p, axis=1)
    hit = market.plan[who, when] == best
    assert hit.mean() == pytest.approx(p.max(axis=1).mean(), abs=0.02)


def test_market_is_plausible(market: Market, catalogue: Catalogue) -> None:
    bills, there = held_bills(market, catalogue), market.plan >= 0
    assert 25 <= bills[there].mean() <= 45
    shares = np.bincount(market.plan[there], minlength=len(catalogue.plans)) / there.sum()
    assert shares.max() < 0.45
    later = (market.decision[:, 1:] > 0) & (market.plan[:, :-1] >= 0)
    assert 0.40 <= np.mean((market.plan[:, 1:] == market.plan[:, :-1])[later]) <= 0.65
    who, when = market.chooser.T
    again = market.decision[who, when] != ACTIVATION
    oracle = np.argmax(market.utility, axis=1) == market.plan[who, when]
    assert 0.59 <= oracle[again].mean() <= 0.66
    assert 1 <= (market.decision[:, 3:] > 1).sum() / len(market.plan) <= 3


def test_market_takes_every_plan_while_it_is_on_sale(market: Market, catalogue: Catalogue) -> None:
    who, when = market.chooser.T
    taken = market.plan[who, when]
    on_sale = catalogue.sale_state(month_index("2025-01") + when) == 0
    for j, plan in enumerate(catalogue.plan_ids):
        assert np.mean(taken[on_sale[:, j]] == j) > 0.01, plan


def test_market_bills_of_the_plan_held_are_those_of_the_usage_recorded(market: Market, catalogue: Catalogue) -> None:
    assert market.bills.shape == (3000, 12 + 3, len(catalogue.plans))
    held = np.take_along_axis(market.bills[:, :12], np.maximum(market.plan, 0)[..., None], axis=2)[..., 0] / 100
    there = market.plan >= 0
    assert (held[there] == held_bills(market, catalogue)[there]).all()


def test_market_bills_on_other_plans_differ_from_re_rated_ones(market: Market, catalogue: Catalogue) -> None:
    re_rated = bill_totals(Usage(*np.moveaxis(market.usage, 2, 0)), catalogue)
    there = market.plan >= 0
    assert np.mean((re_rated != market.bills[:, :12]).any(axis=2)[there]) > 0.3
