"""Models are those of the training table, whatever the code knew, and in whatever spelling."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from app import schemas
from app.fastapi_app import create_app
from carvision.columns import DATE, DAYS, MODEL, ODOMETER, PRICE, YEAR
from carvision.config import CarVisionConfig
from carvision.data import sample_ads
from carvision.scoring import CarScorer
from carvision.training import TASK
from carvision.vehicles import NEW_PRICE
from common_utils.bundle import Bundle, open_bundle
from common_utils.errors import DataError
from common_utils.table_project.names import folded
from common_utils.table_project.training import train_table
from common_utils.tables import write_table
from common_utils.testing.table_fixtures import Run, TableProject

TATRA = "tatra 603"


def _complete(n_rows: int) -> pd.DataFrame:
    """Ads without a gap: no year and no odometer is missing."""
    ads = sample_ads(n_rows, np.random.default_rng(7))
    return ads.assign(**{YEAR: ads[YEAR].fillna(2010.0), ODOMETER: ads[ODOMETER].fillna(80_000.0)})


def _words(small: tuple[str, ...]) -> list[str]:
    return [part for setting in small[2:] for part in ("--set", setting)]


@pytest.fixture(scope="module")
def learnt(table_project: TableProject, tmp_path_factory: pytest.TempPathFactory, settings: CarVisionConfig) -> Bundle:
    """A bundle of a table without a gap; 185 ads, at three times the price, are of a car that is not in our list."""
    assert TATRA not in NEW_PRICE
    ads = _complete(1200)
    fords = ads.loc[ads[MODEL] == "ford f-150"].index
    ads.loc[fords[::2], MODEL] = "FORD  F-150"
    rare = np.random.default_rng(3).choice(len(ads), 185, replace=False)
    ads.loc[rare, PRICE] *= 3
    ads.loc[rare, MODEL] = np.where(np.arange(185) % 3 == 0, "Tatra-603", TATRA)
    folder = tmp_path_factory.mktemp("learnt")
    write_table(ads, folder / "ads.csv")
    data = settings.data.model_copy(update={"source": "table", "file": folder / "ads.csv"})
    config = settings.model_copy(update={"data": data})
    task, root = table_project.task(), folder / "artifacts"
    train_table(task, config, table_project.folder, artifacts=root, step=lambda _: None, environ={})
    return open_bundle(root)


def test_a_segment_without_cars_is_left_out_where_no_ad_lacks_year_or_odometer(learnt: Bundle) -> None:
    metrics = learnt.read_json("metrics.json")
    assert set(metrics["by_rows"]) == {"every ad", "model not seen in training"}
    assert TASK.tables(metrics)["By rows, out of fold"]


def test_a_model_is_known_because_the_table_holds_it(run: Run, learnt: Bundle, tmp_path: Path) -> None:
    names = ["tatra 603", "TATRA 603", "Tatra-603", "tatra603", "tatra 700", "FORD F-150", "ford f 150", "ford f-150"]
    table = pd.DataFrame([{**schemas.EXAMPLE, "model": name} for name in names])
    write_table(table, tmp_path / "cars.csv")
    target = tmp_path / "out.csv"
    code, _, err = run(
        "predict", "--input", str(tmp_path / "cars.csv"), "--output", str(target), "--bundle", str(learnt.path)
    )
    assert code == 0, err
    said = pd.read_csv(target)
    assert said["model_known"].tolist() == [True, True, True, True, False, True, True, True]
    assert said["prediction"].iloc[:4].nunique() == said["prediction"].iloc[5:].nunique() == 1
    assert said["prediction"].iloc[0] > 1.5 * said["prediction"].iloc[5]


def test_the_service_knows_the_same_models(learnt: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARVISION_BUNDLE", str(learnt.path))
    records = [{**schemas.EXAMPLE, "model": name} for name in ("TATRA-603", "tatra 603", "tatra 700")]
    with TestClient(create_app(open_log=lambda: None)) as started:
        answers = started.post("/predict/batch", json={"records": records}).json()["predictions"]
    assert [answer["model_known"] for answer in answers] == [True, True, False]
    assert answers[0] == answers[1]
    assert {ad["model"] for ad in answers[0]["similar"]} == {TATRA}


def test_spellings_are_one_model_to_splits_and_market(learnt: Bundle, settings: CarVisionConfig) -> None:
    models = CarScorer.open(learnt, settings).models
    assert TATRA in models
    assert len({folded(name) for name in models}) == len(models)
    ads = pd.DataFrame({MODEL: ["Kia Soul", "kia soul", "kia-soul", "kia soul"]})
    assert TASK.tidied(ads)[MODEL].tolist() == ["kia soul"] * 4


def test_explanations_are_whole_dollars_that_add_up_to_the_price(run: Run, learnt: Bundle, tmp_path: Path) -> None:
    write_table(pd.DataFrame([{**schemas.EXAMPLE, "model": TATRA}]), tmp_path / "cars.csv")
    given = ("--input", str(tmp_path / "cars.csv"), "--bundle", str(learnt.path))
    assert run("predict", *given, "--output", str(tmp_path / "out.csv"))[0] == 0
    price = int(pd.read_csv(tmp_path / "out.csv")["prediction"].iloc[0])
    said = json.loads(run("explain", *given, "--json")[1])
    amounts = [part["amount"] for part in said["contributions"]]
    assert (said["unit"], said["score"]) == ("dollars", price)
    assert said["base"] + sum(amounts) == price
    assert all(amount == round(amount) for amount in amounts)
    assert {part["feature"] for part in said["contributions"]} <= set(schemas.EXAMPLE)
    words = run("explain", *given)[1]
    assert f"to {price:,}, by what this record holds" in words
    assert "model = tatra 603" in words
    assert "logarithm of dollars" not in words


def test_a_table_of_one_model_is_learnt_from(run: Run, small: tuple[str, ...], tmp_path: Path) -> None:
    write_table(sample_ads(700, np.random.default_rng(2)).assign(**{MODEL: TATRA}), tmp_path / "ads.csv")
    root = tmp_path / "artifacts"
    code, _, err = run("train", "--data", str(tmp_path / "ads.csv"), "--output", str(root), *_words(small))
    assert code == 0, err
    assert "model not seen in training" not in open_bundle(root).read_json("metrics.json")["by_rows"]


def test_ads_without_any_complete_one_are_refused_before_the_work(
    settings: CarVisionConfig, project_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def bare(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        return sample_ads(n_rows, rng).assign(**{ODOMETER: np.nan})

    monkeypatch.setattr("carvision.training.sample_ads", bare)
    monkeypatch.setattr(TASK, "build", None)  # nothing is fitted
    with pytest.raises(DataError, match=r"hold 0 car\(s\) with model_year and odometer"):
        train_table(TASK, settings, project_folder, artifacts=tmp_path, step=lambda _: None, environ={})


def test_an_ad_in_capitals_is_the_same_car() -> None:
    ads = _complete(50).drop(columns=[DATE, DAYS])
    again = ads.assign(**{MODEL: ads[MODEL].str.upper()})
    both = TASK.tidied(pd.concat([ads, again], ignore_index=True))
    keys = TASK.groups(both)
    assert (keys[:50] == keys[50:]).all()
