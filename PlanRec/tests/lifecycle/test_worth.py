"""What retraining is worth: figures that can be checked by hand, and a table of at most 80 columns."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common_utils.reporting.cards import replace_block


@pytest.fixture
def worth(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(project_folder / "scripts")
    return import_module("lifecycle_worth")


def _lived(worth: Any, regret: list[float], *trained: str, seconds: float = 0.0) -> Any:
    values = {name: np.array(regret) for name in worth.MEASURES}
    return worth.Lived(list(trained), [], seconds, values)


def _figures(worth: Any) -> dict[str, Any]:
    never = [_lived(worth, [4.0, 6.0]), _lived(worth, [2.0, 2.0])]
    monthly = [
        _lived(worth, [3.0, 5.0], "2026-01", "2026-02", seconds=1800.0),
        _lived(worth, [1.0, 1.0], "2026-01", seconds=1800.0),
    ]
    subscribers = np.array(["1 a", "1 b", "2 a", "2 b"], dtype=object)
    return worth.summary({"never": never, "monthly": monthly}, subscribers, seed=1)


def test_a_policy_is_compared_with_never_retraining_row_by_row(worth: Any) -> None:
    figures = _figures(worth)
    regret = figures["monthly"]["regret_cents"]
    assert regret["mean"]["estimate"] == 2.5
    assert [regret["less_never"][name] for name in ("estimate", "low", "high")] == [-1.0, -1.0, -1.0]
    assert regret["less_never_by_operator"] == [-1.0, -1.0]
    assert figures["never"]["regret_cents"]["less_never_by_operator"] == [0.0, 0.0]
    assert figures["monthly"]["cpu_hours"] == 1.0
    assert figures["monthly"]["trainings"] == [["2026-01", "2026-02"], ["2026-01"]]


def test_the_table_is_narrow_and_names_every_policy(worth: Any) -> None:
    lines = worth.table(_figures(worth)).splitlines()
    assert max(map(len, lines)) <= 80
    assert "monthly        3       0     1.000" in lines
    assert "  monthly                          2.5000  -1.0000 [-1.0000, -1.0000]" in lines


def test_what_is_not_offered_saves_nothing(worth: Any) -> None:
    saving, accept = np.array([300.0, -100.0, 0.0]), np.array([0.5, 0.1, np.nan])
    assert worth.accepted_saving(saving, accept).tolist() == [150.0, -10.0, 0.0]


def test_figures_of_the_smaller_form_are_not_kept(worth: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        worth.main(["--quick", "--write"])
    assert left.value.code == 2
    assert "figures of the smaller form are not kept" in capsys.readouterr().err


def test_the_page_says_what_was_kept(worth: Any) -> None:
    kept = json.loads(worth.FIGURES.read_text("utf-8"))
    page = worth.PAGE.read_text("utf-8")
    assert page == replace_block(page, worth.BLOCK, worth.page_table(kept))
    assert (tuple(kept["seeds"]), kept["quick"]) == (worth.SEEDS, False)
