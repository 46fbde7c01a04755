"""Every plan at once costs what each costs alone, whether uses are rated one by one or from their sums."""

from __future__ import annotations

import numpy as np
import pytest
from random_tariffs.case import random_case
from random_tariffs.dice import CLASSES, PLACES
from tariff_check import card_and_events

from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import Tree, parse_card, parse_request
from planrec.billing.events import DATA, SMS, read_events
from planrec.billing.rating import CardCells, Sheet, bill_events, plan_totals
from planrec.billing.rating.plan_totals import summed_kinds

MESSAGES: Tree = {"kind": "sms", "item": "messages", "each": "9"}
DATA_RATE: Tree = {"kind": "data", "item": "data", "block_mb": "100", "per_block": "200", "rounded": "period"}


def _compared(seed: int) -> int:
    """Compare the plans of a random case; return how many."""
    tree, rows, _ = random_case(seed)
    if tree.get("prepaid") or tree.get("pool"):
        return 0
    try:
        card, request, events = card_and_events(tree, rows)
        together = plan_totals(card, request, events)
    except (ConfigError, DataError):
        return 0  # beyond 64 bits, an option that does not go with a plan, or a use without a price
    for k, plan in enumerate(card.plans):
        held = {
            n: s.model_copy(update={"plan": plan.plan_id, "plan_changes": ()}) for n, s in request.subscribers.items()
        }
        book = bill_events(card, request.model_copy(update={"subscribers": held, "choose": None}), events)
        assert np.array_equal(together[k], np.where(book.accounts.present, book.totals, 0)), seed
    return len(card.plans)


def test_plans_together_cost_what_each_costs_alone_on_random_cards() -> None:
    assert sum(_compared(seed) for seed in range(9000, 9120)) > 60


def _kinds(plan: dict[str, Tree], **card: Tree) -> tuple[int, ...]:
    tree: Tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a", **plan}], **card}
    sheet = Sheet(parse_card(tree, "card"))
    return summed_kinds(sheet, CardCells(sheet, ("", *CLASSES), tuple(PLACES), [(0, np.zeros(0, dtype=bool))]))


@pytest.mark.parametrize(
    ("plan", "kinds"),
    [
        pytest.param({"allowances": [{"kind": "data", "amount": "500"}]}, (SMS, DATA), id="amount-of-a-period"),
        pytest.param({"allowances": [{"kind": "data", "amount": "500", "per": "day"}]}, (SMS,), id="quota-of-a-day"),
        pytest.param({"caps": [{"items": "data", "amount": "500", "mode": "free"}]}, (), id="cap"),
        pytest.param(
            {
                "rates": [{"kind": "data", "at": "eu", "item": "data", "per_mb": "5"}, MESSAGES, DATA_RATE],
                "allowances": [{"kind": "data", "at": ["home", "eu"], "amount": "500"}],
            },
            (SMS,),
            id="two-prices-under-one-amount",
        ),
        pytest.param({"rates": [{"kind": "data", "item": "data", "day_fee": "150"}, MESSAGES]}, (SMS,), id="day-fee"),
    ],
)
def test_only_what_is_order_free_is_rated_from_sums(plan: dict[str, Tree], kinds: tuple[int, ...]) -> None:
    assert _kinds({"rates": [MESSAGES, DATA_RATE], **plan}) == kinds


def test_event_rounding_is_rated_one_by_one() -> None:
    assert _kinds({"rates": [MESSAGES, DATA_RATE]}, rounding={"each": "event"}) == ()


def test_pool_and_prepaid_cannot_be_compared() -> None:
    tree: Tree = {"version": "v", "currency": "EUR", "timezone": "UTC", "plans": [{"plan_id": "a"}]}
    pooled = parse_card({**tree, "pool": {"payer": "A", "allowance_mb": "1"}}, "card")
    request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "a"}}}, "request")
    events = read_events(b"event,subscriber,kind,start,seconds,mb,to,at\n", "events.csv", "UTC", ["A"])
    with pytest.raises(ConfigError, match="neither `prepaid` nor a `pool`"):
        plan_totals(pooled, request, events)
