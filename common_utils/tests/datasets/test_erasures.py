from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.datasets.cases import TWO, take, usage

from common_utils.datasets.erasures import FindKeyed, add_erasure, forgotten_among, keyed_by
from common_utils.datasets.forgetting import SnapshotHolder
from common_utils.datasets.store import SnapshotStore
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.keys import rotate
from common_utils.errors import ArtifactError, DataError


def _ring(*keys: str) -> FindKeyed:
    def keyed(name: str) -> Sequence[str]:
        return [f"{key}.{name.encode().hex()}" for key in keys]

    return lambda: keyed


def _forget(store: SnapshotStore, subject: str, *keys: str) -> None:
    keyed = _ring(*keys)()
    assert keyed is not None
    SnapshotHolder(store, keyed).forget(keyed(subject))


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore.beside(tmp_path / "artifacts", _ring("k1"))


def test_a_table_that_still_holds_the_subject_is_refused_whatever_else_changed(store: SnapshotStore) -> None:
    take(store)
    _forget(store, "S1", "k1")
    one_more = usage(("S3", "2025-03", 5.0), ("S1", "2025-01", 11.0), ("S1", "2025-02", 31.0))
    with pytest.raises(DataError, match=r"usage: still holds 1 subject.* in 2 of 3 rows as read, the first .* row 2\."):
        take(store, one_more)
    with pytest.raises(DataError, match="in 2 of 3 rows as read"):
        take(store)  # the withdrawn table itself
    without = take(store, replace(TWO, frame=TWO.frame[TWO.frame["subscriber_id"] == "S2"].reset_index(drop=True)))
    assert store.read(without.digest).parent is not None  # it is the child that took the withdrawn one's place


def test_it_holds_before_the_first_snapshot_and_under_a_later_key(store: SnapshotStore) -> None:
    _forget(store, "S1", "k1")
    _forget(store, "S1", "k1")
    assert (store.folder / "forgotten").read_text().count("\n") == 1
    assert "S1" not in (store.folder / "forgotten").read_text()
    assert (store.folder / "forgotten").stat().st_mode & 0o777 == 0o600
    for keys in (("k1",), ("k2", "k1")):
        with pytest.raises(DataError, match="still holds 1 subject"):
            take(replace(store, keyed=_ring(*keys)))


def test_what_no_key_tells_is_said_and_without_any_key_nothing_is_taken(
    store: SnapshotStore, caplog: pytest.LogCaptureFixture
) -> None:
    _forget(store, "S1", "k1")
    for keyless in (SnapshotStore(store.folder), replace(store, keyed=_ring("k9"))):
        with pytest.raises(DataError, match=r"1 subject\(s\) were forgotten, .* cannot be told .*DECISION_KEYS"):
            take(keyless)
    _forget(store, "S2", "k2")
    with caplog.at_level(logging.WARNING), pytest.raises(DataError, match="still holds 1 subject"):
        take(replace(store, keyed=_ring("k2")))
    assert "1 forgotten subject(s) were noted under keys that are gone" in caplog.text


def test_a_key_of_the_same_name_and_another_secret_is_another_key(tmp_path: Path) -> None:
    find = keyed_by(DecisionsConfig(), "demo", tmp_path, environ={})
    assert find() is None
    assert not list(tmp_path.iterdir())  # asking makes no key
    path = tmp_path / "data" / "decisions" / "keys"
    rotate(path, None)
    keyed = find()
    assert keyed is not None
    add_erasure(tmp_path, keyed("S1"), keyed)
    assert forgotten_among(tmp_path, ["S1 ", "S2"], find) == {"S1 "}
    path.unlink()
    rotate(path, None)  # k1 again, and another secret
    with pytest.raises(DataError, match="without the keys of then"):
        forgotten_among(tmp_path, ["S1"], find)


def test_a_full_disk_stops_the_forgetting_before_a_file_is_deleted(
    store: SnapshotStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take(store)

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(ArtifactError, match=r"could not be noted \(No space left on device\)"):
            _forget(store, "S1", "k1")
    assert store.state(taken.digest) == "whole"
    (store.folder / "forgotten").unlink()
    (store.folder / "forgotten").mkdir()
    with pytest.raises(DataError, match="who was forgotten cannot be read"):
        take(store)


@settings(max_examples=25, deadline=None)
@given(gone=st.sets(st.integers(0, 30)), kept=st.sets(st.integers(0, 30)))
def test_exactly_those_who_were_forgotten_are_told(
    tmp_path_factory: pytest.TempPathFactory, gone: set[int], kept: set[int]
) -> None:
    folder, find = tmp_path_factory.mktemp("notes"), _ring("k1", "k2")
    keyed: Callable[[str], Sequence[str]] | None = find()
    assert keyed is not None
    for one in gone:
        add_erasure(folder, keyed(str(one)), keyed)
    assert forgotten_among(folder, map(str, gone | kept), find) == set(map(str, gone))
    assert forgotten_among(folder, map(str, kept), find) == set(map(str, gone & kept))
