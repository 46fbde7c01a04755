"""Promises of how the app of every project on one table starts; each project's tests run all of them on its own.

A check gets an `AppCase` and raises AssertionError with what differed. Use it as
`@pytest.mark.parametrize("check", ALL_APP_CHECKS, ids=lambda check: check.__name__)`.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from common_utils.bundle import Bundle
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.recorder import Recorder
from common_utils.errors import ArtifactError
from common_utils.scoring import Columns
from common_utils.scoring.joblib_scorer import open_model
from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.serving.guards.bounds import unbounded_fields
from common_utils.table_project.service import Batch, LiveModel, TableRecord, record_columns
from common_utils.testing.expectations import expect
from common_utils.testing.table_fixtures import TableProject

__all__ = [
    "ALL_APP_CHECKS",
    "AppCase",
    "check_a_bundle_s_probability_is_its_pipeline_s",
    "check_a_scorer_that_fails_never_becomes_ready",
    "check_each_answer_has_its_entry_and_tells_no_subject",
    "check_every_route_is_described_and_shows_its_answers",
    "check_no_request_field_is_unbounded",
    "check_python_m_app_serves_as_configured",
    "check_the_bounds_are_the_tables",
    "check_the_configured_artifacts_are_opened",
    "check_without_a_bundle_it_is_alive_and_not_ready",
]


@dataclass(frozen=True)
class AppCase:
    """What to try on an app.

    Attributes
    ----------
    project : TableProject
    create_app : callable
        Takes what opens the model, or nothing for what is configured.
    record_model : type of TableRecord
        What `/predict` takes.
    record : mapping
        A request that is answered.
    ranges : mapping of str to (low, high)
        Of the table's numbers, by name or alias.
    live : LiveModel
        That answers.
    """

    project: TableProject
    create_app: Callable[..., FastAPI]
    record_model: type[TableRecord]
    record: Mapping[str, Any]
    ranges: Mapping[str, tuple[float, float]]
    live: LiveModel[Any]


def check_no_request_field_is_unbounded(case: AppCase) -> None:
    """Promise two bounds for every number and a longest length for every text and list.

    Raises
    ------
    AssertionError
        Listing what is open.
    """
    batch: Any = Batch[case.record_model]
    found = [*unbounded_fields(case.record_model), *unbounded_fields(batch)]
    expect(not found, f"open: {found}")


def check_the_bounds_are_the_tables(case: AppCase) -> None:
    """Promise that the service takes what the table's schema takes.

    Raises
    ------
    AssertionError
        Naming the field.
    """
    properties = case.record_model.model_json_schema()["properties"]
    for name, bounds in case.ranges.items():
        field = properties[name].get("anyOf", [properties[name]])[0]
        expect((field["minimum"], field["maximum"]) == tuple(bounds), f"{name} has other bounds")


def check_without_a_bundle_it_is_alive_and_not_ready(case: AppCase) -> None:
    """Promise 200 from `/health`, 503 from `/ready` and `/predict`.

    Raises
    ------
    AssertionError
        Naming the path.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(case.project.spec.bundle_variable, str(case.project.folder / "no-such-bundle"))
        with TestClient(case.create_app(open_log=lambda: None)) as started:
            expect(started.get("/health").status_code == 200, "/health")
            expect(started.get("/ready").status_code == 503, "/ready")
            expect(started.post("/predict", json=dict(case.record)).status_code == 503, "/predict")


