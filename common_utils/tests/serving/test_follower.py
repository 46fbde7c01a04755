from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from common_utils.bundle import open_bundle, set_current, write_bundle
from common_utils.bundle.durable import replace_link
from common_utils.errors import ArtifactError, ConfigError
from common_utils.releases import promote, rollback
from common_utils.releases.author import Author
from common_utils.serving.follower import PointerFollower
from common_utils.serving.metrics import ServiceMetrics
from common_utils.serving.model_slot import ModelSlot

pytestmark = pytest.mark.usefixtures("removable")

ANA = Author("ana", "trying")
BAD = "20990101T000000Z-000000000000"


@dataclass(frozen=True)
class Pair:
    version: str
    one: int
    two: int


def open_pair(path: Path) -> Pair:
    bundle = open_bundle(path)
    return Pair(bundle.version, int(bundle.read_bytes("one")), int(bundle.read_bytes("two")))


def write_pair(root: Path, number: int, second: int | None = None) -> str:
    def write(folder: Path) -> None:
        (folder / "one").write_text(f"{number}")
        (folder / "two").write_text(f"{number if second is None else second}")

    return write_bundle(root, info={}, write=write).version


def probe(pair: Pair) -> None:
    if pair.one != pair.two:
        raise ArtifactError("probe: the numbers differ; train again.")


@pytest.fixture
def slot() -> ModelSlot[Pair]:
    return ModelSlot()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def follower(slot: ModelSlot[Pair], tmp_path: Path, clock: Clock) -> PointerFollower[Pair]:
    return PointerFollower(slot, tmp_path, open_pair, probe, clock=clock)


def test_the_slot_follows_the_pointer_forth_and_back(
    slot: ModelSlot[Pair], follower: PointerFollower[Pair], tmp_path: Path
) -> None:
    one, two = write_pair(tmp_path, 1), write_pair(tmp_path, 2)
    promote(tmp_path, one, author=ANA)
    assert (follower.check(), slot.get().one) == (True, 1)
    assert not follower.check()
    promote(tmp_path, two, author=ANA)
    assert (follower.check(), slot.get().one) == (True, 2)
    rollback(tmp_path, author=ANA)
    assert (follower.check(), slot.get().one) == (True, 1)
    assert (slot.loads, slot.failures, slot.behind) == (3, {}, False)


def test_a_bad_bundle_leaves_the_old_one_and_is_tried_again_later(
    slot: ModelSlot[Pair], follower: PointerFollower[Pair], tmp_path: Path, clock: Clock
) -> None:
    promote(tmp_path, write_pair(tmp_path, 1), author=ANA)
    follower.check()
    unequal = write_pair(tmp_path, 3, second=4)
    promote(tmp_path, unequal, author=ANA)
    for clock.now in (1.0, 2.0, 29.0):
        assert not follower.check()
    assert (slot.get().one, slot.failures, slot.behind) == (1, {"probe_failed": 1}, True)
    assert b"model_behind 1.0" in ServiceMetrics(slot).text()
    clock.now = 31.0
    assert not follower.check()
    assert slot.failures == {"probe_failed": 2}
    replace_link(tmp_path, "current", BAD)
    assert not follower.check()
    assert slot.failures == {"probe_failed": 2, "bundle_refused": 1}
    assert slot.state == "ready"
    promote(tmp_path, write_pair(tmp_path, 5), author=ANA)
    assert (follower.check(), slot.get().one, slot.behind) == (True, 5, False)


def test_going_back_to_what_is_live_loads_nothing(
    slot: ModelSlot[Pair], follower: PointerFollower[Pair], tmp_path: Path
) -> None:
    one = write_pair(tmp_path, 1)
    promote(tmp_path, one, author=ANA)
    follower.check()
    replace_link(tmp_path, "current", BAD)
    follower.check()
    replace_link(tmp_path, "current", one)
    assert not follower.check()
    assert (slot.loads, slot.behind) == (1, False)
    replace_link(tmp_path, "current", BAD)  # the refusal is forgotten, so that it counts anew
    follower.check()
    assert slot.failures == {"bundle_refused": 2}


def test_an_empty_root_is_refused_once_and_taken_when_a_bundle_comes(
    slot: ModelSlot[Pair], follower: PointerFollower[Pair], tmp_path: Path
) -> None:
    assert not follower.check()
    assert not follower.check()
    assert (slot.state, slot.reason, slot.failures) == ("failed", "bundle_refused", {"bundle_refused": 1})
    promote(tmp_path, write_pair(tmp_path, 1), author=ANA)
    assert (follower.check(), slot.state) == (True, "ready")


def test_a_pointer_that_vanishes_or_leads_elsewhere_leaves_the_live_model(
    slot: ModelSlot[Pair], follower: PointerFollower[Pair], tmp_path: Path
) -> None:
    promote(tmp_path, write_pair(tmp_path, 1), author=ANA)
    follower.check()
    (tmp_path / "current").unlink()
    assert not follower.check()
    assert slot.failures == {}
    (tmp_path / "current").symlink_to("../elsewhere")
    assert not follower.check()
    assert (slot.get().one, slot.failures) == (1, {"bundle_refused": 1})


