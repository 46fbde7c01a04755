from __future__ import annotations

import io
import threading
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from threadpoolctl import threadpool_info

from common_utils.bundle import open_bundle, write_bundle
from common_utils.errors import ArtifactError, DataError
from common_utils.scoring import Scorer
from common_utils.scoring.joblib_scorer import JoblibScorer


class ColumnModel:
    """Probability of "ultra" is minutes / 1000."""

    classes_ = np.array(["smart", "ultra"])

    def __init__(self) -> None:
        self.threads: list[int] = []

    def predict_proba(self, X: dict[str, np.ndarray]) -> np.ndarray:
        self.threads += [pool["num_threads"] for pool in threadpool_info()]
        ultra = X["minutes"] / 1000
        return np.column_stack([1 - ultra, ultra])


@dataclass
class FakeBundle:
    content: bytes
    info: dict[str, Any] = field(
        default_factory=lambda: {"libraries": {"scikit-learn": installed_version("scikit-learn")}}
    )
    version: str = "v1"
    read: list[str] = field(default_factory=list)

    def read_bytes(self, name: str) -> bytes:
        self.read.append(name)
        return self.content


def dumped(model: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()


@pytest.fixture
def pipeline() -> DummyClassifier:
    return DummyClassifier().fit(np.zeros((4, 1)), ["smart", "smart", "smart", "ultra"])


def test_open_scores_what_the_bundle_holds(pipeline: DummyClassifier) -> None:
    bundle = FakeBundle(dumped(pipeline))
    scorer = JoblibScorer.open(bundle)
    assert isinstance(scorer, Scorer)
    assert scorer.classes == ("smart", "ultra")
    assert isinstance(scorer.model, DummyClassifier)
    assert scorer.score({"minutes": np.array([1.0])}).tolist() == [[0.75, 0.25]]
    assert bundle.read == ["model.joblib"]


def test_open_takes_a_bundle_from_disk(pipeline: DummyClassifier, tmp_path: Path) -> None:
    write_bundle(
        tmp_path,
        info={"libraries": {"scikit-learn": installed_version("scikit-learn")}},
        write=lambda folder: folder.joinpath("model.joblib").write_bytes(dumped(pipeline)),
    )
    (folder,) = [entry for entry in tmp_path.iterdir() if entry.is_dir()]
    assert JoblibScorer.open(open_bundle(folder)).classes == ("smart", "ultra")


def test_score_passes_columns_by_name() -> None:
    scores = JoblibScorer(ColumnModel()).score({"minutes": np.array([250.0, 1000.0])})
    assert scores.tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_score_uses_one_native_thread_in_any_calling_thread() -> None:
    model = ColumnModel()
    scorer = JoblibScorer(model)
    worker = threading.Thread(target=scorer.score, args=({"minutes": np.array([1.0])},))
    worker.start()
    worker.join()
    assert model.threads
    assert set(model.threads) == {1}


@pytest.mark.parametrize("trained", ["0.1.0", "unknown", "1"])
def test_open_refuses_another_minor_version_before_reading(pipeline: DummyClassifier, trained: str) -> None:
    bundle = FakeBundle(dumped(pipeline), info={"libraries": {"scikit-learn": trained}})
    installed = installed_version("scikit-learn")
    with pytest.raises(ArtifactError, match=f"scikit-learn {trained}, installed is {installed}"):
        JoblibScorer.open(bundle)
    assert bundle.read == []


def test_open_refuses_a_bundle_without_versions(pipeline: DummyClassifier) -> None:
    with pytest.raises(ArtifactError, match="scikit-learn unknown"):
        JoblibScorer.open(FakeBundle(dumped(pipeline), info={}))


def test_open_accepts_another_patch_version(pipeline: DummyClassifier) -> None:
    major, minor, *_ = installed_version("scikit-learn").split(".")
    bundle = FakeBundle(dumped(pipeline), info={"libraries": {"scikit-learn": f"{major}.{minor}.999"}})
    assert JoblibScorer.open(bundle).classes == ("smart", "ultra")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a pickle", id="text"),
        pytest.param(b"cno_such_module\nThing\n.", id="missing-module"),
        pytest.param(b"cos\nno_such_name\n.", id="missing-name"),
    ],
)
def test_open_refuses_what_cannot_be_unpickled(content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"model\.joblib cannot be unpickled"):
        JoblibScorer.open(FakeBundle(content))


def test_open_refuses_what_is_no_classifier() -> None:
    with pytest.raises(ArtifactError, match="holds no fitted classifier"):
        JoblibScorer.open(FakeBundle(dumped({"a": 1})))


def test_score_refuses_ragged_columns() -> None:
    with pytest.raises(DataError, match="one length"):
        JoblibScorer(ColumnModel()).score({"minutes": np.zeros(2), "messages": np.zeros(1)})


def test_score_refuses_an_answer_that_is_not_finite() -> None:
    with pytest.raises(ArtifactError, match="not finite"):
        JoblibScorer(ColumnModel()).score({"minutes": np.array([np.nan])})
