from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bankchurn.columns import EXITED
from bankchurn.config import SPEC, BankChurnConfig
from bankchurn.data import sample_customers
from bankchurn.evaluation import retention_summary
from bankchurn.features import shipped_step
from bankchurn.retention import Economics
from bankchurn.training import REFERENCE, TASK, WITHOUT
from common_utils.bundle import Bundle
from common_utils.compiled import CompiledScorer
from common_utils.errors import DataError, LeakageError
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.service import open_live
from common_utils.table_project.training import prepare_table, train_table
from common_utils.tracking.store import RunStore


def test_a_bundle_of_the_sample_says_that_it_is_synthetic(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    assert metrics["synthetic"] is True
    assert metrics["source"] == "sample"
    assert "synthetic rows of the sample generator" in bundle.read_bytes("model_card.md").decode()


def test_a_bundle_holds_every_table_that_is_promised(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    assert set(metrics["candidates"]) == set(metrics["paired"]) == {"logistic regression", REFERENCE, WITHOUT}
    assert {row["by"] for row in metrics["fairness"]["shipped"]} == {"Gender", "Geography"}
    assert len(metrics["gain"]) == 10
    assert metrics["rows"]["train"] + metrics["rows"]["holdout"] == 800
    titles = TASK.tables(metrics)
    assert all(rows for rows in titles.values())
    assert {"reliability.png", "gain.png", "profile.json"} <= set(bundle.files)


def test_same_settings_same_model(bundle: Bundle, settings: BankChurnConfig, project_folder: Path, tmp_path) -> None:  # type: ignore[no-untyped-def]
    again = train_table(TASK, settings, project_folder, artifacts=tmp_path, step=lambda _: None, environ={})
    rows = sample_customers(100, np.random.default_rng(9))
    first, second = (open_model(one).predict_proba(rows) for one in (bundle, again))
    np.testing.assert_array_equal(first, second)
    metrics = again.read_json("metrics.json")
    assert bundle.read_json("metrics.json") == metrics
    run = RunStore(settings.tracking.folder).find("latest")
    assert (run.state, run.headline) == ("done", "cross_validation.auc")
    assert run.folds is not None
    auc = run.folds.figures["auc"]
    assert len(auc) == settings.training.split.folds * settings.training.split.repeats
    assert sum(auc) / len(auc) == pytest.approx(metrics["spread"]["shipped"]["auc"]["mean"])


def test_a_refitted_bundle_decides_by_its_own_thresholds_in_file_and_service(
    bundle: Bundle, settings: BankChurnConfig, project_folder: Path, tmp_path: Path
) -> None:
    training = settings.training.model_copy(update={"refit": True})
    config = settings.model_copy(update={"training": training})
    again = train_table(TASK, config, project_folder, artifacts=tmp_path, step=lambda _: None, environ={})
    metrics, model = again.read_json("metrics.json"), open_model(again)
    assert metrics["holdout"] == bundle.read_json("metrics.json")["holdout"]
    assert metrics["thresholds"] == dict(model[-1].thresholds_) != metrics["holdout"]["thresholds"]
    live = open_live(SPEC, again.path, lambda found, own: CompiledScorer.open(found, shipped_step(own)))
    assert live.threshold("f1") == model[-1].thresholds_["f1"]
    assert live.info["refitted"] is True
    before = metrics["holdout"]["thresholds"]["f1"]  # bundles from before it was possible say it there alone
    assert replace(live, metrics={"holdout": metrics["holdout"]}).threshold("f1") == before


def test_rows_of_one_outcome_are_refused_before_the_work() -> None:
    stayed = sample_customers(50, np.random.default_rng(0)).query("Exited == 0")
    with pytest.raises(DataError, match=r"the rows set aside hold Exited = \[0\] only"):
        TASK.check_measurable(stayed, "the rows set aside")


def test_the_holdout_is_in_no_fold(settings: BankChurnConfig, project_folder: Path) -> None:
    prepared = prepare_table(TASK, settings, project_folder, lambda _: None, environ={})
    assert not set(prepared.train["CustomerId"]) & set(prepared.holdout["CustomerId"])
    for folds in prepared.rounds:
        tested = np.concatenate([test for _, test in folds])
        assert sorted(tested.tolist()) == list(range(len(prepared.train)))


def test_a_column_that_reveals_the_target_stops_the_run(
    settings: BankChurnConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(n_rows: int, rng: np.random.Generator):  # type: ignore[no-untyped-def]
        rows = sample_customers(n_rows, rng)
        return rows.assign(EstimatedSalary=rows[EXITED] * 1000.0 + rng.random(n_rows))

    monkeypatch.setattr("bankchurn.training.sample_customers", leaking)
    with pytest.raises(LeakageError, match="EstimatedSalary"):
        prepare_table(TASK, settings, project_folder, lambda _: None, environ={})


def test_a_list_by_expected_profit_is_counted_in_money() -> None:
    p = np.array([[0.75, 0.5, 0.0, 0.0]])
    yes, no = np.array([[True, False, False, False]]), np.zeros((1, 4), dtype=bool)
    answers = {"ours": {"probability": p, "decided_f1": yes, "decided_profit": no}}
    table = retention_summary(answers, np.array([1, 0, 1, 0]), Economics(400, 0.25, 25, 0.5))
    by_list = {row["list"]: row for row in table}
    best = by_list["expected profit > 0, within the budget"]
    assert (best["contacts"], best["expected"], best["realised"], best["reached"]) == (2, 75, 50, 0.5)
    assert by_list["F1 threshold"]["realised"] == 75
    assert by_list["profit threshold"]["contacts"] == 0


@pytest.mark.realdata
def test_the_public_table_is_split_and_passes_the_leak_audit(
    shipped: BankChurnConfig, project_folder: Path, real_table: Path
) -> None:
    config = SPEC.load(project_folder, overrides=[f"data.file={real_table}"], environ={})
    prepared = prepare_table(TASK, config, project_folder, lambda _: None)
    assert len(prepared.train) + len(prepared.holdout) == 10_000
    assert 900 <= len(prepared.holdout) <= 1_100
    assert prepared.table.source == "table"
