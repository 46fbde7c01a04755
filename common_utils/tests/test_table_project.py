"""A whole project on one table, in small: a price with groups and a cleaning rule, through commands and service."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline

from common_utils.binary import out_of_fold
from common_utils.bundle import Bundle, open_bundle
from common_utils.column_step import ColumnStep
from common_utils.command_line import run_command_line, table_cli
from common_utils.compiled import CompiledScorer
from common_utils.errors import ArtifactError, ConfigError, DataError
from common_utils.explanations import Contribution, Explanation
from common_utils.feature_columns import ColumnFeatures
from common_utils.plots import figure
from common_utils.project import ProjectSpec
from common_utils.service_contracts import (
    ALL_SERVICE_CHECKS,
    ServiceCase,
    check_hostile_bodies_get_a_documented_answer,
)
from common_utils.serving.start import serve_configured, serve_project
from common_utils.serving.table_service import LiveModel, TableRecord, create_table_service, open_live, record_columns
from common_utils.table_app_checks import ALL_APP_CHECKS, AppCase
from common_utils.table_cli_checks import ALL_CLI_CHECKS, CliCase
from common_utils.table_config import TableProjectConfig
from common_utils.table_fixtures import TableProject
from common_utils.table_task import Goal, Rounds, Step, TableTask
from common_utils.table_training import prepare_table

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with its package, settings and README."""
    folder = tmp_path_factory.mktemp("Price-Demo")
    templates = folder / "src" / "pricedemo" / "templates"
    templates.mkdir(parents=True)
    (templates.parent / "__init__.py").touch()
    (templates / "model_card.md").write_text(CARD)
    (templates / "data_card.md").write_text(DATA_CARD)
    (folder / "configs").mkdir()
    (folder / "configs" / "config.yaml").write_text(CONFIG)
    (folder / "README.md").write_text("# Demo\n<!-- results:start -->\n<!-- results:end -->\n")
    return folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in the project's folder; returns exit code, output and errors."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.delenv("PORTFOLIO_DATA", raising=False)
    app = table_cli(SPEC, lambda: TASK)

    def run_(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["pricedemo", *arguments])
        with pytest.raises(SystemExit) as left:
            run_command_line(app, "pricedemo")
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return run_


@pytest.fixture
def bundle(folder: Path, run) -> Bundle:
    if not (folder / "artifacts").exists():
        assert run("train")[0] == 0
    return open_bundle(folder / "artifacts")


def _settings(folder: Path, *overrides: str) -> TableProjectConfig:
    return SPEC.load(folder, overrides=overrides, environ={})


def test_groups_stand_on_one_side_of_every_split(folder: Path) -> None:
    prepared = prepare_table(TASK, _settings(folder), folder, lambda _: None, environ={})
    assert not set(prepared.train["model"]) & set(prepared.holdout["model"])
    assert len(prepared.rounds) == 2
    for folds in prepared.rounds:
        assert len(folds) == 3
        for fit_on, score_on in folds:
            assert not set(prepared.train["model"].iloc[fit_on]) & set(prepared.train["model"].iloc[score_on])
    assert prepared.table.report.rejected == {"older than 19": 800 - prepared.table.report.kept}


def test_a_bundle_accounts_for_every_row(bundle: Bundle) -> None:
    metrics = bundle.read_json("metrics.json")
    counts = bundle.info["row_counts"]
    assert counts["read"] == 800
    assert counts["train"] + counts["holdout"] == counts["kept"] == metrics["rows"]["read"][0]["kept"]
    assert metrics["synthetic"] is True
    assert bundle.read_json("profile.json")["features"]["age"]["share_missing"] == 0
    assert "older than 19" not in bundle.read_bytes("model_card.md").decode()


def test_evaluate_prints_the_goal_table_and_writes_it(run, bundle: Bundle, folder: Path) -> None:
    code, out, err = run("evaluate", "--output", "docs-to-be/results.md")
    assert code == 0
    assert TASK.caveat in err
    assert "must reached" in out
    text = (folder / "docs-to-be" / "results.md").read_text()
    assert f"Written by `make -C {folder.name} evaluate`" in text
    assert re.search(r"\| mean error \| +&lt;= 5\.00 \| +&lt;= 0\.001 \|", text)
    assert "nobody stands behind a row" in text
    assert TASK.caveat in text


def test_evaluate_json_is_json_and_nothing_else(run, bundle: Bundle) -> None:
    found = json.loads(run("evaluate", "--json")[1])
    assert found["bundle"] == bundle.version
    assert found["holdout"] == bundle.read_json("metrics.json")["holdout"]


