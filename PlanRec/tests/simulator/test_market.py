from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue, Usage, bill_totals
from planrec.months import month_index
from planrec.simulator.config import OffersConfig, SimulatorConfig
from planrec.simulator.market import ACTIVATION, BILL_SHOCK, CONTACT, CONTRACT_END, REVIEW, Market, run_market

CONFIG = SimulatorConfig(subscribers=3000, months=12)


@pytest.fixture(scope="module")
def market(catalogue: Catalogue) -> Market:
    return run_market(CONFIG, catalogue, np.random.default_rng(11))


def held_bills(market: Market, catalogue: Catalogue) -> np.ndarray:
    totals = bill_totals(Usage(*np.moveaxis(market.usage, 2, 0)), catalogue) / 100
    return np.take_along_axis(totals, np.maximum(market.plan, 0)[..., None], axis=2)[..., 0]


def changed(market: Market) -> np.ndarray:
    """Months, from the second one, in which a plan holder holds another plan than before."""
    there = (market.plan[:, :-1] >= 0) & (market.plan[:, 1:] >= 0)
    return (market.plan[:, 1:] != market.plan[:, :-1]) & there


def test_market_moves_only_at_a_decision(market: Market) -> None:
    moved = changed(market)
    assert moved.any()
    assert (market.decision[:, 1:][moved] > 0).all()


def test_market_takes_no_decision_while_a_contract_binds(market: Market) -> None:
    bound = market.contract_left[:, :-1] > 0
    assert bound.any()
    assert (market.decision[:, 1:][bound] == 0).all()


def test_market_counts_a_contract_down_to_its_end(market: Market, catalogue: Catalogue) -> None:
    terms = np.array([p.contract_months for p in catalogue.plans])
    moved = changed(market)
    after, before, plan = market.contract_left[:, 1:], market.contract_left[:, :-1], market.plan[:, 1:]
    assert (after[moved] == np.maximum(terms[plan[moved]] - 1, 0)).all()
    stayed = ~moved & (market.plan[:, :-1] >= 0) & (market.plan[:, 1:] >= 0)
    assert (after[stayed] == np.maximum(before[stayed] - 1, 0)).all()
    ended = (market.contract_left[:, 1:-1] == 0) & (market.contract_left[:, :-2] == 1)
    assert ended.any()
    ended &= market.plan[:, 2:] >= 0
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
        free &= (market.contract_left[old, t - 1] == 0) & (market.plan[old, t] >= 0)
        assert (seen == (expected & free)).all()
        shocked += int(seen.sum())
    assert shocked > 100


def test_market_reviews_as_often_as_the_setting_says(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=3000, months=4, review_probability=0.5, shock_ratio=10, joins_late=0)
    market = run_market(config, catalogue, np.random.default_rng(4))
    free = (market.contract_left[:, :-1] == 0) & (market.decision[:, 1:] != CONTRACT_END) & (market.plan[:, 1:] >= 0)
    assert np.mean(market.decision[:, 1:][free] == REVIEW) == pytest.approx(0.5, abs=0.02)


def test_market_without_reviews_has_none(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=200, months=3, review_probability=0, shock_ratio=10, joins_late=0)
    market = run_market(config, catalogue, np.random.default_rng(4))
    assert set(np.unique(market.decision)) <= {0, CONTRACT_END}


def test_market_utilities_stand_in_the_order_of_the_decisions(market: Market) -> None:
    who, when = np.nonzero(market.decision)
    assert len(market.utility) == len(market.chooser) == len(who)
    assert set(map(tuple, market.chooser.tolist())) == set(zip(who.tolist(), when.tolist(), strict=True))


def test_market_choices_are_as_likely_as_their_logit_says(market: Market) -> None:
    own = market.decision[tuple(market.chooser.T)] != CONTACT
    who, when = market.chooser[own].T
    utility = market.utility[own]
    weight = np.exp(utility - utility.max(axis=1, keepdims=True))
    p = weight / weight.sum(axis=1, keepdims=True)
    best = np.argmax(p, axis=1)
    hit = market.plan[who, when] == best
    assert hit.mean() == pytest.approx(p.max(axis=1).mean(), abs=0.02)


