"""Months drawn from a subscriber's own past and scaled, rated on every plan of a full card."""

from __future__ import annotations

import numpy as np
import pytest

from planrec.advice.full_cards import FullPlanRank, rank_full_plans
from planrec.billing.cards import BillRequest, FullCard, Tree, parse_card, parse_request
from planrec.billing.events import CALL, DATA, SMS, Events, LocalClock, read_events
from planrec.billing.rating import accounts_of, plan_totals
from planrec.outlook.full_cards import DRAWS, Months, drawn_months, expected_bills, past_use
from planrec.rules import built_in_rules

CARD: Tree = {
    "version": "v",
    "currency": "EUR",
    "timezone": "Europe/Madrid",
    "plans": [
        {
            "plan_id": "pay",
            "rates": [
                {"kind": "call", "at": ["home", "eu"], "item": "calls", "per_minute": "10"},
                {"kind": "sms", "at": ["home", "eu"], "item": "messages", "each": "10"},
                {"kind": "data", "at": ["home", "eu"], "item": "data", "per_mb": "1"},
            ],
        },
        {
            "plan_id": "flat",
            "fee": "2000",
            "allowances": [
                {"name": "calls", "kind": "call", "amount": "unlimited"},
                {"name": "messages", "kind": "sms", "amount": "unlimited"},
                {"name": "data", "kind": "data", "amount": "unlimited"},
            ],
        },
    ],
}
PAY: Tree = {"plan": "pay"}
PERIODS = ["2025-01", "2025-02", "2025-03", "2025-04"]


def _card() -> FullCard:
    return parse_card(CARD, "card")


def _request(**holders: Tree) -> BillRequest:
    return parse_request({"bill": list(PERIODS), "subscribers": holders or {"A": {"plan": "pay"}}}, "accounts")


def _events(rows: list[str], *names: str) -> Events:
    text = "event,subscriber,kind,start,seconds,mb,to,at\n" + "".join(f"e{i},{row}\n" for i, row in enumerate(rows))
    return read_events(text.encode(), "events.csv", "Europe/Madrid", names or ("A",))


def _usual(who: str = "A", at: str = "home") -> list[str]:
    """Return four months of one subscriber: ten calls of 60 s, four messages, 100 MB, each month the same."""
    rows: list[str] = []
    for period in PERIODS:
        rows += [f"{who},call,{period}-{d:02d}T10:00:00,60,,,{at}" for d in range(1, 11)]
        rows += [f"{who},sms,{period}-{d:02d}T23:30:00,,,,{at}" for d in range(25, 29)]
        rows += [f"{who},data,{period}-{d:02d}T12:00:00,,50,,{at}" for d in (3, 20)]
    return rows


def _drawn(request: BillRequest, events: Events) -> Months:
    past = past_use(_card(), request, events)
    return drawn_months(request, events, past, "Europe/Madrid", np.random.default_rng(1))


def test_use_is_counted_by_local_period_and_whole_periods_are_known() -> None:
    rows = ["A,call,2025-01-31T23:30:00+00:00,60,,,home", "A,call_in,2025-03-01T10:00:00,600,,,home"]
    holders: Tree = {"plan": "pay", "from": "2025-02-02"}
    past = past_use(_card(), _request(A=holders), _events(rows))
    assert past.use[0, :, 0].tolist() == [0, 60, 0, 0]  # 1 February in Madrid; calls received are not counted
    assert past.whole.tolist() == [[False, False, True, True]]
    assert past.days.tolist() == [31, 28, 31, 30, 31]


def test_levels_are_means_by_day_in_which_later_months_weigh_more() -> None:
    rows = ["A,data,2025-03-05T10:00:00,,31,,home", "A,data,2025-04-05T10:00:00,,60,,home"]
    past = past_use(_card(), _request(A={"plan": "pay", "from": "2025-03-01"}), _events(rows))
    assert past.levels(4)[0, 2] == pytest.approx(31 * (0.75 * 1 + 2) / 1.75 * 1e6)


def test_drawn_months_hold_what_is_wanted_of_each_service() -> None:
    """Sums of a draw are level times ratio; messages may differ by one, the others by the rounding of each use."""
    events, request = _events(_usual()), _request()
    past, months = past_use(_card(), request, events), _drawn(request, events)
    ratios = past.ratios()
    wanted = (past.levels(4)[0] * ratios[np.random.default_rng(1).integers(0, len(ratios), DRAWS)]).T
    for kind, target, apart in ((CALL, wanted[0], 10.0), (SMS, wanted[1], 1.0), (DATA, wanted[2], 2.0)):
        rows = months.events.kind == kind
        sums = np.bincount(months.events.subscriber[rows], weights=months.events.quantity[rows], minlength=DRAWS)
        assert np.abs(sums - target).max() <= apart
    calls = np.bincount(months.events.subscriber[months.events.kind == CALL], minlength=DRAWS)
    assert np.abs(calls - wanted[0] / 60).max() <= 1  # the number of calls is scaled as well


def test_days_move_by_whole_weeks_into_the_next_period() -> None:
    months = _drawn(_request(), _events(_usual()))
    assert months.request.bill == ("2025-05",)
    seconds = months.events.instant // 1_000_000
    local = (seconds + LocalClock("Europe/Madrid").offsets(seconds)).astype("datetime64[s]")
    assert set(local.astype("datetime64[M]").astype("str").tolist()) == {"2025-05"}
    hours = (local - local.astype("datetime64[D]")).astype(np.int64) // 3600
    assert set(hours[months.events.kind == SMS].tolist()) == {23}
    weekdays = {(d.astype("datetime64[D]").astype(int) + 3) % 7 for d in local[months.events.kind == SMS]}
    known = {(np.datetime64(f"{p}-{d:02d}", "D").astype(int) + 3) % 7 for p in PERIODS for d in range(25, 29)}
    assert weekdays <= known


