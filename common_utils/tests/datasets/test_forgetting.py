from __future__ import annotations

from pathlib import Path

import pytest
from tests.datasets.cases import take, usage

from common_utils.bundle import open_bundle, write_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.datasets.desk import compared, listed, refuse_damage, verified
from common_utils.datasets.forgetting import SnapshotHolder
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import load_file
from common_utils.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


def _holder(root: Path) -> SnapshotHolder:
    return SnapshotHolder(SnapshotStore.beside(root), lambda name: (f"old.{name}", f"new.{name}"))


def _bundle(root: Path, digest: str) -> str:
    info = {"snapshot": digest} if digest else {}
    return write_bundle(root, info=info, write=lambda f: f.joinpath("n").write_text(digest)).version


def test_forgetting_puts_a_child_without_the_subject_in_the_place_of_the_parent(root: Path) -> None:
    store, holder = SnapshotStore.beside(root), _holder(root)
    parent = take(store)
    other = take(store, usage(("S9", "2025-01", 1.0)))
    assert holder.held(["new.S1"]) == [f"2 row(s) of the data a model was trained on, snapshot {parent.digest[:12]}"]
    assert holder.forget(["old.S1", "x"]) == 2
    withdrawal = store.withdrawal(parent.digest)
    assert withdrawal is not None
    assert withdrawal.child is not None
    child = store.read(withdrawal.child)
    assert (child.parent, child.files[1].rows) == (parent.digest, 1)
    assert load_file(store, child.files[1])["subscriber_id"].tolist() == ["S2"]
    assert {store.state(one.digest) for one in (child, other)} == {"whole"}
    assert holder.held(["old.S1"]) == []
    assert holder.forget(["old.S1"]) == 0
    everything = b"".join(path.read_bytes() for path in store.folder.rglob("*") if path.suffix)
    everything += b"".join(path.read_bytes() for path in (store.folder / "objects").iterdir())
    assert b"S1" not in everything


def test_a_subject_that_is_in_none_changes_nothing(root: Path) -> None:
    store = SnapshotStore.beside(root)
    taken = take(store)
    assert _holder(root).forget(["old.S3"]) == 0
    assert store.state(taken.digest) == "whole"
    assert _holder(root.with_name("nowhere")).forget(["old.S1"]) == 0


def test_a_damaged_snapshot_is_withdrawn_because_it_may_hold_the_subject(root: Path) -> None:
    store = SnapshotStore.beside(root)
    taken = take(store)
    store.path_of(taken.files[1]).write_bytes(b"S1")
    assert _holder(root).forget(["old.S1"]) == 0
    assert store.state(taken.digest) == "withdrawn"
    assert not store.path_of(taken.files[1]).exists()


def test_a_manifest_that_cannot_be_read_keeps_nobody_from_being_forgotten(root: Path) -> None:
    store = SnapshotStore.beside(root)
    bad, taken = take(store, usage(("S9", "2025-01", 1.0))), take(store)
    (store.folder / f"{bad.digest}.json").write_text("{}")
    assert store.find(taken.digest[:12]) == taken.digest
    assert _holder(root).forget(["old.S1"]) == 2
    assert {store.state(one.digest) for one in (bad, taken)} == {"withdrawn"}


def test_a_column_without_a_value_has_no_mean(root: Path) -> None:
    store = SnapshotStore.beside(root)
    old, new = take(store).digest, take(store, usage(("S1", "2025-01", float("nan")))).digest
    found = {row["what"]: (row["before"], row["after"]) for row in compared(root, old, new)}
    assert found["megabytes: mean"][1] is None
    assert found["megabytes: share missing"] == (0.0, 1.0)


def test_verify_says_of_each_bundle_what_its_data_is(root: Path) -> None:
    store = SnapshotStore.beside(root)
    first = take(store)
    gone = take(store, usage(("S9", "2025-01", 1.0)))
    versions = {_bundle(root, digest): state for digest, state in (
        (first.digest, "proven"), (gone.digest, "withdrawn"), ("7" * 64, "missing"), ("", "names no data"),
    )}  # fmt: skip
    store.withdraw(gone.digest, why="a test", child=None)
    rows, damaged = verified(root, INTEGRITY_ONLY)
    assert {row["name"]: row["state"] for row in rows if row["what"] == "bundle"} == versions
    assert damaged == []
    refuse_damage(damaged)
    assert store.state_of(open_bundle(root / next(iter(versions)))) == "there"
    store.path_of(first.files[0]).write_bytes(b"x")
    rows, damaged = verified(root, INTEGRITY_ONLY)
    assert "damaged" in {row["state"] for row in rows if row["what"] == "bundle"}
    with pytest.raises(DataError, match="plans has another content"):
        refuse_damage(damaged)


def test_list_and_diff_say_what_changed_and_show_no_subject(root: Path) -> None:
    store = SnapshotStore.beside(root)
    old = take(store)
    new = take(store, usage(("S2", "2025-02", 20.0), ("S3", "2025-03", 40.0)))
    rows = {row["snapshot"]: row for row in listed(root)}
    assert (rows[old.digest]["rows"], rows[old.digest]["months"]) == (5, "2025-01 to 2025-02")
    found = {row["what"]: (row["before"], row["after"]) for row in compared(root, old.digest[:10], new.digest[:10])}
    assert found["rows"] == (3, 2)
    assert found["first month"] == ("2025-01", "2025-02")
    assert found["megabytes: mean"] == (20.0, 30.0)
    assert found["month: share of '2025-03'"] == (0.0, 0.5)
    assert "subjects" not in found  # two before, two after
    assert not any("S" in str(pair) for pair in found.values())
    assert compared(root, old.digest, old.digest) == []
    store.withdraw(old.digest, why="a test", child=new.digest)
    with pytest.raises(DataError, match=rf"was withdrawn on .*compare {new.digest[:12]} in its place"):
        compared(root, old.digest, new.digest)


def test_the_list_is_by_time_and_not_by_digest(root: Path) -> None:
    store = SnapshotStore.beside(root)
    taken = [take(store, usage((f"S{n}", "2025-01", 1.0))).digest for n in range(5)]
    assert [row["snapshot"] for row in listed(root)] == taken
    assert taken != sorted(taken)


def test_tables_of_one_size_are_compared_by_what_they_hold(root: Path) -> None:
    store = SnapshotStore.beside(root)
    old, new = (take(store, usage(("S1", "2025-01", amount))) for amount in (10.0, 30.0))
    assert [file.size for file in old.files] == [file.size for file in new.files]
    assert [row["what"] for row in compared(root, old.digest, new.digest)] == ["megabytes: mean"]


def test_forgetting_removes_what_a_killed_withdrawal_left(root: Path) -> None:
    store = SnapshotStore.beside(root)
    take(store)
    left = store.folder / "objects" / ("7" * 64)
    left.write_bytes(b"S1")
    _holder(root).forget(["old.S9"])
    assert not left.exists()
