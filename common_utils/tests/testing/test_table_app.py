from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from tests.table_project.cases import CASE, CarRequest, project_of

from common_utils.testing.table_app import AppCase, check_a_bundle_s_probability_is_its_pipeline_s


def answering(*, version: str = "v1", probability: float = 0.6, synthetic: bool = True) -> AppCase:
    """A service by hand: which bundle it is of, what it answers, whether it says that the table is made up."""

    def create(open_log: Any) -> FastAPI:
        assert open_log() is None  # nothing is logged by a check
        app = FastAPI()
        app.get("/ready")(lambda: {"version": version})
        app.get("/model")(lambda: {"synthetic": synthetic})
        app.post("/predict")(lambda: {"probability": probability})
        return app

    return AppCase(project_of(Path()), create, CarRequest, CASE.record, {}, None)  # type: ignore[arg-type]


@pytest.fixture
def bundle(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bundle whose pipeline says .6."""
    pipeline = SimpleNamespace(predict_proba=lambda columns: np.array([[0.4, 0.6]] * len(columns["age"])))
    monkeypatch.setattr("common_utils.testing.table_app.open_model", lambda _: pipeline)
    return SimpleNamespace(path=Path("bundle"), version="v1")


def test_a_service_that_answers_as_its_pipeline_passes(bundle: Any) -> None:
    check_a_bundle_s_probability_is_its_pipeline_s(answering(), bundle)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param({"probability": 0.6 + 1e-9}, "is not 0.6", id="another-answer"),
        pytest.param({"version": "v0"}, "v0 is ready, not v1", id="another-bundle"),
        pytest.param({"synthetic": False}, "made up", id="keeps-quiet-about-a-sample"),
    ],
)
def test_a_service_that_does_not_is_found(bundle: Any, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_a_bundle_s_probability_is_its_pipeline_s(answering(**wrong), bundle)
