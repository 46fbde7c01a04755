"""Two commits asked or measured alike: a planted difference is found, and what has to differ is not taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from paired_times import compared as compared_times
from same_answers import compared, tell


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    for side in ("before", "after"):
        folder = tmp_path / side
        folder.mkdir()
        (folder / "bills.csv").write_text("subscriber_id,cents\na,100\nb,200\n", encoding="utf-8")
        answers = {"a /recommend ": [200, {"advice": [{"cents": 100}], "model_version": side}]}
        (folder / "service.json").write_text(json.dumps(answers), encoding="utf-8")
        (folder / "log.txt").write_text(f"{side}: no answer", encoding="utf-8")
    return tmp_path / "before", tmp_path / "after"


def test_answers_of_another_bundle_are_the_same(sides: tuple[Path, Path]) -> None:
    found = compared(*sides)
    assert {name: kept["same"] for name, kept in found.items()} == {"bills.csv": True, "service.json": True}
    assert found["bills.csv"]["answers"] == 3


@pytest.mark.parametrize(
    ("name", "old", "new", "differs"),
    [
        pytest.param("bills.csv", "200", "201", {"column cents": 1}, id="a-cent"),
        pytest.param("bills.csv", "b,200\n", "", {"rows: 2 before, 1 after": 1}, id="a-row"),
        pytest.param("service.json", "100", "101", {"./recommend .advice.cents": 1}, id="a-key"),
        pytest.param("service.json", "[200", "[500", {"./recommend ": 1}, id="a-status"),
        pytest.param("service.json", '"cents"', '"cent"', None, id="another-key"),
    ],
)
def test_a_planted_difference_is_found_and_told(
    sides: tuple[Path, Path], capsys: pytest.CaptureFixture[str], name: str, old: str, new: str, differs: object
) -> None:
    path = sides[1] / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    found = compared(*sides)
    assert not found[name]["same"]
    if differs is not None:
        assert found[name]["differs"] == differs
    tell("a..b", "plans.yaml", found, write=False)
    assert (
        f"a..b plans.yaml {name}: {found[name]['answers']} answers, {found[name]['differs']}" in capsys.readouterr().out
    )


def test_a_file_that_is_missing_is_found(sides: tuple[Path, Path]) -> None:
    (sides[1] / "bills.csv").unlink()
    assert "differs" in compared(*sides)["bills.csv"]


def test_what_a_later_change_was_asked_to_add_is_told_apart(sides: tuple[Path, Path]) -> None:
    path = sides[1] / "service.json"
    text = path.read_text(encoding="utf-8").replace('"advice"', '"event_id": "e", "advice"')
    path.write_text(text, encoding="utf-8")
    kept = compared(*sides)["service.json"]
    assert kept["meant"] == {"./recommend .event_id only after": 1}
    assert "differs" not in kept


def test_times_are_compared_round_by_round() -> None:
    rounds = [({"a": 2.0}, {"a": 2.2}), ({"a": 4.0}, {"a": 4.0}), ({"a": 1.0}, {"a": 1.5})]
    found = compared_times(rounds)["a"]
    assert (found["ratio"], found["ratio_quartiles"], found["ratio_of_least"]) == (1.1, [1.05, 1.3], 1.5)
