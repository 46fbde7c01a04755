"""A yes-or-no project in small: candidates on the same folds, answers by id, explanations that add up."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from common_utils.boosting.classifier import BoostedClassifier
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.thresholds import ThresholdClassifier
from common_utils.config.project import ProjectSpec
from common_utils.evaluation.binary import expected_f1_threshold
from common_utils.table_project.binary_task import SHIPPED, BinaryTask, answers_of
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.table_project.samples import happened
from common_utils.table_project.training import PreparedTable, prepare_table


class LeavingTask(BinaryTask[TableProjectConfig]):
    spec = ProjectSpec("leavingdemo", "LeavingDemo", "Who leaves?", TableProjectConfig)
    target, id_column = "left", "id"
    yes, no, event = "leaves", "stays", "leaving"
    decision_figures = MappingProxyType({"accuracy_of_all": ("all", "accuracy")})

    def schema(self) -> pandera.DataFrameSchema:
        numbers = {name: pandera.Column(float) for name in ("age", "noise")}
        texts = {"id": pandera.Column(str), "country": pandera.Column(str)}
        return pandera.DataFrameSchema({**texts, **numbers, "left": pandera.Column(int)})

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        age, country = rng.uniform(18, 80, n_rows), rng.choice(["DE", "FR"], n_rows)
        left = happened(rng, age / 10 + 1.0 * (country == "DE"), rate=0.3)
        ids = [f"c{number}" for number in range(n_rows)]
        return pd.DataFrame({"id": ids, "country": country, "age": age, "noise": rng.normal(size=n_rows), "left": left})

    def build(self, config: TableProjectConfig) -> Any:
        forests = BoostedClassifier([ForestConfig(kind="hist", iterations=20, leaves=6)], calibration_folds=2)
        rules = {"f1": expected_f1_threshold, "all": lambda *_: 0.0}
        features = ColumnFeatures(["age", "noise"], {"country": ["DE", "FR"]})
        return Pipeline([("features", features), ("model", ThresholdClassifier(forests, rules, chosen="f1"))])

    def candidates(self, config: TableProjectConfig) -> dict[str, Any]:
        rate = ThresholdClassifier(
            DummyClassifier(), {"f1": lambda *_: 0.0, "all": lambda *_: 0.0}, chosen="f1", folds=2
        )
        return {"the rate": lambda: Pipeline([("features", ColumnFeatures(["age"])), ("model", rate)])}

    def figures(self, folder: Path, metrics: Any) -> None:
        del folder, metrics


TASK = LeavingTask()
CONFIG = TableProjectConfig.model_validate(
    {
        "data": {"public_file": "x.csv", "sample_rows": 600, "drop_columns": ["id"]},
        "training": {"split": {"folds": 2, "repeats": 2}},
        "evaluation": {"resamples": 50},
    }
)


@pytest.fixture(scope="module")
def prepared() -> PreparedTable:
    return prepare_table(TASK, CONFIG, Path(), lambda _: None, environ={})


@pytest.fixture(scope="module")
def metrics(prepared: PreparedTable) -> dict[str, Any]:
    said: list[str] = []
    found = TASK.cross_validate(CONFIG, prepared.train, prepared.rounds, said.append)
    assert said[0] == f"{SHIPPED}: round 1 of 2, fold 1 of 2"
    return found


@pytest.fixture(scope="module")
def model(prepared: PreparedTable) -> Any:
    return TASK.build(CONFIG).fit(prepared.train, prepared.train["left"].to_numpy())


def test_the_shipped_model_beats_the_rate_on_the_same_folds(metrics: dict[str, Any]) -> None:
    assert metrics["candidates"]["the rate"]["auc"]["estimate"] == pytest.approx(0.5, abs=0.03)
    difference = metrics["paired"]["the rate"]["auc"]
    assert difference["low"] > 0
    assert difference["estimate"] == pytest.approx(
        metrics["cross_validation"]["auc"]["estimate"] - metrics["candidates"]["the rate"]["auc"]["estimate"]
    )


def test_a_figure_by_the_decisions_of_another_rule_stands_beside_the_chosen_one_s(metrics: dict[str, Any]) -> None:
    figures = metrics["cross_validation"]
    assert figures["accuracy_of_all"]["estimate"] == pytest.approx(metrics["rate"])  # everybody is called a leaver
    assert figures["accuracy"]["estimate"] > metrics["rate"]


def test_spread_is_of_the_shipped_model_and_of_its_lead_on_the_same_folds(metrics: dict[str, Any]) -> None:
    ours, lead = metrics["spread"][SHIPPED]["auc"], metrics["spread"]["the rate"]["auc"]
    assert lead["mean"] == pytest.approx(ours["mean"] - 0.5)
    assert lead["fold_sd"] == pytest.approx(ours["fold_sd"])
    assert 0 < ours["round_se"] < ours["fold_se"]


def test_reliability_is_of_every_row_in_every_round(metrics: dict[str, Any], prepared: PreparedTable) -> None:
    assert sum(row["n"] for row in metrics["reliability"]) == 2 * len(prepared.train)
    assert metrics["rate"] == pytest.approx(prepared.train["left"].mean())


def test_the_holdout_is_split_by_the_id(prepared: PreparedTable) -> None:
    again = prepare_table(TASK, CONFIG, Path(), lambda _: None, environ={})
    assert again.holdout["id"].tolist() == prepared.holdout["id"].tolist()
    assert not set(prepared.holdout["id"]) & set(prepared.train["id"])


def test_tables_show_both_parts_and_the_differences(
    metrics: dict[str, Any], model: Any, prepared: PreparedTable
) -> None:
    holdout = TASK.score_holdout(CONFIG, model, prepared.holdout)
    assert holdout["thresholds"] == dict(model[-1].thresholds_)
    tables = TASK.tables({**metrics, "holdout": holdout})
    assert list(tables) == ["Figures", "On the same folds", "Paired differences", "Over folds and rounds"]
    assert tables["Over folds and rounds"][0]["of"] == "shipped"
    assert tables["Over folds and rounds"][-1]["of"] == "shipped less the rate"
    assert tables["Figures"][0]["figure"] == "auc"
    older = {name: found for name, found in metrics.items() if name != "spread"}
    without = {name: rows for name, rows in tables.items() if name != "Over folds and rounds"}
    assert TASK.tables({**older, "holdout": holdout}) == without
    assert tables["Paired differences"][0]["shipped less"] == "the rate"


def test_answers_follow_the_chosen_threshold(model: Any, prepared: PreparedTable) -> None:
    answers = TASK.predictions(CONFIG, model, prepared.holdout)
    called = answers["probability"] >= model[-1].thresholds_["f1"]
    assert answers["prediction"].tolist() == np.where(called, "leaves", "stays").tolist()
    found = answers_of(model, prepared.holdout)
    np.testing.assert_array_equal(found["decided"], found["decided_f1"])


def test_an_explanation_adds_up_and_shows_values_as_they_are(model: Any) -> None:
    one = pd.DataFrame({"country": ["DE"], "age": [70.0], "noise": [np.nan]})
    explained = TASK.explain(CONFIG, model, one)
    parts = sum(part.amount for part in explained.contributions)
    assert explained.base + parts == pytest.approx(explained.score, abs=1e-12)
    p = model.predict_proba(one)[0, 1]
    assert explained.score == pytest.approx(np.log(p / (1 - p)))
    assert {part.feature: part.value for part in explained.contributions} == {
        "age": "70",
        "noise": "missing",
        "country": "DE",
    }
    assert explained.contributions[0].feature == "age"
    assert "likely: leaving" in explained.words()
