"""What retraining is worth: figures that can be checked by hand, and a page that says what was measured."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common_utils.monitoring.profiles.profile_json import bundle_profile


@pytest.fixture
def worth(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(project_folder / "scripts")
    return import_module("lifecycle_worth")


def _lived(worth: Any, regret: float, *trained: str, looked_seconds: float = 0.0) -> dict[str, Any]:
    figures = dict.fromkeys(worth.MEASURES, regret)
    return vars(worth.Lived(list(trained), [], {}, looked_seconds, figures))


def _operators(worth: Any) -> list[dict[str, Any]]:
    one = {
        "stay": _lived(worth, 9.0),
        "never": _lived(worth, 5.0),
        "monthly": _lived(worth, 4.0, "2026-01", "2026-02"),
        "monitor": _lived(worth, 6.0, "2026-05", looked_seconds=1800.0),
        "best": _lived(worth, 0.0),
    }
    two = {**one, "never": _lived(worth, 3.0), "monthly": _lived(worth, 2.0, "2026-01"), "monitor": _lived(worth, 2.0)}
    return [{"training_seconds": 1200.0, "lives": lives} for lives in (one, two)]


def test_a_policy_is_compared_with_never_retraining_operator_by_operator(worth: Any) -> None:
    found = worth.summary(_operators(worth))
    assert found["monthly"]["regret_cents"]["of"]["mean"] == 3.0
    assert found["monthly"]["regret_cents"]["less_never"] == {"mean": -1.0, "low": -1.0, "high": -1.0}
    monitor = found["monitor"]["regret_cents"]["less_never"]
    assert monitor["mean"] == 0.0
    assert monitor["high"] == pytest.approx(12.706, abs=1e-3)  # t of one degree of freedom x sd sqrt(2) / sqrt(2)


def test_cpu_hours_are_trainings_as_shipped_and_monitoring(worth: Any) -> None:
    found = worth.summary(_operators(worth))
    assert [found[policy]["cpu_hours"] for policy in worth.POLICIES] == [0.0, 1.0, pytest.approx(1 / 3 + 1 / 2)]
    assert [found[policy]["trained"] for policy in worth.POLICIES] == [0, 3, 1]


def test_the_table_names_every_policy_and_says_which_differences_are_told(worth: Any) -> None:
    text = worth.table(worth.summary(_operators(worth)))
    assert "| figure | no advice | never | each month | by the monitor | perfect foresight |" in text
    assert "- by the monitor: interval without 0 in nothing. No difference can be told in regret, cents a month" in text
    assert "- each month: interval without 0 in regret, cents a month: -1.00; " in text


def test_what_is_not_offered_saves_nothing(worth: Any) -> None:
    saving, accept = np.array([300.0, -100.0, 0.0]), np.array([0.5, 0.1, np.nan])
    assert worth.accepted_saving(saving, accept).tolist() == [150.0, -10.0, 0.0]


def test_harm_and_accepted_saving_are_also_among_those_moved(worth: Any) -> None:
    money = {
        "regret_cents": np.array([0.0, 40.0, 20.0, 60.0]),
        "share_moved": np.array([1.0, 1.0, 0.0, 0.0]),
        "share_worse_off": np.array([0.0, 1.0, 0.0, 0.0]),
    }
    spans = {name: np.array([True, True, False, False]) for name in worth.SPANS}
    found = worth.figures_of(money, np.array([100.0, -20.0, 0.0, 0.0]), spans)
    assert found["regret_cents"] == 30.0
    assert found["regret_cents between growth and launch"] == 20.0
    assert found["accepted_saving_cents"] == 20.0
    assert found["accepted_of_moved_cents"] == 40.0
    assert (found["moved_percent"], found["harmed_percent"]) == (50.0, 50.0)


def test_where_one_operator_moves_nobody_there_is_no_figure_of_those_moved(worth: Any) -> None:
    assert worth.interval([1.0, None]) is None


def test_quick_figures_are_not_kept(worth: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        worth.main(["--quick", "--write"])
    assert left.value.code == 2
    assert "leave out --quick or --write" in capsys.readouterr().err


def test_an_operator_that_is_done_is_not_lived_again(
    worth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def lived(seed: int, _subscribers: int, _folder: Path) -> dict[str, Any]:
        asked.append(seed)
        return _operators(worth)[0]

    monkeypatch.setattr(worth, "lived_by", lived)
    monkeypatch.setattr(worth, "git_commit", lambda _: "one")
    first = worth.kept_or_lived(tmp_path, 301, 2_000)
    assert worth.kept_or_lived(tmp_path, 301, 2_000) == first
    monkeypatch.setattr(worth, "git_commit", lambda _: "two")
    worth.kept_or_lived(tmp_path, 301, 2_000)
    assert asked == [301, 301]  # once, and once more for other code


def test_the_page_holds_what_was_measured(worth: Any) -> None:
    kept = json.loads(worth.FIGURES.read_text(encoding="utf-8"))
    page = worth.PAGE.read_text(encoding="utf-8")
    text = page.partition(f"<!-- {worth.MARK}:start -->")[2].partition(f"<!-- {worth.MARK}:end -->")[0]
    assert text.strip() == worth.table(kept["policies"])
    assert kept["seeds"] == list(worth.SEEDS)


def test_a_month_after_the_launch_is_trained_and_looked_at_with_the_plan(worth: Any, tmp_path: Path) -> None:
    world = worth.World(tmp_path, 301, 600)
    before, launched = ("flagship" in world.card(month).plan_ids for month in ("2026-07", "2026-08"))
    assert (before, launched) == (False, True)
    bundle = world.trained("2026-09")
    assert b"flagship" in bundle.read_bytes("plans.yaml")
    assert bundle_profile(bundle).months == ("2026-04",)  # the first training that learns a month after the growth
    bounds = world.bounds()
    floor, best = bounds["stay"].figures, bounds["best"].figures
    assert floor["moved_percent"] == 0
    assert floor["accepted_saving_cents"] == 0
    assert best["regret_cents"] == 0 < floor["regret_cents"]
    assert best["harmed_percent"] == 0