def test_each_loss_is_told_at_the_next_look_and_forgotten_when_it_is_over(
    follower: PointerFollower[Pair], slot: ModelSlot[Pair], tmp_path: Path
) -> None:
    version = write_pair(tmp_path, 1)
    set_current(tmp_path, version)
    pointer, folder, away = tmp_path / "current", tmp_path / version, tmp_path.with_name("away")
    seen: list[str | None] = []

    def look() -> None:
        follower.check()
        seen.append(slot.pointer_fault)
        assert slot.get().version == version

    look()
    folder.rename(tmp_path / "gone")
    look()
    (tmp_path / "gone").rename(folder)
    pointer.unlink()
    look()
    pointer.write_text(version, encoding="utf-8")
    look()
    tmp_path.rename(away)
    look()
    away.rename(tmp_path)
    pointer.unlink()
    set_current(tmp_path, version)
    look()
    assert seen == [None, "version_missing", "pointer_missing", "pointer_unreadable", "root_missing", None]


def test_the_folder_of_one_bundle_is_loaded_once(slot: ModelSlot[Pair], tmp_path: Path) -> None:
    pinned = PointerFollower(slot, tmp_path / write_pair(tmp_path, 1), open_pair, probe)
    assert pinned.check()
    assert not pinned.check()


def test_the_folder_of_one_bundle_misses_no_pointer(slot: ModelSlot[Pair], tmp_path: Path) -> None:
    version = write_pair(tmp_path, 1)
    follower = PointerFollower(slot, tmp_path / version, open_pair, probe)
    follower.check()
    follower.check()
    assert slot.pointer_fault is None


def test_a_draining_service_loads_nothing_more(
    slot: ModelSlot[Pair], follower: PointerFollower[Pair], tmp_path: Path
) -> None:
    promote(tmp_path, write_pair(tmp_path, 1), author=ANA)
    slot.drain()
    assert not follower.check()
    assert slot.loads == 0


# --- in a service


def pairs(slot: ModelSlot[Pair]) -> APIRouter:
    router = APIRouter()

    @router.get("/pair")
    def pair() -> dict[str, Any]:
        live = slot.get()
        time.sleep(0.001)  # a swap in between must not show
        return {"version": live.version, "one": live.one, "two": live.two}

    return router


def loads(client: TestClient) -> float:
    found = re.search(r"^model_loads_total (\S+)$", client.get("/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


@pytest.fixture
def client(make_client: Callable[..., TestClient], tmp_path: Path, slot: ModelSlot[Pair]) -> TestClient:
    promote(tmp_path, write_pair(tmp_path, 0), author=ANA)
    return make_client(
        slot=slot,
        routes=[pairs(slot)],
        follow=lambda: PointerFollower(slot, tmp_path, open_pair, probe, interval_seconds=0.005),
    )


def test_swaps_under_requests_fail_none_and_mix_none(client: TestClient, tmp_path: Path, slot: ModelSlot[Pair]) -> None:
    numbers = {slot.get().version: 0}
    answers: list[tuple[int, Any]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answer = client.get("/pair")
            answers.append((answer.status_code, answer.json()))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 26):
        version = write_pair(tmp_path, number)
        numbers[version] = number
        promote(tmp_path, version, author=ANA)
        wait_for(lambda expected=version: slot.get().version == expected)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {200}
    assert [a for _, a in answers if {a["one"], a["two"]} != {numbers[a["version"]]}] == []
    assert len({a["version"] for _, a in answers}) > 5
    assert loads(client) == 26


def test_a_bad_bundle_keeps_the_service_ready(client: TestClient, tmp_path: Path, slot: ModelSlot[Pair]) -> None:
    before = client.get("/ready").json()
    promote(tmp_path, write_pair(tmp_path, 7, second=8), author=ANA)
    wait_for(lambda: slot.failures == {"probe_failed": 1})
    assert client.get("/ready").json() == before
    text = client.get("/metrics").text
    assert 'model_load_failures_total{reason="probe_failed"} 1.0' in text
    assert "model_behind 1.0" in text
    assert f'model_info{{version="{before["version"]}"}} 1.0' in text


def test_following_ends_with_the_service(make_app: Callable[..., FastAPI], tmp_path: Path) -> None:
    slot: ModelSlot[Pair] = ModelSlot()
    promote(tmp_path, write_pair(tmp_path, 0), author=ANA)
    follower = PointerFollower(slot, tmp_path, open_pair, probe, interval_seconds=0.005)
    with TestClient(make_app(slot=slot, routes=[], follow=lambda: follower)) as client:
        assert client.get("/ready").status_code == 200
        assert [thread for thread in threading.enumerate() if thread.name == "model-loader"]
    wait_for(lambda: not [thread for thread in threading.enumerate() if thread.name == "model-loader"])


def test_settings_that_cannot_be_read_leave_the_service_alive_and_not_ready(
    make_client: Callable[..., TestClient],
) -> None:
    def follow() -> None:
        raise ConfigError("signatures are required and there is no key")

    client = make_client(follow=follow)
    assert client.get("/health").status_code == 200
    assert client.get("/ready").json()["reason"] == "config_refused"
