"""The story of the decision log: clients that retry, a store that dies, outcomes, an export, a subscriber forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from app.fastapi_app import create_app
from app.live import LivePlanRec
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.desk import Desk
from common_utils.decision_log.keys import KEYS_VARIABLE
from common_utils.decision_log.recorder import open_recorder
from common_utils.decision_log.store.database import StoreUnavailableError
from common_utils.decision_log.store.store import Store
from tests.app.cases import USAGE

CLIENTS, ORDERS, SUBSCRIBERS = ("crm", "app", "shop"), 80, 20
TODAY = datetime.now(UTC).strftime("%Y-%m-%d")
BY = {"who": "ana", "why": "letter 17"}


def asked(order: int) -> dict[str, object]:
    return {
        "usage": USAGE,
        "current_plan": "basic-6",
        "age": 20 + order % 60,
        "subject": f"canary-{order % SUBSCRIBERS}",
    }


def decide(service: TestClient) -> set[str]:
    """Ask as three clients; each third answer gets lost on the way, and its client asks again."""
    heard: set[str] = set()
    for order in range(ORDERS):
        for client in CLIENTS:
            headers = {"Idempotency-Key": f"{client}-{order}"}
            path = "/recommend" if order % 4 == 0 else "/predict"
            tries = 2 if order % 3 == 0 else 1
            answers = [service.post(path, json=asked(order), headers=headers).json() for _ in range(tries)]
            assert len({one["event_id"] for one in answers}) == 1
            heard.add(answers[0]["event_id"])
    return heard


def ship(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ship; the store dies under the first round, and the second one goes on."""
    load = Store.load

    def die(self: Store, decisions: object) -> object:
        load(self, decisions)  # type: ignore[arg-type]
        raise StoreUnavailableError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "load", die)
        with pytest.raises(StoreUnavailableError):
            desk.ship()
    desk.ship()


def test_from_answers_to_an_erasure_nothing_is_lost_doubled_or_left(
    live: LivePlanRec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, "k1:" + "a" * 64)
    config = DecisionsConfig(journal=Path("journal"), url="sqlite:///log.db")
    desk = Desk(config, "planrec", tmp_path)
    with TestClient(create_app(lambda: live, lambda: open_recorder(config, "planrec", tmp_path))) as service:
        heard = decide(service)
        ship(desk, monkeypatch)
        told = [{"kind": "accepted", "value": True, "date": TODAY, "event_id": event} for event in sorted(heard)[::2]]
        assert service.post("/outcomes", json={"outcomes": told}).json()["taken"] == len(told)
    desk.ship()
    held = list(desk.query(desk.selection(None, None), 10_000))
    assert len(heard) == len(CLIENTS) * ORDERS
    assert {one["event"] for one in held} == heard
    assert len(held) == len(heard)
    assert sum(one["accepted"] is True for one in held) == len(told)
    assert desk.stats()["conflicts"] == 0
    assert desk.export(desk.selection(None, None), tmp_path / "log.parquet", **BY) == len(heard)
    assert pd.read_parquet(tmp_path / "log.parquet")["accepted"].notna().sum() == len(told)
    names = desk.keys.subjects("planrec", "canary-7")
    done = desk.forget("canary-7", **BY)
    assert done.counts["decisions"] == len(heard) / SUBSCRIBERS
    assert "0 decision(s) in the store, 0 not shipped yet" in desk.show("canary-7", **BY)
    assert not (tmp_path / "log.parquet").exists()
    left = list(desk.query(desk.selection(None, None), 10_000))
    assert names[0] not in json.dumps([one["subject"] for one in left])
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"canary" not in written
    assert [one["what"] for one in desk.audit()] == ["export", "forget", "show"]
