"""What a card is refused for or told of at load: line, key and what to write instead."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from common_utils.errors import ConfigError, DataError
from planrec.billing.cards import (
    FullCard,
    accounts_lines,
    load_request,
    parse_card,
    parse_request,
    plan_sentences,
    read_marked_tree,
    remarks,
)
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.events import read_events
from planrec.billing.rating import accounts_of, bill_events, explain_event
from planrec.billing.rating.money import Money

CARD = """version: v1
currency: EUR
timezone: Europe/Madrid
plans:
  - plan_id: a
    fee: 999.5
    rates:
      - {kind: call, item: calls, per_minute: 7.3}
      - {kind: sms, item: messages, each: 9}
options:
  - {option_id: x, name: one, fee: 1, group: g, only_with: [a]}
  - {option_id: y, name: two, fee: 1, group: g}
"""
HEAD = "event,subscriber,kind,start,seconds,mb,to,at\n"


def _read(text: str) -> FullCard:
    return parse_card(read_marked_tree(text.encode(), "card"), "card")


def _loaded(folder: Path, text: str) -> FullCard:
    (folder / "card.yaml").write_text(text, encoding="utf-8")
    return load_complete_card(folder / "card.yaml")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("7,3", r"line 8, .*unknown key '3'; was a decimal comma written"),
        ('"7,3"', r"line 8, .*per_minute.*'7,3' has a decimal comma; write a point, as in 7\.3"),
        ("7.3 EUR", r"line 8, .*'7\.3 EUR' is more than a number; the unit is that of the key"),
        ("€7.3", r"line 8, .*'€7\.3' is more than a number"),
        ("0.0.7", r"line 8, .*'0\.0\.7' has more than one point"),
        ("1e-3", r"line 8, .*'1e-3' is a power of ten; write it out"),
        ("7_3", r"line 8, .*'7_3' has `_` in it"),
        ("073", r"line 8, .*no 0 before its digits"),
        ("7:30", r"line 8, .*write a decimal number"),
        ("yes", r"line 8, .*write a decimal number"),
        ("true", r"line 8, plans\.0\.rates\.0\.per_minute: write a decimal number [^;]*$"),
    ],
)
def test_a_price_that_is_no_decimal_is_refused_by_what_is_odd(written: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _read(CARD.replace("7.3", written))


@pytest.mark.parametrize(("written", "price"), [(".5", "0.5"), ("5.", "5"), ('"7.30"', "7.3")])
def test_a_price_is_its_digits(written: str, price: str) -> None:
    assert str(_read(CARD.replace("7.3", written)).plans[0].rates[0].per_minute[0][1]) == price


def test_a_block_of_one_plan_line_tells_of_its_comma() -> None:
    with pytest.raises(ConfigError, match=r"line 6, plans\.0\.fee: '999,5' has a decimal comma; .* 999\.5"):
        _read(CARD.replace("999.5", "999,5"))


@pytest.mark.parametrize("written", ["86400", "20250314", "14.03.2025"])
def test_digits_are_no_day(written: str) -> None:
    with pytest.raises(ConfigError, match=r"holidays\.0: write a day as YYYY-MM-DD"):
        _read(f"{CARD}holidays: [{written}]\n")
    with pytest.raises(ConfigError, match=r"subscribers\.A\.topups\.0\.at: write a day as YYYY-MM-DD"):
        parse_request({"bill": ["2025-01"], "subscribers": {"A": {"topups": [{"at": written, "cents": "1"}]}}}, "r")
    assert _read(f"{CARD}holidays: [2025-03-14]\n").holidays == (date(2025, 3, 14),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[a]", "[a, b]", r"line 11, options\.x\.only_with\[1\]: plan 'b' is not in the card"),
        ("name: two, fee: 1, group: g", "name: two, requires: [z]", r"line 12, options\.y\.requires\[0\]: option 'z'"),
        ("group: g}", "group: g, requires: x}", r"line 12, options\.y\.requires: 'x' is of the same group 'g'"),
        ("option_id: y", "option_id: x", r"line 12, options\[1\]\.option_id: 'x' stands twice, first in options\[0\]"),
        ("name: two", "name: one", r"line 12, options\[1\]\.name: 'one' stands twice"),
        ("each: 9", "each: 9, when: noon", r"line 9, plans\.a\.rates\[1\]\.when: no band 'noon'"),
        ("fee: 999.5", "fee: -5", r"line 6, plans\.0\.fee: write no less than 0"),
        ("plan_id: a", "name: a", r"line 5, plans\.0\.plan_id: is missing; it must be told"),
        ("kind: sms, item", "kind: mms, item", r"line 9, plans\.0\.rates\.1\.kind: write 'call', 'call_in', 'sms' or"),
        ("plans:\n", "tax: 21\nplans:\n", r"line 4, tax: write keys below it, each as `key: value`"),
        (
            "plans:\n",
            "holidays: 2025-01-01\nplans:\n",
            r"line 4, holidays: write a list, one `- ` a row or in brackets",
        ),
        ("plans:\n", "holidays: [2025-02-30]\nplans:\n", r"line 4, holidays\.0: no such day: day value is outside"),
        (
            "options:",
            "    fee_changes: [{from_period: 2025-13, fee: 1}]\noptions:",
            r"line 10, plans\.a\.fee_changes\[0\]\.from_period: period '2025-13': write YYYY-MM",
        ),
        (
            "options:",
            "    allowances: [{kind: call, amount: 9, unit: minute, per_call_max: 0.001}]\noptions:",
            r"line 10, plans\.a\.allowances\[0\]\.per_call_max: 0\.001 is not a whole number of seconds",
        ),
        (
            "options:",
            "    passes: [{at: eu, fee: 100, lasts: day, treat_as: hme, item: pass}]\noptions:",
            r"line 5, plans\.0 \(a\): no price and no unlimited allowance for a call at hme",
        ),
        (
            "    fee: 999.5\n",
            "    monthly_fee_cents: 999\n",
            r"line 6, rounding\.minutes: plans in the short form bill calls only where each call is rounded up",
        ),
        ("fee: 999.5", "per_mb: 1", r"line 5, plans\.a: .* belong to `prepaid: true`"),
        (
            "options:",
            "    not_sold: [{kind: data}, {kind: call, to: premium}]\noptions:",
            r"line 10, plans\.a\.not_sold\[1\]: rates\[0\] prices it, so that it would be billed",
        ),
        ("Europe/Madrid", "Europe/Nowhere", r"line 3, timezone: timezone 'Europe/Nowhere' is not known"),
        ("each: 9", "each: 900000000.00000001", r"line 9, plans\.a\.rates\[1\]\.each: the largest charge"),
        (
            "plans:\n",
            "prefixes:\n  fixed: ['349']\n  mobile: ['346', '349']\nplans:\n",
            r"line 6, prefixes\.mobile\[1\]: '349' is of class 'fixed' too",
        ),
    ],
)
def test_every_refusal_names_line_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"card\.yaml: {message}"):
        _loaded(tmp_path, CARD.replace(old, new))


@pytest.mark.parametrize(
    ("holder", "message"),
    [
        ("{plan: b}", r"line 3, subscribers\.A\.plan: plan 'b' is not in the card"),
        ("{plan: a, options: [x, z]}", r"line 3, subscribers\.A\.options\[1\]: option 'z' is not in the card"),
        ("{plan: a, options: [x, y]}", r"line 3, subscribers\.A\.options: two options of the group 'g'; hold one"),
        ("{}", r"line 3, subscribers\.A\.plan: a subscriber who is billed holds a plan"),
    ],
)
def test_a_refusal_of_what_an_account_holds_names_its_line(tmp_path: Path, holder: str, message: str) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text(f"bill: [2025-03]\nsubscribers:\n  A: {holder}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"accounts\.yaml: {message}"), accounts_lines(path):
        accounts_of(_read(CARD), load_request(path))


def test_other_refusals_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^bill: no such$"), accounts_lines(tmp_path / "none.yaml"):
        raise ConfigError("bill: no such")


def test_what_is_claimed_twice_is_told_with_its_line() -> None:
    text = """version: v1
