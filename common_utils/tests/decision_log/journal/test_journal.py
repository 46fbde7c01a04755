"""The journal: whole lines, a bound, a disk that is full at every byte, syncs in groups."""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import threading
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from common_utils.decision_log.journal.group_sync import GroupSync
from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.lines import Decision, Fixed, decision_line, parse_line, sealed
from common_utils.decision_log.journal.segments import JournalSegment, erase, segments

FIXED = Fixed("demo", "/predict", "choice", "v1")


def _line(event: str, subject: str | None = None, answer: bytes = b'{"prediction":"surf"}') -> bytes:
    return decision_line(FIXED, event, 1, subject, 0.5, None, b"{}", "a", answer)


def _events(folder: Path) -> list[str]:
    read = (part for segment in segments(folder) for part in segment.read())
    return [entry.event for part in read for entry in part.entries if isinstance(entry, Decision)]


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", 1 << 20)
    assert all(journal.append(_line(f"e{i}")) for i in range(20))
    assert _events(journal.folder) == [f"e{i}" for i in range(20)]
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    assert {segment.path.stat().st_mode & 0o777 for segment in segments(journal.folder)} == {0o600}


@pytest.mark.parametrize("room", range(0, 700, 7))
def test_a_disk_full_at_any_byte_leaves_no_half_line(tmp_path: Path, room: int) -> None:
    left = [room]

    def write(number: int, content: bytes) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "full")
        taken = os.write(number, content[: left[0]])
        left[0] -= taken
        return taken

    journal = Journal(tmp_path, 1 << 20, write=write)
    kept = [f"e{i}" for i in range(4) if journal.append(_line(f"e{i}"))]
    left[0] = 1 << 20
    kept += [f"f{i}" for i in range(2) if journal.append(_line(f"f{i}"))]
    assert _events(tmp_path) == kept
    assert kept[-2:] == ["f0", "f1"]
    assert sum(journal.unlogged.values()) == 6 - len(kept)
    # Nothing of a line that was not taken stays on the disk, either.
    assert b"".join(segment.path.read_bytes() for segment in segments(tmp_path)).count(b"\n") == len(kept)
    assert all(segment.path.read_bytes()[-1:] in {b"", b"\n"} for segment in segments(tmp_path))


def test_half_a_line_that_cannot_be_cut_off_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = [True]

    def write(number: int, content: bytes) -> int:
        return os.write(number, content[:30] if short[0] else content)

    def no_cut(number: int, size: int) -> None:
        raise OSError(errno.EIO, "broken")

    journal = Journal(tmp_path, 1 << 20, write=write)
    short[0] = False
    assert journal.append(_line("e0"))
    short[0] = True
    monkeypatch.setattr(os, "ftruncate", no_cut)
    assert not journal.append(_line("e1"))
    short[0] = False
    assert journal.append(_line("e2"))
    assert _events(tmp_path) == ["e0", "e2"]


def test_an_unwritable_folder_refuses_and_counts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal", 1 << 20)
    assert [journal.append(_line("e")) for _ in range(3)] == [False, False, False]
    assert sum(journal.unlogged.values()) == 3


def test_the_bound_holds_until_a_shipper_makes_room(tmp_path: Path) -> None:
    now = [0.0]
    journal = Journal(tmp_path, 2000, clock=lambda: now[0])
    while journal.append(_line("e")):
        pass
    assert journal.unlogged == {"full": 1, "unwritable": 0, "slow": 0, "no_keys": 0}
    assert sum(segment.path.stat().st_size for segment in segments(tmp_path)) <= 2000
    for segment in segments(tmp_path):
        segment.path.unlink()
    assert not journal.append(_line("soon"))  # the folder is looked at once a second
    now[0] = 2.0
    assert journal.append(_line("later"))


def test_a_segment_is_finished_when_its_writer_moved_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    journal.append(_line("e"))
    (segment,) = segments(tmp_path)
    with segment.finished() as over:
        assert not over
    journal.close()
    with segment.finished() as over:
        assert over


@pytest.mark.parametrize("cut", [1, 9, 50, -1], ids=["in-the-sum", "behind-it", "in-the-text", "before-the-end"])
def test_half_lines_and_damaged_ones_are_never_read(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "1.journal"
    line = _line("e1")
    path.write_bytes(_line("e0") + line[:cut])
    (part,) = JournalSegment(path).read()
    assert [entry.event for entry in part.entries if isinstance(entry, Decision)] == ["e0"]
    assert part.offset == len(_line("e0"))
    path.write_bytes(line[:20] + b"X" + line[21:] + _line("e2"))
    (part,) = JournalSegment(path).read()
    assert [entry.event for entry in part.entries if isinstance(entry, Decision)] == ["e2"]
    assert part.damaged == 1


def test_a_subject_is_erased_in_place_while_the_writer_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20)
    for event, subject in (("e0", "k1.aa"), ("e1", "k1.bb"), ("e2", "k1.aa")):
        journal.append(_line(event, subject))
    assert erase(tmp_path, lambda entry: isinstance(entry, Decision) and entry.subject == "k1.aa") == 2
    journal.append(_line("e3", "k1.bb"))
    assert _events(tmp_path) == ["e1", "e3"]
    assert b"k1.aa" not in segments(tmp_path)[0].path.read_bytes()


