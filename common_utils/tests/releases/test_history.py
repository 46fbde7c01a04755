from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from common_utils.bundle import fingerprint_bytes
from common_utils.errors import ReleaseError
from common_utils.releases.author import Author, default_who
from common_utils.releases.history import HISTORY, Action, Entry, append_entry, live_by_record, read_history

NOON = datetime(2026, 11, 23, 12, 1, 2, tzinfo=UTC)
ANA = Author("ana", "fewer complaints")
A, B, C = (f"2026112{n}T120102Z-1a2b3c4d5e6f" for n in "123")


def _append(root: Path, action: Action, before: str | None, after: str | None) -> Entry:
    return append_entry(root, read_history(root), ANA, at=NOON, action=action, from_version=before, to_version=after)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    _append(tmp_path, "publish", None, A)
    _append(tmp_path, "promote", None, A)
    _append(tmp_path, "promote", A, B)
    return tmp_path


def _lines(root: Path) -> list[bytes]:
    return (root / HISTORY).read_bytes().splitlines(keepends=True)


def test_an_entry_says_who_when_from_to_and_why(root: Path) -> None:
    first, _, last = read_history(root)
    assert (first.number, first.previous) == (1, "0" * 64)
    assert (last.number, last.at, last.who, last.why) == (3, "2026-11-23T12:01:02+00:00", "ana", "fewer complaints")
    assert (last.action, last.from_version, last.to_version) == ("promote", A, B)


def test_each_entry_holds_the_hash_of_the_one_before(root: Path) -> None:
    entries = read_history(root)
    assert [entry.previous for entry in entries[1:]] == [entry.digest for entry in entries[:-1]]
    fields = json.loads(_lines(root)[0])
    digest = fields.pop("digest")
    assert digest == fingerprint_bytes((json.dumps(fields, separators=(",", ":")) + "\n").encode())


@pytest.mark.parametrize(
    ("number", "old", "new", "reason"),
    [
        pytest.param(1, b"ana", b"bob", "does not fit its own digest", id="who-edited"),
        pytest.param(3, b"fewer", b"more", "does not fit its own digest", id="last-edited"),
        pytest.param(2, b'"who":', b'"who": ', "it is not an entry", id="spaces"),
        pytest.param(2, b'"who"', b'"whom"', "it is not an entry", id="unknown-key"),
        pytest.param(2, b"{", b"[", "it is not an entry", id="not-json"),
    ],
)
def test_an_edited_entry_is_named(root: Path, number: int, old: bytes, new: bytes, reason: str) -> None:
    lines = _lines(root)
    lines[number - 1] = lines[number - 1].replace(old, new, 1)
    (root / HISTORY).write_bytes(b"".join(lines))
    with pytest.raises(ReleaseError, match=rf"broken at entry {number}: {reason}|broken at entry {number}: .*{reason}"):
        read_history(root)


@pytest.mark.parametrize(
    ("order", "number"),
    [
        pytest.param([1, 2], 1, id="first-removed"),
        pytest.param([0, 2], 2, id="middle-removed"),
        pytest.param([0, 2, 1], 2, id="reordered"),
        pytest.param([0, 1, 1, 2], 3, id="repeated"),
    ],
)
def test_a_removed_moved_or_repeated_entry_breaks_the_chain(root: Path, order: list[int], number: int) -> None:
    lines = _lines(root)
    (root / HISTORY).write_bytes(b"".join(lines[i] for i in order))
    with pytest.raises(ReleaseError, match=f"chain is broken at entry {number}: it does not follow the entry before"):
        read_history(root)


def _forged(**changes: object) -> bytes:
    fields: dict[str, object] = {
        "number": 1, "at": "2026-11-23T12:01:02+00:00", "who": "ana", "action": "promote", "from_version": None,
        "to_version": A, "why": "x", "previous": "0" * 64,
    }  # fmt: skip
    fields |= changes
    digest = fingerprint_bytes((json.dumps(fields, separators=(",", ":")) + "\n").encode())
    return (json.dumps(fields | {"digest": digest}, separators=(",", ":")) + "\n").encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"to_version": "../x"}, "names no version", id="path"),
        pytest.param({"from_version": 7}, "names no version", id="number-as-version"),
        pytest.param({"action": "delete"}, "field of another kind", id="action"),
        pytest.param({"who": "\x1b[2J"}, "field of another kind", id="terminal-escape"),
        pytest.param({"why": None}, "field of another kind", id="no-reason"),
        pytest.param({"at": "yesterday"}, "holds no time", id="time"),
    ],
)
def test_an_entry_with_a_fitting_digest_is_still_checked(
    tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    (tmp_path / HISTORY).write_bytes(_forged())
    assert len(read_history(tmp_path)) == 1
    (tmp_path / HISTORY).write_bytes(_forged(**changes))
    with pytest.raises(ReleaseError, match=reason):
        read_history(tmp_path)


def test_half_a_line_of_a_dead_writer_does_not_count_and_is_cut_off(root: Path) -> None:
    whole = _lines(root)
    with (root / HISTORY).open("ab") as stream:
        stream.write(whole[2][:40])
    assert len(read_history(root)) == 3
    _append(root, "rollback", B, A)
    assert _lines(root)[:3] == whole
    assert [entry.number for entry in read_history(root)] == [1, 2, 3, 4]


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_a_failing_disk_leaves_the_record_as_it_was(root: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    before = (root / HISTORY).read_bytes()
    entries = read_history(root)

    def fail(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(ReleaseError, match=r"cannot be written \(No space left on device\); nothing was changed"):
        append_entry(root, entries, ANA, at=NOON, action="promote", from_version=B, to_version=C)
    assert (root / HISTORY).read_bytes() == before


def test_a_record_that_is_a_link_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / HISTORY).symlink_to("/etc/hostname")
    with pytest.raises(ReleaseError, match="cannot be read"):
        read_history(tmp_path)
    (tmp_path / HISTORY).unlink()
    (tmp_path / HISTORY).write_bytes(b"x" * 100)
    monkeypatch.setattr("common_utils.releases.history._MAX_BYTES", 99)
    with pytest.raises(ReleaseError, match=r"larger than 99 bytes\. Keep the file as evidence"):
        read_history(tmp_path)


def _path(*moves: tuple[Action, str | None]) -> list[str]:
    entries = [Entry(1, "", "", action, None, to, "", "", "") for action, to in moves]
    return live_by_record(entries)


def test_live_by_record_is_the_way_back() -> None:
    assert _path(("publish", A)) == []
    assert _path(("promote", A), ("promote", B), ("promote", A)) == [A, B, A]
    assert _path(("promote", A), ("promote", B), ("promote", C), ("rollback", B)) == [A, B]
    assert _path(("promote", A), ("promote", B), ("correct", A)) == [A]
    assert _path(("promote", A), ("correct", C)) == [A, C]
    assert _path(("promote", A), ("correct", None)) == []


def test_default_who_falls_back_to_the_number_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert default_who({}).startswith(f"uid-{os.getuid()}@")
