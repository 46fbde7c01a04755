"""Constructs of real price lists about options, fees and tiers: a small card each, billed by hand."""

from __future__ import annotations

import pytest
from small_cards.bills import APRIL, CALL, DATA, FREE, Row, bill, call, data, options, sms

from common_utils.errors import ConfigError
from planrec.billing.cards import parse_card, plan_sentences, remarks
from planrec.billing.cell_months import cell_reasons
from planrec.billing.order_free import order_reasons
from planrec.billing.usage_detail import usage_needs

EXTRA = {"name": "extra", "kind": "data", "amount": "4"}
BOUGHT = [{"option": "o0", "on": f"2025-03-{day}"} for day in ("31", "04", "05", "04")]

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
    *(
        pytest.param(
            {"rates": [DATA], "allowances": [{"name": "own", "kind": "data", "amount": "1"}]},
            [data("6", f"2025-03-{day}T12:00:00") for day in ("03", "04", "05", "31")],
            {
                "card": options({"fee": "400", "starts": starts, "allowances": [EXTRA]}),
                "accounts": APRIL,
                "bought": BOUGHT,
            },
            wanted,
            id=f"several-of-one-option-from-{starts}",
        )
        for starts, wanted in (
            # own 1 MB on the 3rd; of twice 4 MB 6 on the 4th; 2 + 4 on the 5th; 4 of 6 on the 31st
            ("day", {"option o0": 4 * 400, "data": 5 + 2}),
            # 6 of twice 4 MB on the 5th, 2 + 4 on the 31st; what is bought on the 31st is of April
            ("next_day", {"option o0": 3 * 400, "data": 5 + 6, "2025-04 option o0": 400}),
        )
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
    ("bonus", "uses", "wanted"),
    [
        pytest.param(
            {"percent": "50", "days": "7", "pays": ["calls"]},
            [call(120, "2025-03-07T12:00:00"), sms("2025-03-07T13:00:00"), call(60, "2025-03-08T00:00:00")],
            {"calls": 300, "messages": 100, "bonus credit": -200},  # from the 8th on the own credit pays
            id="before-the-own-credit-until-it-expires",
        ),
        pytest.param(
            {"percent": "10", "pays": "calls", "used": "last"},
            [call(660, "2025-03-02T12:00:00"), call(120, "2025-03-03T12:00:00")],
            {"calls": 1100, "bonus credit": -100},  # 1,000 and 100 of bonus; then nothing is left
            id="after-the-own-credit",
        ),
        pytest.param(
            {"percent": "50", "from_cents": "1001", "pays": ["calls", "messages"]},
            [sms("2025-03-02T12:00:00")],
            {"messages": 100},
            id="not-for-a-small-top-up",
        ),
        pytest.param(
            {"percent": "50", "pays": "data"},
            [data("16", "2025-03-02T12:00:00"), data("1", "2025-03-03T12:00:00")],
            {"data": 1500, "bonus credit": -500},  # a session of 1,600 goes on until both credits are 0
            id="a-session-takes-what-is-left",
        ),
    ],
)
def test_bonus_credit_pays_what_it_is_for(bonus: Row, uses: list[Row], wanted: Row) -> None:
    plan = {"per_minute": "100", "per_message": "100", "per_mb": "100", "bonus": bonus}
    topups = [{"at": "2025-03-01T08:00:00+01:00", "cents": "1000"}]
    assert bill(plan, uses, {"prepaid": "true"}, topups=topups) == wanted


@pytest.mark.parametrize(("used", "of_bonus"), [("first", -200), ("last", -100)])
def test_bonus_credit_helps_to_pay_a_pack(used: str, of_bonus: int) -> None:
    pack = {"price": "500", "days": "30", "minutes": "9"}
    plan = {"per_minute": "9", "per_message": "9", "per_mb": "9", "pack": pack}
    topups = [{"at": "2025-03-01T08:00:00+01:00", "cents": "400"}]
    bonus = {"percent": "50", "pays": ["pack"], "used": used}
    assert bill(plan, [], {"prepaid": "true"}, topups=topups) == {}
    with_bonus = bill({**plan, "bonus": bonus}, [], {"prepaid": "true"}, topups=topups)
    assert with_bonus == {"pack": 500, "bonus credit": of_bonus}


ONE: Row = {"option_id": "o", "name": "o", "starts": "day", "max_per_period": "2", "allowances": [EXTRA]}
MARCH_3: Row = {"option": "o", "on": "2025-03-03"}


