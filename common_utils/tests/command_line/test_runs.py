"""`runs list|show|compare`: tables that fit 80 characters, and the same as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.tracking.cases import NAME, a_run
from typer.testing import CliRunner

from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.command_line.tracking.runs import runs_app
from common_utils.errors import ConfigError
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.run import BundleOf, FoldFigures, RunFigure
from common_utils.tracking.store import RunStore

LATER = "20261130T000000000000Z-00000002"
DAMAGED = "20261130T000000000000Z-00000003"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(tmp_path / "runs")
    store.write(
        a_run(bundle=BundleOf(version="20261129T101600Z-0123456789ab", manifest_sha256="0" * 64, root="artifacts"))
    )
    folds = FoldFigures(of="f1", test_over_train=0.25, figures={"auc": (0.8, 0.9, 1.0)})
    figures = {"auc": RunFigure(value=0.9, low=0.8, high=1), "rows": RunFigure(value=901)}
    changes = {"kind": "study", "settings": {"training.seed": "7"}, "folds": folds, "figures": figures}
    store.write(a_run(LATER, **changes))
    return store


def _run(store: RunStore, *words: str) -> str:
    app = runs_app(lambda *_: (TrackingConfig(), "demo", store.folder.parent, store.folder.parent, INTEGRITY_ONLY))
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "--json" in words or all(len(line) <= 80 for line in done.stdout.splitlines())
    return done.stdout


def test_the_list_shows_every_run_with_figure_cost_and_bundle(store: RunStore) -> None:
    (store.folder / DAMAGED).mkdir()
    (store.folder / DAMAGED / "run.json").write_text("{", encoding="utf-8")
    said = _run(store, "list")
    for words in (NAME, LATER, DAMAGED, "damaged", "study", "[0.7, 0.9]", "1.5", "aaaaaaaa", "0123456789ab"):
        assert words in said
    assert "study" not in _run(store, "list", "--kind", "training")
    rows = json.loads(_run(store, "list", "--json"))
    assert [row["run"] for row in rows] == [NAME, LATER, DAMAGED]
    assert rows[0]["figure"] == {"value": 0.8, "low": 0.7, "high": 0.9}
    assert rows[2]["state"] == "damaged"


def test_the_outbox_and_an_empty_folder_are_said(store: RunStore, tmp_path: Path, capfd) -> None:  # type: ignore[no-untyped-def]
    store.post(NAME)
    _run(store, "list")
    assert _run(RunStore(tmp_path / "none" / "runs"), "list") == ""


def test_one_run_is_shown_whole(store: RunStore) -> None:
    said = _run(store, "show", "latest")
    for words in (LATER, "auc", "0.9 [0.8, 1]", "training.seed", "7", "90.0 s", "numpy 2.0", "lowest"):
        assert words in said
    assert json.loads(_run(store, "show", NAME, "--json"))["settings"] == {"training.seed": "42"}
    with pytest.raises(ConfigError, match="there is no such run"):
        _run(store, "show", "1999")


def test_two_runs_are_compared_settings_first_then_paired_figures(store: RunStore) -> None:
    said = _run(store, "compare", NAME, "latest")
    order = [
        "Settings that differ",
        "training.seed",
        "Data and code that differ",
        "Paired on 3 folds",
        "+0.1",
        "Each with",
    ]
    places = [said.index(words) for words in order]
    assert places == sorted(places)
    assert "901" not in said
    assert "901" in _run(store, "compare", NAME, "latest", "--all")
    found = json.loads(_run(store, "compare", NAME, "latest", "--json"))
    assert found["paired"][0]["seen"] == "higher"
    same = _run(store, "compare", NAME, NAME)
    assert "Settings that differ: none" in same


def test_runs_without_matching_folds_are_not_paired(store: RunStore) -> None:
    store.write(a_run(LATER, folds=None))
    assert "Not paired: one of them has no figures by fold" in _run(store, "compare", NAME, LATER)
