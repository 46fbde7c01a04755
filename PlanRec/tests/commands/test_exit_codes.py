"""Every command leaves with the code that docs/files.md says, and names the option that was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.testing.command_lines import commands_of, wrong_values
from planrec import cli
from planrec.billing.cards import parse_card, parse_request, read_marked_tree
from planrec.billing.cell_months import CellMonths, count_cells
from planrec.billing.events import read_events
from planrec.usage.cell_files import write_cells

ACCOUNTS = 'bill: ["2025-03"]\nsubscribers: {A: {plan: cero}}\n'
CARD = """version: azul-1
currency: EUR
timezone: Europe/Madrid
prefixes: {on_net: ["346"]}
plans: [{plan_id: cero, rates: [{kind: call, item: calls, per_minute: 9}]}]
"""
EVENTS = "event,subscriber,kind,start,seconds,mb,number,at\ne1,A,call,2025-03-31T12:30:00,301,,34600000000,home\n"
USAGE = "subscriber_id,month,minutes,messages,megabytes,current_plan,contract_months_left\na,2025-10,9,0,0,surf,0\n"
PLAN = """plan_id: swell
name: Swell
monthly_fee_cents: 1500
included: {minutes: 800, messages: 100, megabytes: 20480}
overage: {cents_per_minute: 2, cents_per_message: 2, cents_per_data_unit: 800}
"""
NOTICE = ("--as-of", "2025-11-05")
MONTH = ("--as-of", "2025-10")

# What each command is given, and which code a missing or a damaged file of an option means.
CASES: dict[str, tuple[tuple[str, ...], dict[str, int]]] = {
    "simulate": (("--output", "OUT"), {"--config": 2}),
    "data": (("--data-source", "table"), {"--data": 3, "--config": 2}),
    "data snapshot": (("--set", "data.source=table", "--artifacts", "OUT"), {"--data": 3, "--config": 2}),
    "data list": ((), {"--config": 2}),
    "data verify": ((), {"--config": 2}),
    "data diff": (("OLD", "NEW"), {"--config": 2}),
    "bill": (("--usage", "USAGE", "--plans", "PLANS", "--output", "out.csv"), {"--usage": 3, "--plans": 2}),
    "bill events": (
        ("--card", "CARD", "--accounts", "ACCOUNTS", "--events", "EVENTS", "--output", "out.csv"),
        {"--card": 2, "--accounts": 2, "--events": 3},
    ),
    "bill cells": (("--card", "CARD", "--cells", "CELLS", "--output", "out.csv"), {"--card": 2, "--cells": 3}),
    "recommend": (
        ("--usage", "USAGE", "--plans", "PLANS", *MONTH, "--output", "out.csv"),
        {"--usage": 3, "--plans": 2, "--rules": 2, "--config": 2},
    ),
    "recommend offer": (
        ("--mode", "offer", "--usage", "USAGE", "--bundle", "BUNDLE", *MONTH, "--output", "out.csv"),
        {"--usage": 3, "--bundle": 4, "--rules": 2, "--config": 2},
    ),
    "recommend cells": (
        ("--usage", "USAGE", "--plans", "CARD", "--cells", "CELLS", *MONTH, "--output", "out.csv"),
        {"--usage": 3, "--plans": 2, "--cells": 3, "--rules": 2},
    ),
    "rules": ((), {"--check": 2, "--plans": 2, "--config": 2}),
    "notices": (
        ("--usage", "USAGE", "--plans", "PLANS", *NOTICE, "--output", "out.jsonl"),
        {"--usage": 3, "--plans": 2, "--sent": 3, "--config": 2},
    ),
    "notices cells": (
        ("--usage", "USAGE", "--plans", "CARD", "--cells", "CELLS", *NOTICE, "--output", "out.jsonl"),
        {"--usage": 3, "--plans": 2, "--cells": 3},
    ),
    "notices earlier": (("--plans", "PLANS"), {"--verify": 3}),
    "train": (("--data-source", "table", "--output", "OUT"), {"--data": 3, "--config": 2}),
    "evaluate": (("--bundle", "BUNDLE"), {"--bundle": 4, "--config": 2}),
    "study": ((), {"--operator": 2, "--config": 2}),
    "choices": (("--data", "USAGE"), {"--data": 3, "--config": 2}),
    "predict": (
        ("--usage", "USAGE", "--bundle", "BUNDLE", *MONTH, "--output", "out.csv"),
        {"--usage": 3, "--bundle": 4, "--config": 2},
    ),
    "serve": ((), {"--config": 2}),
    "card": (("--bundle", "BUNDLE", "--output", "OUT"), {"--bundle": 4, "--config": 2}),
    "what-if cells": (
        ("--usage", "USAGE", "--plans", "CARD", "--cells", "CELLS", *MONTH, "--travel", "--output", "out.csv"),
        {"--usage": 3, "--plans": 2, "--cells": 3},
    ),
    "what-if": (
        ("--usage", "USAGE", "--bundle", "BUNDLE", *MONTH, "--travel", "--output", "out.csv"),
        {"--usage": 3, "--bundle": 4, "--plan": 2, "--config": 2},
    ),
    "draft": (
        ("--usage", "USAGE", "--bundle", "BUNDLE", *MONTH, "--plan", "PLAN"),
        {"--usage": 3, "--bundle": 4, "--plan": 2, "--config": 2},
    ),
    "init": (("OUT",), {}),
    "plans explain": (("cero", "--card", "CARD"), {"--card": 2}),
    "plans diff": (
        ("cero", "cero", "--card", "CARD", "--accounts", "ACCOUNTS", "--events", "EVENTS"),
        {"--card": 2, "--accounts": 2, "--events": 3},
    ),
    "plans diff cells": (("cero", "cero", "--card", "CARD", "--cells", "CELLS"), {"--card": 2, "--cells": 3}),
    "plans rank": (
        ("--card", "CARD", "--accounts", "ACCOUNTS", "--events", "EVENTS", "--output", "out.csv"),
        {"--card": 2, "--accounts": 2, "--events": 3, "--rules": 2},
    ),
    "release publish": (("--why", "x", "--bundle", "BUNDLE", "--artifacts", "OUT"), {"--bundle": 4, "--config": 2}),
    "release promote": (("--why", "x", "v", "--artifacts", "OUT"), {"--config": 2}),
    "release rollback": (("--why", "x", "--artifacts", "OUT"), {"--config": 2}),
    "release challenge": (("--why", "x", "v", "--artifacts", "OUT"), {"--config": 2}),
    "release abort": (("--why", "x", "--artifacts", "OUT"), {"--config": 2}),
    **{
        f"{group} {name}": (("--why", "x", "v", "--artifacts", "OUT"), {"--config": 2})
        for group, name in (("release", "bar"), ("release", "pardon"), ("lifecycle", "pardon"))
    },
    "release history": ((), {"--config": 2}),
    "release list": ((), {"--config": 2}),
    "lifecycle status": ((), {"--config": 2}),
    "runs list": ((), {"--config": 2}),
    "lifecycle sync": ((), {"--config": 2}),
    "runs show": (("latest",), {"--config": 2}),
    "runs compare": (("latest", "latest"), {"--config": 2}),
    **{
        f"decisions {name}": ((), {"--config": 2})
        for name in ("audit", "query", "retain", "rotate-key", "ship", "stats")
    },
    **{
        f"decisions {name}": (("--why", "x", "--subject", "S1"), {"--config": 2})
        for name in ("forget", "object", "show")
    },
    "decisions export": (("--why", "x", "--output", "out.csv"), {"--config": 2}),
    "decisions off-policy": (("--input", "USAGE"), {"--input": 3}),
    "outcomes": (("--input", "USAGE"), {"--input": 3, "--config": 2}),
    "monitor": (
        ("--as-of", "2025-11-01", "--usage", "USAGE", "--bundle", "BUNDLE"),
        {"--usage": 3, "--plans": 2, "--bundle": 4, "--config": 2},
    ),
    "monitor explain": ((), {"--config": 2}),
    "retrain": (("--as-of", "2025-11-01"), {"--config": 2}),
    "monitor export": ((), {"--config": 2}),
    "bias report": ((), {"--config": 2}),
    "bias escalate": (("--why", "x"), {"--config": 2}),
    "bias proxies": (("--usage", "USAGE"), {"--usage": 3, "--plans": 2, "--config": 2}),
    "bias threshold": (("--input", "USAGE", "--group", "age_band=65-74", "--least-cents", "100"), {"--input": 3}),
}
_SECOND = {"events", "cells", "offer", "earlier"}  # another use of the command before it


def _command(case: str) -> tuple[str, ...]:
    return tuple(word for word in case.split() if word not in _SECOND)


def test_every_command_stands_in_the_table() -> None:
    assert {_command(case) for case in CASES} == {
        command.words for command in commands_of(cli.app) if command.words != ("columns",)
    }


def _uses() -> Iterator[object]:
    for case, (_, options) in CASES.items():
        for option, code in options.items():
            yield pytest.param(case, option, code, id=f"{case.replace(' ', '-')}{option}")


@pytest.fixture
def places(usage: Path, plans: str, tmp_path: Path, bundle: Bundle) -> dict[str, str]:
    usage.write_text(USAGE, encoding="utf-8")
    found = {"USAGE": str(usage), "PLANS": plans, "BUNDLE": str(bundle.path), "OUT": str(tmp_path / "out")}
    for name, text in (("CARD", CARD), ("ACCOUNTS", ACCOUNTS), ("EVENTS", EVENTS), ("PLAN", PLAN)):
        path = tmp_path / f"{name.lower()}.{'csv' if name == 'EVENTS' else 'yaml'}"
        path.write_text(text, encoding="utf-8")
        found[name] = str(path)
    write_cells(_cells(), tmp_path / "cells.csv")
    return {**found, "CELLS": str(tmp_path / "cells.csv")}


def _cells() -> CellMonths:
    card = parse_card(read_marked_tree(CARD.encode(), "card"), "card")
    request = parse_request({"bill": ["2025-03"], "subscribers": {"A": {"plan": "cero"}}}, "accounts")
    events = read_events(EVENTS.encode(), "events.csv", card.timezone, request.subscribers, card.prefixes)
    return count_cells(card, request, events)


@pytest.mark.parametrize(("case", "option", "code"), list(_uses()))
@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_file_that_cannot_be_used_is_named_with_its_option(  # type: ignore[no-untyped-def]
    run, places, tmp_path, capsys, monkeypatch, case, option, code, how
) -> None:
    words = [places.get(word, word) for word in CASES[case][0]]
    words = [str(tmp_path / word) if word.startswith("out.") else word for word in words]
    file = tmp_path / f"{how}.csv"
    if how == "damaged":
        if option == "--bundle":
            file.mkdir()
            (file / "manifest.json").write_text("{", encoding="utf-8")
        else:
            file.write_bytes(b"\x00\xff{[\x01\n")
    if option in words:
        words[words.index(option) + 1] = str(file)
    else:
        words += [option, str(file)]
    assert run(*_command(case), *words) == code
    assert option in (said := capsys.readouterr().err), said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(("words", "option"), list(wrong_values(cli.app)), ids=str)
def test_a_wrong_value_is_named_with_its_option(run, capsys, words, option) -> None:  # type: ignore[no-untyped-def]
    assert run(*words) == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("recommend", "--usage", "u.csv"), "--as-of"),
        (("recommend", "--as-of", "2018-1"), "--as-of"),
        (("predict", "--as-of", "October"), "--as-of"),
        (("notices", "--as-of", "2018-02"), "--as-of"),
        (("notices", "--as-of", "2018-02-30"), "--as-of"),
        (("bill", "--output", "bills.xlsx"), "--output"),
        (("bill", "--rejects", "rejected.txt"), "--rejects"),
        (("bill", "--output", "tests"), "--output"),
        (("bill", "--card", "c.yaml"), "--accounts"),
        (("evaluate", "--plots", "README.md"), "--plots"),
        (("simulate", "--output", "README.md"), "--output"),
        (("train", "--set", "nonsense"), "--set"),
        (("train", "--set", "training.sede=1"), "--set"),
        (("train", "--set", "training.seed=x"), "--set"),
        (("train", "--nonsense"), "--nonsense"),
        (("nonsense",), "nonsense"),
        (("init",), "DIR"),
        (("release", "rollback", "--why", " "), "--why"),
        (("release", "rollback", "--why", "x", "--who", "a\nb"), "--who"),
        (("release", "rollback"), "--why"),
        (("release", "challenge", "v", "--why", "x", "--evidence", "none.json"), "--evidence"),
        (("lifecycle", "pardon", "v", "--why", "x", "--evidence", "none.json"), "--evidence"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_wrong_arguments_are_named(run, capsys, words, named) -> None:  # type: ignore[no-untyped-def]
    assert run(*words) == 2
    assert named in capsys.readouterr().err


def test_the_version_is_told(run, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("--version") == 0
    assert capsys.readouterr().out == "planrec 0.1.0\n"
