"""Constructs of real price lists about options, fees and tiers: a small card each, billed by hand."""

from __future__ import annotations

import pytest
from small_cards.bills import APRIL, CALL, DATA, FREE, Row, bill, call, data, options

from common_utils.errors import ConfigError
from planrec.billing.cards import parse_card, plan_sentences, remarks
from planrec.billing.cell_months import cell_reasons
from planrec.billing.order_free import order_reasons

CASES = [
    # E. Options
    pytest.param(
        {"rates": [CALL, DATA]},
        [call(60), data("3")],
        {
            "card": options(
                {"fee": "100", "rates": [{**CALL, "item": "option calls", "per_minute": "1"}]},
                {"fee": "200", "requires": ["o0"], "allowances": [{"name": "d", "kind": "data", "amount": "2"}]},
            ),
            "options": ["o0", "o1"],
        },
        {"option o0": 100, "option o1": 200, "option calls": 1, "data": 1},
        id="options-with-a-rate-or-an-allowance",
    ),
    pytest.param(
        {"rates": [CALL, DATA]},
        [data("3000")],
        {
            "card": options(
                {"fee": "900", "group": "g", "allowances": [{"name": "d", "kind": "data", "amount": "2000"}]},
                {"fee": "1500", "group": "g", "allowances": [{"name": "d", "kind": "data", "amount": "3000"}]},
            ),
            "accounts": {"choose": {"for": ["A"], "plans": ["p"], "options": ["o0", "o1"]}},
        },
        {"choice": "plan=p options=o1", "option o1": 1500},
        id="best-combination-of-a-group",
    ),
    # F. Fees
    pytest.param(
        {"fee": "1000", "activation": "500", "prorate_first": True},
        [],
        {"from": "2025-03-17", "accounts": APRIL},
        {"activation": 500, "fee": 484, "2025-04 fee": 1000},  # 15 of 31 days
        id="activation-and-pro-rating",
    ),
    pytest.param(
        {
            "fee": "1000",
            "discounts": [
                {"item": "welcome", "of": "fee", "percent": "50", "first_periods": "1"},
                {"item": "loyal", "cents": "100", "after_periods": "1"},
                {"item": "second line", "cents": "30", "needs": "line2"},
            ],
        },
        [],
        {"from": "2025-03-01", "flags": ["line2"], "accounts": APRIL},
        {
            "fee": 1000,
            "welcome": -500,
            "second line": -30,
            "2025-04 fee": 1000,
            "2025-04 loyal": -100,
            "2025-04 second line": -30,
        },
        id="discounts-by-period-loyalty-and-lines",
    ),
    pytest.param(
        {"rates": [CALL], "minimum_spend": {"cents": "600", "counts": ["calls"]}},
        [call(60)],
        {},
        {"calls": 6, "minimum spend top-up": 594},
        id="minimum-consumption",
    ),
    pytest.param(
        {
            "fee": "100",
            "fee_changes": [{"from_period": "2025-04", "fee": "120"}],
            "rates": [{**CALL, "valid_to": "2025-03-09"}, {**CALL, "per_minute": "7"}],
        },
        [call(60, "2025-03-09T23:59:59"), call(60, "2025-03-10T00:00:00")],
        {"accounts": APRIL},
        {"fee": 100, "calls": 13, "2025-04 fee": 120},
        id="price-rise",
    ),
    *(
        pytest.param(
            {"fee": "100", "rates": [CALL]},
            [call(60, f"{last}T23:59:59"), call(60, f"{first}T00:00:00")],
            {"card": {"period": period}, "accounts": {"bill": names}},
            {"fee": 100, "calls": 6, f"{names[1]} fee": 100, f"{names[1]} calls": 6},
            id=f"period-{name}",
        )
        for name, period, names, last, first in (
            ("month", {"kind": "calendar_month"}, ["2024-02", "2024-03"], "2024-02-29", "2024-03-01"),
            (
                *("28-days", {"kind": "days", "length": "28", "first_day": "2024-02-05"}),
                *(["2024-02-05", "2024-03-04"], "2024-03-03", "2024-03-04"),
            ),
            (
                *("anniversary", {"kind": "anniversary", "day": "31"}),
                *(["2024-01-31", "2024-02-29"], "2024-02-28", "2024-02-29"),
            ),
        )
    ),
    pytest.param(
        {
            "fee": "1000",
            "minimum_term": {"months": "12", "percent_of_remaining_fees": "10", "max": "950", "item": "leaving"},
        },
        [],
        {"from": "2025-03-01", "to": "2025-03-31", "device": {"cents": "300", "instalments": "3"}},
        {"fee": 1000, "device instalment": 300, "device rest": 600, "leaving": 950},  # 10 % of 11 fees is 11.00
        id="minimum-term-and-device",
    ),
    pytest.param(
        {"fee": "1000"},
        [],
        {"card": {"tax": {"prices": "excluded", "percent": "21"}}},
        {"fee": 1000, "tax": 210},
        id="tax-on-top",
    ),
    pytest.param(
        {"fee": "100"},
        [],
        {
            "card": {"plans": [{"plan_id": "p", "fee": "100"}, {"plan_id": "q", "fee": "70"}]},
            "plan_changes": [{"from_period": "2025-04", "plan": "q"}],
            "accounts": APRIL,
        },
        {"fee": 100, "2025-04 fee": 70},
        id="change-of-plan-with-the-next-period",
    ),
    # G. Tiers
    pytest.param({"rates": [DATA]}, [data("0.005"), data("1.995")], {}, {"data": 2}, id="price-of-the-exact-part"),
    *(
        pytest.param(
            {
                "rates": [
                    {
                        "kind": "data",
                        "item": "ladder",
                        "ladder": {
                            "steps": [["0", "0"], ["3000", "500"], ["6000", "900"]],
                            "beyond": {"item": "above", "block_mb": "1000", "per_block": "200"},
                        },
                    }
                ]
            },
            [data(mb)] if mb else [],
            {},
            wanted,
            id=f"ladder-{mb or 'nothing'}",
        )
        for mb, wanted in (
            ("", {}),
            ("3000.0", {"ladder": 500}),
            ("3000.1", {"ladder": 900}),
            ("6000.1", {"ladder": 900, "above": 200}),
        )
    ),
    *(
        pytest.param(
            {
                "rates": [DATA],
                "discounts": [
                    {"item": "volume", "of": "data", "of_all": of_all, "steps": [["100", "10"], ["200", "20"]]}
                ],
            },
            [data(mb)],
            {},
            {"data": int(mb)} | ({"volume": cents} if cents else {}),
            id=f"volume-discount-{'of-all' if of_all else 'above'}-{mb}",
        )
        for of_all, mb, cents in (
            *((False, "100", 0), (False, "150", -5), (False, "300", -30)),
            *((True, "100", 0), (True, "150", -15), (True, "200", -20), (True, "300", -60)),
        )
    ),
]


