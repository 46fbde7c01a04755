from __future__ import annotations

import numpy as np
import pytest

from planrec.billing import Catalogue
from planrec.campaigns.exposure import Exposure, exposure
from planrec.campaigns.moments import offer_rows
from planrec.months import month_indices
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
