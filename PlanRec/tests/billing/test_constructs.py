"""Constructs of real price lists about use: a small card each, billed by hand."""

from __future__ import annotations

import pytest
from small_cards.bills import ANY, APRIL, CALL, DATA, FREE, SMS, Row, bill, call, data, sms

BANDS = {"bands": {"cheap": [{"days": ["sat", "sun"], "from": "00:00", "to": "24:00"}]}}
NIGHT = {
    "bands": {"night": [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "06:00"}]}
}
CHEAP = {"kind": "call", "when": "cheap", "item": "cheap calls", "per_minute": "1", "increment": "60/60"}
PREMIUM = {"kind": "call", "to": "premium", "item": "premium", "per_minute": "60"}
POOL = {"pool": {"payer": "A", "allowance_mb": "5", "over": {"item": "beyond", "block_mb": "2", "per_block": "7"}}}
TWO = {"subscribers": {"A": {"plan": "p"}, "B": {"plan": "p"}}}

CASES = [
    # A. Classes and places
    pytest.param(
        {"rates": [PREMIUM, ANY], "allowances": [{**FREE, "to": ["mobile"]}]},
        [call(60, number="34600"), call(60, number="34806"), call(60, number="34900")],
        {"card": {"prefixes": {"mobile": ["346"], "premium": ["34806"], "land": ["34"]}}},
        {"premium": 60, "calls": 6},
        id="class-of-the-longest-prefix",
    ),
    pytest.param(
        {"rates": [{**ANY, "also": [{"item": "service", "per_call": "5", "per_minute": "30"}]}], "allowances": [FREE]},
        [call(60)],
        {},
        {"service": 35},
        id="service-charge-though-minutes-cover-the-access",
    ),
    pytest.param(
        {"rates": [{**ANY, "at": "usa"}, {"kind": "call_in", "at": "usa", "item": "received", "per_minute": "3"}, ANY]},
        [call(60, at="usa"), {**call(60, at="usa"), "kind": "call_in"}, {**call(60), "kind": "call_in"}],
        {},
        {"calls": 6, "received": 3},
        id="roaming-made-and-received",
    ),
    pytest.param({"rates": [SMS]}, [sms(), sms()], {}, {"messages": 18}, id="messages"),
    pytest.param(
        {"rates": [DATA, {**DATA, "at": "usa", "item": "roaming data", "per_mb": "4"}]},
        [data("1.5"), data("2", at="usa")],
        {},
        {"data": 2, "roaming data": 8},
        id="data-by-place",
    ),
    pytest.param(
        {"rates": [DATA], "allowances": [{"name": "chat", "kind": "data", "to": "chat", "amount": "unlimited"}]},
        [data("50", to="chat"), data("3")],
        {},
        {"data": 3},
        id="data-of-a-content-class",
    ),
    # B. Increments and set-up
    *(
        pytest.param(
            {"rates": [{**ANY, "increment": step}]},
            [call(s) for s in (0, 1, 61)],
            {},
            {"calls": cents},
            id=f"increment-{step.replace('/', '-')}",
        )
        for step, cents in (("60/60", 18), ("60/1", 12), ("60/10", 13), ("30/1", 9), ("30/30", 12), ("1/1", 6))
    ),
    *(
        pytest.param(
            {"rates": [{"kind": "data", "item": "data", "block_mb": "1", "per_block": "10", "rounded": span}]},
            [data("0.2"), data("0.3"), data("0.4", "2025-03-04T00:00:00"), data("0.1", "2025-03-04T08:00:00")],
            {},
            {"data": cents},
            id=f"data-block-of-a-{span}",
        )
        for span, cents in (("session", 40), ("day", 20), ("period", 10))
    ),
    *(
        pytest.param(
            {"rates": [{"kind": "data", "item": "data", "day_minimum": "10", **price}]},
            [data(mb, f"2025-03-{when}:00:00") for mb, when in (("2", "03T08"), ("3", "03T23"), ("12", "04T00"))],
            {},
            {"data": cents},
            id=f"at-least-once-a-day-{name}",
        )
        for name, price, cents in (
            ("by-the-megabyte", {"per_mb": "1"}, 10 + 12),
            ("beyond-it-in-a-day", {"per_mb": "3"}, 6 + 9 + 36),
            ("in-blocks", {"block_mb": "1", "per_block": "1.5", "rounded": "session"}, 10 + 18),
        )
    ),
    pytest.param(
        {"rates": [{**DATA, "day_minimum": "10"}], "allowances": [{"kind": "data", "amount": "6"}]},
        [
            data("6"),
            data("1", "2025-03-04T08:00:00"),
            data("11", "2025-03-04T09:00:00"),
            data("1", "2025-03-05T08:00:00"),
        ],
        {"card": {"rounding": {"each": "event"}}},
        {"data": 10 + 2 + 10},  # what allowances cover is no use; 1 + 11 of the 4th cost 12
        id="at-least-once-a-day-of-what-is-left-over",
    ),
    pytest.param({"rates": [{**ANY, "setup": "15"}]}, [call(0), call(1)], {}, {"calls": 15}, id="set-up"),
    pytest.param(
        {"rates": [{**ANY, "per_minute": [["0", "0"], ["300", "6"]]}]},
        [call(300), call(360)],
        {},
        {"calls": 6},
        id="price-by-second-of-the-call",
    ),
    pytest.param({"rates": [{**ANY, "minimum": "5"}]}, [call(0), call(1)], {}, {"calls": 5}, id="least-price"),
    pytest.param(
        {"rates": [{"kind": "call", "item": "calls", "setup": "20"}]}, [call(9999)], {}, {"calls": 20}, id="a-call"
    ),
    *(
        pytest.param(
            {"rates": [{**ANY, "setup": "0.4"}]},
            [call(2), call(2)],
            {"card": {"rounding": told}},
            {"calls": cents} if cents else {},
            id=f"rounding-{name}",
        )
        for name, told, cents in (
            ("item", {"each": "item"}, 1),  # 2 x (.4 + .2) = 1.2
            ("event", {"each": "event"}, 2),
            ("up-to-five", {"each": "event", "how": "up", "to": "5"}, 10),
        )
    ),
    # C. Time
    pytest.param(
        {"rates": [CHEAP, CALL]},
        [call(60, "2025-03-01T23:59:59"), call(60, "2025-03-03T00:00:00"), call(60, "2025-03-02T23:59:59+00:00")],
        {"card": BANDS},
        {"cheap calls": 1, "calls": 12},  # the third began on Monday in Madrid
        id="bands",
    ),
    pytest.param(
        {"rates": [CHEAP, CALL]},
        [call(60, "2025-03-19T12:00:00"), call(60, "2025-03-20T00:00:00"), call(60, "2025-03-19T22:59:59+00:00")],
        {"card": {**BANDS, "holidays": ["2025-03-19"]}},
        {"cheap calls": 2, "calls": 6},
        id="holidays-are-Sundays",
    ),
    pytest.param(
        {"rates": [{**CHEAP, "increment": "1/1"}, ANY]},
        [call(120, "2025-03-18T23:59:00"), call(120, "2025-03-16T23:59:00"), call(120, "2025-03-19T23:59:00")],
        {"card": {**BANDS, "band_rule": "split", "holidays": ["2025-03-19"]}},
        {"calls": 7, "cheap calls": 14},  # 6 + 1; 1 + 6; 1 + 6
        id="split-at-the-edge-of-a-band-or-a-holiday",
    ),
    pytest.param(
        {
            "rates": [DATA],
            "allowances": [{"name": "night", "kind": "data", "when": "night", "amount": "unlimited"}],
        },
        [data("9", "2025-03-03T05:59:59"), data("9", "2025-03-03T06:00:00")],
        {"card": NIGHT},
        {"data": 9},
        id="night-data-free",
    ),
    pytest.param(
        {"rates": [{"kind": "data", "throttled": True, "when": "night"}, DATA]},
        [data("9.5", "2025-03-03T05:59:59"), data("1", "2025-03-03T06:00:00")],
        {"card": NIGHT},
        {"data": 1, "info throttled MB": "9.5"},
        id="night-speed",
    ),
    # D. Allowances
    pytest.param(
        {
            "rates": [CALL],
            "allowances": [
                {"name": "m", "kind": "call", "to": "a", "amount": "1", "unit": "minute"},
                {"name": "n", "kind": "call", "amount": "1", "unit": "minute"},
            ],
        },
        [call(180, to="a")],
        {},
        {"calls": 6},
        id="order-of-use-and-rest-of-a-call",
    ),
    pytest.param(
        {"rates": [DATA], "allowances": [{"name": "d", "kind": "data", "amount": "5", "per": "day"}]},
        [data("6", "2025-03-03T23:59:59"), data("6", "2025-03-04T00:00:00")],
        {},
        {"data": 2},
        id="quota-a-day",
    ),
    pytest.param(
        {"rates": [CALL], "allowances": [{**FREE, "per_call_max": "2", "per_day_max": "3"}]},
        [call(180), call(180, "2025-03-03T13:00:00"), call(60, "2025-03-04T12:00:00")],
        {},
        {"calls": 18},  # 1 beyond the call's limit, then 2 beyond the day's
        id="limits-of-a-call-and-a-day",
    ),
    pytest.param(
        {"rates": [CALL], "allowances": [{**FREE, "per_day_max": "3", "per_week_max": "5"}]},
        [call(240, f"2025-03-{day:02}T12:00:00") for day in (3, 4, 9, 10)],
        {},
        {"calls": 6 * (1 + 2 + 4 + 1)},  # Sunday the 9th finds nothing left; Monday is a new week
        id="limit-of-a-week",
    ),
    *(
        pytest.param(
            {
                "rates": [CALL, SMS],
                "allowances": [{**FREE, "kind": ["call", "sms"], "numbers": {"most": "2", "per": per}}],
            },
            [
                call(60, f"2025-03-{when}:00:00", number=number)
                for when, number in (
                    *(("03T08", "34600"), ("03T09", "34601"), ("03T10", "34602"), ("03T11", "+34 600")),
                    *(("04T08", "34602"), ("04T09", "34600"), ("04T10", "34601"), ("10T08", "34603")),
                )
            ]
            + [sms("2025-03-10T09:00:00", number="34602"), sms("2025-03-10T10:00:00", number="34601")],
            {},
            wanted,
            id=f"two-numbers-of-a-{per}",
        )
        for per, wanted in (
            ("period", {"calls": 3 * 6, "messages": 9}),  # 602 twice, 603; the message to 602
            ("week", {"calls": 2 * 6, "messages": 9}),  # 602 twice; on the 10th 603 and 602 are the first
            ("day", {"calls": 2 * 6, "messages": 9}),  # 602 on the 3rd, 601 on the 4th
        )
    ),
    pytest.param(
        {"rates": [CALL], "allowances": [{**FREE, "to": ["mobile"], "numbers": {"most": "1", "per": "period"}}]},
        [call(60, number="34911"), call(60, "2025-03-04T08:00:00", number="34600")],
        {"card": {"prefixes": {"mobile": ["346"], "land": ["34"]}}},
        {"calls": 6},  # a number of another class does not count
        id="numbers-of-a-class",
    ),
    pytest.param(
        {
            "rates": [DATA],
            "allowances": [
                {
                    "name": "d",
                    "kind": "data",
                    "amount": "10",
                    "rollover": {"used": "first", "lasts": "1 period", "max": "4"},
                }
            ],
        },
        [data("3"), data("20", "2025-04-03T12:00:00")],
        {"accounts": APRIL},
        {"2025-04 data": 6},  # 7 are left, 4 of them carried
        id="rollover-with-a-most",
    ),
    pytest.param(
        {
            "rates": [DATA],
            "allowances": [
                {
                    "name": "d",
                    "kind": "data",
                    "amount": "2",
                    "per": "day",
                    "bank": {"collects": ["mon"], "spent_on": ["sat"]},
                }
            ],
        },
        [data("0.5", "2025-03-03T12:00:00"), data("5", "2025-03-08T12:00:00")],
        {},
        {"data": 2},  # 2 + 1.5 of Monday; half a cent up
        id="bank",
    ),
    pytest.param(
        {},
        [data("4"), {**data("4"), "subscriber": "B"}],
        {"card": POOL, "accounts": TWO},
        {"beyond": 14},
        id="pool",
    ),
    pytest.param(
        {
            "rates": [{**DATA, "at": ["home", "eu"]}],
            "allowances": [
                {
                    "name": "d",
                    "kind": "data",
                    "at": ["home", "eu"],
                    "amount": "10",
                    "within": {"at": "eu", "amount": "2", "beyond": {"item": "fair use", "per_mb": "3"}},
                }
            ],
        },
        [data("5", at="eu"), data("7")],
        {},
        {"fair use": 9, "data": 2},
        id="fair-use-inside-an-allowance",
    ),
    pytest.param(
        {
            "rates": [{"kind": "data", "throttled": True}],
            "allowances": [{"name": "d", "kind": "data", "amount": "10"}],
        },
        [data("12")],
        {},
        {"info throttled MB": "2"},
        id="throttling",
    ),
    pytest.param(
        {
            "rates": [{"kind": "data", "item": "extra", "block_mb": "1024", "per_block": "1000", "rounded": "period"}],
            "allowances": [{"name": "d", "kind": "data", "amount": "10"}],
        },
        [data("10"), data("0.1")],
        {},
        {"extra": 1000},
        id="automatic-extra-blocks",
    ),
    pytest.param(
        {
            "rates": [
                {
                    "kind": "data",
                    "item": "day",
                    "day_fee": "150",
                    "includes_mb": "25",
                    "beyond": {"item": "more", "per_mb": "2"},
                }
            ]
        },
        [data("20", "2025-03-03T00:00:00"), data("10", "2025-03-03T23:59:59"), data("0", "2025-03-05T12:00:00")],
        {},
        {"day": 150, "more": 10},
        id="day-fee",
    ),
    *(
        pytest.param(
            {
                "rates": [ANY],
                "passes": [{"at": "usa", "fee": "500", "lasts": lasts, "treat_as": "home", "item": "pass"}],
            },
            [call(60, f"2025-03-{when}:00+01:00", at="usa") for when in ("03T23:00", "04T22:59", "04T23:00")],
            {},
            {"pass": 1000, "calls": 18},
            id=f"pass-{lasts}",
        )
        for lasts in ("24h", "day")
    ),
    *(
        pytest.param(
            {"rates": [CALL], "caps": [{"items": "calls", "amount": "10", "mode": mode}]},
            [call(60), call(60, "2025-03-03T13:00:00"), call(60, "2025-03-03T14:00:00")],
            {},
            {"calls": 10},
            id=f"cap-{mode}",
        )
        for mode in ("free", "refuse")
    ),
]


@pytest.mark.parametrize(("plan", "uses", "told", "wanted"), CASES)
def test_construct_is_billed_as_by_hand(plan: Row, uses: list[Row], told: Row, wanted: Row) -> None:
    assert bill(plan, uses, **told) == wanted
    backwards = [{"event": f"e{i:03}", **use} for i, use in reversed(list(enumerate(uses)))]
    assert bill(plan, backwards, **told) == wanted  # the order of the rows of a file says nothing