@pytest.mark.parametrize(("plan", "uses", "told", "wanted"), CASES)
def test_fees_are_billed_as_by_hand(plan: Row, uses: list[Row], told: Row, wanted: Row) -> None:
    assert bill(plan, uses, **told) == wanted
    backwards = [{"event": f"e{i:03}", **use} for i, use in reversed(list(enumerate(uses)))]
    assert bill(plan, backwards, **told) == wanted  # the order of the rows of a file says nothing


def test_prepaid_pack_renews_while_credit_lasts() -> None:
    pack = {"price": "500", "days": "10", "minutes": "1", "mb": "0"}
    plan = {"per_minute": "9", "per_message": "9", "per_mb": "1", "pack": pack}
    topups = [{"at": "2025-03-01T08:00:00+01:00", "cents": "1100"}]
    # Booked on the 1st and the 11th; on the 21st 82 cents are left: it lapses, and the call costs the basic price.
    uses = [call(120, "2025-03-02T12:00:00"), call(60, "2025-03-12T12:00:00"), call(60, "2025-03-22T12:00:00")]
    assert sum(bill(plan, uses, {"prepaid": "true"}, topups=topups).values()) == 500 + 9 + 500 + 9


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"allowances": [{**FREE, "per": "day", "per_week_max": "9"}]}, "per_week_max", id="week-and-day"),
        pytest.param({"allowances": [{"kind": "data", "amount": "5", "per_week_max": "9"}]}, "of calls", id="of-data"),
        pytest.param(
            {"discounts": [{"item": "x", "of": "fee", "percent": "5", "of_all": True}]}, "of_all", id="all-of-one"
        ),
    ],
)
def test_what_does_not_go_together_is_refused(row: Row, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        bill(row, [])


def test_limits_of_days_and_weeks_depend_on_the_order_and_are_said_in_words() -> None:
    day = {"kind": "data", "item": "data", "block_mb": "1", "per_block": "10", "rounded": "day"}
    volume = {"item": "volume", "of": "data", "of_all": True, "steps": [["100", "10"]]}
    week = {**FREE, "per_week_max": "5"}
    tree = {"version": "v", "currency": "EUR", "timezone": "UTC"}
    plans = [
        {"plan_id": "a", "rates": [day], "discounts": [volume]},
        {"plan_id": "b", "rates": [CALL], "allowances": [week]},
    ]
    card = parse_card({**tree, "plans": plans}, "card")
    assert order_reasons(card, "a") == [
        "plans.a.rates[0]: what is charged by the day depends on how use is spread over days"
    ]
    assert cell_reasons(card, "b") == [
        "plans.b.allowances[0]: limits of a call, a day, a week or a place depend on single uses"
    ]
    assert "Data cost 0.10 EUR for each 1 MB begun in a day." in plan_sentences(card, card.plans[0])
    assert "Volume: off data: 10 % above 1.00 EUR of the whole sum." in plan_sentences(card, card.plans[0])
    assert "Free: unlimited, for calls, at most 5 minutes of a week." in plan_sentences(card, card.plans[1])
    finite = {**week, "amount": "4", "unit": "minute"}
    loose = parse_card({**tree, "plans": [{**plans[1], "allowances": [finite]}]}, "card")
    assert any("per_week_max: not below the amount 4" in text for text in remarks(loose))
