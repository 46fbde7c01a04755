"""First and last moments that count: of a subscriber, a period, a holiday, and of what can be rated; by hand."""

from __future__ import annotations

from typing import Any

import pytest

from common_utils.errors import DataError
from planrec.billing.cards import Tree, parse_card, parse_request
from planrec.billing.events import read_events
from planrec.billing.rating import bill_events

HEAD = "event,subscriber,kind,start,seconds,mb,to,at\n"


def _bill(plan: dict[str, Tree], rows: str, bill: list[str], holder: dict[str, Tree] | None = None, **more: Any) -> Any:
    tree: dict[str, Tree] = {"version": "v", "currency": "EUR", "timezone": "Europe/Madrid"}
    card = parse_card({**tree, **more, "plans": [{"plan_id": "a", **plan}]}, "card")
    request = parse_request({"bill": [*bill], "subscribers": {"A": {"plan": "a", **(holder or {})}}}, "accounts")
    book = bill_events(card, request, read_events((HEAD + rows).encode(), "events", card.timezone, ["A"]))
    return {(line.period, line.item): line.cents for line in book.lines() if line.item != "total"}


MESSAGES: dict[str, Tree] = {"rates": [{"kind": "sms", "item": "messages", "each": "1"}]}


def _messages(*starts: str) -> str:
    return "".join(f"e{i},A,sms,{start},,,,home\n" for i, start in enumerate(starts))


def test_use_of_the_first_and_the_last_day_is_billed_and_none_beside_it() -> None:
    rows = _messages("2025-03-09T23:59:59", "2025-03-10T00:00:00", "2025-03-12T23:59:59", "2025-03-13T00:00:00")
    holder: dict[str, Tree] = {"from": "2025-03-10", "to": "2025-03-12"}
    assert _bill(MESSAGES, rows, ["2025-03"], holder) == {("2025-03", "messages"): 2}


def test_the_day_after_a_listed_period_is_of_none_where_the_next_is_not_listed() -> None:
    rows = _messages("2025-01-31T23:59:59", "2025-02-01T00:00:00", "2025-02-28T23:59:59", "2025-03-01T00:00:00")
    assert _bill(MESSAGES, rows, ["2025-01", "2025-03"]) == {("2025-01", "messages"): 1, ("2025-03", "messages"): 1}


def test_of_two_passes_that_fit_the_first_is_bought() -> None:
    bought: Tree = [
        {"at": "us", "fee": fee, "lasts": "day", "treat_as": "home", "item": "pass"} for fee in ("100", "70")
    ]
    found = _bill({**MESSAGES, "passes": bought}, "e1,A,sms,2025-03-05T12:00:00,,,,us\n", ["2025-03"])
    assert found == {("2025-03", "pass"): 100, ("2025-03", "messages"): 1}


def test_a_cap_on_what_goes_beyond_a_day_fee_refuses_the_days_that_follow() -> None:
    # 15 MB are the fee of 100 and 5 MB beyond it at 10, which reach the cap; the next day does not take place
    beyond: Tree = {"item": "extra", "per_mb": "10"}
    rates: Tree = [{"kind": "data", "item": "day", "day_fee": "100", "includes_mb": "10", "beyond": beyond}]
    caps: Tree = [{"name": "cap", "items": ["extra"], "amount": "50", "mode": "refuse"}]
    rows = "e1,A,data,2025-03-05T12:00:00,,15,,home\ne2,A,data,2025-03-06T12:00:00,,5,,home\n"
    found = _bill({"rates": rates, "caps": caps}, rows, ["2025-03"])
    assert found == {("2025-03", "day"): 100, ("2025-03", "extra"): 50}


@pytest.mark.parametrize(("holidays", "cents"), [((), 9), (("2025-03-19",), 1)])
def test_a_holiday_has_the_bands_of_sunday_and_not_those_of_saturday(holidays: tuple[str, ...], cents: int) -> None:
    windows: Tree = [{"days": ["sun"], "from": "00:00", "to": "24:00"}]
    sunday: Tree = [{"kind": "sms", "item": "messages", "each": "1", "when": "sunday"}]
    other: Tree = [{"kind": "sms", "item": "messages", "each": "9"}]
    found = _bill(
        {"rates": [*sunday, *other]},
        _messages("2025-03-19T12:00:00"),  # a Wednesday
        ["2025-03"],
        bands={"sunday": windows},
        holidays=[*holidays],
    )
    assert found == {("2025-03", "messages"): cents}


def test_use_beyond_what_can_be_rated_is_refused_by_its_sum() -> None:
    # 6,000 sessions of 200 MB are 1,200,000 MB, and none of them alone is much
    data: dict[str, Tree] = {"rates": [{"kind": "data", "item": "data", "per_mb": "1"}]}
    rows = "".join(f"e{i},A,data,2025-03-01T00:00:00,,200,,home\n" for i in range(6000))
    with pytest.raises(DataError, match="a subscriber has more megabytes in one period than can be rated"):
        _bill(data, rows, ["2025-03"])
