from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.releases.cases import ANA, BO, make

from common_utils.bundle import current_version
from common_utils.bundle.signing import Trust
from common_utils.errors import ArtifactError, ReleaseConflictError, ReleaseError
from common_utils.releases import bar, promote, publish, rollback, rollback_unrecorded, standing_of
from common_utils.releases.author import Author
from common_utils.releases.history import HISTORY, read_history

pytestmark = pytest.mark.usefixtures("removable")

FULL = """
import resource, signal, sys
from pathlib import Path
from common_utils.errors import ReleaseError
from common_utils.releases import rollback, rollback_unrecorded
from common_utils.releases.author import Author
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
root, author = Path(sys.argv[1]), Author("bo", "it fails")
try:
    rollback(root, author=author)
except ReleaseError as error:
    print("refused:", error)
print(rollback_unrecorded(root, author=author))
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def three(root: Path) -> list[str]:
    versions = [make(root, number).version for number in range(3)]
    for version in versions:
        promote(root, version, author=ANA)
    return versions


@contextmanager
def _held(root: Path) -> Generator[None]:
    with (root / "releases.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _break(root: Path) -> None:
    (root / HISTORY).write_bytes((root / HISTORY).read_bytes().replace(b"ana", b"eve", 1))


def _later(root: Path) -> list[tuple[str, str | None, str | None, str]]:
    entries = read_history(root)
    return [(entry.action, entry.from_version, entry.to_version, entry.who) for entry in entries]


def test_it_needs_no_lock_and_the_next_writer_records_it(root: Path, three: list[str]) -> None:
    with _held(root):
        done = rollback_unrecorded(root, author=BO)
    assert (done.from_version, done.to_version, done.marked) == (three[2], three[1], True)
    assert current_version(root) == three[1]
    assert len(read_history(root)) == 3
    publish(root, make(root, 7).path, author=ANA)
    assert _later(root)[3:5] == [("correct", three[2], three[1], "bo"), ("bar", three[1], three[2], "bo")]
    with pytest.raises(ReleaseError, match="is barred: bar by 'bo'"):
        promote(root, three[2], author=ANA)
    assert rollback(root, author=BO).to_version == three[0]
    assert not list(root.glob("rolled-back*"))


def test_it_works_on_a_disk_that_takes_no_byte_more(root: Path, three: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(root)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "refused:" in done.stdout
    assert "cannot be written (File too large); nothing was changed" in done.stdout
    assert current_version(root) == three[1]
    bar(root, "20200101T000000Z-aaaaaaaaaaaa", author=ANA)
    assert [action for action, _, _, _ in _later(root)[3:]] == ["correct", "bar", "bar"]


def test_it_works_where_not_even_a_link_can_be_made(
    root: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.symlink

    def full(target: str, link: str, *_: bool) -> None:
        if (root / "metrics.json").is_symlink():
            raise OSError(28, "No space left on device")
        real(target, link)

    monkeypatch.setattr(os, "symlink", full)
    done = rollback_unrecorded(root, author=BO)
    monkeypatch.undo()
    assert (current_version(root), done.to_version) == (three[1], three[1])
    assert done.marked  # with the room that the links gave
    promote(root, three[0], author=ANA)
    assert (root / "metrics.json").is_symlink()
    assert standing_of(root).bars(three[2])


def test_it_works_with_a_broken_chain(root: Path, three: list[str]) -> None:
    _break(root)
    with pytest.raises(ReleaseError, match="chain is broken"):
        rollback(root, author=BO)
    assert rollback_unrecorded(root, author=BO).to_version == three[1]
    with pytest.raises(ReleaseError, match="chain is broken at entry 1"):
        promote(root, three[0], author=ANA)
    (root / HISTORY).rename(root / "history.evidence")  # as the message says
    promote(root, three[0], author=ANA)
    assert _later(root)[:2] == [("correct", None, three[1], "ana"), ("bar", three[1], three[2], "bo")]
    assert standing_of(root).bars(three[2])


def test_it_works_with_all_three_at_once_and_twice(root: Path, three: list[str]) -> None:
    _break(root)
    with _held(root):
        assert rollback_unrecorded(root, author=BO).to_version == three[1]
        assert rollback_unrecorded(root, author=ANA).to_version == three[0]
        with pytest.raises(ReleaseError, match=r"Name one with --to; the root holds \[\]"):
            rollback_unrecorded(root, author=ANA)
    assert current_version(root) == three[0]
    (root / HISTORY).unlink()
    bar(root, "20200101T000000Z-aaaaaaaaaaaa", author=ANA)
    assert {who for action, _, to, who in _later(root) if action == "bar" and to in three} == {"ana", "bo"}


def test_a_version_can_be_named(root: Path, three: list[str]) -> None:
    (root / HISTORY).unlink()
    with pytest.raises(ReleaseError, match="names no whole version"):
        rollback_unrecorded(root, author=BO)
    assert rollback_unrecorded(root, author=BO, to=three[0]).to_version == three[0]


@pytest.mark.parametrize("name", ["../x", "current", "20200101T000000Z-aaaaaaaaaaaa"])
def test_what_is_no_bundle_of_the_root_is_not_gone_back_to(root: Path, three: list[str], name: str) -> None:
    with pytest.raises(ArtifactError):
        rollback_unrecorded(root, author=BO, to=name)
    with pytest.raises(ReleaseError, match="not another version"):
        rollback_unrecorded(root, author=BO, to=three[2])
    assert current_version(root) == three[2]


def test_a_damaged_untrusted_or_barred_version_is_passed_over(root: Path, three: list[str]) -> None:
    with pytest.raises(ReleaseError, match="names no whole version"):
        rollback_unrecorded(root, author=BO, trust=Trust({"ours": bytes(32)}))
    bar(root, three[0], author=ANA)
    with pytest.raises(ReleaseError, match="is barred"):
        rollback_unrecorded(root, author=BO, to=three[0])
    (root / three[1] / "n").chmod(0o600)
    (root / three[1] / "n").write_text("7")
    with pytest.raises(ReleaseError, match="names no whole version"):
        rollback_unrecorded(root, author=BO)
    assert current_version(root) == three[2]


def test_it_happens_only_if_the_expected_version_is_live(root: Path, three: list[str], tmp_path: Path) -> None:
    with pytest.raises(ReleaseConflictError, match="as expected"):
        rollback_unrecorded(root, author=BO, expected=three[0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReleaseError, match="no version is live"):
        rollback_unrecorded(tmp_path / "empty", author=BO)
    assert rollback_unrecorded(root, author=BO, expected=three[2]).to_version == three[1]


def test_a_note_without_a_move_is_forgotten(root: Path, three: list[str]) -> None:
    (root / f"rolled-back~{three[2]}").symlink_to("bo")  # and then the process was killed
    publish(root, make(root, 7).path, author=ANA)
    assert [action for action, _, _, _ in _later(root)[3:]] == ["publish"]
    assert not list(root.glob("rolled-back*"))


def test_a_note_nobody_of_ours_wrote_stops_no_writer(root: Path, three: list[str]) -> None:
    (root / f"rolled-back~{three[1]}").symlink_to("\x1b[2J")
    (root / "rolled-back~no-version").symlink_to("bo")
    publish(root, make(root, 7).path, author=Author("cy", "x"))
    assert [(action, who) for action, _, _, who in _later(root)[3:]] == [("bar", "unknown"), ("publish", "cy")]
