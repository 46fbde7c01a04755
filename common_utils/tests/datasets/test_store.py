from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.datasets.cases import PLANS, TWO, take, usage

from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import load_file, snapshot_tables
from common_utils.errors import ArtifactError, DataError


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore.beside(tmp_path / "artifacts")


def test_a_snapshot_says_rows_columns_months_and_whom_it_is_about(store: SnapshotStore, tmp_path: Path) -> None:
    taken = take(store)
    assert store.folder == tmp_path / "artifacts-data"
    plans, table = taken.files
    assert (table.name, table.rows, table.columns) == ("usage", 3, ("subscriber_id", "month", "megabytes"))
    assert (table.subject, table.months) == ("subscriber_id", ("2025-01", "2025-02"))
    assert (plans.rows, plans.subject, plans.months) == (2, None, None)
    assert store.read(taken.digest) == taken
    assert store.names() == [taken.digest]
    assert store.state(taken.digest) == "whole"
    assert load_file(store, table).equals(TWO.frame)
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o077 for path in store.folder.rglob("*.json")} == {0}


def test_the_same_files_in_another_order_have_the_same_digest(store: SnapshotStore, tmp_path: Path) -> None:
    one = snapshot_tables(store, {"usage": TWO, "plans": PLANS}, source="a")
    two = snapshot_tables(SnapshotStore(tmp_path / "other"), {"plans": PLANS, "usage": TWO}, source="b")
    assert one.digest == two.digest
    assert take(store).digest == one.digest
    assert store.read(one.digest).source == "a"
    assert take(store, usage(("S1", "2025-01", 10.5))).digest != one.digest


def test_every_flipped_byte_is_found(store: SnapshotStore) -> None:
    taken = take(store)
    paths = [store.path_of(file) for file in taken.files] + [store.folder / f"{taken.digest}.json"]
    for path in paths:
        whole = path.read_bytes()
        for at in {0, len(whole) // 3, len(whole) // 2, len(whole) - 1}:
            path.chmod(0o600)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert store.state(taken.digest) == "damaged", (path.name, at)
        path.write_bytes(whole)
        assert store.state(taken.digest) == "whole"


def test_a_manifest_under_another_name_is_refused(store: SnapshotStore) -> None:
    taken = take(store)
    other = store.folder / f"{'7' * 64}.json"
    other.write_bytes((store.folder / f"{taken.digest}.json").read_bytes())
    with pytest.raises(DataError, match=f"is that of {taken.digest[:12]}"):
        store.read("7" * 64)
    other.write_text(json.dumps({"files": []}))
    with pytest.raises(DataError, match="is not one of ours"):
        Snapshot.parse(other, other.read_bytes())


def test_a_lost_file_is_missing_and_taking_the_data_again_restores_it(store: SnapshotStore) -> None:
    taken = take(store)
    store.path_of(taken.files[1]).unlink()
    assert (store.state(taken.digest), store.faults(taken)) == ("missing", ["usage is missing"])
    take(store)
    assert store.state(taken.digest) == "whole"
    assert store.state("7" * 64) == "missing"


def test_what_begins_alike_has_to_be_named_further(store: SnapshotStore) -> None:
    taken = take(store)
    take(store, usage(("S9", "2025-01", 1.0)))
    assert store.find(taken.digest[:12]) == taken.digest
    with pytest.raises(DataError, match="several snapshots begin with ''"):
        store.find("")
    with pytest.raises(DataError, match="no snapshot begin with 'x'"):
        store.find("x")


def test_withdrawn_data_is_deleted_and_not_taken_again(store: SnapshotStore) -> None:
    taken, kept = take(store), take(store, usage(("S9", "2025-01", 1.0)))
    store.withdraw(taken.digest, why="a test", child=kept.digest)
    assert store.state(taken.digest) == "withdrawn"
    assert not store.path_of(taken.files[1]).exists()
    assert store.state(kept.digest) == "whole"  # the file of plans is in both
    with pytest.raises(DataError, match=r"was withdrawn on .* \(a test\), and the table still holds the same rows"):
        take(store)


def test_a_full_disk_leaves_no_half_snapshot(store: SnapshotStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        with pytest.raises(ArtifactError, match=r"could not be written \(No space left on device\)"):
            take(store)
    assert store.names() == []
    assert not list(store.folder.rglob(".tmp-*"))


def test_what_a_killed_writer_left_is_removed_by_the_next_one(store: SnapshotStore) -> None:
    take(store)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = store.folder / f".tmp-{socket.gethostname()}~{gone.pid}~aa"
    left.write_bytes(b"half")
    take(store)
    assert not left.exists()


def test_data_taken_again_mends_a_damaged_file(store: SnapshotStore) -> None:
    taken = take(store)
    store.path_of(taken.files[1]).write_bytes(b"x")
    assert store.state(taken.digest) == "damaged"
    take(store)
    assert store.state(taken.digest) == "whole"


def test_a_withdrawal_whose_note_cannot_be_read_is_one(store: SnapshotStore) -> None:
    taken = take(store)
    (store.folder / f"{taken.digest}.withdrawn.json").write_text("{")
    assert store.state(taken.digest) == "withdrawn"
    with pytest.raises(DataError, match="its note cannot be read"):
        take(store)
