from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from carvision.columns import PRICE
from carvision.config import SPEC, CarVisionConfig
from carvision.data import car_keys, sample_ads
from carvision.evaluation import bands, coverage_table, price_figures
from carvision.scoring import car_prices
from carvision.training import TASK
from common_utils.bundle import Bundle
from common_utils.errors import DataError, LeakageError
from common_utils.scoring.joblib_scorer import open_model
from common_utils.table_project.training import prepare_table, train_table
from common_utils.tracking.store import RunStore


def test_a_bundle_of_the_sample_says_that_it_is_synthetic(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    assert metrics["synthetic"] is True
    assert "synthetic rows of the sample generator" in bundle.read_bytes("model_card.md").decode()


def test_a_bundle_holds_every_table_that_is_promised(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    assert set(metrics["candidates"]) == set(metrics["paired"]) == {"ridge of logarithms", "random forest"}
    assert set(metrics["coverage"]) == {"type", "price", "predicted price", "age, years"}
    assert {"mae_ungrouped", "coverage", "width", "r2", "rmse"} <= set(metrics["cross_validation"])
    assert metrics["missing"]["is_4wd"] > 0
    assert all(rows for rows in TASK.tables(metrics).values())
    assert {"coverage.png", "depreciation.png", "yearly_loss.png", "days_listed.png"} <= set(bundle.files)


def test_every_removed_row_is_counted_by_its_rule(bundle: Bundle) -> None:
    (report,) = bundle.read_json("metrics.json")["rows"]["read"]
    assert report["set_aside"]["price at most 1,000"] > 0
    assert report["rejected"] == {}
    assert report["kept"] + sum(report["set_aside"].values()) == report["read"] == 1200


def test_unseen_models_are_answered_with_wider_intervals(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    unseen = metrics["by_rows"]["model not seen in training"]
    assert unseen["relative_width"]["estimate"] > metrics["cross_validation"]["relative_width"]["estimate"]


def test_same_settings_same_model(bundle: Bundle, settings: CarVisionConfig, project_folder: Path, tmp_path) -> None:  # type: ignore[no-untyped-def]
    again = train_table(TASK, settings, project_folder, artifacts=tmp_path, step=lambda _: None, environ={})
    rows = sample_ads(100, np.random.default_rng(9))
    first, second = (car_prices(open_model(one), rows) for one in (bundle, again))
    np.testing.assert_array_equal(first, second)
    assert bundle.read_json("metrics.json") == again.read_json("metrics.json")
    run = RunStore(settings.tracking.folder).find("latest")
    assert (run.state, run.headline) == ("done", "cross_validation.mae")
    assert run.folds is not None
    first_round = run.folds.figures["mae"][: settings.training.split.folds]
    assert min(first_round) <= run.figures["cross_validation.mae"].value <= max(first_round)


def test_no_car_is_on_both_sides_of_any_split(settings: CarVisionConfig, project_folder: Path) -> None:
    prepared = prepare_table(TASK, settings, project_folder, lambda _: None, environ={})
    train, held = car_keys(prepared.train), car_keys(prepared.holdout)
    assert not set(train.tolist()) & set(held.tolist())
    for folds in prepared.rounds:
        for fit_on, score_on in folds:
            assert not set(train[fit_on].tolist()) & set(train[score_on].tolist())


def test_a_column_that_reveals_the_price_stops_the_run(
    settings: CarVisionConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaking(n_rows: int, rng: np.random.Generator):  # type: ignore[no-untyped-def]
        return sample_ads(n_rows, rng).assign(monthly_rate=lambda ads: ads[PRICE] / 60)

    monkeypatch.setattr("carvision.training.sample_ads", leaking)
    with pytest.raises(LeakageError, match="monthly_rate"):
        prepare_table(TASK, settings, project_folder, lambda _: None, environ={})


def test_figures_of_three_prices_by_hand() -> None:
    found = price_figures(
        [100.0, 200.0, 400.0], [105.0, 150.0, 400.0], ["a", "b", "b"], n_resamples=50, seed=0,
        low=[90.0, 100.0, 410.0], high=[110.0, 250.0, 500.0],
    )  # fmt: skip
    estimates = {name: value["estimate"] for name, value in found.items()}
    assert estimates["mae"] == pytest.approx(55 / 3)
    assert estimates["median_ae"] == 5
    assert estimates["mape"] == pytest.approx(10)
    assert estimates["within_10"] == pytest.approx(2 / 3)
    assert estimates["rmse"] == pytest.approx(np.sqrt(2525 / 3))
    assert estimates["r2"] == pytest.approx(1 - 2525 / (210_000 - 700**2 / 3))
    assert estimates["coverage"] == pytest.approx(2 / 3)
    assert estimates["width"] == pytest.approx(260 / 3)


def test_figures_of_unequal_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="1 predictions for 2 prices"):
        price_figures([1.0, 2.0], [1.0], ["a", "b"], n_resamples=50, seed=0)


def test_coverage_is_counted_by_segment() -> None:
    price, low, high = np.array([5.0, 5.0, 9.0, 9.0]), np.array([4.0, 6.0, 8, 8]), np.array([6.0, 7.0, 10, 10])
    cheap, dear = coverage_table(
        bands(price, (0.0, 8.0)), price, price, low, high, np.arange(4), n_resamples=50, seed=0
    )
    assert (cheap["segment"], cheap["coverage"]["estimate"]) == ("1: below 8", 0.5)
    assert (dear["n"], dear["coverage"]["estimate"]) == (2, 1.0)


@pytest.mark.realdata
def test_the_public_table_is_cleaned_to_the_reference_rows(
    shipped: CarVisionConfig, project_folder: Path, real_table: Path
) -> None:
    from carvision.data import complete_ads

    config = SPEC.load(project_folder, overrides=[f"data.file={real_table}"], environ={})
    prepared = prepare_table(TASK, config, project_folder, lambda _: None)
    assert complete_ads(prepared.table.frame).sum() == 38_804
    assert prepared.table.report.kept == 49_357
    assert prepared.table.report.read == 51_525
    assert sum(prepared.table.report.set_aside.values()) == 51_525 - 49_357
