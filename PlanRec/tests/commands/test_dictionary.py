"""`planrec columns` and docs/data_dictionary.md say of every file what is really in it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common_utils.bundle import Bundle
from planrec.billing import Catalogue
from planrec.commands.run.columns import TITLE, dictionary
from planrec.config import PlanRecConfig
from planrec.simulator.operator import simulate

SWELL = """plan_id: swell
name: Swell
monthly_fee_cents: 1500
included: {minutes: 800, messages: 100, megabytes: 20480}
overage: {cents_per_minute: 2, cents_per_message: 2, cents_per_data_unit: 800}
"""


def _columns(file: str) -> list[str]:
    found = [entry.column for entry in dictionary() if entry.file.startswith(file)]
    assert found, file
    return found


def test_the_document_is_what_the_command_prints(run, project_folder: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("columns", "--format", "markdown") == 0
    printed = capsys.readouterr().out
    assert printed == (project_folder / "docs" / "data_dictionary.md").read_text(encoding="utf-8"), (
        "stale: planrec columns --format markdown > docs/data_dictionary.md"
    )
    assert printed.startswith(f"# {TITLE}\n")


def test_the_table_fits_80_characters(run, capsys, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run("columns") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert run("columns", "--wide", "--file", "bills") == 0
    assert "fee_cents" in capsys.readouterr().out


def test_csv_and_json_hold_every_column(run, capsys) -> None:  # type: ignore[no-untyped-def]
    entries = dictionary()
    assert run("columns", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["file"], row["column"]) for row in rows] == [(entry.file, entry.column) for entry in entries]
    assert all(row["type"] and row["meaning"] and row["may_be_empty"] for row in rows)
    assert run("columns", "--format", "json", "--file", "events") == 0
    assert {row["column"] for row in json.loads(capsys.readouterr().out)} >= {"reg_date", "seconds"}
    assert run("columns", "--file", "nonsense") == 2
    assert "--file" in capsys.readouterr().err


@pytest.fixture
def asked(run, usage: Path, tmp_path: Path) -> Callable[..., list[str]]:  # type: ignore[no-untyped-def]
    usage.write_text(
        "subscriber_id,month,minutes,messages,megabytes,current_plan,contract_months_left\n"
        + "".join(f"{who},2025-10,250,10,3000,unlimited,0\n" for who in "abc"),
        encoding="utf-8",
    )

    def call(*words: object, output: str = "out.csv") -> list[str]:
        assert run(words[0], "--usage", usage, "--output", tmp_path / output, *words[1:]) == 0
        return pd.read_csv(tmp_path / output).columns.tolist()

    return call


def test_what_is_written_without_a_bundle_stands_in_the_dictionary(asked, plans, tmp_path) -> None:  # type: ignore[no-untyped-def]
    month = ("--as-of", "2025-10")
    rejects, excluded = tmp_path / "rejects.csv", tmp_path / "excluded.csv"
    assert asked("bill", "--plans", plans, "--rejects", rejects) == _columns("bills")
    assert pd.read_csv(rejects).columns.tolist() == _columns("rejected rows")
    assert asked("recommend", "--plans", plans, *month, "--explain", "--excluded-output", excluded) == _columns(
        "advice"
    )
    assert pd.read_csv(excluded).columns.tolist() == _columns("plans not offered")
    assert asked("what-if", "--plans", plans, *month, "--travel") == _columns("what-if")


def test_what_is_written_with_a_bundle_stands_in_the_dictionary(asked, bundle: Bundle, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    plan = tmp_path / "swell.yaml"
    plan.write_text(SWELL, encoding="utf-8")
    words = ("--bundle", bundle.path, "--as-of", "2025-10")
    assert asked("recommend", "--mode", "offer", *words, "--explain") == _columns("offers")
    predicted = asked("predict", *words)
    assert predicted[:4] == _columns("predictions")[:4]
    assert all(name.startswith("p_") for name in predicted[4:])
    assert asked("draft", *words, "--plan", plan) == _columns("demand of a draft")


def test_notices_and_the_simulated_tables_stand_in_the_dictionary(  # type: ignore[no-untyped-def]
    run, usage: Path, plans: str, tmp_path: Path, settings: PlanRecConfig, catalogue: Catalogue
) -> None:
    usage.write_text(
        "subscriber_id,month,minutes,messages,megabytes,current_plan,contract_months_left\n"
        "a,2025-10,250,10,3000,surf,1\n",
        encoding="utf-8",
    )
    output = tmp_path / "notices.jsonl"
    assert run("notices", "--usage", usage, "--plans", plans, "--as-of", "2025-11-05", "--output", output) == 0
    notice = json.loads(output.read_text(encoding="utf-8").splitlines()[1])
    assert sorted(notice) == sorted(_columns("notices"))
    simulation = simulate(settings.simulator, catalogue, np.random.default_rng(1))
    assert simulation.subscribers.columns.tolist() == _columns("simulated subscribers")
    assert simulation.offers.columns.tolist() == _columns("simulated offers")
    assert set(simulation.months.columns) <= set(_columns("usage months"))