def test_a_day_moves_to_the_nearest_of_its_weekday() -> None:
    """From January to June: 1 June lies 151 days after 1 January, 154 are 22 weeks; 10 January becomes 13 June."""
    periods = [*PERIODS, "2025-05"]
    rows = [f"A,call,{period}-10T{8 if period == '2025-01' else 9:02d}:00:00,60,,,home" for period in periods]
    request = parse_request({"bill": periods, "subscribers": {"A": {"plan": "pay"}}}, "accounts")
    months = _drawn(request, _events(rows))
    seconds = months.events.instant // 1_000_000
    local = (seconds + LocalClock("Europe/Madrid").offsets(seconds)).astype("datetime64[s]")
    of_january = local[(local - local.astype("datetime64[D]")).astype(np.int64) == 8 * 3600]
    assert set(of_january.astype("datetime64[D]").astype("str").tolist()) == {"2025-06-13"}


def test_who_never_sends_a_message_is_drawn_without_one() -> None:
    months = _drawn(_request(), _events([row for row in _usual() if ",sms," not in row]))
    assert set(months.events.kind.tolist()) == {CALL, DATA}


def test_bills_are_those_of_plan_totals_and_the_interval_holds_32_of_39_draws() -> None:
    card, request, events = _card(), _request(), _events(_usual())
    bills = expected_bills(card, request, events, np.random.default_rng(1))
    months = _drawn(request, events)
    assert np.array_equal(bills.bills[:, 0], plan_totals(card, months.request, months.events)[:, :, 0])
    low, high = bills.interval
    ordered = np.sort(bills.bills[0, 0])
    assert (low[0, 0], high[0, 0]) == (ordered[3], ordered[35])
    assert bills.mean[0, 0] == pytest.approx(100 + 40 + 100, rel=0.3)
    assert bills.bills[1].tolist() == [[2000] * DRAWS]


def test_ratios_come_from_all_subscribers_where_there_are_enough_months() -> None:
    names = [f"s{i}" for i in range(60)]
    rows = [row for name in names for row in _usual(name)]
    past = past_use(_card(), _request(**dict.fromkeys(names, PAY)), _events(rows, *names))
    assert past.ratios().shape == (60, 3)  # April, from the three months before
    assert past.ratios()[:, 1].max() == pytest.approx(30 * 4 / 4 * 1.0 / 30, rel=0.1)
    few = past_use(_card(), _request(), _events(_usual()))
    assert np.log(few.ratios()).std() == pytest.approx(0.3, abs=0.02)


def _ranked(plan: str, at: str = "home") -> list[FullPlanRank]:
    card, request, events = _card(), _request(A={"plan": plan}), _events(_usual(at=at))
    bills = expected_bills(card, request, events, np.random.default_rng(1))
    held = accounts_of(card, request).plan[:, -1]
    return list(rank_full_plans(card, request, held, bills, built_in_rules()))


def test_plans_are_ranked_by_the_expected_bill_and_a_sure_gain_is_a_switch() -> None:
    first, second = _ranked("flat")
    assert (first.rank, first.plan, first.advice, second.is_current) == (1, "pay", "switch", True)
    assert first.expected_bill_cents is not None
    assert first.saving_cents == 2000 - first.expected_bill_cents
    assert (second.low_cents, second.high_cents, second.saving_cents) == (2000, 2000, 0)


def test_who_holds_the_cheapest_plan_stays() -> None:
    assert {row.advice for row in _ranked("pay")} == {"stay"}


def test_a_plan_that_does_not_sell_what_is_used_is_excluded() -> None:
    rows = _ranked("pay", at="eu")
    assert [(row.plan, row.rank, row.excluded) for row in rows] == [("pay", 1, ""), ("flat", None, "NOT_SOLD")]


def test_who_has_left_gets_no_answer() -> None:
    card, request, events = _card(), _request(A={"plan": "pay", "to": "2025-04-30"}), _events(_usual())
    bills = expected_bills(card, request, events, np.random.default_rng(1))
    assert not list(rank_full_plans(card, request, np.array([0]), bills, built_in_rules()))


def test_an_average_of_usage_is_not_the_average_of_bills() -> None:
    """With blocks and an allowance the bill of the mean month is not the mean bill: rate, then average."""
    plan: Tree = {
        "plan_id": "blocks",
        "allowances": [{"name": "data", "kind": "data", "amount": "100"}],
        "rates": [{"kind": "data", "item": "data", "block_mb": "100", "per_block": "500", "rounded": "period"}],
    }
    card = parse_card({"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [plan]}, "card")
    rows = [f"A,data,{p}-05T10:00:00,,{mb},,home" for p, mb in zip(PERIODS, (20, 180, 20, 180), strict=True)]
    request = _request(A={"plan": "blocks"})
    bills = plan_totals(card, request, _events(rows))[0, 0]
    level = plan_totals(card, request, _events([f"A,data,{p}-05T10:00:00,,100,,home" for p in PERIODS]))[0, 0]
    assert (bills.mean(), level.mean()) == (250, 0)
