from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue, bill_totals
from planrec.columns import CURRENT_PLAN, DECISION, KEY, MONTH, SUBSCRIBER
from planrec.decisions.rows import usage_of
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    return simulate(SimulatorConfig(subscribers=400, months=8), catalogue, np.random.default_rng(3))


def test_bills_hold_every_month_from_the_first_one_on_and_later_ones(operator: Simulation) -> None:
    bills, months = operator.truth.bills, operator.months
    assert bills[MONTH].max() == "2025-11"
    assert bills.groupby(SUBSCRIBER)[MONTH].min().equals(months.groupby(SUBSCRIBER)[MONTH].min())
    assert (bills.groupby(SUBSCRIBER)[MONTH].max() == "2025-11").all()  # those who left as well


def test_bill_of_the_plan_held_is_the_one_recorded(operator: Simulation) -> None:
    months, plans = operator.months, list(operator.catalogue.plan_ids)
    held = np.array([operator.catalogue.index(p) for p in months[CURRENT_PLAN]])
    truth = months[list(KEY)].merge(operator.truth.bills, on=list(KEY), how="left")[plans].to_numpy()
    recorded = bill_totals(usage_of(months), operator.catalogue)
    rows = np.arange(len(months))
    assert (truth[rows, held] == recorded[rows, held]).all()
    assert (truth != recorded).any()  # on other plans usage would have been another


def test_acceptance_and_churn_know_every_decision_of_a_holder_and_every_offer(operator: Simulation) -> None:
    decided = operator.months[operator.months[DECISION].notna() & (operator.months[DECISION] != "activation")]
    known = set(map(tuple, operator.truth.acceptance[list(KEY)].to_numpy()))
    assert set(map(tuple, decided[list(KEY)].to_numpy())) <= known
    assert set(map(tuple, operator.offers[list(KEY)].to_numpy())) <= known
    assert operator.truth.acceptance[list(KEY)].equals(operator.truth.churn[list(KEY)])


def test_churn_with_an_offer_lies_between_declining_and_accepting(operator: Simulation) -> None:
    plans = list(operator.catalogue.plan_ids)
    churn, accept = operator.truth.churn, operator.truth.acceptance[plans].to_numpy()
    offered, declined = churn[plans].to_numpy(), churn["declined"].to_numpy()[:, None]
    with np.errstate(all="ignore"):
        accepted = (offered - (1 - accept) * declined) / accept
    known = ~np.isnan(accept) & (accept > 1e-3)
    assert (np.isnan(offered) == np.isnan(accept)).all()
    assert ((accepted > -1e-5) & (accepted < 1 + 1e-5))[known].all()


def test_answer_to_an_offer_has_the_chances_of_accepting_and_staying(operator: Simulation) -> None:
    plans = list(operator.catalogue.plan_ids)
    asked = operator.offers[~operator.offers["holdout"]].reset_index(drop=True)
    chances = asked[list(KEY)].merge(operator.truth.choice_probabilities, on=list(KEY), how="left")[plans].to_numpy()
    accept = asked[list(KEY)].merge(operator.truth.acceptance, on=list(KEY), how="left")[plans].to_numpy()
    rows = np.arange(len(asked))
    offered = np.array([operator.catalogue.index(p) for p in asked["offered_plan"]])
    current = np.array([operator.catalogue.index(p) for p in asked[CURRENT_PLAN]])
    assert chances[rows, offered] == pytest.approx(accept[rows, offered], abs=1e-8)
    assert chances[rows, current] == pytest.approx(1 - accept[rows, offered], abs=1e-8)


def test_the_truth_of_all_knows_every_free_subscriber_and_changes_nothing_else(
    catalogue: Catalogue, operator: Simulation
) -> None:
    config = operator.config.model_copy(
        update={"offers": operator.config.offers.model_copy(update={"truth_of_all": True})}
    )
    every = simulate(config, catalogue, np.random.default_rng(3))
    assert every.months.equals(operator.months)
    assert every.offers.equals(operator.offers)
    for name in ("acceptance", "churn"):
        known, usual = every.truth.tables()[name], operator.truth.tables()[name]
        assert len(known) > 1.5 * len(usual)
        assert not known.duplicated(["subscriber_id", "month"]).any()
        both = known.merge(usual[["subscriber_id", "month"]])
        assert both.equals(usual.reset_index(drop=True))
    # Whoever is free at the end of a month is known in the next, unless they left.
    months = every.months
    free = months[(months["month"] == "2025-05") & (months["contract_months_left"] == 0)]["subscriber_id"]
    there = set(free) & set(months[months["month"] == "2025-06"]["subscriber_id"])
    assert there == there & set(every.truth.churn[every.truth.churn["month"] == "2025-06"]["subscriber_id"])
