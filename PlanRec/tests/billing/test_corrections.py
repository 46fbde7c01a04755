"""Late and corrected events: what changes a bill that is out stands in the next one; every event is accounted for."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from random_tariffs.case import random_case
from random_tariffs.dice import Row
from tariff_check import card_and_events

from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import BillRequest, FullCard, Tree, parse_card, parse_request
from planrec.billing.events import Events, read_events
from planrec.billing.rating import (
    BillBook,
    bill_events,
    bill_with_corrections,
    late_events,
    unbilled_events,
)

PLAN: Tree = {
    "plan_id": "a",
    "fee": "1000",
    "allowances": [{"name": "minutes", "kind": "call", "amount": "10", "unit": "minute"}],
    "rates": [
        {"kind": "call", "item": "calls", "increment": "60/60", "per_minute": "10"},
        {"kind": "sms", "item": "messages", "each": "9"},
        {"kind": "data", "item": "data", "per_mb": "2"},
    ],
}
HEAD = "event,subscriber,kind,start,seconds,mb,to,at\n"
BILLED = HEAD + (
    "e1,A,call,2025-03-05T10:00:00,720,,,home\n"
    "e2,A,sms,2025-03-06T10:00:00,,,,home\n"
    "e3,B,data,2025-03-07T10:00:00,,50,,home\n"
)
NOW = HEAD + (
    "e1,A,call,2025-03-05T10:00:00,660,,,home\n"  # a minute less than billed
    "e2,A,data,2025-03-06T10:00:00,,0,,home\n"  # a message taken back
    "e3,B,data,2025-03-07T10:00:00,,50,,home\n"
    "e4,B,data,2025-03-31T23:30:00,,10,,home\n"  # late
    "e5,A,call,2025-04-02T10:00:00,660,,,home\n"
    "e6,A,sms,2025-02-28T10:00:00,,,,home\n"  # before the first period
    "e7,B,sms,2025-04-11T10:00:00,,,,home\n"  # after B has left
)


def _card() -> FullCard:
    return parse_card({"version": "v", "currency": "EUR", "timezone": "Europe/Madrid", "plans": [PLAN]}, "card")


def _request(**more: Tree) -> BillRequest:
    subscribers: Tree = {"A": {"plan": "a"}, "B": {"plan": "a", "to": "2025-03-31"}}
    return parse_request({"bill": ["2025-03", "2025-04"], "subscribers": subscribers, **more}, "accounts")


def _events(text: str) -> Events:
    return read_events(text.encode(), "events.csv", "Europe/Madrid", ["A", "B"])


def _lines(book: BillBook) -> list[tuple[str, str, str, int]]:
    return [(x.subscriber, x.period, x.item, x.cents) for x in book.lines()]


def test_the_next_bill_corrects_the_bills_that_are_out() -> None:
    book = bill_with_corrections(_card(), _request(billed_until="2025-03"), _events(BILLED), _events(NOW))
    assert _lines(book) == [
        ("A", "2025-04", "fee", 1000),
        ("A", "2025-04", "calls", 10),
        ("A", "2025-04", "correction of 2025-03: calls", -10),
        ("A", "2025-04", "correction of 2025-03: messages", -9),
        ("A", "2025-04", "total", 991),
        ("B", "2025-04", "correction of 2025-03: data", 20),  # B has left, and gets a bill all the same
        ("B", "2025-04", "total", 20),
    ]


def test_every_event_that_corrects_or_is_in_no_bill_is_told_with_its_reason() -> None:
    card, request, now = _card(), _request(billed_until="2025-03"), _events(NOW)
    late = late_events(card, request, _events(BILLED), now)
    assert [(e.event, e.period, e.code) for e in late] == [
        ("e1", "2025-03", "CORRECTED"),
        ("e2", "2025-03", "CORRECTED"),
        ("e4", "2025-03", "LATE"),
    ]
    told = [(e.event, e.subscriber, e.period, e.code) for e in unbilled_events(card, request, now)]
    assert told == [("e6", "A", "2025-02", "PERIOD_NOT_LISTED"), ("e7", "B", "2025-04", "AFTER_LAST_DAY")]


def test_an_event_that_moves_out_of_a_billed_period_corrects_it() -> None:
    """12 minutes billed in March, 2 of them beyond the allowance, were on 5 April: March owes 20 cents back."""
    card, request = _card(), _request(billed_until="2025-03")
    moved = _events(BILLED.replace("2025-03-05", "2025-04-05"))
    told = late_events(card, request, _events(BILLED), moved)
    assert [(e.event, e.period, e.code) for e in told] == [("e1", "2025-04", "CORRECTED")]
    lines = _lines(bill_with_corrections(card, request, _events(BILLED), moved))
    assert ("A", "2025-04", "correction of 2025-03: calls", -20) in lines
    assert ("A", "2025-04", "calls", 20) in lines


def test_events_before_the_first_day_are_told() -> None:
    request = parse_request(
        {"bill": ["2025-03"], "subscribers": {"A": {"plan": "a", "from": "2025-03-06"}}}, "accounts"
    )
    events = read_events(BILLED.replace("e3,B", "e3,A").encode(), "events.csv", "Europe/Madrid", ["A"])
    assert [(e.event, e.code) for e in unbilled_events(_card(), request, events)] == [("e1", "BEFORE_FIRST_DAY")]


def test_the_same_events_again_correct_nothing() -> None:
    card, request, events = _card(), _request(billed_until="2025-03"), _events(BILLED)
    book = bill_with_corrections(card, request, events, events)
    assert not book.corrections
    assert not late_events(card, request, events, events)
    assert not unbilled_events(card, request, events)


def test_a_billed_event_that_is_missing_is_refused() -> None:
    with pytest.raises(DataError, match=r"1 event\(s\) that were billed are missing, first 'e3'"):
        bill_with_corrections(
            _card(), _request(billed_until="2025-03"), _events(BILLED), _events(NOW.replace("e3,B", "e8,B"))
        )


@pytest.mark.parametrize("until", ["2025-04", "2025-05"])
def test_a_period_must_be_left_to_bill(until: str) -> None:
    with pytest.raises(ConfigError, match="name a period of `bill` that another follows"):
        bill_with_corrections(_card(), _request(billed_until=until), _events(BILLED), _events(NOW))


def _versions(rows: list[Row], dice: random.Random) -> list[list[Row]]:
    """Return what is known of the events at the first run and at the second."""
    first: list[Row] = []
    for row in rows:
        late, changed = dice.random() < 0.2, dice.random() < 0.2
        longer = str(int(row["seconds"]) + dice.randrange(1, 200)) if changed and row["seconds"] else row["seconds"]
        if not late:
            first.append({**row, "seconds": longer})
    return [first, rows]


def _compared(seed: int) -> Counter[str]:
    """Bill a random case period by period, with late and corrected events; compare with one bill of everything."""
    tree, rows, _ = random_case(seed)
    dice = random.Random(seed)  # noqa: S311 - repeatable
    try:
        card, request, _ = card_and_events(tree, rows)
        if request.choose is not None or len(request.bill) < 2:
            return Counter()
        known = [card_and_events(tree, r)[2] for r in _versions(rows, dice)]
        whole = bill_events(card, request, known[1])
        first = bill_events(card, request.model_copy(update={"bill": request.bill[:1]}), known[0])
        asked = request.model_copy(update={"billed_until": request.bill[0]})
        later = bill_with_corrections(card, asked, known[0], known[1])
    except (ConfigError, DataError):
        return Counter()
    paid: Counter[str] = Counter()
    for line in (*first.lines(), *later.lines()):
        paid[line.subscriber] += line.cents if line.item == "total" else 0
    owed: Counter[str] = Counter()
    for line in whole.lines():
        owed[line.subscriber] += line.cents if line.item == "total" else 0
    assert paid == owed, seed
    return Counter(cards=1, corrected=bool(later.corrections))


def test_bills_of_two_runs_add_up_to_one_bill_of_everything_on_random_cards() -> None:
    found = sum((_compared(seed) for seed in range(12_000, 12_080)), Counter[str]())
    assert found["cards"] > 25, found
    assert found["corrected"] > 10, found