def test_parse_line_refuses_another_format() -> None:
    assert parse_line(b"00000000 {}\n") is None


def test_syncs_come_in_groups_and_each_answer_waits_for_one(tmp_path: Path) -> None:
    synced: list[int] = []
    gate = threading.Event()

    def sync(number: int) -> None:
        gate.wait(2)
        synced.append(number)

    async def several(journal: Journal) -> list[bool]:
        waiting: list[asyncio.Task[bool]] = []
        for i in range(20):
            assert journal.append(_line(f"e{i}"))
            waiting.append(asyncio.create_task(journal.synced()))
            await asyncio.sleep(0)
        gate.set()
        return list(await asyncio.gather(*waiting))

    journal = Journal(tmp_path, 1 << 20, to_disk=True, sync=sync)
    assert all(asyncio.run(several(journal)))
    assert 1 <= len(synced) <= 3
    journal.close()


def test_a_sync_that_fails_or_hangs_takes_no_answer_away(tmp_path: Path) -> None:
    def fail(number: int) -> None:
        raise OSError(errno.EIO, "broken")

    journal = Journal(tmp_path, 1 << 20, to_disk=True, sync=fail)
    journal.append(_line("e"))
    assert not asyncio.run(journal.synced())
    assert not journal.synced_now()
    assert journal.unlogged == {"full": 0, "unwritable": 0, "slow": 2, "no_keys": 0}
    hung = threading.Event()

    def hang(number: int) -> None:
        hung.wait(5)

    sync = GroupSync(hang, seconds=0.05)
    sync.changed(7)

    async def all_let_go() -> list[bool]:
        return [await sync.wait(), await sync.wait()]

    assert asyncio.run(asyncio.wait_for(all_let_go(), 3)) == [False, False]
    assert not sync.wait_in_thread()
    hung.set()
    sync.stop()


def test_after_a_sync_that_failed_lines_go_into_another_segment(tmp_path: Path) -> None:
    broken = [True]

    def sync(number: int) -> None:
        if broken[0]:
            raise OSError(errno.EIO, "broken")

    journal = Journal(tmp_path, 1 << 20, to_disk=True, sync=sync)
    journal.append(_line("e0"))
    assert not journal.synced_now()
    broken[0] = False
    journal.append(_line("e1"))
    assert journal.synced_now()
    assert len(segments(tmp_path)) == 2
    assert _events(tmp_path) == ["e0", "e1"]
    journal.close()


def test_without_a_disk_to_wait_for_nobody_waits(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1 << 20, sync=_never)
    journal.append(_line("e"))
    assert asyncio.run(journal.synced())
    assert journal.synced_now()


def _never(number: int) -> None:
    raise AssertionError


def test_one_answer_is_one_write(tmp_path: Path) -> None:
    writes: list[int] = []

    def write(number: int, content: bytes) -> int:
        writes.append(len(content))
        return os.write(number, content)

    journal = Journal(tmp_path, 1 << 20, write=write)
    for i in range(5):
        journal.append(_line(f"e{i}"))
    assert len(writes) == 5
    assert journal.bytes_held == sum(writes)
    assert Journal(tmp_path / "none", 1).bytes_held == 0


@pytest.mark.parametrize("content", [b"[]", b"7", b'{"line":"decision"}', b'{"line":"mood"}', b"{", b'{"a":1}'])
def test_a_sealed_line_of_something_else_is_not_read(content: bytes) -> None:
    assert parse_line(sealed(content)) is None


@given(
    st.lists(st.binary(max_size=40), max_size=6),
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=6),
)
def test_whatever_lies_between_lines_each_whole_one_is_read_once(rubbish: list[bytes], plans: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "1.journal"
        lines = [_line(f"e{i}", answer=to_json({"prediction": plan})) for i, plan in enumerate(plans)]
        mess = [part.replace(b"\n", b"") + b"\n" for part in rubbish]
        path.write_bytes(b"".join(part for pair in zip_longest(lines, mess, fillvalue=b"") for part in pair))
        read = [entry for part in JournalSegment(path).read(most=2) for entry in part.entries]
        assert [one.answer["prediction"] for one in read if isinstance(one, Decision)] == plans


def test_a_propensity_of_any_kind_of_number_is_read_back() -> None:
    line = decision_line(FIXED, "e1", 1, None, 0.5, np.float64(0.05), b"{}", "a", b"{}")
    found = parse_line(line)
    assert isinstance(found, Decision)
    assert found.propensity == 0.05


def test_a_shipper_makes_room_for_a_service_that_goes_on(tmp_path: Path) -> None:
    """A full journal lies in several segments: what is shipped of it makes room before its writer ends."""
    now = [0.0]
    journal = Journal(tmp_path, 64_000, clock=lambda: now[0])
    while journal.append(_line("e")):
        pass
    finished: list[JournalSegment] = []
    for segment in segments(tmp_path):
        with segment.finished() as over:
            finished += [segment] if over else []
    assert len(finished) >= 4
    for segment in finished:
        segment.path.unlink()
    now[0] = 10.0  # it looks again
    assert journal.append(_line("f"))
