"""`retrain` of a project on one table: a challenger, and each planted fault refused; which rows neither learnt from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline
from tests.table_project.conftest import folder, run
from tests.table_project.test_binary_task import CONFIG as LEAVING
from tests.table_project.test_binary_task import LeavingTask

from common_utils.boosting.classifier import BoostedClassifier
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.thresholds import ThresholdClassifier
from common_utils.bundle import Bundle, current_version
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.datasets.store import SnapshotStore
from common_utils.evaluation.binary import expected_f1_threshold
from common_utils.releases import challenger_version
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.feature_columns import ColumnFeatures
from common_utils.table_project.source import SourceTable, take_snapshot
from common_utils.table_project.training import (
    PreparedTable,
    prepare_rows,
    prepare_table,
    recorded_training,
    write_trained_table,
)
from common_utils.table_project.watch.judged import judge_tables, rows_in_neither
from common_utils.tables import RowReport

__all__ = ["folder", "run"]

Run = Callable[..., tuple[int, str, str]]


def cars(path: Path, *, seed: int = 0, **said: Any) -> str:
    """Write 2,000 cars, each of its own model."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(1, 18, 2_000).round(2)
    models = [f"m{number}" for number in range(2_000)]
    table = pd.DataFrame({"model": models, "age": age, "price": (100 - age + rng.normal(size=2_000)).round(2)})
    table.assign(**{name: value(table) for name, value in said.items()}).to_csv(path, index=False)
    return str(path)


def in_thousands(table: pd.DataFrame) -> Any:
    return table["age"] / 1_000


def a_month_in_thousands(table: pd.DataFrame) -> Any:
    return np.where(table.index < 170, table["age"] / 1_000, table["age"])


def quiet(said: str) -> None:
    del said


