from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from planrec.billing import Catalogue, Usage, bill_totals
from planrec.campaigns.moments import WINDOW, OfferRows, offer_rows
from planrec.columns import USAGE
from planrec.months import month_index
from planrec.simulator.config import OffersConfig, SimulatorConfig
from planrec.simulator.operator import simulate
from planrec.simulator.simulation import Simulation
from planrec.study.truth import realised_saving, truth_at


@pytest.fixture(scope="module")
def operator(catalogue: Catalogue) -> Simulation:
    config = SimulatorConfig(subscribers=1500, offers=OffersConfig(campaign_share=0.4))
    return simulate(config, catalogue, np.random.default_rng(4))


@pytest.fixture(scope="module")
def rows(operator: Simulation) -> OfferRows:
    return offer_rows(operator)


def test_offer_rows_hold_every_selected_moment_once(operator: Simulation, rows: OfferRows) -> None:
    chosen = rows.at(rows.contacts.selected)
    assert len(chosen.month) == len(operator.offers)
    assert (chosen.subscribers == operator.offers.subscriber_id.to_numpy()).all()
    plans = np.array([*operator.catalogue.plan_ids, None], dtype=object)
    logged = operator.offers.offered_plan.astype(object).where(operator.offers.offered_plan.notna(), None)
    assert plans[chosen.contacts.offered].tolist() == logged.tolist()
    assert (chosen.contacts.accepted == operator.offers.accepted).all()
    assert (chosen.contacts.made == ~operator.offers.holdout).all()
    assert (chosen.contacts.holdout == operator.offers.holdout).all()
    assert rows.contacts.selected.mean() == pytest.approx(0.4, abs=0.03)  # all others could have been selected as well


def test_offer_rows_offer_what_the_campaign_could_offer(operator: Simulation, rows: OfferRows) -> None:
    chosen = rows.at(rows.contacts.selected)
    accept = truth_at(chosen, operator.truth.acceptance, list(operator.catalogue.plan_ids))
    assert (chosen.standing.offerable == ~np.isnan(accept)).all()


def test_offer_rows_need_no_truth_and_no_later_usage(operator: Simulation, rows: OfferRows) -> None:
    months = operator.months.copy()
    months.loc[months.month >= "2025-07", list(USAGE)] = 0.0
    blind = offer_rows(replace(operator, months=months, truth=None))  # type: ignore[arg-type]
    early = rows.month <= month_index("2025-07")
    assert early.any()
    assert (blind.standing.bill[early] == rows.standing.bill[early]).all()
    assert (blind.standing.rise[early] == rows.standing.rise[early]).all()
    assert (blind.standing.bill[~early] != rows.standing.bill[~early]).any()


def test_offer_rows_count_leaving_within_whole_windows_only(operator: Simulation, rows: OfferRows) -> None:
    last = month_index("2025-12")
    assert (np.isnan(rows.left) == (rows.month + WINDOW - 1 > last)).all()
    gone = operator.subscribers.set_index("subscriber_id").churn_date
    expected = []
    for subscriber, month in zip(rows.subscribers, rows.month, strict=True):
        date = gone[subscriber]
        expected.append(not pd.isna(date) and date.year * 12 + date.month - 1 <= month + 2)
    whole = ~np.isnan(rows.left)
    assert (rows.left[whole] == np.array(expected)[whole]).all()
    assert 0.02 < rows.left[whole].mean() < 0.2


def test_rise_is_the_last_bill_above_those_before(operator: Simulation, rows: OfferRows) -> None:
    # Of bills u1, u2 and u + rise, u the mean of the first two, the spread is at least rise x sqrt(2) / 3.
    spread = rows.spread[np.arange(len(rows.standing.rise)), rows.standing.current]
    assert (rows.standing.rise >= 0).all()
    assert (rows.standing.rise > 0).any()
    assert (rows.standing.rise <= spread * 3 / np.sqrt(2) + 1e-9).all()
    one_month = offer_rows(operator, history_months=1)
    assert (one_month.standing.rise == 0).all()