currency: EUR
timezone: Europe/Madrid
holidays: [2025-01-01, 2025-01-06, 2025-01-01]
places:
  zone_1: [fr, ch]
  zone_2: [us, ch]
classes: {any: [fixed, mobile], national: [fixed], some: [mobile, intl]}
prefixes: {fixed: ['349', '349']}
bands:
  weekend: [{days: [sat, sun], from: "00:00", to: "24:00"}, {days: [sun], from: "10:00", to: "11:00"}]
  night: [{days: [fri, sat], from: "00:00", to: "06:00"}]
  noon: [{days: [mon], from: "12:00", to: "13:00"}]
plans:
  - plan_id: a
    rates:
      - {kind: call, item: calls, per_minute: 1, when: weekend}
      - {kind: call, item: calls, per_minute: 2, when: night}
      - {kind: call, item: calls, per_minute: 2, when: noon}
      - {kind: call, item: calls, per_minute: 2, when: night, at: fr}
      - {kind: call, item: calls, per_minute: 3}
"""
    marked = read_marked_tree(text.encode(), "card")
    card = parse_card(marked, "card")
    assert remarks(card, marked.lines) == [
        "line 18, plans.a.rates[1].when: band 'night' overlaps 'weekend' of rates[0] (sat 00:00-06:00); "
        "there rates[0] holds, the first that fits",
        "line 11, bands.weekend[1]: sun 10:00-11:00 stands in an earlier window too",
        "line 7, places.zone_2: 'ch' is in zone_1 too; the first row that fits holds",
        "line 8, classes.some: 'mobile' is in any too; the first row that fits holds",
        "line 4, holidays[2]: 2025-01-01 stands twice",
        "line 9, prefixes.fixed[1]: '349' stands twice",
    ]
    dated = text.replace("when: weekend}", "when: weekend, valid_to: 2025-01-31}").replace(
        "per_minute: 2, when: night}", "per_minute: 2, when: night, valid_from: 2025-02-01}"
    )
    assert not any(".when" in said for said in remarks(parse_card(read_marked_tree(dated.encode(), "c"), "c")))


def test_what_counts_as_nothing_is_told() -> None:
    plan = """    fee: 9.99
    discounts: [{item: off, percent: 10, of: [fee, calls, activation, cals]}]
    minimum_spend: {cents: 900, counts: [off, options, call]}