@pytest.fixture
def places(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A live bundle, and a day on which monitoring has looked and the schedule is due."""
    for section, name in (("TRAINING", "ARTIFACTS"), ("LIFECYCLE", "FOLDER"), ("MONITORING", "FOLDER")):
        monkeypatch.setenv(f"PRICEDEMO__{section}__{name}", str(tmp_path / section.lower()))
    code, _, err = run("train", "--data", cars(tmp_path / "first.csv"))
    assert code == 0, err
    day = str(date.today() + timedelta(days=40))
    code, _, err = run("monitor", "--as-of", day, "--input", cars(tmp_path / "day.csv", seed=1))
    assert code in (0, 6), err  # few scores are kept as a reference: "insufficient" is no alarm
    return tmp_path, day


def retrained(run: Run, day: str, table: str, *more: str) -> tuple[int, dict[str, Any]]:
    code, out, err = run("retrain", "--as-of", day, "--data", table, "--json", *more)
    assert out, err
    return code, json.loads(out)


def test_retrain_makes_a_challenger_once_and_says_why(run: Run, places: tuple[Path, str]) -> None:
    root, day = places
    code, told = retrained(run, day, cars(root / "next.csv", seed=2))
    assert (code, told["outcome"], [one["kind"] for one in told["reasons"]]) == (0, "challenger", ["schedule"])
    assert challenger_version(root / "training") == told["challenger"]
    assert current_version(root / "training") == told["live"]
    report = json.loads((root / "lifecycle" / "reports" / f"gate-{day}.json").read_bytes())
    assert "set aside by both trainings" in report["rows"]
    assert {one["name"] for one in report["checks"]} == {"leak audit", "parity", "size", "latency", "inputs"}
    code, out, _ = run("retrain", "--as-of", day, "--data", cars(root / "third.csv", seed=3))
    assert code == 0
    assert "This was answered before; nothing was done anew." in out
    assert challenger_version(root / "training") == told["challenger"]


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        pytest.param({"age": in_thousands}, "age (100% of the rows) lie more than 20 times", id="unit"),
        pytest.param({"age": a_month_in_thousands}, "source changed its unit", id="a-month-in-another-unit"),
    ],
)
def test_retrain_refuses_what_was_planted(
    run: Run, places: tuple[Path, str], planted: dict[str, Any], words: str
) -> None:
    root, day = places
    code, told = retrained(run, day, cars(root / "next.csv", **planted))
    assert (code, told["outcome"]) == (5, "refused"), told
    assert words in " ".join(told["sentences"])
    assert challenger_version(root / "training") is None


def test_retrain_on_the_same_table_publishes_nothing(run: Run, places: tuple[Path, str]) -> None:
    root, day = places
    code, told = retrained(run, day, str(root / "first.csv"))
    assert (code, told["outcome"]) == (6, "insufficient")
    assert "better" not in " ".join(told["sentences"])


def test_retrain_is_blocked_by_the_day_s_quality_alarm(run: Run, places: tuple[Path, str]) -> None:
    root, day = places
    broken = cars(root / "broken.csv", age=lambda _: 7.0)
    assert run("monitor", "--as-of", day, "--input", broken)[0] == 5
    code, told = retrained(run, day, cars(root / "next.csv", seed=2))
    assert (code, told["outcome"], told["trained"]) == (5, "blocked", False)


class Leaving(LeavingTask):
    """Customers, with a model that can be pickled."""

    decision_figures: Mapping[str, tuple[str, str]] = MappingProxyType({})

    def build(self, config: TableProjectConfig) -> Any:
        forests = BoostedClassifier([ForestConfig(kind="hist", iterations=10, leaves=4)], calibration_folds=2)
        features = ColumnFeatures(["age", "noise"], {"country": ["DE", "FR"]})
        model = ThresholdClassifier(forests, {"f1": expected_f1_threshold}, chosen="f1")
        return Pipeline([("features", features), ("model", model)])

    def candidates(self, config: TableProjectConfig) -> dict[str, Any]:
        return {}


class Nameless(Leaving):
    """Customers whose rows have no name."""

    id_column = None


def _written(task: Leaving, prepared: PreparedTable, snapshot: str, root: Path) -> Bundle:
    given = (task, LEAVING, Path(), prepared, snapshot)
    with recorded_training(task, LEAVING, root.parent) as run:
        return write_trained_table(*given, root=root, trust=INTEGRITY_ONLY, step=quiet, run=run)


class Leavers:
    """A live bundle of 600 customers, and what a further table is judged by."""

    def __init__(self, root: Path, task: Leaving) -> None:
        self.task, self.store = task, SnapshotStore.beside(root)
        self.prepared = prepare_table(task, LEAVING, Path(), quiet, environ={})
        self.snapshot = take_snapshot(task, self.store, self.prepared.table)
        self.live = _written(task, self.prepared, self.snapshot.digest, root)

    def table(self, frame: pd.DataFrame) -> PreparedTable:
        report = RowReport("x", len(frame), len(frame))
        return prepare_rows(
            self.task, LEAVING, SourceTable(frame, np.arange(1, len(frame) + 1), report, "table", "x"), quiet
        )

    def positions(self, prepared: PreparedTable, config: TableProjectConfig = LEAVING) -> tuple[list[int], str]:
        found, words = rows_in_neither(self.task, self.live, config, prepared, self.store)
        return found.tolist(), words


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common_utils.table_project.training.model_card", lambda *_: "")


@pytest.mark.usefixtures("no_pages")
def test_a_class_is_judged_by_log_loss_on_the_rows_that_both_set_aside(tmp_path: Path) -> None:
    leavers = Leavers(tmp_path / "artifacts", Leaving())
    further = leavers.table(Leaving().sample(2_000, np.random.default_rng(9)))
    assert leavers.positions(further)[0] == further.holdout_index.tolist()  # by id: the same hash, whatever the table
    told = judge_tables(leavers.task, leavers.live, leavers.live, further, leavers.store)
    assert told.rows.endswith("set aside by both trainings; the table has no time that a row could be later by")
    assert {one.name for one in told.figures} == {"log loss", "wrong among those told yes"}
    assert {one.verdict for one in told.figures if one.counts and one.worse} == {"passes"}
    refitted = LEAVING.model_copy(update={"training": LEAVING.training.model_copy(update={"refit": True})})
    assert leavers.positions(further, refitted) == (
        [],
        "none: training.refit learns from every row; set it to false to retrain",
    )


@pytest.mark.usefixtures("no_pages")
def test_a_model_that_learnt_shuffled_labels_is_refused(tmp_path: Path) -> None:
    leavers = Leavers(tmp_path / "artifacts", Leaving())
    further = leavers.table(Leaving().sample(4_000, np.random.default_rng(9)))
    frame = further.table.frame.copy()
    labels = frame["left"].to_numpy(copy=True)
    labels[further.train_index] = np.random.default_rng(1).permutation(labels[further.train_index])
    wrong = leavers.table(frame.assign(left=labels))
    new = _written(leavers.task, wrong, "", tmp_path / "new")
    told = judge_tables(leavers.task, leavers.live, new, further, leavers.store)
    assert told.verdict == "refused"
    assert any(one.startswith("log loss: ") for one in told.reasons)


@pytest.mark.usefixtures("no_pages")
def test_rows_without_a_name_are_told_by_the_live_bundle_s_snapshot(tmp_path: Path) -> None:
    leavers = Leavers(tmp_path / "artifacts", Nameless())
    known = leavers.prepared.table.frame
    assert leavers.positions(leavers.prepared)[0] == leavers.prepared.holdout_index.tolist()  # the very same table
    new = Nameless().sample(1_400, np.random.default_rng(9))
    further = leavers.table(pd.concat([new, known], ignore_index=True))
    found, words = leavers.positions(further)
    assert found == [at for at in further.holdout_index.tolist() if at < len(new)]
    assert "of no row like them in the live one's data" in words
    leavers.store.withdraw(leavers.snapshot.digest, why="forgotten", child=None)
    assert leavers.positions(further) == ([], "none: the snapshot that the live bundle was trained on is not there")
    told = judge_tables(leavers.task, leavers.live, leavers.live, further, leavers.store)
    assert (told.verdict, told.figures[0].rows) == ("insufficient", 0)