def check_the_configured_artifacts_are_opened(case: AppCase) -> None:
    """Promise that without a bundle named, the folder of the settings is looked into.

    Raises
    ------
    AssertionError
        If something else is served.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(case.project.spec.bundle_variable, raising=False)
        patch.setenv(f"{case.project.spec.prefix}__TRAINING__ARTIFACTS", "no-such-folder")
        with TestClient(case.create_app(open_log=lambda: None)) as started:
            expect(started.get("/ready").status_code == 503, "/ready")


def check_a_scorer_that_fails_never_becomes_ready(case: AppCase) -> None:
    """Promise that the probe is asked before anybody else.

    Raises
    ------
    AssertionError
        If the service says that it is ready.
    """

    class Broken:
        classes = case.live.scorer.classes

        def score(self, columns: Columns) -> NDArray[Any]:  # noqa: ARG002  the form of a scorer
            raise ArtifactError("broken")

    with TestClient(case.create_app(lambda: replace(case.live, scorer=Broken()))) as started:
        expect(started.get("/ready").status_code == 503, "/ready")


def check_each_answer_has_its_entry_and_tells_no_subject(case: AppCase) -> None:
    """Promise one entry in the decision log for each answer, a retry the same event, and the subject nowhere.

    Raises
    ------
    AssertionError
        Naming what differs.
    """
    keys, canary = KeyRing((Key("k1", b"1" * 32),)), "canary-subject"
    record = {**case.record, "subject": canary}
    with TemporaryDirectory() as folder:
        log = Recorder(case.project.spec.name, keys, Journal(Path(folder), 1 << 20))
        with TestClient(case.create_app(lambda: case.live, lambda: log)) as started:
            retry = {"Idempotency-Key": "order-17"}
            single = [started.post("/predict", json=record, headers=retry) for _ in range(2)]
            batch = started.post("/predict/batch", json={"records": [record, dict(case.record)]})
        expect({one.status_code for one in (*single, batch)} == {200}, "a record that names a subject is refused")
        answers = [*(one.json() for one in single), *batch.json()["predictions"]]
        expect(all(canary not in one.text for one in (*single, batch)), "an answer repeats the subject")
        written = b"".join(segment.path.read_bytes() for segment in segments(Path(folder)))
        parts = [part for segment in segments(Path(folder)) for part in segment.read()]
    entries = [one for part in parts for one in part.entries if isinstance(one, Decision)]
    events = [one["event_id"] for one in answers]
    expect([one.event for one in entries] == events, "answers and entries differ")
    expect(len(set(events)) == 3, "a retry is another event, or two records are one")
    named = keys.subject(case.project.spec.name, canary)
    expect([one.subject for one in entries] == [named, named, named, None], "the subject is not what was named")
    expect(canary.encode() not in written, "the journal holds the subject")


def check_every_route_is_described_and_shows_its_answers(case: AppCase) -> None:
    """Promise a description and a whole answer for every route, and for each error an example of its own status.

    For projects whose models show an example; it is not among `ALL_APP_CHECKS`.

    Raises
    ------
    AssertionError
        Naming the route.
    """
    document = case.create_app().openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            expect(bool(operation.get("summary") and operation.get("description")), f"{method} {path}: not described")
            for status, response in operation["responses"].items():
                shown = [content.get("example") for content in response["content"].values()]
                expect(bool(shown) and None not in shown, f"{method} {path}: {status} shows nothing")
                own = [example["status"] for example in shown if status != "200"]
                expect(own == [int(status)] * len(own), f"{method} {path}: {status} shows the example of {own}")
    answer = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    batch = document["paths"]["/predict/batch"]["post"]["responses"]["200"]["content"]["application/json"]["example"]
    version = answer["model_version"]
    expect(batch == {"predictions": [answer], "model_version": version}, f"the batch shows {batch}")
    schema = document["components"]["schemas"]
    (name,) = {name for name, model in schema.items() if model.get("examples") == [answer]}
    shown = set(schema[name]["properties"]) - set(LoggedAnswer.model_fields)  # which are there where it is logged
    expect(set(answer) == shown, f"{name} shows {sorted(answer)}")


def check_python_m_app_serves_as_configured(case: AppCase) -> None:
    """Promise that `python -m app`, which the image runs, serves as its settings say, `ship` ships, `export` exports.

    Raises
    ------
    AssertionError
        If it starts something else.
    """
    started: list[tuple[object, Path]] = []
    shipped: list[tuple[object, Path]] = []
    exported: list[tuple[object, Path, list[str]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common_utils.serving.start.serve_configured", lambda *given: started.append(given))
        patch.setattr("common_utils.decision_log.beside.ship_configured", lambda *given: shipped.append(given))
        runpy.run_module("app", run_name="__main__")
        patch.setattr("common_utils.monitoring.beside.export_configured", lambda *given: exported.append(given))
        for arguments in (["ship"], ["export", "--port", "0"]):
            patch.setattr(sys, "argv", ["app", *arguments])
            with suppress(SystemExit):
                runpy.run_module("app", run_name="__main__")
    expect(started == [(case.project.spec, case.project.folder)], f"it starts {started}")
    expect(shipped == started, f"it ships {shipped}")
    expect(exported == [(*started[0], ["--port", "0"])], f"it exports {exported}")


def check_a_bundle_s_probability_is_its_pipeline_s(case: AppCase, bundle: Bundle) -> None:
    """Promise that the service of a bundle answers with the probability that the trained pipeline gives.

    For projects whose answer is the probability of the second class; it is not among `ALL_APP_CHECKS`.

    Raises
    ------
    AssertionError
        If the service is of another bundle, does not say that the table is made up, or its answer is off by 1e-12.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(case.project.spec.bundle_variable, str(bundle.path))
        with TestClient(case.create_app(open_log=lambda: None)) as started:
            ready = started.get("/ready").json()["version"]
            answer = started.post("/predict", json=dict(case.record)).json()
            synthetic = started.get("/model").json()["synthetic"]
    columns = record_columns([case.record_model.model_validate(case.record)])
    expected = float(open_model(bundle).predict_proba(columns)[0, 1])
    expect(ready == bundle.version, f"{ready} is ready, not {bundle.version}")
    expect(synthetic is True, "/model does not say that the table is made up")
    expect(abs(answer["probability"] - expected) <= 1e-12, f"{answer['probability']} is not {expected}")


ALL_APP_CHECKS: tuple[Callable[[AppCase], None], ...] = (
    check_no_request_field_is_unbounded,
    check_the_bounds_are_the_tables,
    check_without_a_bundle_it_is_alive_and_not_ready,
    check_each_answer_has_its_entry_and_tells_no_subject,
    check_the_configured_artifacts_are_opened,
    check_a_scorer_that_fails_never_becomes_ready,
    check_python_m_app_serves_as_configured,
)