"""
    marked = read_marked_tree(CARD.replace("    fee: 999.5\n", plan).encode(), "card")
    assert remarks(parse_card(marked, "card"), marked.lines) == [
        "line 7, plans.a.discounts[0].of: no row charges 'cals'; it counts as nothing",
        "line 8, plans.a.minimum_spend.counts: no row charges 'call'; it counts as nothing",
        "line 6, plans.a.fee: 9.99 are 0.0999 EUR; money is in hundredths",
    ]


def test_words_say_from_which_second_a_price_holds() -> None:
    card = _read(CARD.replace("per_minute: 7.3", "per_minute: [[10, 7.3]]"))
    assert "Calls cost 0.073 EUR a minute from second 10 on." in plan_sentences(card, card.plans[0])


def test_words_say_what_the_card_adds_to_a_plan() -> None:
    more = """tax: {prices: excluded, percent: 21}
pool: {payer: P, fee: 3000, allowance_mb: 1000, over: {item: extra, block_mb: 100, per_block: 150, max: 400}}
bands:
  late: [{days: [fri, sat], from: "20:00", to: "24:00"}, {days: sun, from: "00:00", to: "08:00"}]
  unused: [{days: mon, from: "20:00", to: "24:00"}]
"""
    card = _read(CARD.replace("each: 9", "each: 9, when: late") + more)
    assert plan_sentences(card, card.plans[0])[-4:] == [
        "Late is fri and sat 20:00 to 24:00 and sun 00:00 to 08:00 local time.",
        "Data of all lines at home share 1000 MB a period in place of the plan's own data.",
        "P pays 30.00 EUR for it, and each 100 MB begun beyond it 1.50 EUR, at most 4.00 EUR.",
        "21 % tax is added to the bill.",
    ]
    bare = _read(
        CARD.partition("plans:")[0]
        + "prepaid: true\nplans:\n  - {plan_id: a, per_minute: 1, per_message: 1, per_mb: 1}\n"
    )
    assert plan_sentences(bare, bare.plans[0])[0] == "Without the pack a started minute costs 0.01 EUR."


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("34600111222.0", "written as a decimal has lost the"),
        ('"34600111222,0"', "written as a decimal has lost the"),
        ("'34600111222.0", "written as a decimal"),
        ("3.4600111222E10", "power of ten"),
        ("'3.46E+10", "power of ten"),
        ("34e9", "power of ten"),
        ("0034600111222", "begins with 00, and no prefix of the card does"),
        ("34600x11", "has letters"),
        ("\u0663\u0664600", "digits other than 0 to 9"),
    ],
)
def test_a_number_that_a_spreadsheet_changed_is_refused_with_its_row(number: str, message: str) -> None:
    rows = f"{HEAD.strip()},number\ne1,A,call,2025-03-01T08:00:00,60,,,home,{number}\n".encode()
    with pytest.raises(DataError, match=rf"line 2, column 'number': a number .*{message}"):
        read_events(rows, "events.csv", "UTC", ["A"], {"mobile": ("346",)})


@pytest.mark.parametrize("number", ["+34 600 11 12 22", "'34600111222", "34.600.111.222", "(34) 600-111-222"])
def test_signs_between_the_digits_of_a_number_are_passed_over(number: str) -> None:
    rows = f"{HEAD.strip()},number\ne1,A,call,2025-03-01T08:00:00,60,,,home,{number}\n".encode()
    events = read_events(rows, "events.csv", "UTC", ["A"], {"mobile": ("346",)})
    assert [events.classes[i] for i in events.to.tolist()] == ["mobile"]


def test_00_is_read_where_prefixes_begin_so() -> None:
    rows = f"{HEAD.strip()},number\ne1,A,call,2025-03-01T08:00:00,60,,,home,0034600\n".encode()
    events = read_events(rows, "events.csv", "UTC", ["A"], {"mobile": ("00346",)})
    assert [events.classes[i] for i in events.to.tolist()] == ["mobile"]


def _billed(card: FullCard, row: str) -> list[str]:
    request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "a"}}}, "accounts")
    events = read_events((HEAD + row).encode(), "events.csv", card.timezone, request.subscribers)
    return explain_event(bill_events(card, request, events), events, "e1")


def test_an_event_that_the_plan_does_not_sell_is_told_so() -> None:
    card = _read(CARD.replace("options:", "    not_sold: [{kind: call, at: [world]}]\noptions:"))
    with pytest.raises(DataError, match=r"first 'e1', a call at world: plan a does not sell it \(`not_sold`\)"):
        _billed(card, "e1,A,call,2025-03-01T08:00:00,60,,,world\n")
    with pytest.raises(DataError, match=r"first 'e1', a data session at home\. Add a rate .* for it to plan a\."):
        _billed(card, "e1,A,data,2025-03-01T08:00:00,,1,,home\n")


@pytest.mark.parametrize(("seconds", "said"), [(5, "about 0.6083"), (7, "about 0.8517"), (60, "7.3")])
def test_explain_rounds_half_up(seconds: int, said: str) -> None:
    # 7 seconds of 7.3 cents a minute are 0.851666... cents, 5 are 0.608333...
    assert f"calls: {said} cents." in _billed(_read(CARD), f"e1,A,call,2025-03-01T08:00:00,{seconds},,,home\n")


def test_a_limit_over_the_decimals_of_prices_is_refused_beyond_64_bits(tmp_path: Path) -> None:
    caps = "    caps:\n      - {items: calls, mode: free, amount: 1000000000}\noptions:"
    fine = CARD.replace("options:", caps)
    _loaded(tmp_path, fine)
    with pytest.raises(ConfigError, match=r"line 11, plans\.a\.caps\[0\]\.amount: beyond 64 bits over the decimals"):
        _loaded(tmp_path, fine.replace("7.3", "0.00000000001"))
    with pytest.raises(ConfigError, match=r"line 13, rounding\.to: beyond 64 bits over the decimals"):
        _loaded(tmp_path, CARD.replace("7.3", "0.0000000000001") + "rounding: {each: event, to: 1000000}\n")


def test_a_bill_beyond_64_bits_by_its_tax_is_refused(tmp_path: Path) -> None:
    # 10**12 blocks of 0.000001 MB at 200,000 cents are 2 * 10**17 cents; with ten times as much tax, 2.2 * 10**18
    rate = "      - {kind: data, item: data, block_mb: 0.000001, per_block: 200000, rounded: session}\noptions:"
    _loaded(tmp_path, CARD.replace("options:", rate))
    with pytest.raises(ConfigError, match=r"line 10, plans\.a\.rates\[2\]\.per_block: a bill of all prices with disc"):
        _loaded(tmp_path, CARD.replace("options:", rate) + "tax: {prices: excluded, percent: 1000}\n")


def test_a_step_beyond_64_bits_leaves_small_amounts_whole() -> None:
    amounts = Money(np.array([3, 0]), 10**15)
    assert amounts.between(Fraction(0), Fraction(10**9)).rounded().tolist() == [0, 0]