def test_market_is_plausible(market: Market, catalogue: Catalogue) -> None:
    bills, there = held_bills(market, catalogue), market.plan >= 0
    assert 25 <= bills[there].mean() <= 45
    shares = np.bincount(market.plan[there], minlength=len(catalogue.plans)) / there.sum()
    assert shares.max() < 0.45
    later = (market.decision[:, 1:] > 0) & (market.decision[:, 1:] != CONTACT) & (market.plan[:, :-1] >= 0)
    assert 0.40 <= np.mean((market.plan[:, 1:] == market.plan[:, :-1])[later]) <= 0.65
    who, when = market.chooser.T
    again = ~np.isin(market.decision[who, when], (ACTIVATION, CONTACT))
    oracle = np.argmax(market.utility, axis=1) == market.plan[who, when]
    assert 0.59 <= oracle[again].mean() <= 0.65
    assert 1 <= (market.decision[:, 3:] > 1).sum() / len(market.plan) <= 3


def test_market_takes_every_plan_while_it_is_on_sale(market: Market, catalogue: Catalogue) -> None:
    who, when = market.chooser[market.decision[tuple(market.chooser.T)] != CONTACT].T
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


def test_market_leavers_are_gone_for_good(market: Market) -> None:
    gone = np.arange(12) > market.last[:, None]
    assert market.left.any()
    assert (market.left == gone.any(axis=1) | (market.left & (market.last == 11))).all()
    assert (market.plan[gone] == -1).all()
    assert (market.usage[gone] == 0).all()
    assert (market.decision[gone] == 0).all()
    assert (market.plan[np.arange(3000), market.last] >= 0).all()


def test_market_contacts_free_subscribers_without_a_decision_of_their_own(market: Market) -> None:
    log = market.offers
    contacted = log.offered >= 0
    who, when = log.who, log.month
    assert (market.contract_left[who, when - 1] == 0).all()
    assert (when >= 3).all()
    assert (market.decision[who[contacted], when[contacted]] == CONTACT).all()
    assert (market.decision[who[~contacted], when[~contacted]] == 0).all()
    assert (market.decision == CONTACT).sum() == contacted.sum() > 300
    assert (log.current == market.plan[who, when - 1]).all()


def test_market_never_contacts_the_hold_out(market: Market) -> None:
    log = market.offers
    assert (log.holdout == market.holdout[log.who]).all()
    assert ((log.offered < 0) == log.holdout).all()
    assert not log.accepted[log.holdout].any()
    assert np.isnan(log.propensity[log.holdout]).all()
    assert log.holdout.mean() == pytest.approx(0.1, abs=0.04)
    assert (log.propensity[~log.holdout] >= 0.02).all()


def test_market_accepted_offers_are_the_plan_held_and_declined_ones_change_nothing(market: Market) -> None:
    log = market.offers
    after = market.plan[log.who, log.month]
    assert (after == np.where(log.accepted, log.offered, log.current)).all()


def test_market_accepts_as_often_as_its_truth_says(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=4000, months=8, offers=OffersConfig(campaign_share=1))
    market = run_market(config, catalogue, np.random.default_rng(2))
    log, moments = market.offers, market.moments
    at = {(int(w), int(t)): i for i, (w, t) in enumerate(zip(moments.who, moments.month, strict=True))}
    asked = np.flatnonzero(~log.holdout)
    chance = np.array([moments.accept[at[int(log.who[i]), int(log.month[i])], log.offered[i]] for i in asked])
    assert log.accepted[asked].mean() == pytest.approx(chance.mean(), abs=0.02)
    assert log.contacts.max() == 3
    seen = {}
    for i in asked:
        months = seen.setdefault(int(log.who[i]), [])
        assert log.contacts[i] == sum(log.month[i] - 3 <= m for m in months)
        months.append(log.month[i])


def test_market_without_a_campaign_offers_nothing(catalogue: Catalogue) -> None:
    config = SimulatorConfig(subscribers=300, months=5, offers=OffersConfig(campaign_share=0))
    market = run_market(config, catalogue, np.random.default_rng(2))
    assert len(market.offers.who) == 0
    assert not (market.decision == CONTACT).any()


def test_market_leaves_as_often_as_its_truth_says(catalogue: Catalogue) -> None:
    # Nobody changes plan, so that "the plan held throughout" is what happens.
    config = SimulatorConfig(
        subscribers=8000,
        months=8,
        joins_late=0,
        review_probability=0,
        shock_ratio=10,
        offers=OffersConfig(campaign_share=1, accept_base=-20),
    )
    market = run_market(config, catalogue, np.random.default_rng(2))
    moments = market.moments
    at = np.flatnonzero(moments.month == 3)
    who = moments.who[at]
    left = market.left[who] & (market.last[who] < 6)
    for group in (market.holdout[who], ~market.holdout[who]):
        truth = np.where(market.holdout[who], moments.leave[at], moments.leave_declined[at])[group].mean()
        assert left[group].mean() == pytest.approx(truth, abs=4 * np.sqrt(truth / group.sum()))
