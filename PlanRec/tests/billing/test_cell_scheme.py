"""The digest of a cell scheme: changed by all that decides how use is counted, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from planrec.billing.cards import FullCard, parse_card, parse_request
from planrec.billing.cell_months import bill_cells, count_cells, scheme_of
from planrec.billing.events import read_events

CALLS = {"kind": "call", "item": "calls", "increment": "60/1", "per_minute": [["0", "0"], ["90", "6"]]}
BLOCKS = {"kind": "data", "item": "data", "block_mb": "1", "per_block": "2", "rounded": "session"}
WHOLE = {"from": "00:00", "to": "24:00"}
TREE: dict[str, Any] = {
    "version": "v",
    "currency": "EUR",
    "timezone": "Europe/Madrid",
    "period": {"kind": "anniversary", "day": "5"},
    "prefixes": {"mobile": ["346", "347"]},
    "holidays": ["2025-03-19"],
    "bands": {"rest": [{"days": ["sat", "sun"], **WHOLE}]},
    "plans": [{"plan_id": "p", "rates": [{**CALLS, "valid_from": "2025-03-01"}, CALLS, BLOCKS]}],
}


def _card(**changed: Any) -> FullCard:
    return parse_card({**TREE, **changed}, "card")


def _rates(*rates: dict[str, Any]) -> dict[str, Any]:
    return {"plans": [{"plan_id": "p", "rates": [*rates]}]}


DATED = {**CALLS, "valid_from": "2025-03-01"}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"timezone": "Europe/London"}, id="zone"),
        pytest.param({"period": {"kind": "anniversary", "day": "6"}}, id="period"),
        pytest.param({"prefixes": {"mobile": ["346", "348"]}}, id="prefixes"),
        pytest.param({"holidays": ["2025-03-20"]}, id="holidays"),
        pytest.param({"bands": {"rest": [{"days": ["fri", "sat"], **WHOLE}]}}, id="days-of-a-band"),
        pytest.param({"bands": {"rest": [{"days": ["sat", "sun"], **WHOLE, "to": "23:00"}]}}, id="hours-of-a-band"),
        pytest.param({"bands": {"idle": TREE["bands"]["rest"]}}, id="name-of-a-band"),
        pytest.param(_rates({**DATED, "valid_from": "2025-03-02"}, CALLS, BLOCKS), id="date"),
        pytest.param(_rates({**DATED, "increment": "60/2"}, CALLS, BLOCKS), id="increment"),
        pytest.param(_rates({**DATED, "per_minute": [["0", "0"], ["91", "6"]]}, CALLS, BLOCKS), id="slot"),
        pytest.param(_rates(DATED, CALLS, {**BLOCKS, "block_mb": "2"}), id="block"),
        pytest.param(_rates(DATED, CALLS, BLOCKS, {**BLOCKS, "block_mb": "0.0009765625"}), id="unit"),
    ],
)
def test_another_way_of_counting_is_another_digest(changed: dict[str, Any]) -> None:
    assert scheme_of(_card(**changed)).digest != scheme_of(_card()).digest


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"version": "w"}, id="version"),
        pytest.param({"currency": "GBP"}, id="currency"),
        pytest.param({"tax": {"prices": "excluded", "percent": "21"}}, id="tax"),
        pytest.param({"prefixes": {"mobile": ["347", "346"]}}, id="order-of-prefixes"),
        pytest.param(_rates({**DATED, "setup": "9"}, CALLS, {**BLOCKS, "per_block": "9"}), id="prices"),
    ],
)
def test_other_prices_are_the_same_digest(changed: dict[str, Any]) -> None:
    assert scheme_of(_card(**changed)).digest == scheme_of(_card()).digest


def test_bands_in_another_order_bill_the_same_cells() -> None:
    # Saturday's 10 seconds cost 1 cent each, the 20 of Monday 2, the 40 of Tuesday 4.
    days = {"sat": "60", "mon": "120"}
    rates = [{"kind": "call", "item": "calls", "per_minute": price, "when": day} for day, price in days.items()]
    plans = _rates(*rates, {"kind": "call", "item": "calls", "per_minute": "240"})
    bands = {day: [{"days": [day, "wed"], **WHOLE}] for day in days}  # on Wednesday both, and the first rate holds
    card, other = (_card(**plans, bands=dict(order)) for order in (bands.items(), reversed(bands.items())))
    request = parse_request({"bill": ["2025-02-05", "2025-03-05"], "subscribers": {"A": {"plan": "p"}}}, "accounts")
    rows = "".join(
        f"{d},A,call,2025-03-{d}T10:00:00,{s},,,home\n" for d, s in (("01", 10), ("03", 20), ("04", 40), ("05", 7))
    )
    header = "event,subscriber,kind,start,seconds,mb,to,at\n"
    cells = count_cells(card, request, read_events((header + rows).encode(), "events", card.timezone, ["A"]))
    assert scheme_of(card).digest == scheme_of(other).digest
    for one in (card, other):
        assert bill_cells(one, request, cells).book.totals.tolist() == [[10 + 40 + 160, 7]]
