"""Full cards: what is refused at load, what the page on them promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from common_utils.errors import ConfigError
from planrec.billing.cards import FullCard, Tree, parse_card, parse_request, read_marked_tree, remarks
from planrec.billing.complete_cards import load_complete_card
from planrec.billing.events import read_events
from planrec.billing.rating import Sheet, bill_events

CARD = """
version: v1
currency: EUR
timezone: Europe/Madrid
bands: {night: [{days: [mon], from: "00:00", to: "07:00"}]}
plans:
  - plan_id: a
    fee: 999.5
    rates:
      - {kind: call, item: calls, per_minute: 3.63}
      - {kind: data, item: data, per_mb: 0.8}
options:
  - {option_id: x, name: more, fee: 1, group: g, only_with: a}
"""


def _card(text: str) -> FullCard:
    return parse_card(read_marked_tree(text.encode(), "card"), "card")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param("fee: 999.5", "fee: 999.5\n    fee: 1", r"line 9: key 'fee' is given twice", id="key-twice"),
        pytest.param(
            "fee: 999.5",
            "feee: 999.5",
            r"line 8, plans\.0\.feee: unknown key; did you mean 'plans\.fee'",
            id="unknown-key",
        ),
        pytest.param("fee: 999.5", "fee: 1_000", r"line 8, plans\.0\.fee: .*decimal", id="underscore"),
        pytest.param("fee: 999.5", "fee: 0750", r"line 8, plans\.0\.fee: .*no 0 before", id="octal"),
        pytest.param("fee: 999.5", "fee: 9:30", r"line 8, plans\.0\.fee: .*decimal", id="sexagesimal"),
        pytest.param("fee: 999.5", "fee: !!int 0750", r"line 8: the value does not fit its kind", id="tagged-octal"),
        pytest.param("fee: 999.5", "fee: \u0664\u0660", r"line 8, plans\.0\.fee: .*decimal", id="other-digits"),
        pytest.param("fee: 999.5", "fee: .inf", r"plans\.0\.fee: .*decimal", id="infinite"),
        pytest.param("fee: 999.5", "fee: -1", r"plans\.0\.fee", id="negative"),
        pytest.param("item: data, ", "", r"`item` is missing", id="no-item"),
        pytest.param("per_mb: 0.8", "per_mb: 0.8, throttled: true", r"data needs one of", id="two-prices"),
        pytest.param(
            "item: calls,", "item: calls, when: noon,", r"plans\.a\.rates\[0\]\.when: no band 'noon'", id="band"
        ),
        pytest.param(
            "only_with: a",
            "only_with: b",
            r"line 13, options\.x\.only_with\[0\]: plan 'b' is not in the card",
            id="plan",
        ),
        pytest.param(
            "group: g", "requires: y", r"line 13, options\.x\.requires\[0\]: option 'y' is not in the card", id="option"
        ),
        pytest.param('to: "07:00"', 'to: "00:00"', r"`to` is not after `from`", id="window"),
        pytest.param("item: calls,", "item: calls, increment: 60/0,", r"FIRST/STEP", id="increment"),
    ],
)
def test_card_is_refused_with_its_key(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _card(CARD.replace(old, new))


def test_card_beyond_64_bits_is_refused_naming_the_key() -> None:
    Sheet(_card(CARD))
    with pytest.raises(ConfigError, match=r"plans\.a\.rates\[1\]\.per_mb: the largest charge .* beyond 64 bits"):
        Sheet(_card(CARD.replace("per_mb: 0.8", "per_mb: 9000000.000001")))


def test_odd_rows_are_remarks() -> None:
    assert remarks(_card(CARD)) == []
    behind = CARD.replace(
        "      - {kind: data,", "      - {kind: call, item: calls, per_minute: 1}\n      - {kind: data,"
    )
    assert remarks(_card(behind)) == [
        "plans.a.rates[1]: an earlier row fits all that this one fits; it is never reached"
    ]


def _keys(schema: dict[str, Any]) -> set[str]:
    found = set(schema.get("properties", {}))
    for part in schema.get("$defs", {}).values():
        found |= set(part.get("properties", {}))
    return found


def test_page_names_only_keys_that_the_schema_has_and_all_of_its_rows_have_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rate_cards.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| .* \| [msr] \| ", line)]
    assert len(rows) >= 40
    known = _keys(FullCard.model_json_schema())
    for row in rows:
        cell = row.split("|")[3]
        keys = re.findall(r"`([a-z_.]+)`", cell)
        assert keys, row
        unknown = [k for k in keys if "accounts" not in cell and not set(k.split(".")) <= known | {"plans"}]
        assert unknown == [], row


def test_short_tree_keeps_numbers_as_text() -> None:
    tree: Tree = read_marked_tree(b"a: 18.150", "card").tree
    assert tree == {"a": "18.150"}


def test_five_problems_are_told_and_how_many_more() -> None:
    def wrong(count: int) -> str:
        return CARD + "".join(f"key_{i}: 1\n" for i in range(count))

    with pytest.raises(ConfigError, match=r"key_4: unknown key; known here: [a-z, ]+$"):
        _card(wrong(5))
    with pytest.raises(ConfigError, match=r"; and 1 more$"):
        _card(wrong(6))


def test_a_group_of_classes_is_each_of_its_classes() -> None:
    tree: Tree = {
        "version": "v",
        "currency": "EUR",
        "timezone": "UTC",
        "classes": {"national": ["on_net", "off_net"]},
        "plans": [
            {
                "plan_id": "p",
                "fee": "0",
                "rates": [
                    {"kind": "call", "to": ["national"], "item": "calls", "per_minute": "10"},
                    {"kind": "call", "item": "other calls", "per_minute": "70"},
                ],
            }
        ],
    }
    request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "p"}}}, "request")
    calls = "".join(
        f"{i},A,2025-03-0{i}T12:00:00+00:00,call,60,,{to},home\n"
        for i, to in enumerate(("on_net", "off_net", "abroad"), start=1)
    )
    events = read_events(f"event,subscriber,start,kind,seconds,mb,to,at\n{calls}".encode(), "events.csv", "UTC", ["A"])
    lines = bill_events(parse_card(tree, "card"), request, events).lines()
    assert {line.item: line.cents for line in lines if "calls" in line.item} == {"calls": 20, "other calls": 70}


def _gaps(path: Path, text: str) -> FullCard:
    (path / "card.yaml").write_text(text, encoding="utf-8")
    return load_complete_card(path / "card.yaml")


SMS = "      - {kind: data, item: data, per_mb: 0.8}\n"


@pytest.mark.parametrize(
    ("new", "message"),
    [
        pytest.param(
            SMS + "      - {kind: data, at: [eu], item: data, per_mb: 5}\n  - {plan_id: b, rates: "
            "[{kind: call, item: calls, per_minute: 1}, {kind: data, item: data, per_mb: 1}]}\n",
            r"card\.yaml: line 13, plans\.1 \(b\): no price and no unlimited allowance for data at eu\. Add a rate",
            id="place",
        ),
        pytest.param(
            SMS.replace("per_mb", "when: night, per_mb"), r"plans\.0 \(a\): .* data at home\. Add", id="outside-a-band"
        ),
        pytest.param(
            SMS + "      - {kind: call, to: [intl], at: [eu], item: calls, per_minute: 5}\n",
            r"a call to a number that no prefix fits at eu",
            id="class-not-told",
        ),
        pytest.param(
            SMS.replace("}", ", valid_from: 2025-04-01}"), r"plans\.0 \(a\): .* data at home", id="before-its-first-day"
        ),
        pytest.param(
            SMS + "    allowances: [{name: texts, kind: sms, amount: 100}]\n", r"a message at home", id="beyond-amount"
        ),
    ],
)
def test_card_with_a_use_without_a_price_is_refused(tmp_path: Path, new: str, message: str) -> None:
    text = CARD.replace(SMS, new)
    if "intl" in new:  # a prefix table: a number that no prefix fits has no class
        text = text.replace("bands:", 'prefixes: {intl: ["44"]}\nbands:')
    with pytest.raises(ConfigError, match=message):
        _gaps(tmp_path, text)


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(SMS, id="prices"),
        pytest.param(SMS + "    allowances: [{name: texts, kind: sms, amount: unlimited}]\n", id="unlimited"),
        pytest.param(SMS + "    not_sold: [{kind: sms}]\n    allowances: [{kind: sms, amount: 1}]\n", id="not-sold"),
        pytest.param(
            SMS + "    passes: [{at: [usa], fee: 100, lasts: day, treat_as: home, item: passes}]\n", id="under-a-pass"
        ),
    ],
)
def test_card_without_gaps_is_taken(tmp_path: Path, new: str) -> None:
    assert _gaps(tmp_path, CARD.replace(SMS, new)).plans[0].plan_id == "a"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param("requires: x", r"options\.x\.requires: an option cannot require itself", id="itself"),
        pytest.param(
            "requires: y}\n  - {option_id: y, name: other, group: g", r"'y' is of the same group 'g'", id="one-group"
        ),
    ],
)
def test_options_that_can_never_be_held_are_refused(tmp_path: Path, options: str, message: str) -> None:
    _card(CARD.replace("only_with: a", options))  # the neutral notation lets them stand
    with pytest.raises(ConfigError, match=message):
        _gaps(tmp_path, CARD.replace("only_with: a", options))


def test_limits_that_can_never_bind_are_remarks() -> None:
    rows = "    allowances:\n      - {kind: call, amount: 10, unit: minute, per_call_max: 10, per_day_max: 9}\n"
    assert remarks(_card(CARD.replace("options:", rows + "options:"))) == [
        "plans.a.allowances[0].per_call_max: not below the amount 10; the limit never binds"
    ]


CLASSES = """version: v
currency: EUR
timezone: Europe/Madrid
prefixes: {{mobile: [{prefix}]}}
plans:
  - plan_id: a
    rates:
      - {{kind: call, item: calls, to: [{named}], per_minute: 5}}
"""


@pytest.mark.parametrize(
    ("prefix", "named", "message"),
    [
        ("34.6", "mobile", r"card\.yaml: line 4, prefixes\.mobile: '34\.6' is not digits alone"),
        ("1e3", "mobile", r"prefixes\.mobile: '1e3' is not digits alone"),
        ("346", "mobil", r"line 8, plans\.0\.rates\.0: no prefix gives class 'mobil'; did you mean 'mobile'\?"),
        ("346", "mobile", r"plans\.0 \(a\): .* for a call to a number that no prefix fits at home\. Add a rate"),
    ],
)
def test_a_class_that_no_number_can_have_is_refused(tmp_path: Path, prefix: str, named: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _gaps(tmp_path, CLASSES.format(prefix=prefix, named=named))
