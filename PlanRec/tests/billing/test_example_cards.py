"""The two example operators: cards without a gap, and ten bills each that were worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from planrec.billing.cards import load_request, plan_sentences, remarks
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events, explain_event

CARDS = Path(__file__).parents[2] / "examples" / "cards"


@pytest.mark.parametrize("name", ["ibera", "albion"])
def test_example_is_billed_as_worked_out_by_hand(name: str) -> None:
    folder = CARDS / name
    card, request = load_complete_card(folder / "card.yaml"), load_request(folder / "accounts.yaml")
    table = (folder / "events.csv").read_bytes()
    events = read_events(table, "events.csv", card.timezone, request.subscribers, card.prefixes)
    lines = bill_events(card, request, events).to_csv().splitlines()
    wanted = (folder / "bills.csv").read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == sorted(wanted)
    assert sum(",total," in line for line in wanted) == 10


@pytest.mark.parametrize("name", ["ibera", "albion"])
def test_example_has_no_odd_rows_and_can_be_put_into_words(name: str) -> None:
    card = load_complete_card(CARDS / name / "card.yaml")
    assert remarks(card) == []
    assert all(len(plan_sentences(card, owner)) >= 2 for owner in (*card.plans, *card.options))


@pytest.mark.parametrize(
    ("name", "plan", "sentence"),
    [
        pytest.param("albion", "sim12", "All other calls cost 2.50 GBP a minute, by whole minutes.", id="other"),
        pytest.param("albion", "sim12", "From 2026-04 on the fee is 13.80 GBP.", id="rise"),
        pytest.param("ibera", "duo", "What is not named here of calls at roam_eu is not part of it.", id="not-sold"),
        pytest.param("ibera", "duo", "Of the first period only the days held are charged.", id="pro-rated"),
    ],
)
def test_example_says_what_a_customer_asks(name: str, plan: str, sentence: str) -> None:
    card = load_complete_card(CARDS / name / "card.yaml")
    assert sentence in plan_sentences(card, next(p for p in card.plans if p.plan_id == plan))


def test_example_says_that_an_event_reached_a_cap() -> None:
    folder = CARDS / "albion"
    card, request = load_complete_card(folder / "card.yaml"), load_request(folder / "accounts.yaml")
    table = (folder / "events.csv").read_bytes()
    events = read_events(table, "events.csv", card.timezone, request.subscribers, card.prefixes)
    book = bill_events(card, request, events)
    reached = "It reaches the cap spend cap of 2000 cents; the rest is not charged."
    assert explain_event(book, events, "b2")[-3:] == ["access charge: 65 cents.", "service charge: 685 cents.", reached]
    assert reached not in explain_event(book, events, "b1")
    assert any("A spending cap was reached before" in text for text in explain_event(book, events, "b3"))
