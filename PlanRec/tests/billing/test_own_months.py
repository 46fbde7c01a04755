"""Months of cells billed one by one cost what their events cost, and so do months that are scaled."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from random_tariffs.case import random_case
from small_cards.order_free import ease
from tariff_check import card_and_events

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import BillRequest, FullCard, parse_card, parse_request
from planrec.billing.cell_months import (
    CellMonths,
    OwnMonths,
    bill_months,
    cell_plans,
    cell_reasons,
    count_cells,
    own_months,
    plan_sheets,
    scaled_months,
)
from planrec.billing.events import Events, PeriodRule, read_events
from planrec.billing.rating import NOT_SOLD, plan_totals

CALLS = {"kind": "call", "item": "calls", "setup": "10", "increment": "60/1", "per_minute": [["0", "0"], ["90", "6"]]}
RATES = [CALLS, {"kind": "sms", "item": "messages", "each": "9"}, {"kind": "data", "item": "data", "per_mb": "2"}]
TREE: dict[str, Any] = {
    "version": "v",
    "currency": "EUR",
    "timezone": "Europe/Madrid",
    "plans": [{"plan_id": "p", "fee": "100", "rates": RATES}, {"plan_id": "q", "fee": "700", "rates": RATES[2:]}],
}
EVENTS = """event,subscriber,kind,start,seconds,mb,to,at
e1,A,call,2025-03-01T10:00:00,30,,,home
e2,A,call,2025-03-02T10:00:00,100,,,home
e3,A,data,2025-04-02T10:00:00,,2.5,,home
e4,B,data,2025-04-02T10:00:00,,4,,home
"""
MARCH = 55 * 12 + 2  # months since January 1970


NOTHING = {"first": None, "last": None, "options": (), "bought": (), "plan_changes": (), "device": None, "flags": ()}


def _alone(request: BillRequest, period: str) -> BillRequest:
    """Return one period of accounts that were there before and hold nothing but a plan."""
    held = {name: holder.model_copy(update=NOTHING) for name, holder in request.subscribers.items()}
    return request.model_copy(update={"bill": (period,), "subscribers": held, "choose": None})


def _from_events(card: FullCard, request: BillRequest, events: Events, plans: list[int]) -> IntArray:
    """Bill each period by itself; (n_subscribers, n_periods, n_plans)."""
    every = [plan_totals(card, _alone(request, name), events, mark_unsold=True)[plans, :, 0] for name in request.bill]
    return np.array(every, dtype=np.int64).transpose(2, 0, 1)


def _own(card: FullCard, request: BillRequest, events: Events) -> OwnMonths:
    held = _alone(request, request.bill[0]).model_copy(update={"bill": request.bill})
    rule = PeriodRule(card.period)
    periods = np.array([rule.parse(name) for name in request.bill], dtype=np.int64)
    wide = np.tile(periods, (len(request.subscribers), 1))
    return own_months(card, count_cells(card, held, events), list(request.subscribers), wide)


def _totals(card: FullCard, own: OwnMonths, plans: list[int]) -> IntArray:
    found = bill_months(own, plan_sheets(card, plans))
    return np.stack([np.where(bills.unsold, NOT_SOLD, bills.totals) for bills in found], axis=2)


def _twice(events: Events) -> Events:
    rows = np.repeat(np.arange(len(events.kind)), 2)
    columns = {name: getattr(events, name)[rows] for name in ("subscriber", "kind", "instant", "quantity", "to", "at")}
    return replace(events, ids=None, callee=None, **columns)


def test_months_of_random_cards_cost_what_their_events_cost() -> None:
    seen: Counter[str] = Counter()
    for seed in range(40):
        tree, rows, _ = random_case(seed)
        ease(random.Random(seed), tree)  # noqa: S311 - a seed repeats a card
        try:
            card, request, events = card_and_events(tree, rows)
            plans = [k for k, p in enumerate(card.plans) if not cell_reasons(card, p.plan_id) and card.pool is None]
            whole = _from_events(card, request, events, plans)
        except (ConfigError, DataError):
            seen["refused"] += 1
            continue
        if not plans:
            continue
        own = _own(card, request, events)
        assert np.array_equal(_totals(card, own, plans), whole), seed
        seen["bills"] += whole.size
        n, m, _ = whole.shape
        dates = {d for owner in (*card.plans, *card.options) for r in owner.rates for d in (r.valid_from, r.valid_to)}
        if dates != {None}:
            continue
        # A scenario of twice the usage costs what every use twice would cost.
        usage = own.used * 10.0
        for j, name in enumerate(request.bill):
            one = replace(own, periods=np.where(np.arange(m) == j, own.periods, -1))
            known = np.tile(np.arange(m) == j, (n, 1))
            period = np.full(n, own.periods[0, j] if n else 0)
            scaled = scaled_months(one, usage, known, 2 * usage[:, j : j + 1], period)
            double = _from_events(card, _alone(request, name), _twice(events), plans)
            calls_in = ~own.used[:, j, 0]  # nothing says how often received calls come where none is made
            same = _totals(card, scaled, plans)[:, 0] == double[:, 0]
            assert same[~calls_in].all(), (seed, name)
            seen["doubled"] += int((~calls_in).sum())
    assert seen["bills"] > 100
    assert seen["doubled"] > 20


def _cells(card: FullCard) -> CellMonths:
    held = {"bill": ["2025-03", "2025-04"], "subscribers": {"A": {"plan": "p"}, "B": {"plan": "p"}}}
    request = parse_request(held, "accounts")
    return count_cells(card, request, read_events(EVENTS.encode(), "events.csv", card.timezone, request.subscribers))


@pytest.fixture(scope="module")
def small() -> tuple[FullCard, OwnMonths]:
    card = parse_card(TREE, "card")
    # A's months latest first; B was not there in March.
    return card, own_months(card, _cells(card), ["B", "A"], np.array([[MARCH + 1, -1], [MARCH + 1, MARCH]]))


def test_each_month_is_billed_alone(small: tuple[FullCard, OwnMonths]) -> None:
    card, own = small
    found = bill_months(own, plan_sheets(card, [0, 1]))
    # A in March: fee 100, two set-ups, 10 seconds beyond the ninetieth at 6 cents a minute; in April 2.5 MB.
    assert found[0].totals.tolist() == [[108, 0], [105, 121]]
    assert {item: cents.tolist() for item, cents in found[0].items.items() if cents.any()} == {
        "fee": [[100, 0], [100, 100]],
        "calls": [[0, 0], [0, 21]],
        "data": [[8, 0], [5, 0]],
    }
    assert found[1].totals[:, 0].tolist() == [708, 705]
    assert found[1].unsold.tolist() == [[False, False], [False, True]]


def _scaled(small: tuple[FullCard, OwnMonths], wanted: list[list[list[float]]]) -> tuple[OwnMonths, IntArray]:
    usage: FloatArray = np.array([[[0, 0, 4], [0, 0, 0]], [[0, 0, 2.5], [3, 0, 0]]])
    known = np.array([[True, False], [True, True]])
    scaled = scaled_months(small[1], usage, known, np.array(wanted, dtype=float), np.array([MARCH + 2, MARCH + 2]))
    return scaled, bill_months(scaled, plan_sheets(small[0], [0]))[0].totals


def test_services_are_scaled_each_to_its_scenario(small: tuple[FullCard, OwnMonths]) -> None:
    # B: 1.5 of its only month, then nothing. A: twice March's calls and twice April's data, whatever month j is.
    scaled, totals = _scaled(small, [[[0, 0, 6], [0, 0, 0]], [[6, 0, 5], [6, 0, 5]]])
    assert (scaled.periods == MARCH + 2).all()
    assert totals.tolist() == [[112, 100], [100 + 42 + 10, 100 + 42 + 10]]


def test_counts_are_whole_and_half_of_two_calls_is_one(small: tuple[FullCard, OwnMonths]) -> None:
    # Half of 2 calls, of 160 billed seconds and of 10 seconds beyond the ninetieth: 10 + .5 cents, half up.
    assert _scaled(small, [[[0, 0, 4]], [[1.5, 0, 2.5]]])[1].tolist() == [[108], [100 + 11 + 5]]


def test_a_factor_ends_at_what_can_be_rated(small: tuple[FullCard, OwnMonths]) -> None:
    totals = _scaled(small, [[[0, 0, 1e9]], [[1e9, 0, 0]]])[1]
    assert totals[0, 0] == 100 + 2 * 4 * 100_000  # its one session at most 100,000 times
    assert totals[1, 0] > 100_000


def test_prices_of_a_scenario_are_those_of_its_period() -> None:
    dated = [{**RATES[2], "valid_to": "2025-04-30", "per_mb": "2"}, {**RATES[2], "per_mb": "3"}]
    card = parse_card({**TREE, "plans": [{"plan_id": "p", "rates": dated}]}, "card")
    own = own_months(card, _cells(card), ["B"], np.array([[MARCH + 1]]))
    usage = np.array([[[0.0, 0.0, 4.0]]])
    assert bill_months(own, plan_sheets(card, [0]))[0].totals.tolist() == [[8]]
    for month, cents in ((MARCH + 1, 8), (MARCH + 2, 12)):
        scaled = scaled_months(own, usage, np.ones((1, 1), bool), usage, np.array([month]))
        assert bill_months(scaled, plan_sheets(card, [0]))[0].totals.tolist() == [[cents]]


DAYS = "{kind: days, length: 28, first_day: 2025-01-06}"
MIXED = """version: v
currency: EUR
timezone: Europe/Madrid
rounding: {minutes: call, data_unit_megabytes: 1024}
plans:
  - {plan_id: free, fee: 2000, rates: [{kind: call, item: calls, per_minute: 0}]}
  - {plan_id: least, rates: [{kind: call, item: calls, minimum: 15, per_minute: 9}]}
  - plan_id: surf
    name: Surf
    monthly_fee_cents: 2000
    included: {minutes: 500, messages: 50, megabytes: 15360}
    overage: {cents_per_minute: 3, cents_per_message: 3, cents_per_data_unit: 1000}
"""


def test_plans_that_cells_price_stand_behind_those_in_the_short_form() -> None:
    plans = cell_plans(MIXED.encode(), "card")
    assert (plans.short.plan_ids, plans.wide.plan_ids, plans.places) == (("surf",), ("surf", "free"), (0,))
    assert [p.remark for p in plans.wide.detailed] == [
        "plan least is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it. plans.least.rates[0].minimum: a "
        "least price depends on each call. Its events are needed: `planrec bill --events`."
    ]
    assert plans.wide.prices.fee_cents.tolist() == [2000, 2000]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("timezone: Europe/Madrid\n", "", "in the short form and priced from minutes", id="short"),
        pytest.param("minute: 0", "minute: 0, minimum: 1", "cells price none of its plans. plan free", id="none"),
        pytest.param("rounding:", f"period: {DAYS}\nrounding:", "usage months are calendar months", id="period"),
        pytest.param("rounding:", "pool: {payer: A, allowance_mb: 1}\nrounding:", "none of its plans", id="pool"),
    ],
)
def test_a_card_without_a_plan_that_cells_price_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cell_plans(MIXED.replace(old, new).encode(), "card")
