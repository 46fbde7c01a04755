"""From journal to store: nothing lost, nothing doubled, whatever dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.decision_log.cases import decide, recorder

from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.segments import segments
from common_utils.decision_log.shipper import Shipped, Shipper
from common_utils.decision_log.sqlite_store import HOST_VARIABLE
from common_utils.decision_log.store import Loaded, Store, open_store
from common_utils.errors import ConfigError


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
    with pytest.raises(ConfigError, match="does not answer") as told:
        open_store("postgresql://nobody@127.0.0.1:1/log", tmp_path)
    assert "nobody" not in str(told.value)
    with pytest.raises(ConfigError, match="'mysql' is not known"):
        open_store("mysql://x", tmp_path)


_WRITER = """
import sys
from pathlib import Path
from tests.decision_log.cases import decide, recorder
at = recorder(Path(sys.argv[1]))
for i in range(int(sys.argv[2]), 10**9):
    sys.stdout.write(decide(at, f"n{i}", f"S{i % 50}") + "\\n")
    sys.stdout.flush()
"""
_SHIPPER = """
import sys
from pathlib import Path
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store import open_store
store = open_store("sqlite:///log.db", Path(sys.argv[2]))
while True:
    Shipper(Path(sys.argv[1]), store, piece=50).round()
"""


def test_kills_of_writer_and_shipper_lose_and_double_nothing(tmp_path: Path) -> None:
    def start(code: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", code, str(tmp_path / "journal"), *arguments]
        folder = Path(__file__).resolve().parents[2]
        return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE if code is _WRITER else None)

    acknowledged: list[str] = []
    shipper = start(_SHIPPER, str(tmp_path))
    for life in range(3):
        writer = start(_WRITER, str(life * 10**6))
        assert writer.stdout is not None
        acknowledged += [writer.stdout.readline().decode().strip() for _ in range(300)]
        for process in (writer, shipper) if life % 2 else (shipper, writer):
            process.send_signal(signal.SIGKILL)
            process.wait()
            time.sleep(0.02)
        acknowledged += [
            line.decode().strip() for line in writer.stdout.read().splitlines(keepends=True) if line[-1:] == b"\n"
        ]
        writer.stdout.close()
        shipper = start(_SHIPPER, str(tmp_path))
    os.kill(shipper.pid, signal.SIGKILL)
    shipper.wait()
    store = open_store("sqlite:///log.db", tmp_path)
    Shipper(tmp_path / "journal", store).round()
    held = [one["event"] for one in store.decisions()]
    assert len(acknowledged) >= 900
    assert set(acknowledged) <= set(held)
    assert len(held) == len(set(held))
    assert store.count("conflicts") == 0
    assert segments(tmp_path / "journal") == []
    store.close()


def test_follow_ends_when_told(store: Store, tmp_path: Path) -> None:
    decide(recorder(tmp_path), "n")
    shown: list[Shipped] = []
    calls = iter([False, False, True])
    Shipper(tmp_path, store).follow(0.01, shown.append, until=lambda: next(calls))
    assert [one.loaded.new for one in shown] == [1]


def test_shipping_is_quick_enough(open_log: Callable[[], Store], tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for i in range(2000):
        decide(at, f"n{i}", f"S{i}")
    store = open_log()
    began = time.process_time()
    assert Shipper(tmp_path, store).round().loaded.new == 2000
    assert 2000 / (time.process_time() - began) > 5000  # the gate of 20,000 is `make decisions-check`'s
