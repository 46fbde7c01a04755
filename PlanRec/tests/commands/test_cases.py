"""Files that users brought and that were once misread: `tests/cases` holds each with a README."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

CASES = Path(__file__).resolve().parents[1] / "cases"
Run = Callable[..., int]


@pytest.mark.parametrize(
    ("card", "said"),
    [
        pytest.param("octal", "line 7, plans.0.monthly_fee_cents: write a whole number", id="octal"),
        pytest.param("sexagesimal", "line 7, plans.0.monthly_fee_cents: write a whole number", id="sexagesimal"),
        pytest.param("hex", "line 7, plans.0.monthly_fee_cents: write a whole number", id="hex"),
        pytest.param("twice", "line 8: key 'monthly_fee_cents' is given twice, first on line 7", id="fee-twice"),
        pytest.param("plans_twice", "line 4: key 'rounding' is given twice, first on line 3", id="sections-twice"),
    ],
)
def test_a_rate_card_that_yaml_1_1_would_change_is_refused(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], card: str, said: str
) -> None:
    case, output = CASES / "ratecard-yaml11", tmp_path / "b.csv"
    assert run("bill", "--usage", case / "m.csv", "--plans", case / f"{card}.yaml", "--output", output) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


def events_of(folder: Path, *settings: str) -> list[object]:
    given = [f"data.folder={folder}", "data.table.kind=events", *settings]
    return ["data", "--data-source", "table", *(word for one in given for word in ("--set", one))]


@pytest.mark.parametrize(
    ("folder", "columns"),
    [
        pytest.param("asterisk", "{calls.src: subscriber_id, calls.calldate: date, calls.billsec: %s}", id="asterisk"),
        pytest.param(
            "twilio",
            "{calls.From: subscriber_id, calls.StartTime: date, calls.Duration: %s, calls.Sid: id}",
            id="twilio",
        ),
    ],
)
def test_calls_with_a_time_of_day_and_seconds_are_read(
    run: Run, capsys: pytest.CaptureFixture[str], folder: str, columns: str
) -> None:
    mapping = columns % "{is: minutes, unit: seconds}"
    command = events_of(CASES / "cdr-datetime-csv" / folder, f"data.table.columns={mapping}")
    if folder == "twilio":
        assert run(*command) == 3
        assert "setting data.table.timezone" in capsys.readouterr().err
        command += ["--set", "data.table.timezone=Europe/Madrid"]
    assert run(*command) == 0
    assert "minutes: converted from seconds" in capsys.readouterr().err


def test_nanoseconds_are_read(run: Run) -> None:
    assert run(*events_of(CASES / "cdr-ns-timestamp")) == 0


def test_a_call_of_2099_invents_no_months(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*events_of(CASES / "cdr-rogue-clock")) == 0
    said = capsys.readouterr()
    assert "set aside: after 2025-10, the last month that counts (1)" in said.err
    assert "2099" not in said.out


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        pytest.param("floatids", "an id with decimals (.0): export ids as text (2)", id="float-ids"),
        pytest.param("plus", "but for a leading + or 0", id="plus-and-00"),
    ],
)
def test_ids_that_never_meet_are_named_with_the_cause(
    run: Run, capsys: pytest.CaptureFixture[str], folder: str, said: str
) -> None:
    assert run(*events_of(CASES / "events-circular-error" / folder)) == 3
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert "planrec data" not in error


def recommend(usage: Path, output: Path, *further: object) -> list[object]:
    return [
        "recommend",
        "--usage",
        usage,
        "--plans",
        "configs/plans.yaml",
        "--as-of",
        "2025-10",
        "--output",
        output,
        *further,
    ]


def test_ids_of_a_spreadsheet_are_refused(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case, output, rejects = CASES / "excel-msisdn", tmp_path / "o.csv", tmp_path / "r.csv"
    assert run(*recommend(case / "excel_ids.csv", output, "--rejects", rejects)) == 3
    assert "an id in scientific notation" in capsys.readouterr().err
    assert not output.exists()
    rejected = pd.read_csv(rejects)
    assert rejected.columns.tolist() == ["table", "row", "column", "reason"]
    assert set(rejected["column"]) == {"subscriber_id"}
    assert run(*events_of(case / "events")) == 3
    assert "an id in scientific notation" in capsys.readouterr().err


@pytest.mark.parametrize("odd", ["neg", "age"])
def test_one_odd_fact_takes_no_month_away(run: Run, tmp_path: Path, odd: str) -> None:
    case = CASES / "optional-fact-kills-month"
    for name in ("good", odd):
        assert run(*recommend(case / f"{name}.csv", tmp_path / f"{name}.csv", "--top", 2, "--explain")) == 0
    assert (tmp_path / f"{odd}.csv").read_text() == (tmp_path / "good.csv").read_text()


def test_a_folder_of_parts_is_answered(run: Run, tmp_path: Path) -> None:
    assert run(*recommend(CASES / "spark-folder" / "spark.parquet", tmp_path / "o.csv")) == 0
    assert sorted(set(pd.read_csv(tmp_path / "o.csv")["subscriber_id"])) == ["a", "b"]


def test_a_column_nobody_needs_stops_no_unsorted_file(run: Run, tmp_path: Path) -> None:
    for name in ("sorted", "unsorted"):
        usage = CASES / "unsorted-extra-column" / f"{name}.parquet"
        assert run(*recommend(usage, tmp_path / f"{name}.csv")) == 0
    assert (tmp_path / "unsorted.csv").read_text() == (tmp_path / "sorted.csv").read_text()


def notices(usage: Path, output: Path) -> list[object]:
    plans = ["--plans", "configs/plans.yaml", "--as-of", "2025-12-01"]
    return ["notices", "--usage", usage, *plans, "--output", output]


def test_notices_account_for_every_subscriber(run: Run, tmp_path: Path) -> None:
    assert run(*notices(CASES / "notices-lose-subscribers" / "u.csv", tmp_path / "n.jsonl")) == 0
    header = json.loads((tmp_path / "n.jsonl").read_text().splitlines()[0])["header"]
    assert header["format"] == 2
    assert header["subscribers"] == 5
    assert sum(header["notices"].values()) + sum(header["no_notice"].values()) == 5
    assert header["no_notice"]["no-recent-month"] == 0
    assert header["rows"]["read"] == header["rows"]["kept"]
    assert set(header["rows"]["repaired"]) == {
        "age: not between 0 and 130, taken as unknown",
        "contract_months_left: below 0, taken as 0: the contract ran out",
        "contract_months_left: not a number, taken as unknown",
    }
    assert run("notices", "--plans", "configs/plans.yaml", "--verify", tmp_path / "n.jsonl") == 0


def test_no_notice_is_about_a_plan_left(run: Run, tmp_path: Path) -> None:
    for name in ("wrong_plan", "wrong_plan_control"):
        assert run(*notices(CASES / "notices-lose-subscribers" / f"{name}.csv", tmp_path / f"{name}.jsonl")) == 0
        assert len((tmp_path / f"{name}.jsonl").read_text().splitlines()) == 1
