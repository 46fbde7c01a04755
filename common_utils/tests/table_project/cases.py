"""A whole project on one table, in small: a price with groups and a cleaning rule, and its service."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from pydantic import Field
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from common_utils.compiled import CompiledScorer
from common_utils.config.project import ProjectSpec
from common_utils.evaluation.binary import out_of_fold
from common_utils.reporting.plots import figure
from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.table_project.column_step import ColumnStep
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.explanations import Contribution, Explanation
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.table_project.service import LiveModel, TableRecord, create_table_service, record_columns
from common_utils.table_project.task import Goal, Rounds, Step, TableTask
from common_utils.testing.services import (
    ServiceCase,
)
from common_utils.testing.table_fixtures import TableProject

SPEC = ProjectSpec("pricedemo", "PriceDemo", "What is it worth?", TableProjectConfig)


class PriceTask(TableTask[TableProjectConfig]):
    spec = SPEC
    target = "price"
    is_class = False
    answers_missing = False
    goals = (Goal("mae", "mean error", 5.0, 0.001, higher_is_better=False, digits=2),)
    figure_names = ("price.png",)
    caveat = "Asking prices, not what was paid."

    def schema(self) -> pandera.DataFrameSchema:
        return pandera.DataFrameSchema(
            {"model": pandera.Column(str), "age": pandera.Column(float), "price": pandera.Column(float)}
        )

    def sample(self, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
        models = rng.integers(0, 60, n_rows)
        age = models % 20 + rng.random(n_rows)
        return pd.DataFrame({"model": models.astype(str), "age": age, "price": 100 - age + rng.normal(size=n_rows)})

    def rules(self, frame: pd.DataFrame, config: TableProjectConfig) -> dict[str, Any]:
        return {"older than 19": frame["age"].to_numpy() > 19}

    def groups(self, frame: pd.DataFrame) -> Any:
        return frame["model"].to_numpy()

    def build(self, config: TableProjectConfig) -> Any:
        return Pipeline([("features", ColumnFeatures(["age"])), ("model", LinearRegression())])

    def cross_validate(
        self, config: TableProjectConfig, rows: pd.DataFrame, rounds: Rounds, step: Step
    ) -> dict[str, Any]:
        y = rows["price"].to_numpy()
        found = out_of_fold(
            lambda: self.build(config),
            rows,
            y,
            rounds,
            lambda m, part: {"price": m.predict(part)},
            step=step,
            label="x",
        )
        return {"cross_validation": {"mae": float(np.abs(found["price"] - y).mean())}}

    def score_holdout(self, config: TableProjectConfig, model: Any, rows: pd.DataFrame) -> dict[str, Any]:
        return {"mae": float(np.abs(model.predict(rows) - rows["price"]).mean())}

    def predictions(self, config: TableProjectConfig, model: Any, rows: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"prediction": model.predict(rows)})

    def explain(self, config: TableProjectConfig, model: Any, rows: pd.DataFrame) -> Explanation:
        slope, base = float(model[-1].coef_[0]), float(model[-1].intercept_)
        age = float(rows["age"].iloc[0])
        part = Contribution("age", f"{age:g}", slope * age)
        return Explanation(base, [part], base + slope * age, "euro", f"{base + slope * age:.0f} euro", "Linear.")

    def tables(self, metrics: Any) -> dict[str, list[dict[str, str]]]:
        return {"Errors": [{"part": "holdout", "mae": f"{metrics['holdout']['mae']:.2f}"}]}

    def figures(self, folder: Path, metrics: Any) -> None:
        with figure(folder / "price.png", width=2, height=2) as axes:
            axes.plot([0, 1])


TASK = PriceTask()
CONFIG = "data: {public_file: cars.csv, sample_rows: 800}\ntraining: {split: {folds: 3, repeats: 2}}\n"
CONFIG += "releases: {signatures: development}\n"
CARD = "# Model card: PriceDemo\n${source} ${n_train} ${n_holdout}\n${results}\n${facts}\n"
DATA_CARD = "# Data card: PriceDemo\n${source} ${rows} ${fingerprint} ${n_train} ${n_holdout}\n"


def settings_of(folder: Path, *overrides: str) -> TableProjectConfig:
    return SPEC.load(folder, overrides=overrides, environ={})


class CarRequest(TableRecord):
    model: str = Field(max_length=20)
    age: float | None = Field(default=None, ge=0, le=100)


class PriceAnswer(LoggedAnswer):
    prediction: float
    model_version: str


def answer(live: LiveModel[TableProjectConfig], records: Sequence[CarRequest]) -> list[PriceAnswer]:
    prices = live.scorer.score(record_columns(records))[:, 0]
    return [PriceAnswer(prediction=price, model_version=live.version) for price in prices.tolist()]


def app_of(folder: Path, **given: Any) -> Any:
    return create_table_service(
        SPEC,
        folder,
        record=CarRequest,
        answer_model=PriceAnswer,
        answer=answer,
        probe=CarRequest(model="a", age=1.0),
        open_scorer=lambda bundle, _: CompiledScorer.open(bundle, ColumnStep(["age"])),
        version="1",
        **given,
    )


CASE = ServiceCase(
    record={"model": "a", "age": 5.0},
    refused=[{}, {"model": "a", "age": -1.0}, {"model": "canary" * 9}, {"model": "a", "canary": 1}],
    canary="canary",
)


def project_of(folder: Path) -> TableProject:
    small = ("data.sample_rows=600", "training.split.folds=2")
    return TableProject(SPEC, folder, small, task=lambda: TASK, main=lambda: None)