def test_realised_saving_is_the_mean_over_the_window(operator: Simulation, rows: OfferRows) -> None:
    some = rows.at(np.arange(3))
    saving = realised_saving(some, operator.truth.bills)
    plans = list(operator.catalogue.plan_ids)
    bills = operator.truth.bills.set_index("subscriber_id")
    for i in range(3):
        own = bills.loc[some.subscribers[i]]
        ahead = own[own.month.map(month_index) >= some.month[i]].iloc[:WINDOW][plans].mean().to_numpy() / 100
        assert saving[i] == pytest.approx(ahead[some.standing.current[i]] - ahead)
        assert saving[i, some.standing.current[i]] == 0


def test_truth_at_is_missing_where_the_truth_is_silent(operator: Simulation, rows: OfferRows) -> None:
    leave = truth_at(rows, operator.truth.churn, ["no_offer"])[:, 0]
    assert not np.isnan(leave[rows.contacts.selected]).any()
    assert np.isnan(leave[~rows.contacts.selected]).any()


def test_offer_rows_refuse_an_operator_without_a_campaign(operator: Simulation) -> None:
    with pytest.raises(DataError, match=r"the campaign selected nobody; raise `offers\.campaign_share`"):
        offer_rows(replace(operator, offers=operator.offers.iloc[:0]))


def recorded(operator: Simulation, rows: OfferRows, i: int, n_months: int) -> pd.DataFrame:
    """The usage of row `i` in the months before its moment, most recent first, empty where there is none."""
    own = operator.months[operator.months.subscriber_id == rows.subscribers[i]].copy()
    own["index"] = own.month.map(month_index)
    return own.set_index("index").reindex([int(rows.month[i]) - lag for lag in range(1, n_months + 1)])


def test_bills_are_those_of_the_three_months_before(operator: Simulation, rows: OfferRows) -> None:
    short = np.flatnonzero(rows.standing.tenure_years < 3 / 12)[:3]  # newcomers: not all three months are there
    for i in (*short, *np.flatnonzero(rows.standing.rise > 0)[:3]):
        own = recorded(operator, rows, int(i), 3)
        known = own.subscriber_id.notna().to_numpy()
        usage = own[list(USAGE)].fillna(0.0).to_numpy().T
        totals = bill_totals(Usage.of(*usage), operator.catalogue) / 100
        assert rows.standing.bill[i] == pytest.approx(totals[known].mean(axis=0))
        assert rows.spread[i] == pytest.approx(totals[known].std(axis=0))
        assert rows.seen[i] == pytest.approx(totals.mean(axis=0))
        held = totals[:, rows.standing.current[i]]
        before = held[1:][known[1:]]
        assert rows.standing.rise[i] == pytest.approx(max(held[0] - before.mean(), 0.0) if len(before) else 0.0)
        assert rows.standing.tenure_years[i] == pytest.approx((own.tenure_months.iloc[0] + 1) / 12)
        assert not rows.standing.offerable[i, rows.standing.current[i]]


def test_three_months_of_bills_and_six_of_choices_unless_told(operator: Simulation, rows: OfferRows) -> None:
    told = offer_rows(operator, history_months=3, choice_months=6)
    assert (told.standing.bill == rows.standing.bill).all()
    np.testing.assert_array_equal(told.alternatives, rows.alternatives)
    other = offer_rows(operator, history_months=3, choice_months=5)
    assert (other.standing.bill == rows.standing.bill).all()
    assert (other.alternatives != rows.alternatives).any()


def test_contacts_are_those_of_the_log(operator: Simulation, rows: OfferRows) -> None:
    chosen = rows.at(rows.contacts.selected).contacts
    np.testing.assert_array_equal(chosen.propensity, operator.offers.propensity.to_numpy(dtype=float))
    np.testing.assert_array_equal(chosen.before, operator.offers.contacts_90d.to_numpy(dtype=float))
    assert (rows.contacts.before[~rows.contacts.selected] == 0).all()
    assert replace(chosen, offered=np.array([-1, 0, 1])).made.tolist() == [False, True, True]
