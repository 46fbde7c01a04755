from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common_utils.bundle import Bundle
from common_utils.errors import LeakageError
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.cards import readme_with_results
from common_utils.table_project.training import prepare_table, train_table
from telecom.caveat import CAVEAT
from telecom.columns import IS_ULTRA
from telecom.config import SPEC, TelecomConfig
from telecom.data import sample_months
from telecom.training import LINEAR, LINEAR_WITH_BILLS, REFERENCE, TASK, WITH_BILLS


def test_a_bundle_of_the_sample_says_that_it_is_synthetic_and_what_its_figures_are_not(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    assert metrics["synthetic"] is True
    card = bundle.read_bytes("model_card.md").decode()
    assert "synthetic rows of the sample generator" in card
    assert CAVEAT in card


def test_a_bundle_holds_every_table_that_is_promised(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    others = {LINEAR, LINEAR_WITH_BILLS, REFERENCE, WITH_BILLS}
    assert set(metrics["candidates"]) == set(metrics["paired"]) == others
    assert set(metrics["spread"]) == {"shipped", *others}
    assert {goal.figure for goal in TASK.goals} <= set(metrics["cross_validation"]) & set(metrics["holdout"])
    assert {goal.figure for goal in TASK.goals} <= set(metrics["spread"][REFERENCE])
    assert [row["plan"] for row in metrics["agreement"]] == ["Smart", "Ultra", "both"]
    assert metrics["rows"]["train"] + metrics["rows"]["holdout"] == 800
    assert all(rows for rows in TASK.tables(metrics).values())
    assert {"reliability.png", "bands.png", "profile.json"} <= set(bundle.files)


def test_the_readme_s_results_carry_the_caveat(bundle: Bundle) -> None:
    readme = "<!-- results:start -->\n<!-- results:end -->\n"
    assert CAVEAT in readme_with_results(TASK, readme, bundle.read_json("metrics.json"))


def test_goals_do_not_depend_on_which_threshold_ships(
    bundle: Bundle, project_folder: Path, small: tuple[str, ...], tmp_path: Path
) -> None:
    config = SPEC.load(project_folder, overrides=(*small, "model.threshold=f1"), environ={})
    other = train_table(TASK, config, project_folder, artifacts=tmp_path, step=lambda _: None, environ={})
    ours, theirs = (one.read_json("metrics.json")["cross_validation"] for one in (bundle, other))
    assert [ours[goal.figure] for goal in TASK.goals] == [theirs[goal.figure] for goal in TASK.goals]
    assert ours["accuracy"] == ours["accuracy_likelier_plan"]
    assert theirs["f1"] == theirs["f1_threshold_inside"]


def test_same_settings_same_model(
    bundle: Bundle, settings: TelecomConfig, project_folder: Path, tmp_path: Path
) -> None:
    again = train_table(TASK, settings, project_folder, artifacts=tmp_path, step=lambda _: None, environ={})
    rows = sample_months(100, np.random.default_rng(9))
    first, second = (open_model(one).predict_proba(rows) for one in (bundle, again))
    np.testing.assert_array_equal(first, second)
    assert bundle.read_json("metrics.json") == again.read_json("metrics.json")


def test_the_holdout_is_in_no_fold(settings: TelecomConfig, project_folder: Path) -> None:
    prepared = prepare_table(TASK, settings, project_folder, lambda _: None, environ={})
    assert not set(prepared.train_index) & set(prepared.holdout_index)
    for folds in prepared.rounds:
        tested = np.concatenate([test for _, test in folds])
        assert sorted(tested.tolist()) == list(range(len(prepared.train)))


def test_a_column_that_reveals_the_target_stops_the_run(
    settings: TelecomConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(n_rows: int, rng: np.random.Generator):  # type: ignore[no-untyped-def]
        rows = sample_months(n_rows, rng)
        return rows.assign(calls=rows[IS_ULTRA] * 1000.0 + np.floor(100 * rng.random(n_rows)))

    monkeypatch.setattr("telecom.training.sample_months", leaking)
    with pytest.raises(LeakageError, match="calls"):
        prepare_table(TASK, settings, project_folder, lambda _: None, environ={})


@pytest.mark.realdata
def test_the_public_table_is_split_and_passes_the_leak_audit(project_folder: Path, real_table: Path) -> None:
    config = SPEC.load(project_folder, overrides=[f"data.file={real_table}"], environ={})
    prepared = prepare_table(TASK, config, project_folder, lambda _: None)
    assert len(prepared.train) + len(prepared.holdout) == 3_214
    assert 280 <= len(prepared.holdout) <= 365
    assert prepared.table.source == "table"
