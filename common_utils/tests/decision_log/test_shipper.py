"""From journal to store: nothing lost, nothing doubled, whatever dies in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.decision_log.cases import decide, recorder

from common_utils.config.project import ProjectSpec
from common_utils.decision_log.beside import ship_configured
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.shipper import Shipped, Shipper, follow
from common_utils.decision_log.store.database import StoreUnavailableError
from common_utils.decision_log.store.sqlite import HOST_VARIABLE
from common_utils.decision_log.store.store import Loaded, Store, open_store
from common_utils.errors import ConfigError
from common_utils.table_project.config import TableProjectConfig


def test_a_round_loads_what_is_there_and_again_adds_nothing(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path / "journal")
    events = [decide(at, f"n{i}", f"S{i % 3}") for i in range(50)]
    shipper = Shipper(at.journal.folder, store, piece=7)
    assert shipper.round().loaded == Loaded(new=50)
    assert [one["event"] for one in store.decisions()] == sorted(events)
    assert shipper.round() == Shipped()
    assert Shipper(at.journal.folder, store).round().loaded == Loaded(known=50)
    at.close()
    assert shipper.round().deleted == 1
    assert segments(at.journal.folder) == []


def test_a_retry_adds_nothing_and_another_answer_is_one_conflict(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for answer in (b'{"a":1}', b'{"a":1}', b'{"a":2}', b'{"a":2}'):
        decide(at, "same", answer=answer)
    assert Shipper(tmp_path, store).round().loaded == Loaded(new=1, known=3, conflicts=1)
    assert Shipper(tmp_path, store).round().loaded == Loaded(known=4)
    assert store.count("conflicts") == 1
    assert [one["answer"] for one in store.decisions()] == [{"a": 1}]


def test_a_retry_after_a_rotation_adds_nothing(store: Store, tmp_path: Path) -> None:
    old, new = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
    decide(recorder(tmp_path, keys=KeyRing((old,))), "same", "S1")
    decide(recorder(tmp_path, keys=KeyRing((new, old))), "same", "S1")
    assert Shipper(tmp_path, store).round().loaded == Loaded(new=1, known=1)


def test_a_store_that_fails_leaves_the_journal(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = recorder(tmp_path)
    for i in range(20):
        decide(at, f"n{i}")
    at.close()

    def fail(*_: object) -> None:
        raise RuntimeError("the store is gone")

    with monkeypatch.context() as patched:
        patched.setattr("common_utils.decision_log.shipper.told", fail)
        with pytest.raises(RuntimeError):
            Shipper(tmp_path, store).round()
    assert store.count("decisions") == 0
    assert Shipper(tmp_path, store).round() == Shipped(Loaded(new=20), deleted=1)


def test_what_an_outer_transaction_undoes_is_undone(store: Store) -> None:
    def undone() -> None:
        with store.database.transaction():
            store.note("name", "value")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert store.fact("name") is None


def test_sqlite_of_another_host_is_refused(tmp_path: Path) -> None:
    url = "sqlite:///log.db"
    open_store(url, tmp_path, environ={HOST_VARIABLE: "a"}).close()
    open_store(url, tmp_path, environ={HOST_VARIABLE: "a"}).close()
    with pytest.raises(ConfigError, match=r"host 'a' uses this SQLite file.*postgresql"):
        open_store(url, tmp_path, environ={HOST_VARIABLE: "b"})


def test_a_store_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_store("sqlite:///log.db", tmp_path)
    with pytest.raises(StoreUnavailableError, match="does not answer") as told:
        open_store("postgresql://nobody@127.0.0.1:1/log", tmp_path)
    assert "nobody" not in str(told.value)
    with pytest.raises(ConfigError, match="'mysql' is not known"):
        open_store("mysql://x", tmp_path)


@pytest.mark.parametrize(("kind", "kills"), [("sqlite", 40), pytest.param("postgresql", 20, marks=pytest.mark.slow)])
def test_kills_in_drawn_orders_lose_and_double_nothing(tmp_path: Path, kind: str, kills: int) -> None:
    """Writer, service over HTTP, shipper and database; the full number of kills is `make decisions-check`'s."""
    command = [sys.executable, "-m", "common_utils.testing.log_kills", str(tmp_path), str(kills), "15", kind]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    story = json.loads(run.stdout)
    assert sum(story["killed"].values()) == kills
    assert set(story["killed"]) == {"writer", "service", "shipper", *(["database"] if kind == "postgresql" else [])}
    assert story["acknowledged"] >= 100
    assert (story["lost"], story["doubled"], story["conflicts"]) == (0, 0, 0)


def test_follow_ends_when_told_and_waits_for_a_store_that_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    decide(recorder(tmp_path), "n")
    shown: list[Shipped] = []
    calls = iter([False] * 6)  # asked before each opening and each round
    opened = iter([False, False, False, True])

    def open_again() -> Store:
        if not next(opened):
            raise StoreUnavailableError("gone")
        return open_store("sqlite:///log.db", tmp_path)

    follow(tmp_path, open_again, shown.append, seconds=0.01, until=lambda: next(calls, True))
    assert [one.loaded.new for one in shown] == [1]
    assert list(opened) == []
    assert caplog.text.count("The journal is shipped once it is back.") == 1  # and not at each try


def test_shipping_is_quick_enough(open_log: Callable[[], Store], tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for i in range(2000):
        decide(at, f"n{i}", f"S{i}")
    store = open_log()
    began = time.process_time()
    assert Shipper(tmp_path, store).round().loaded.new == 2000
    assert 2000 / (time.process_time() - began) > 5000  # the gate of 20,000 is `make decisions-check`'s


def test_a_shipper_beside_the_service_ships_until_it_is_ended_and_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = ProjectSpec("shipdemo", "Demo", "What?", TableProjectConfig)
    monkeypatch.setenv("SHIPDEMO__DECISIONS__JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("SHIPDEMO__DECISIONS__URL", f"sqlite:///{tmp_path}/log.db")
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "config.yaml").write_text("data: {public_file: a.csv}\n")
    decide(recorder(tmp_path / "journal"), "n", "S1")
    handlers: dict[int, Callable[..., None]] = {}

    def take(number: int, handler: Callable[..., None]) -> None:
        handlers[number] = handler
        if number == signal.SIGTERM:
            threading.Timer(0.3, handler, (number, None)).start()

    monkeypatch.setattr("common_utils.decision_log.beside.signal.signal", take)
    assert ship_configured(spec, tmp_path) == 0
    assert set(handlers) == {signal.SIGTERM, signal.SIGINT}
    assert "1 decisions new" in capsys.readouterr().err
    monkeypatch.setenv("SHIPDEMO__DECISIONS__URL", "mysql://x")
    assert ship_configured(spec, tmp_path) == 2
    assert "decisions.url" in capsys.readouterr().err