@pytest.mark.parametrize(
    ("option", "who", "message"),
    [
        pytest.param({}, {"options": ["o"]}, "one by one; name each under `bought`", id="held"),
        pytest.param({"starts": None, "max_per_period": None}, {"bought": [MARCH_3]}, "under `options`", id="bought"),
        pytest.param({}, {"bought": [MARCH_3] * 3}, "at most 2 are bought in a period", id="too-many"),
        pytest.param({}, {"bought": [MARCH_3], "from": "2025-03-04"}, "on no day between", id="before-the-first-day"),
        pytest.param(
            {"starts": "next_day"}, {"bought": [MARCH_3], "to": "2025-03-03"}, "on no day between", id="on-the-last-day"
        ),
        pytest.param({"only_with": ["q"]}, {"bought": [MARCH_3]}, "'q' is not in the card", id="unknown-plan"),
        pytest.param({"requires": ["base"]}, {"bought": [MARCH_3]}, "requires base", id="without-what-it-requires"),
        pytest.param({}, {"bought": [{**MARCH_3, "option": "x"}]}, "'x'", id="unknown-option"),
        pytest.param({"rates": [CALL]}, {}, "allowances only", id="with-rates"),
        pytest.param({"group": "g"}, {}, "no `group`", id="in-a-group"),
        pytest.param({"starts": None}, {}, "`max_per_period` belongs to", id="most-of-an-option-held"),
        pytest.param({"allowances": [FREE]}, {}, "amounts of a period", id="unlimited"),
    ],
)
def test_an_option_bought_one_by_one_is_refused_where_it_does_not_fit(option: Row, who: Row, message: str) -> None:
    told = {key: value for key, value in {**ONE, **option}.items() if value is not None}
    card = {"options": [told, {"option_id": "base", "name": "base"}]}
    with pytest.raises(ConfigError, match=message):
        bill({"rates": [CALL, DATA]}, [], card, **who)


def test_an_option_bought_one_by_one_is_neither_required_nor_chosen() -> None:
    base = {"option_id": "base", "name": "base", "requires": ["o"]}
    with pytest.raises(ConfigError, match="cannot be required"):
        bill({"rates": [CALL]}, [], {"options": [ONE, base]})
    choose = {"choose": {"for": ["A"], "plans": ["p"], "options": ["o"]}}
    with pytest.raises(ConfigError, match="option o is bought one by one"):
        bill({"rates": [CALL]}, [], {"options": [ONE]}, choose)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"allowances": [{**FREE, "per": "day", "per_week_max": "9"}]}, "per_week_max", id="week-and-day"),
        pytest.param({"allowances": [{"kind": "data", "amount": "5", "per_week_max": "9"}]}, "of calls", id="of-data"),
        pytest.param(
            {"discounts": [{"item": "x", "of": "fee", "percent": "5", "of_all": True}]}, "of_all", id="all-of-one"
        ),
        pytest.param(
            {"allowances": [{"kind": "data", "amount": "5", "numbers": {"most": "9", "per": "day"}}]},
            "calls made and messages",
            id="numbers-of-data",
        ),
        pytest.param(
            {"rates": [{"kind": "data", "throttled": True, "item": "d", "day_minimum": "5"}]},
            "`day_minimum` goes with",
            id="least-price-of-what-is-free",
        ),
        pytest.param({"bonus": {"percent": "5", "pays": "calls"}}, "`prepaid: true`", id="bonus-without-credit"),
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


def test_least_prices_of_days_numbers_and_bonus_credit_are_said_in_words() -> None:
    tree = {"version": "v", "currency": "EUR", "timezone": "UTC"}
    several = {**ONE, "starts": "next_day"}
    some = {**FREE, "numbers": {"most": "300", "per": "period"}}
    least = {**DATA, "day_minimum": "10"}
    bonus = {"percent": "50", "from_cents": "1000", "days": "60", "pays": ["calls", "messages"]}
    prices = {"per_minute": "9", "per_message": "9", "per_mb": "9"}
    plans = [{"plan_id": "c", "rates": [CALL, least], "allowances": [some]}]
    card = parse_card({**tree, "plans": plans, "options": [several]}, "card")
    assert order_reasons(card, "c", ("o",)) == [
        "plans.c.rates[1]: what is charged by the day depends on how use is spread over days",
        "plans.c.allowances[0].numbers: which numbers are covered depends on which were used first",
        "options.o.allowances[0]: an option that is bought one by one holds from a day on",
    ]
    assert usage_needs(card, card.plans[0]) == (
        "the day of each use (rates[1].day_minimum)",
        "which calls and messages are to the same number (allowances[0].numbers)",
    )
    assert "Free: unlimited, for calls, to at most 300 different numbers of a period." in plan_sentences(
        card, card.plans[0]
    )
    assert any("at least 0.10 EUR on each day of use" in text for text in plan_sentences(card, card.plans[0]))
    assert (
        "It can be bought again and again, at most 2 times a period, and holds from the day after it is bought to the "
        "end of the period."
    ) in plan_sentences(card, card.options[0])
    prepaid = parse_card({**tree, "prepaid": "true", "plans": [{"plan_id": "d", **prices, "bonus": bonus}]}, "card")
    assert (
        "A top-up of 10.00 EUR or more gives 50 % more for calls and messages, for 60 days, used before the own credit."
    ) in plan_sentences(prepaid, prepaid.plans[0])
