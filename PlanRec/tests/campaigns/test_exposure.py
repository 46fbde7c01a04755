from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.campaigns.expected import Foresight
from planrec.campaigns.exposure import Exposure, exposure
from planrec.campaigns.moments import offer_rows
from planrec.decisions import columns_of, decision_table
from planrec.decisions.rows import usage_ahead
from planrec.months import month_indices
from planrec.outlook import fit_usage_forecast, history_of
from planrec.simulator.config import OffersConfig, SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    config = SimulatorConfig(subscribers=600, offers=OffersConfig(campaign_share=0.4))
    return simulate(config, catalogue, np.random.default_rng(4))


@pytest.fixture(scope="module")
def months(operator: Simulation) -> Exposure:
    return exposure(operator)


def test_everybody_who_left_is_counted_once(operator: Simulation, months: Exposure) -> None:
    gone = operator.subscribers[operator.subscribers["churn_date"].notna()]
    counts = operator.months.groupby("subscriber_id").size()
    seen = gone[gone["subscriber_id"].map(counts) > 1]  # one month only: no month before it to look at
    assert months.left.sum() == len(seen)
    assert set(months.subscribers[months.left]) == set(seen["subscriber_id"])


def test_a_contact_counts_for_three_months(operator: Simulation, months: Exposure) -> None:
    made = operator.offers[operator.offers["offered_plan"].notna()]
    when = dict(zip(made["subscriber_id"], month_indices(made["month"]), strict=True))  # the last of each
    lately = [0 <= month - when.get(who, 0) < 3 for who, month in zip(months.subscribers, months.month, strict=True)]
    assert months.contacted[np.array(lately)].all()
    never = ~np.isin(months.subscribers, made["subscriber_id"].to_numpy(dtype=object))
    assert not months.contacted[never].any()
    assert not (months.accepted & ~months.contacted).any()


def test_a_month_stands_as_the_moment_of_an_offer_does(operator: Simulation, months: Exposure) -> None:
    rows = offer_rows(operator)
    where = {key: i for i, key in enumerate(zip(months.subscribers, months.month, strict=True))}
    at = np.array([where[key] for key in zip(rows.subscribers, rows.month, strict=True)])
    kept = ~rows.contacts.accepted  # who accepted holds another plan in the month
    assert (months.held[at][kept] == rows.standing.current[kept]).all()
    np.testing.assert_allclose(months.overpaid[at][kept], rows.standing.overpaid[kept])
    np.testing.assert_allclose(months.tenure_years[at], rows.standing.tenure_years)


def test_later_months_of_a_row_are_the_subscribers_own(months: Exposure) -> None:
    later = months.months_on(2)
    there = later >= 0
    assert there.any()
    assert (months.subscribers[later[there]] == months.subscribers[there]).all()
    assert (months.month[later[there]] == months.month[there] + 2).all()


def test_what_is_feared_is_what_an_answer_of_the_bundle_will_see(operator: Simulation, months: Exposure) -> None:
    """Learning knows as much of the bills to come as answering does, and both never less than the months before."""
    usual = decision_table(operator.months.drop(columns="decision"), history_months=3)
    past, ahead, known = usage_ahead(operator.months, history_months=3, horizon=1)
    foresight = Foresight(fit_usage_forecast(past, ahead, known), 3)
    found = exposure(operator, foresight=foresight)
    assert (months.feared == months.overpaid).all()  # nothing is forecast
    assert (found.feared >= found.overpaid).all()
    assert (found.feared > found.overpaid + 1).any()
    np.testing.assert_array_equal(found.overpaid, months.overpaid)
    expected = foresight.bills(history_of(columns_of(usual), 3), operator.catalogue)
    assert expected.shape == found.feared.shape
    rows = offer_rows(operator, foresight=foresight)
    where = {key: i for i, key in enumerate(zip(found.subscribers, found.month, strict=True))}
    at = np.array([where[key] for key in zip(rows.subscribers, rows.month, strict=True)])
    kept = ~rows.contacts.accepted
    np.testing.assert_allclose(found.feared[at][kept], rows.standing.overpaid[kept])
    np.testing.assert_allclose(expected[at], rows.standing.expected)
