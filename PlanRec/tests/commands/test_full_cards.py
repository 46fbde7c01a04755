"""`planrec bill` on events, `planrec plans explain` and `planrec plans diff` as a pricing user meets them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CARD = """version: azul-1
currency: EUR
timezone: Europe/Madrid
prefixes: {on_net: ["346"], fixed: ["349"]}
plans:
  - plan_id: cero
    rates:
      - {kind: call, item: calls, setup: 18.15, per_minute: [[0, 0], [300, 3.63]]}
      - {kind: data, item: data, per_mb: 0.8}
    minimum_spend: {cents: 600, counts: [calls, data]}
  - plan_id: plana
    fee: 1500
    allowances: [{name: national calls, kind: call, to: on_net, amount: 10, unit: minute}]
    rates:
      - {kind: call, item: calls, increment: 60/60, per_minute: 9}
      - {kind: data, item: data, throttled: true}
"""
ACCOUNTS = """bill: ["2025-03", "2025-04"]
subscribers: {A: {plan: cero}, B: {plan: plana}}
"""
EVENTS = """event,subscriber,kind,start,seconds,mb,number,at
e1,A,call,2025-03-31T23:30:00+00:00,301,,34600000000,home
e2,B,call,2025-03-03T10:00:00,661,,+34 600 000 000,home
e3,B,data,2025-03-03T10:00:00,,2.5,,home
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    for name, text in (("card.yaml", CARD), ("accounts.yaml", ACCOUNTS), ("events.csv", EVENTS)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    named = (("--card", "card.yaml"), ("--accounts", "accounts.yaml"), ("--events", "events.csv"))
    return tuple(str(part) for option, name in named for part in (option, tmp_path / name))


def test_bill_of_events_writes_lines_that_add_up(run, files, tmp_path) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "bills.csv"
    assert run("bill", *files, "--output", output) == 0
    assert output.read_text(encoding="utf-8").splitlines() == [
        "subscriber,period,item,quantity,cents",
        "A,2025-03,minimum spend top-up,,600",
        "A,2025-03,total,,600",
        "A,2025-04,calls,,18",
        "A,2025-04,minimum spend top-up,,582",
        "A,2025-04,total,,600",
        "B,2025-03,fee,,1500",
        "B,2025-03,calls,,18",
        "B,2025-03,info throttled MB,2.5,0",
        "B,2025-03,total,,1518",
        "B,2025-04,fee,,1500",
        "B,2025-04,total,,1500",
    ]


def test_bill_tells_of_numbers_that_no_prefix_fits(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "events.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("+34 600", "0600"), encoding="utf-8")
    assert run("bill", *files, "--output", tmp_path / "bills.csv") == 0
    assert "events: 1 calls and messages of no class: no prefix of the card fits" in capsys.readouterr().err


def test_bill_explains_an_event(run, files, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("bill", *files, "--explain", "e2") == 0
    out = capsys.readouterr()
    text = out.out + out.err
    assert "It began at 2025-03-03 10:00:00 local time to on_net, at home." in text
    assert "national calls covers 600 s, which leaves 0 s of it." in text
    assert "The first rate that fits it is plans.plana.rates[0]: calls cost 0.09 EUR a minute" in text
    assert "120 s are left over and priced." in text
    assert "calls: 18 cents." in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param(["--explain", "e9"], 3, "no such event", id="unknown-event"),
        pytest.param([], 2, "--output", id="nothing-asked"),
    ],
)
def test_bill_refuses(run, files, capsys, arguments, code, message) -> None:  # type: ignore[no-untyped-def]
    assert run("bill", *files, *arguments) == code
    out = capsys.readouterr()
    assert message in out.out + out.err


def test_bill_needs_one_full_set_of_files(run, files, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("bill", *files[:2], "--output", "x.csv") == 2
    out = capsys.readouterr()
    assert "--accounts and --events" in out.out + out.err


def test_bill_writes_cells_and_bills_them_as_the_events(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    cells, bills, again = (tmp_path / name for name in ("cells.parquet", "bills.csv", "again.csv"))
    assert run("bill", *files, "--output", bills, "--cells-output", cells) == 0
    assert run("bill", *files[:4], "--cells", cells, "--output", again) == 0
    assert again.read_bytes() == bills.read_bytes()
    assert "2 of 2 accounts x 2 periods billed by azul-1 from cells" in "".join(capsys.readouterr())
    assert run("bill", *files[:2], "--cells", cells, "--output", tmp_path / "every.csv") == 0
    assert (tmp_path / "every.csv").read_text(encoding="utf-8").splitlines() == [
        "subscriber_id,month,plan_id,total_cents,fee_cents,calls_cents,data_cents,minimum spend top-up_cents",
        "A,2025-04,cero,600,0,18,0,582",
        "A,2025-04,plana,1500,1500,0,0,0",
        "B,2025-03,cero,600,0,40,2,558",
        "B,2025-03,plana,1518,1500,18,0,0",
    ]
    assert "4 bills on 2 plans of azul-1 written" in "".join(capsys.readouterr())
    assert run("bill", *files, "--cells-output", tmp_path / "cells.csv") == 0
    assert run("bill", *files, "--cells", cells, "--output", again) == 2
    assert "not both" in capsys.readouterr().err


def test_bill_leaves_out_what_cells_do_not_price(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    card, cells, output = tmp_path / "card.yaml", tmp_path / "cells.csv", tmp_path / "bills.csv"
    card.write_text(CARD.replace("per_minute: 9}", "per_minute: 9, minimum: 12}"), encoding="utf-8")
    assert run("bill", *files, "--cells-output", cells) == 0
    assert run("bill", *files[:4], "--cells", cells, "--output", output) == 0
    assert {line[0] for line in output.read_text(encoding="utf-8").splitlines()[1:]} == {"A"}
    text = "".join(capsys.readouterr())
    assert "plan plana is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it." in text
    assert "plans.plana.rates[0].minimum: a least price depends on each call" in text
    card.write_text(CARD.replace("[[0, 0], [300, 3.63]]", "[[0, 0], [240, 3.63]]"), encoding="utf-8")
    assert run("bill", *files[:4], "--cells", cells, "--output", output) == 3
    assert (
        "so that no plan of it is priced from them (NEEDS_USAGE_DETAIL). Needed are cells by" in capsys.readouterr().err
    )


def test_bill_corrects_the_bills_that_are_out(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    billed, output, late = tmp_path / "billed.csv", tmp_path / "bills.csv", tmp_path / "late.csv"
    billed.write_text("".join(line for line in EVENTS.splitlines(True) if "e2" not in line), encoding="utf-8")
    asked = ("bill", *files, "--output", output, "--late-output", late)
    assert run(*asked) == 0
    assert late.read_text(encoding="utf-8") == "event,subscriber,period,reason\n"
    assert run(*asked, "--billed", billed) == 2
    assert "`billed_until` of the accounts and --billed come together" in capsys.readouterr().err
    (tmp_path / "accounts.yaml").write_text('billed_until: "2025-03"\n' + ACCOUNTS, encoding="utf-8")
    assert run(*asked) == 2
    capsys.readouterr()
    assert run(*asked, "--billed", billed) == 0
    out = capsys.readouterr()
    assert "2 accounts x 1 periods billed" in out.out + out.err
    assert "events: 1 late: of a period whose bill is out (LATE)" in out.out + out.err
    assert late.read_text(encoding="utf-8").splitlines()[1:] == ["e2,B,2025-03,LATE"]
    assert output.read_text(encoding="utf-8").splitlines()[-4:] == [
        "A,2025-04,total,,600",
        "B,2025-04,fee,,1500",
        "B,2025-04,correction of 2025-03: calls,,18",
        "B,2025-04,total,,1518",
    ]


def test_plans_explain_shows_a_plan_in_words(run, files, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("plans", "explain", "plana", *files[:2]) == 0
    out = capsys.readouterr()
    text = out.out + out.err
    assert "National calls: 10 minutes a period, for calls to on_net." in text
    assert "Data cost nothing, but are slowed." in text


def test_plans_diff_says_what_changes_for_whom(run, files, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("plans", "diff", "cero", "plana", *files) == 0
    out = capsys.readouterr()
    text = out.out + out.err
    assert "only plana: The fee is 15.00 EUR a calendar month." in text
    assert "more" in text
    assert "30.18 EUR" in text


def test_plans_diff_takes_cells(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    cells, card = tmp_path / "cells.csv", tmp_path / "card.yaml"
    assert run("bill", *files, "--cells-output", cells) == 0
    assert run("plans", "diff", "cero", "plana", *files[:2], "--cells", cells) == 0
    text = "".join(capsys.readouterr())
    assert "of 2 subscriber(s) would pay 0 less, 2 more, 0 the same." in text
    assert "30.18 EUR" in text
    assert run("plans", "diff", "cero", "plana", *files, "--cells", cells) == 2
    card.write_text(CARD.replace("per_minute: 9}", "per_minute: 9, minimum: 12}"), encoding="utf-8")
    assert run("plans", "diff", "cero", "plana", *files[:2], "--cells", cells) == 3
    assert "plan plana is left out (NEEDS_USAGE_DETAIL)" in capsys.readouterr().err


def test_megabytes_whose_point_may_separate_thousands_are_refused(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    events = tmp_path / "events.csv"
    events.write_text(EVENTS.replace("2.5", "7.500"), encoding="utf-8")
    asked = ("bill", *files, "--output", tmp_path / "bills.csv")
    assert run(*asked) == 3
    assert "column 'mb': every number with a point has three digits" in capsys.readouterr().err
    compared = ("plans", "diff", "cero", "plana", *files)
    assert run(*compared) == 3
    assert "Say with --decimal point that it is 7.5, or take it out." in capsys.readouterr().err
    assert run(*compared, "--decimal", "point") == 0
    assert run(*asked, "--decimal", "comma") == 2
    assert run(*asked, "--decimal", "point") == 0
    events.write_text(EVENTS, encoding="utf-8")
    assert run(*asked) == 0


def test_plans_explain_puts_the_configured_short_plans_into_words(run, project_folder, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("plans", "explain", "young-10", "--card", project_folder / "configs" / "plans.yaml") == 0
    out = capsys.readouterr()
    text = out.out + out.err
    assert "The fee is 10.90 EUR a calendar month." in text
    assert "It includes 100 minutes; each further minute begun costs 0.06 EUR." in text
    assert "It includes 10,240 MB of data; each further block of 1,024 MB begun costs 3.00 EUR." in text
    assert "It is for subscribers of at most 27 years." in text
    assert run("plans", "explain", "young-11", "--card", project_folder / "configs" / "plans.yaml") == 2


def test_plans_diff_of_short_plans_takes_usage_months(run, project_folder, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    usage, card = tmp_path / "usage.csv", project_folder / "configs" / "plans.yaml"
    usage.write_text(
        "subscriber_id,month,minutes,messages,megabytes\na,2025-01,50,0,500\na,2025-02,90,0,500\nb,2025-01,900,0,0\n",
        encoding="utf-8",
    )
    assert run("plans", "diff", "basic-6", "talk-800", "--card", card, "--usage", usage) == 0
    out = capsys.readouterr()
    text = out.out + out.err
    assert "only talk-800: It includes 800 minutes; each further minute begun costs 0.04 EUR." in text
    assert "of 2 subscriber(s) would pay 1 less, 1 more, 0 the same." in text
    assert "42.90 EUR" in text  # 12.90 + 600 x .05
    assert run("plans", "diff", "basic-6", "talk-800", "--card", card, "--events", usage) == 2


def test_plans_diff_of_full_plans_wants_events(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("plans", "diff", "cero", "plana", *files[:2], "--usage", tmp_path / "u.csv") == 2
    assert "--accounts and --events" in capsys.readouterr().err


def test_a_simulated_operator_is_billed_by_its_full_card(run, project_folder, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    sizes = ("--set", "simulator.subscribers=20", "--set", "simulator.months=2")
    traits = project_folder / "examples" / "cards" / "litora" / "traits.yaml"
    assert run("simulate", "--output", tmp_path / "plain", *sizes) == 0
    assert run("simulate", "--output", tmp_path / "full", *sizes, "--full-card", traits) == 0
    written = {path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain").rglob("*") if path.is_file()}
    for path in written:
        assert (tmp_path / "full" / path).read_bytes() == (tmp_path / "plain" / path).read_bytes()
    folder = tmp_path / "full" / "full_card"
    files = ("--card", folder / "card.yaml", "--accounts", folder / "accounts.yaml", "--events", folder / "events.csv")
    assert run("bill", *files, "--output", tmp_path / "bills.csv") == 0
    assert "20 accounts x 2 periods billed by litora-2025-01" in "".join(capsys.readouterr())
    assert run("simulate", "--output", tmp_path, *sizes, "--full-card", tmp_path / "none.yaml") == 2


def test_plans_rank_writes_expected_bills_with_ranges_and_advice(run, files, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    output = tmp_path / "rank.csv"
    assert run("plans", "rank", *files, "--output", output) == 0
    lines = output.read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        "subscriber,rank,plan,expected_bill_cents,low_cents,high_cents,saving_cents,is_current,advice,excluded"
    )
    assert [line.split(",")[:3] for line in lines[1:]] == [
        [who, k, p] for who in "AB" for k, p in (("1", "cero"), ("2", "plana"))
    ]
    assert lines[1].endswith(",0,true,stay,")
    assert "2 subscribers, 1 advised to switch, by azul-1 and rules built-in" in "".join(capsys.readouterr())
    (tmp_path / "accounts.yaml").write_text(
        ACCOUNTS.replace("cero}", "cero, from: 2025-04-15}").replace("plana}", "plana, from: 2025-04-15}")
    )
    assert run("plans", "rank", *files, "--output", output) == 3
    assert "nobody has a whole period" in capsys.readouterr().err


def test_plans_rank_tells_whose_rules_it_follows(run, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("plans", "rank", "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "Rule file, YAML; default: the built-in rules." in words


@pytest.mark.parametrize("command", [("bill",), ("plans", "rank")])
@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("accounts.yaml", "plan: cero", "plan: none", r"line 2, subscribers\.A\.plan: plan 'none' is not in the card"),
        ("events.csv", "34600000000", "34600000000.0", r"line 2, column 'number': .*written as a decimal"),
        ("events.csv", "+34 600", "0034600", r"line 3, column 'number': .*begins with 00"),
        ("events.csv", "event,", "PAR1", r"a Parquet file. Events are billed from CSV"),
        ("card.yaml", "0.8}", "0,8}", r"line 9, .*unknown key '8'; was a decimal comma written"),
    ],
)
def test_each_door_says_where_a_file_is_wrong(  # type: ignore[no-untyped-def]
    run, files, tmp_path, capsys, command: tuple[str, ...], name: str, old: str, new: str, message: str
) -> None:
    path = tmp_path / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert run(*command, *files, "--output", tmp_path / "out.csv") == (3 if name == "events.csv" else 2)
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(message, said), said
