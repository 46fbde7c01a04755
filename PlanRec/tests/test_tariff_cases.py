"""The tariff cases: price lists in a neutral notation, billed to the cent by the function behind `planrec bill`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tariff_cases import differing_lines, main

CASES = Path(__file__).parent / "tariffs"


@pytest.mark.parametrize("case", sorted(p.name for p in CASES.iterdir() if p.is_dir()))
def test_tariff_case_is_billed_as_worked_out_by_hand(case: str) -> None:
    assert differing_lines(CASES / case) == []


def test_walk_counts_differences_and_leaves_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "h01"
    shutil.copytree(CASES / "h01-zero-cent-tariff", folder)
    expected = folder / "expected.csv"
    expected.write_text(expected.read_text().replace("A,2025-03,calls,,182", "A,2025-03,calls,,181"))
    assert main([str(tmp_path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert out == ["h01: expected A,2025-03,calls,,181", "h01: billed   A,2025-03,calls,,182", "differ: 2"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("setup: 18.15", "set_up: 18.15", "set_up", id="rate"),
        pytest.param("fee: 0", "fee: 0\n    fees: 1", "fees", id="plan"),
        pytest.param("currency: EUR", "currency: EUR\nmystery: 1", "mystery", id="case"),
        pytest.param("A: {plan: cero}", "A: {plan: cero, colour: blue}", "colour", id="subscriber"),
        pytest.param("setup: 18.15", "increment: 60/1", "increment", id="a-key-of-the-card-only"),
    ],
)
def test_a_key_that_cannot_be_carried_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, named: str
) -> None:
    folder = tmp_path / "h01"
    shutil.copytree(CASES / "h01-zero-cent-tariff", folder)
    case = folder / "case.yaml"
    case.write_text(case.read_text().replace(old, new))
    assert main([str(folder)]) == 1
    out = capsys.readouterr().out
    assert "refused" in out
    assert named in out


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("fee: 0", "fee: 0\n    bonus: {percent: 5, pays: calls}", "bonus", id="plan"),
        pytest.param("A: {plan: cero}", "A: {plan: cero, bought: []}", "bought", id="subscriber"),
        pytest.param("currency: EUR", "currency: EUR\nholidays: [2025-03-19]", "holidays", id="case"),
        pytest.param("setup: 18.15", "setup: 18.15, day_minimum: 5", "day_minimum", id="rate"),
    ],
)
def test_keys_of_the_card_alone_are_no_part_of_the_notation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, named: str
) -> None:
    folder = tmp_path / "h01"
    shutil.copytree(CASES / "h01-zero-cent-tariff", folder)
    case = folder / "case.yaml"
    case.write_text(case.read_text().replace(old, new))
    assert main([str(folder)]) == 1
    assert f"unknown key '{named}'" in capsys.readouterr().out
