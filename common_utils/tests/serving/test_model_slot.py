from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import pytest

from common_utils.errors import ArtifactError, ConfigError, DataError, NotReadyError
from common_utils.serving.model_slot import ModelNotReadyError, ModelSlot


@dataclass(frozen=True)
class Model:
    version: str


def no_probe(model: Model) -> None:
    return


@pytest.fixture
def slot() -> ModelSlot[Model]:
    return ModelSlot()


def test_new_slot_is_starting_and_has_no_model(slot: ModelSlot[Model]) -> None:
    assert (slot.state, slot.reason, slot.live) == ("starting", "starting", None)
    with pytest.raises(NotReadyError, match=r"No verified model is live \(starting\)"):
        slot.get()


def test_load_makes_a_probed_model_live(slot: ModelSlot[Model]) -> None:
    probed: list[str] = []
    assert slot.load(lambda: Model("v1"), lambda model: probed.append(model.version))
    assert probed == ["v1"]
    assert (slot.state, slot.get().version, slot.failures) == ("ready", "v1", {})


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(ArtifactError("hash differs"), "bundle_refused", id="artifact"),
        pytest.param(ConfigError("no such plan file"), "config_refused", id="config"),
        pytest.param(FileNotFoundError("/secret/path"), "unreadable", id="missing"),
        pytest.param(MemoryError(), "out_of_memory", id="memory"),
        pytest.param(RecursionError(), "unexpected", id="anything-else"),
    ],
)
def test_failed_first_load_is_recorded_by_reason(slot: ModelSlot[Model], error: Exception, reason: str) -> None:
    def loader() -> Model:
        raise error

    assert not slot.load(loader, no_probe)
    assert (slot.state, slot.reason, slot.failures) == ("failed", reason, {reason: 1})
    with pytest.raises(ModelNotReadyError) as caught:
        slot.get()
    assert caught.value.reason == reason


def test_failed_probe_keeps_the_old_model(slot: ModelSlot[Model]) -> None:
    slot.load(lambda: Model("good"), no_probe)

    def probe(model: Model) -> None:
        raise DataError("probe row answered NaN")

    assert not slot.load(lambda: Model("bad"), probe)
    assert (slot.state, slot.get().version, slot.failures) == ("ready", "good", {"probe_failed": 1})


def test_failed_load_is_logged_without_foreign_messages(
    slot: ModelSlot[Model], caplog: pytest.LogCaptureFixture
) -> None:
    def loader() -> Model:
        raise ValueError("CANARY")

    with caplog.at_level(logging.INFO):
        slot.load(loader, no_probe)
    assert "model refused: unexpected; live: none\nValueError" in caplog.text
    assert "CANARY" not in caplog.text


def test_load_recovers_after_a_failure(slot: ModelSlot[Model]) -> None:
    def loader() -> Model:
        raise ArtifactError("hash differs")

    slot.load(loader, no_probe)
    assert slot.load(lambda: Model("v2"), no_probe)
    assert (slot.state, slot.reason) == ("ready", "ready")


def test_drained_slot_still_answers(slot: ModelSlot[Model]) -> None:
    slot.load(lambda: Model("v1"), no_probe)
    slot.drain()
    assert (slot.state, slot.reason, slot.get().version) == ("draining", "draining", "v1")


def test_old_model_answers_while_the_next_is_probed(slot: ModelSlot[Model]) -> None:
    slot.load(lambda: Model("v1"), no_probe)
    probing, go_on = threading.Event(), threading.Event()

    def probe(model: Model) -> None:
        probing.set()
        assert go_on.wait(5)

    worker = threading.Thread(target=slot.load, args=(lambda: Model("v2"), probe))
    worker.start()
    assert probing.wait(5)
    before = slot.get().version
    go_on.set()
    worker.join(5)
    assert (before, slot.get().version) == ("v1", "v2")