def test_evaluate_on_another_table_says_that_rows_differ(run, bundle: Bundle, tmp_path: Path) -> None:
    sample = TASK.sample(400, np.random.default_rng(8))
    sample.to_csv(tmp_path / "other.csv", index=False)
    code, _, err = run("evaluate", "--data", str(tmp_path / "other.csv"))
    assert code == 0
    assert "the rows differ" in err


def test_predict_numbers_the_rows_that_were_kept(run, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "cars.csv").write_text("model,age\na,5\nb,x\nc,7\n")
    assert run("predict", "--input", str(tmp_path / "cars.csv"), "--output", str(tmp_path / "out.csv"))[0] == 0
    table = pd.read_csv(tmp_path / "out.csv")
    assert table["row"].tolist() == [1, 3]
    assert table["prediction"].tolist() == pytest.approx([95, 93], abs=1)


def test_explain_speaks_and_counts(run, bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "cars.csv").write_text("model,age\na,5\nb,x\n")
    code, out, _ = run("explain", "--input", str(tmp_path / "cars.csv"))
    assert code == 0
    assert "age = 5" in out
    code, _, err = run("explain", "--input", str(tmp_path / "cars.csv"), "--row", "2")
    assert code == 2
    assert "was rejected" in err


def test_card_writes_the_readme_s_results_of_the_project_itself(run, bundle: Bundle, folder: Path) -> None:
    assert run("card")[0] == 0
    readme = (folder / "README.md").read_text()
    assert "| mean error |" in readme
    assert "older than 19: " in (folder / "docs" / "data_card.md").read_text()
    assert (folder / "docs" / "figures" / "price.png").is_file()


def test_a_readme_without_marks_is_refused(run, bundle: Bundle, folder: Path) -> None:
    readme = folder / "README.md"
    before = readme.read_text()
    readme.write_text("# Demo\n")
    try:
        code, _, err = run("card")
    finally:
        readme.write_text(before)
    assert code == 4
    assert "results:start" in err


def test_no_feature_left_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="no column is left"):
        ColumnFeatures().fit(pd.DataFrame({"a": [1]}))


def test_a_table_and_the_sample_cannot_both_be_asked_for(folder: Path) -> None:
    with pytest.raises(ConfigError, match="leave one of them out"):
        _settings(folder, "data.source=sample", "data.file=x.csv")


class CarRequest(TableRecord):
    model: str = Field(max_length=20)
    age: float | None = Field(default=None, ge=0, le=100)


class PriceAnswer(BaseModel):
    prediction: float
    model_version: str


def _answer(live: LiveModel[TableProjectConfig], records: Sequence[CarRequest]) -> list[PriceAnswer]:
    prices = live.scorer.score(record_columns(records))[:, 0]
    return [PriceAnswer(prediction=price, model_version=live.version) for price in prices.tolist()]


