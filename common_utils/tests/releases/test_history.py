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
from common_utils.releases.history import HISTORY, Action, Entry, append_entry, read_history, salvage_history
from common_utils.releases.standing import barred_by_record, challenger_by_record, live_by_record, way_back

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
        pytest.param({"action": 7}, "field of another kind", id="action"),
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


# --- format 2

GOLDEN = Path(__file__).parent / "history_of_format_1.jsonl"


def test_a_record_of_format_1_verifies_and_grows_byte_for_byte(tmp_path: Path) -> None:
    before = GOLDEN.read_bytes()  # written by commit a120ee9
    (tmp_path / HISTORY).write_bytes(before)
    assert [entry.action for entry in read_history(tmp_path)] == [
        "publish", "promote", "promote", "rollback", "correct",
    ]  # fmt: skip
    again = tmp_path / "again"
    again.mkdir()
    for entry in read_history(tmp_path):
        append_entry(
            again, read_history(again), Author(entry.who, entry.why), at=datetime.fromisoformat(entry.at),
            action=entry.action, from_version=entry.from_version, to_version=entry.to_version,
        )  # fmt: skip
    assert (again / HISTORY).read_bytes() == before
    append_entry(
        tmp_path, read_history(tmp_path), ANA, at=NOON, action="challenge", from_version=None, to_version=A,
        evidence={"gate.json": "7" * 64},
    )  # fmt: skip
    assert (tmp_path / HISTORY).read_bytes().startswith(before)
    assert read_history(tmp_path)[-1].evidence == {"gate.json": "7" * 64}


def test_evidence_is_part_of_the_chain(root: Path) -> None:
    evidence = {"gate.json": "7" * 64}
    append_entry(root, read_history(root), ANA, at=NOON, action="bar", from_version=B, to_version=C, evidence=evidence)
    assert list(json.loads(_lines(root)[3])) == [
        "number", "at", "who", "action", "from_version", "to_version", "why", "evidence", "previous", "digest",
    ]  # fmt: skip
    (root / HISTORY).write_bytes((root / HISTORY).read_bytes().replace(b"7777", b"8888"))
    with pytest.raises(ReleaseError, match="broken at entry 4: it does not fit its own digest"):
        read_history(root)


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param({"gate.json": "7" * 63}, id="short"),
        pytest.param({"gate.json": "G" * 64}, id="no-digest"),
        pytest.param({"../gate.json": "7" * 64}, id="path"),
    ],
)
def test_what_is_no_evidence_is_not_written(root: Path, evidence: dict[str, str]) -> None:
    before = (root / HISTORY).read_bytes()
    with pytest.raises(ReleaseError, match="evidence is not plain names with sha256 digests; nothing was changed"):
        append_entry(
            root, read_history(root), ANA, at=NOON, action="bar", from_version=B, to_version=C, evidence=evidence
        )
    assert (root / HISTORY).read_bytes() == before


def _line_with(action: str, **further: object) -> bytes:
    fields: dict[str, object] = {
        "number": 1, "at": "2026-11-23T12:01:02+00:00", "who": "ana", "action": action, "from_version": None,
        "to_version": A, "why": "x", **further, "previous": "0" * 64,
    }  # fmt: skip
    digest = fingerprint_bytes((json.dumps(fields, separators=(",", ":")) + "\n").encode())
    return (json.dumps(fields | {"digest": digest}, separators=(",", ":")) + "\n").encode()


def test_an_action_of_a_later_version_is_chained_and_shown_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_bytes(_line_with("canary", evidence={"plan": "7" * 64}, share=0.1))
    _append(tmp_path, "promote", None, B)
    later, ours = read_history(tmp_path)
    assert (later.action, later.to_version, ours.previous) == ("canary", A, later.digest)
    assert live_by_record([later, ours]) == [B]
    assert (challenger_by_record([later]), barred_by_record([later])) == (None, {})
    (tmp_path / HISTORY).write_bytes((tmp_path / HISTORY).read_bytes().replace(b"0.1", b"0.9"))
    with pytest.raises(ReleaseError, match="broken at entry 1: it does not fit its own digest"):
        read_history(tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(_line_with("promote", share=0.1), "a field that its action does not have", id="known-action"),
        pytest.param(_line_with("Canary"), "field of another kind", id="capital"),
        pytest.param(_line_with("a" * 33), "field of another kind", id="long"),
        pytest.param(_line_with("\x1b[2J"), "field of another kind", id="escape"),
        pytest.param(_line_with("hold", evidence=[]), "evidence is not plain names", id="evidence"),
    ],
)
def test_what_no_version_would_write_is_refused(tmp_path: Path, line: bytes, reason: str) -> None:
    (tmp_path / HISTORY).write_bytes(line)
    with pytest.raises(ReleaseError, match=reason):
        read_history(tmp_path)


def test_salvage_reads_on_behind_a_break(root: Path) -> None:
    lines = _lines(root)
    (root / HISTORY).write_bytes(lines[0] + b"{torn\n" + lines[2])
    assert [(entry.number, entry.to_version) for entry in salvage_history(root)] == [(1, A), (3, B)]


# --- what the record says


def _record(*moves: tuple[str, str | None, str | None]) -> list[Entry]:
    return [Entry(1, "", "", action, before, to, "", "", "") for action, before, to in moves]


def _of(number: int) -> str:
    return f"2026112{number}T120102Z-{number:012d}"


def test_the_challenger_ends_by_abort_or_by_going_live() -> None:
    begun = ("challenge", None, _of(1))
    assert challenger_by_record(_record(begun)) == _of(1)
    assert challenger_by_record(_record(begun, ("challenge", _of(1), _of(2)))) == _of(2)
    assert challenger_by_record(_record(begun, ("promote", None, _of(3)))) == _of(1)
    for end in ("promote", "rollback", "correct"):
        assert challenger_by_record(_record(begun, (end, None, _of(1)))) is None
    assert challenger_by_record(_record(begun, ("abort", _of(1), _of(1)))) is None


def test_a_roll_back_bars_what_it_left_until_a_pardon() -> None:
    left = ("rollback", _of(2), _of(1))
    assert list(barred_by_record(_record(left))) == ["000000000002"]
    assert barred_by_record(_record(left, ("pardon", None, _of(2)))) == {}
    assert len(barred_by_record(_record(left, ("bar", None, _of(2))))["000000000002"]) == 2


def test_the_way_back_passes_over_what_is_barred_and_what_is_the_same() -> None:
    one, two, three = (_of(n) for n in (1, 2, 3))
    entries = _record(*(("promote", None, version) for version in (one, two, three)))
    assert way_back(entries, three) == [two, one]
    assert way_back([*entries, *_record(("bar", None, two))], three) == [one]
    assert way_back(entries, two) == [one]  # the pointer was moved by hand
    assert way_back(entries, "20261130T120102Z-" + "0" * 11 + "3") == [two, one]


def test_a_folder_in_place_of_the_record_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / HISTORY).mkdir()
    with pytest.raises(ReleaseError, match=r"history\.jsonl: cannot be read \(Is a directory\)\. Correct its rights"):
        read_history(tmp_path)
