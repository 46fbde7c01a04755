"""Which model the service answers from: bundles, rate cards, rules, keys and the pointer."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.fastapi_app import create_app
from app.live import LivePlanRec
from common_utils.bundle import Bundle, write_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust, parse_keys
from common_utils.compiled import CompiledScorer
from common_utils.errors import ArtifactError
from common_utils.releases import promote
from common_utils.releases.author import Author
from planrec.billing import Catalogue
from planrec.bundle import ChoiceModel, PlanRecBundle
from planrec.config import SPEC
from planrec.decisions import DecisionMatrix, SubscriberRecord, UsageMonth
from planrec.decisions.choice_sets import Alternatives, ChoiceRows
from planrec.decisions.record import decision_columns
from tests.app.cases import USAGE


def test_service_without_a_bundle_is_alive_and_not_ready(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PLANREC_BUNDLE", str(tmp_path))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/health").status_code == 200
        assert started.get("/ready").status_code == 503
        assert started.post("/predict", json={"usage": USAGE}).status_code == 503
        assert started.get("/plans").status_code == 503


def test_a_model_that_fails_its_probe_never_becomes_ready(live: LivePlanRec) -> None:
    class Half(ChoiceModel):
        def chances(self, X: ChoiceRows, alternatives: Alternatives) -> NDArray[np.float64]:  # type: ignore[override]
            return super().chances(X, alternatives) / 2

    half = Half(live.catalogue, 6, with_current_plan=True, logit=live.choice.logit)
    bad = replace(live, version="v-bad", choice=half)
    with TestClient(create_app(lambda: bad)) as started:
        assert started.get("/ready").status_code == 503
        assert started.app.state.slot.failures == {"probe_failed": 1}  # type: ignore[attr-defined]


def test_loading_errors_do_not_end_the_process() -> None:
    def missing() -> LivePlanRec:
        raise ArtifactError("no bundle")

    with TestClient(create_app(missing)) as started:
        assert started.get("/health").status_code == 200
        assert started.get("/ready").status_code == 503


def test_service_answers_from_a_trained_bundle_as_its_choice_model_does(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/ready").json()["version"] == bundle.version
        answer = started.post("/predict", json={"usage": USAGE, "current_plan": "basic-6", "age": 30}).json()
        assert started.get("/model").json()["synthetic"] is True
    record = SubscriberRecord(
        [UsageMonth(24_308, 100, 5, 3000), UsageMonth(24_309, 120, 5, 4000.5)], "basic-6", age=30.0
    )
    columns = decision_columns([record], history_months=6, extra_columns=("age",))
    columns["month"] = np.array(["2025-11"], dtype=object)
    # The shipped rules take no plan out, so the choice set of a decision in that month is the same.
    expected = PlanRecBundle.open(bundle.path).choice.predict_proba(columns)[0]
    assert list(answer["probabilities"].values()) == expected.tolist()


def test_serving_imports_neither_sklearn_nor_pandas_nor_joblib(bundle: Bundle, project_folder: Path) -> None:
    code = (
        "import sys; from fastapi.testclient import TestClient; from app.fastapi_app import create_app\n"
        "with TestClient(create_app(open_log=lambda: None)) as client:\n"
        f"    assert client.post('/predict', json={{'usage': {USAGE!r}}}).status_code == 200\n"
        f"    assert client.post('/recommend', json={{'usage': {USAGE!r}}}).status_code == 200\n"
        "print(sorted({'pandas', 'sklearn', 'joblib', 'scipy', 'pyarrow', 'lightgbm', 'catboost'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=project_folder,
        env={**os.environ, "PLANREC_BUNDLE": str(bundle.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_a_model_trained_on_another_rate_card_is_not_served(bundle: Bundle, megaline: Catalogue) -> None:
    with pytest.raises(ArtifactError, match=r"trained with the formulas .*, opened with"):
        CompiledScorer.open(bundle, DecisionMatrix(megaline, 6, True, ("age",)))


def test_service_follows_the_bundles_rules_unless_a_file_is_named(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    body = {"usage": USAGE, "current_plan": "unlimited"}
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/model").json()["rules_version"] == "rules-2025-03"
        assert started.post("/recommend", json=body).json()["rules_version"] == "rules-2025-03"
    ours = tmp_path / "rules.yaml"
    ours.write_text("version: ours\nplans:\n  - plans: [basic-6]\n    why: sold out\n", encoding="utf-8")
    monkeypatch.setenv("PLANREC__SERVING__RULES", str(ours))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/model").json()["rules_version"] == "ours"
        answer = started.post("/recommend", json=body).json()
    assert answer["rules_version"] == "ours"
    assert {"plan_id": "basic-6", "reason_code": "NOT_OFFERED"} in answer["excluded"]


@pytest.mark.parametrize("text", ["version: ours\noffer: {}", "version: ours\nplans: [{plans: [gone], why: x}]"])
def test_a_bad_rule_file_keeps_the_service_from_becoming_ready(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    ours = tmp_path / "rules.yaml"
    ours.write_text(text, encoding="utf-8")
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__SERVING__RULES", str(ours))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/ready").status_code == 503
        assert started.app.state.slot.failures == {"config_refused": 1}  # type: ignore[attr-defined]


def test_default_bundle_is_the_configured_artifacts_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PLANREC_BUNDLE", raising=False)
    monkeypatch.setenv("PLANREC__TRAINING__ARTIFACTS", str(tmp_path))
    with TestClient(create_app(open_log=lambda: None)) as started:
        assert started.get("/ready").status_code == 503


def test_an_unsigned_bundle_is_refused_unless_the_settings_say_development(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANREC_BUNDLE", str(bundle.path))
    monkeypatch.setenv("PLANREC__RELEASES__SIGNATURES", "required")
    monkeypatch.delenv("BUNDLE_KEYS", raising=False)
    for follow_seconds in ("1", "0"):
        monkeypatch.setenv("PLANREC__RELEASES__FOLLOW_SECONDS", follow_seconds)
        with TestClient(create_app(open_log=lambda: None)) as started:
            assert started.get("/ready").json()["reason"] == "config_refused"  # no key to compare with
    monkeypatch.setenv("BUNDLE_KEYS", f"ours:{'ab' * 32}")
    for follow_seconds in ("1", "0"):
        monkeypatch.setenv("PLANREC__RELEASES__FOLLOW_SECONDS", follow_seconds)
        with TestClient(create_app(open_log=lambda: None)) as started:
            assert started.get("/ready").json()["reason"] == "bundle_refused"


def _again(bundle: Bundle, root: Path, trust: Trust) -> Bundle:
    """The same model as another version, made live."""

    def copy(folder: Path) -> None:
        for name in bundle.files:
            (folder / name).write_bytes(bundle.read_bytes(name))

    other = write_bundle(root, info=dict(bundle.info), write=copy, trust=trust)
    promote(root, other.version, author=Author("ana", "trying"), trust=trust)
    return other


def _eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.02)


def test_service_follows_the_pointer_with_the_named_rules_and_keys(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root, rules, keys = tmp_path / "artifacts", tmp_path / "rules.yaml", f"ours:{'ab' * 32}"
    trust = Trust(parse_keys(keys, "keys"), required=True)
    rules.write_text("version: ours\n", encoding="utf-8")
    monkeypatch.setenv("PLANREC_BUNDLE", str(root))
    monkeypatch.setenv("BUNDLE_KEYS", keys)
    monkeypatch.setenv("PLANREC__SERVING__RULES", str(rules))
    monkeypatch.setenv("PLANREC__RELEASES__SIGNATURES", "required")
    monkeypatch.setenv("PLANREC__RELEASES__FOLLOW_SECONDS", "0.02")
    first = _again(bundle, root, trust)
    with TestClient(create_app(open_log=lambda: None)) as started:
        slot = started.app.state.slot  # type: ignore[attr-defined]
        assert started.get("/ready").json()["version"] == first.version
        rules.write_text("version: theirs\n", encoding="utf-8")
        assert started.get("/model").json()["rules_version"] == "ours"  # until a model is opened
        second = _again(bundle, root, trust)
        _eventually(lambda: slot.get().version == second.version)
        assert started.get("/model").json()["rules_version"] == "theirs"
        rules.write_text("version: bad\nplans: [{plans: [gone], why: x}]\n", encoding="utf-8")
        _again(bundle, root, trust)
        _eventually(lambda: slot.failures == {"config_refused": 1})
        _again(bundle, root, INTEGRITY_ONLY)
        _eventually(lambda: slot.failures == {"config_refused": 1, "bundle_refused": 1})
        answer = started.post("/recommend", json={"usage": USAGE}).json()
    assert (answer["model_version"], answer["rules_version"]) == (second.version, "theirs")


def test_python_m_app_serves_as_settings_and_environment_say(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[object, Path]] = []
    monkeypatch.setattr("common_utils.serving.start.serve_configured", lambda *given: started.append(given))
    runpy.run_module("app", run_name="__main__")
    assert started == [(SPEC, Path(__file__).resolve().parents[2])]