def _app(folder: Path, **given: Any) -> Any:
    return create_table_service(
        SPEC,
        folder,
        record=CarRequest,
        answer_model=PriceAnswer,
        answer=_answer,
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


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_the_service_keeps_its_promises(folder: Path, bundle: Bundle, monkeypatch, check) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv(SPEC.bundle_variable, str(bundle.path))
    with TestClient(_app(folder)) as client:
        check(client, CASE)


@pytest.mark.parametrize("check", ALL_SERVICE_CHECKS, ids=lambda check: check.__name__)
def test_every_service_check_can_fail(folder: Path, bundle: Bundle, monkeypatch, check) -> None:  # type: ignore[no-untyped-def]
    """A service that echoes, lets everything through and answers batches otherwise."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"], include_in_schema=False)
    async def anything(path: str, request: Request) -> dict[str, Any]:
        body = (await request.body()).decode()
        return {"status": "alive", "version": path, "model_version": "v", "predictions": [body], "echo": body}

    with TestClient(app) as client, pytest.raises(AssertionError):
        check(client, CASE)


def test_the_check_of_hostile_bodies_finds_a_handler_as_written_by_hand() -> None:
    """FastAPI's own 422 repeats NaN, which its answer then cannot carry: 500."""
    app = FastAPI()

    @app.post("/predict")
    async def predict(body: CarRequest) -> dict[str, Any]:
        return {}

    client = TestClient(app, raise_server_exceptions=False)
    with client, pytest.raises(AssertionError, match=r"/predict: hostile body \d+ got 500"):
        check_hostile_bodies_get_a_documented_answer(client, CASE)


def test_the_service_opens_the_configured_artifacts(folder: Path, bundle: Bundle, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    with TestClient(_app(folder)) as client:
        assert client.get("/ready").json()["version"] == bundle.version
        assert client.get("/model").json()["synthetic"] is True


def test_a_service_without_a_bundle_is_not_ready(folder: Path) -> None:
    def missing() -> LiveModel[TableProjectConfig]:
        raise ArtifactError("none")

    with TestClient(_app(folder, open_model=missing)) as client:
        assert client.get("/ready").status_code == 503
        assert client.post("/predict", json=CASE.record).status_code == 503


@pytest.fixture
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would have been started, and the folder with an app in it."""
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "fastapi_app.py").touch()
    calls: list[Any] = []
    monkeypatch.setattr("common_utils.serving.server.run", lambda app, **given: calls.append((app, given)))

    def execv(_: str, command: list[str]) -> None:
        calls.append(command)
        raise SystemExit(0)

    monkeypatch.setattr("os.execv", execv)
    monkeypatch.setenv(SPEC.bundle_variable, "")
    monkeypatch.chdir(folder)
    return calls


def _serve(folder: Path, settings_file: Path | None = None) -> None:
    serve_project(
        SPEC, folder, folder / "artifacts", settings_file=settings_file, host="127.0.0.1", port=8123, workers=1
    )


def test_serve_hands_the_bundle_to_the_server(folder: Path, served: list[Any], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: object())
    _serve(folder)
    assert served == [("app.fastapi_app:app", {"host": "127.0.0.1", "port": 8123, "workers": 1})]
    assert os.environ[SPEC.bundle_variable] == str((folder / "artifacts").resolve())


@pytest.mark.parametrize("named", [True, False], ids=["with-config", "from-environment"])
def test_serve_starts_itself_as_a_module_where_the_app_cannot_be_found(
    folder: Path,
    served: list[Any],
    monkeypatch,
    named: bool,  # type: ignore[no-untyped-def]
) -> None:
    settings_file = folder / "configs" / "config.yaml"
    monkeypatch.setattr("common_utils.serving.start.find_spec", lambda _: None)
    monkeypatch.setenv(SPEC.config_variable, "configs/config.yaml")
    with pytest.raises(SystemExit):
        _serve(folder, settings_file if named else None)
    assert served[0][:4] == [sys.executable, "-m", "pricedemo.cli", "serve"]
    assert ("--config" in served[0]) is named
    if not named:
        assert os.environ[SPEC.config_variable] == str(settings_file.resolve())


def test_an_image_serves_as_settings_and_environment_say(folder: Path, served: list[Any], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PRICEDEMO__SERVING__HOST", "localhost")
    monkeypatch.setenv("PRICEDEMO__SERVING__ADMIN_PORT", "9000")
    monkeypatch.setenv("PRICEDEMO__SERVING__LIMITS__DEADLINE_SECONDS", "3")
    serve_configured(SPEC, folder)
    ((app, given),) = served
    assert (app, given["host"], given["port"], given["workers"]) == ("app.fastapi_app:app", "localhost", 8000, 1)
    assert (given["admin_port"], given["graceful_seconds"], given["log_format"]) == (9000, 8, "json")
    assert given["loggers"] == ("pricedemo",)


def test_keys_rate_and_limits_of_the_settings_hold(folder: Path, bundle: Bundle, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    user, admin = "a-users-key", "an-administrators-key"
    lines = [f"{n}:{r}:{hashlib.sha256(k.encode()).hexdigest()}" for n, r, k in (
        ("crm", "predict", user), ("ops", "admin", admin)
    )]  # fmt: skip
    monkeypatch.setenv("SERVICE_KEYS", "\n".join(lines))
    for name, value in {
        "ACCESS__KEYS": "required",
        "ACCESS__REQUESTS_PER_SECOND": "0.001",
        "ACCESS__BURST": "2",
        "LIMITS__MAX_BODY_BYTES": "2000",
        "LOG_SAMPLE": "0",
    }.items():
        monkeypatch.setenv(f"PRICEDEMO__SERVING__{name}", value)
    with TestClient(_app(folder)) as client:
        assert client.post("/predict", json=CASE.record).status_code == 401
        asked = {"Authorization": f"Bearer {user}"}
        assert client.get("/metrics", headers=asked).status_code == 403
        assert client.get("/metrics", headers={"Authorization": f"Bearer {admin}"}).status_code == 200
        assert client.post("/predict", json=CASE.record, headers=asked).status_code == 200
        large = client.post("/predict", content=b" " * 3000, headers={**asked, "Content-Type": "application/json"})
        assert large.status_code == 413
        late = client.post("/predict", json=CASE.record, headers=asked)
        assert (late.status_code, int(late.headers["Retry-After"]) > 0) == (429, True)


def test_the_settings_say_how_many_records_a_batch_may_have(folder: Path, bundle: Bundle, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.delenv(SPEC.bundle_variable, raising=False)
    monkeypatch.setenv("PRICEDEMO__SERVING__LIMITS__MAX_BATCH_ROWS", "1001")
    with TestClient(_app(folder)) as client:
        for records, status in ((1001, 200), (1002, 413)):
            assert client.post("/predict/batch", json={"records": [CASE.record] * records}).status_code == status


def test_serve_without_an_app_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no app/fastapi_app\.py"):
        _serve(tmp_path)


def test_signatures_count_where_they_are_required(run, bundle: Bundle, folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PRICEDEMO__RELEASES__SIGNATURES", "required")
    code, _, err = run("evaluate")
    assert code == 2
    assert "there is no key" in err
    monkeypatch.setenv("BUNDLE_KEYS", f"test:{'ab' * 32}")
    code, _, err = run("evaluate")
    assert code == 4
    with TestClient(_app(folder)) as client:
        assert client.get("/ready").status_code == 503


def test_training_enters_the_history_of_releases(run, bundle: Bundle) -> None:
    code, out, _ = run("release", "history", "--json")
    assert code == 0
    assert bundle.version in out
    assert "trained on sample generator with seed 42" in out


def test_serve_takes_host_and_port_from_the_command_line(run, folder: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    given: dict[str, Any] = {}
    monkeypatch.setattr("common_utils.serving.start.serve_project", lambda *_, **rest: given.update(rest))
    assert run("serve", "--port", "0", "--host", "localhost")[0] == 0
    assert (given["host"], given["port"], given["workers"]) == ("localhost", 0, 1)
    assert given["environment"]["PRICEDEMO__RELEASES__SIGNATURES"] == "development"


def _project(folder: Path) -> TableProject:
    small = ("data.sample_rows=600", "training.split.folds=2")
    return TableProject(SPEC, folder, small, task=lambda: TASK, main=lambda: None)


def _cli_case(folder: Path, run: Any, bundle: Bundle, tmp_path: Path) -> CliCase:
    return CliCase(
        _project(folder),
        run,
        bundle,
        tmp_path,
        records=["model,age", "a,3", "b,x", "c,5"],
        answered=("1", "3"),
        explained=3,
        rejected=(2,),
        columns=("row", "prediction"),
        complaint="age:",
        results=("Errors",),
    )


CLI_CHECKS = pytest.mark.parametrize("check", ALL_CLI_CHECKS, ids=lambda check: check.__name__)


@CLI_CHECKS
def test_the_commands_keep_their_promises(folder: Path, run, bundle: Bundle, tmp_path: Path, check) -> None:  # type: ignore[no-untyped-def]
    check(_cli_case(folder, run, bundle, tmp_path))


@CLI_CHECKS
def test_every_command_check_can_fail(folder: Path, bundle: Bundle, tmp_path: Path, check) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AssertionError):
        check(_cli_case(folder, lambda *_: (9, "", "nothing works"), bundle, tmp_path))


APP_CHECKS = pytest.mark.parametrize("check", ALL_APP_CHECKS, ids=lambda check: check.__name__)
MAIN = """
from common_utils.serving.start import serve_configured
from startdemo import FOLDER, SPEC
serve_configured(SPEC, FOLDER)
"""


@pytest.fixture
def app_case(folder: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> AppCase:
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app" / "__main__.py").write_text(MAIN)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setitem(sys.modules, "startdemo", SimpleNamespace(SPEC=SPEC, FOLDER=folder))
    live = open_live(SPEC, bundle.path, lambda opened, _: CompiledScorer.open(opened, ColumnStep(["age"])))

    def create(opener: Any = None) -> Any:
        return _app(folder, open_model=opener)

    return AppCase(_project(folder), create, CarRequest, CASE.record, {"age": (0, 100)}, live)


@APP_CHECKS
def test_the_app_starts_as_it_should(app_case: AppCase, check) -> None:  # type: ignore[no-untyped-def]
    check(app_case)


class OpenRequest(TableRecord):
    model: str
    age: float | None = Field(default=None, ge=1, le=100)


@APP_CHECKS
def test_every_app_check_can_fail(app_case: AppCase, folder: Path, check) -> None:  # type: ignore[no-untyped-def]
    """An app that is ready whatever it is given, starts nothing, and takes what the table does not."""
    app = FastAPI()

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    (folder / "app" / "__main__.py").write_text("")
    with pytest.raises(AssertionError):
        check(replace(app_case, create_app=lambda *_: app, record_model=OpenRequest))
