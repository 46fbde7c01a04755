from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from tests.releases.cases import ANA, BO, NOON, make

from common_utils.bundle import Bundle, current_version, set_current, write_bundle
from common_utils.bundle.signing import Trust
from common_utils.errors import ArtifactError, ReleaseConflictError, ReleaseError
from common_utils.releases import pardon, promote, publish, rollback, versions
from common_utils.releases.history import HISTORY, append_entry, read_history

pytestmark = pytest.mark.usefixtures("removable")

FAULTS = Path(__file__).parents[3] / "benchmarks" / "faults"
KEY = Trust({"ours": bytes(32)})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def three(root: Path) -> list[str]:
    return [make(root, number).version for number in range(3)]


def test_a_change_removes_what_a_killed_writer_left(root: Path, three: list[str]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = root / f".tmp-{socket.gethostname()}~{gone.pid}~aa"
    left.symlink_to(three[0])
    promote(root, three[0], author=ANA)
    assert not left.is_symlink()


def test_promote_moves_the_pointer_and_records_it(root: Path, three: list[str]) -> None:
    first = promote(root, three[0], author=ANA, clock=lambda: NOON)
    second = promote(root, three[1], author=BO)
    assert current_version(root) == three[1]
    assert read_history(root) == (first, second)
    assert first is not None
    assert (first.from_version, first.to_version, first.who, first.why) == (None, three[0], "ana", "fewer complaints")
    assert first.at == "2026-11-23T12:01:02+00:00"


def test_promoting_the_live_version_changes_nothing(root: Path, three: list[str]) -> None:
    promote(root, three[0], author=ANA)
    assert promote(root, three[0], author=ANA) is None
    assert len(read_history(root)) == 1


def test_rollback_goes_one_further_back_each_time(root: Path, three: list[str]) -> None:
    for version in three:
        promote(root, version, author=ANA)
    assert rollback(root, author=BO).to_version == three[1]
    assert rollback(root, author=BO).to_version == three[0]
    assert current_version(root) == three[0]
    with pytest.raises(ReleaseError, match="no version was live before the current one"):
        rollback(root, author=BO)
    pardon(root, three[2], author=ANA)
    promote(root, three[2], author=ANA)
    assert rollback(root, author=BO).to_version == three[0]


def test_rollback_after_a_return_goes_to_what_was_live_between(root: Path, three: list[str]) -> None:
    for version in (three[0], three[1], three[0]):
        promote(root, version, author=ANA)
    rollback(root, author=BO)
    assert current_version(root) == three[1]


def test_a_change_happens_only_if_the_expected_version_is_live(root: Path, three: list[str]) -> None:
    promote(root, three[0], author=ANA, expected=None)
    promote(root, three[1], author=ANA, expected=three[0])
    with pytest.raises(ReleaseConflictError, match=rf"{three[1]} is live, not '{three[0]}' as expected"):
        promote(root, three[2], author=BO, expected=three[0])
    with pytest.raises(ReleaseConflictError, match="not 'no version' as expected"):
        promote(root, three[2], author=BO, expected=None)
    with pytest.raises(ReleaseConflictError):
        rollback(root, author=BO, expected=three[0])
    assert current_version(root) == three[1]
    assert len(read_history(root)) == 2


def test_a_bundle_that_does_not_verify_is_neither_promoted_nor_recorded(root: Path, three: list[str]) -> None:
    promote(root, three[0], author=ANA)
    (root / three[1] / "n").chmod(0o600)
    (root / three[1] / "n").write_text("7")
    shutil.copytree(root / three[0], root / "20200101T000000Z-000000000000")
    for version, reason in (
        (three[1], "n has another sha256"),
        ("20200101T000000Z-aaaaaaaaaaaa", "no bundle"),
        ("20200101T000000Z-000000000000", f"holds bundle {three[0]}"),
    ):
        with pytest.raises(ArtifactError, match=reason):
            promote(root, version, author=ANA)
    with pytest.raises(ArtifactError, match="it is not signed"):
        promote(root, three[2], author=ANA, trust=KEY)
    assert current_version(root) == three[0]
    assert len(read_history(root)) == 1


# --- publish


def test_publish_brings_a_bundle_in_whole_and_leaves_the_pointer(root: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere", 1, KEY)
    published = publish(root, source.path, author=ANA, trust=KEY)
    assert published.path == (root / source.version).resolve()
    assert (published.signed_by, published.read_bytes("n")) == ("ours", b"1")
    assert current_version(root) is None
    assert [(e.action, e.to_version) for e in read_history(root)] == [("publish", source.version)]
    assert not list(root.glob(".tmp-*"))


def test_publishing_again_is_recorded_once(root: Path) -> None:
    made = make(root, 1)
    for _ in range(2):
        assert publish(root, made.path, author=ANA).version == made.version
    assert len(read_history(root)) == 1


def test_publish_refuses_what_it_would_not_open(root: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere", 1)
    with pytest.raises(ArtifactError, match="it is not signed"):
        publish(root, source.path, author=ANA, trust=KEY)
    assert not root.exists()


def test_publish_does_not_replace_a_version_of_the_root(root: Path, tmp_path: Path) -> None:
    source = make(tmp_path / "elsewhere", 1)
    publish(root, source.path, author=ANA)
    other = write_bundle(
        tmp_path / "third", info={"n": 2}, write=lambda f: f.joinpath("n").write_text("1"),
        clock=lambda: datetime.fromisoformat(source.manifest["created"]),
    )  # fmt: skip
    assert other.version == source.version
    with pytest.raises(ArtifactError, match=f"holds another bundle {source.version}"):
        publish(root, other.path, author=ANA)


def _fail(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_while_copying_leaves_nothing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "elsewhere", 1)
    monkeypatch.setattr(shutil, "copyfile", _fail)
    with pytest.raises(ReleaseError, match=r"could not be copied \(No space left on device\); nothing was published"):
        publish(root, source.path, author=ANA)
    assert sorted(path.name for path in root.iterdir()) == ["releases.lock"]


# --- what a dead writer or a hand leaves


def test_a_recorded_change_that_did_not_happen_is_corrected(root: Path, three: list[str]) -> None:
    promote(root, three[0], author=ANA)
    append_entry(
        root, read_history(root), ANA, at=NOON, action="promote", from_version=three[0], to_version=three[1]
    )  # and then the process was killed
    promote(root, three[2], author=BO)
    moves = [(e.action, e.from_version, e.to_version, e.who) for e in read_history(root)]
    assert moves[2:] == [("correct", three[1], three[0], "bo"), ("promote", three[0], three[2], "bo")]
    assert rollback(root, author=BO).to_version == three[0]


def test_a_pointer_moved_by_hand_enters_the_record(root: Path, three: list[str]) -> None:
    promote(root, three[0], author=ANA)
    set_current(root, three[1])
    assert rollback(root, author=BO).to_version == three[0]
    assert [e.action for e in read_history(root)] == ["promote", "correct", "rollback"]


def test_a_pointer_that_cannot_be_moved_is_told_by_the_record(
    root: Path, three: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(root, three[0], author=ANA)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _fail)
        with pytest.raises(ArtifactError, match="pointer could not be changed"):
            promote(root, three[1], author=ANA)
    assert current_version(root) == three[0]
    assert [(e.action, e.to_version) for e in read_history(root)[1:]] == [("promote", three[1]), ("correct", three[0])]


def test_a_broken_record_stops_every_change(root: Path, three: list[str]) -> None:
    promote(root, three[0], author=ANA)
    text = (root / HISTORY).read_text()
    (root / HISTORY).write_text(text.replace("ana", "bob"))
    changes: list[Callable[[], object]] = [
        lambda: promote(root, three[1], author=ANA),
        lambda: rollback(root, author=ANA),
        lambda: publish(root, root / three[1], author=ANA),
    ]
    for change in changes:
        with pytest.raises(ReleaseError, match="chain is broken at entry 1"):
            change()
    assert current_version(root) == three[0]


def test_a_root_that_is_none_is_told_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"cannot be changed \(No such file or directory\)"):
        promote(tmp_path / "typo", "20200101T000000Z-000000000000", author=ANA)
    with pytest.raises(ReleaseError, match="cannot be read"):
        versions(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_versions_lists_good_and_refused(root: Path, three: list[str]) -> None:
    os.unlink(root / three[1] / "n")  # noqa: PTH108
    found = dict(versions(root))
    assert sorted(found) == sorted(three)
    assert isinstance(found[three[0]], Bundle)
    assert "missing or extra file" in str(found[three[1]])


# --- the fault scripts, scaled down; each must also find its own control


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["hostile_bundles.py", "--bundles", "96"], id="hostile-bundles"),
        pytest.param(["kill_publish.py", "--kills", "12", "--no-sweep"], id="kill-9"),
        pytest.param(["kill_lifecycle.py", "--sequences", "12"], id="kill-9-any-action"),
        pytest.param(["concurrent_releases.py", "--reads", "150"], id="concurrent"),
        pytest.param(["hot_swaps.py", "--swaps", "10", "--pause", "0.1"], id="hot-swaps"),
    ],
)
def test_the_fault_script_holds_and_its_control_is_found(command: list[str]) -> None:
    script = [sys.executable, str(FAULTS / command[0]), *command[1:]]
    held = subprocess.run(script, check=False, capture_output=True, text=True, timeout=120)
    assert held.returncode == 0, held.stdout + held.stderr
    control = subprocess.run([*script, "--control"], check=False, capture_output=True, text=True, timeout=120)
    assert control.returncode == 1
    assert "BROKEN" in control.stdout
