"""Writing bundles and making them live, and what is left of a writer that fails."""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Callable
from datetime import timedelta, timezone
from pathlib import Path

import pytest
from tests.bundle.cases import CONTENT, NOON, filler, hidden, overwrite, ticking, write_small

from common_utils.bundle import Bundle, current_version, open_bundle, set_current, write_bundle
from common_utils.errors import ArtifactError
from common_utils.releases import publish
from common_utils.releases.author import Author


def test_write_bundle_names_the_folder_by_time_and_content(root: Path) -> None:
    local = NOON.astimezone(timezone(timedelta(hours=5)))
    first = write_bundle(root, info={"seed": 42}, write=filler(CONTENT), clock=lambda: local)
    assert first.version.startswith("20261123T120102Z-")
    assert first.path == (root / first.version).resolve()
    manifest = json.loads((first.path / "manifest.json").read_text())
    assert manifest == dict(first.manifest)
    assert manifest["format"] == 1
    assert manifest["created"] == "2026-11-23T12:01:02+00:00"
    assert manifest["info"] == {"seed": 42}
    assert manifest["files"]["config.yaml"]["size"] == 5
    assert hidden(root) == []
    assert current_version(root) is None


def test_same_content_later_keeps_the_digest_and_other_content_changes_it(root: Path) -> None:
    clock = ticking()
    first, again, other = (
        write_bundle(root, info={}, write=filler(content), clock=clock)
        for content in (CONTENT, CONTENT, CONTENT | {"config.yaml": b"a: 2\n"})
    )
    assert first.version != again.version
    assert first.version[-12:] == again.version[-12:] != other.version[-12:]


def test_same_content_in_the_same_second_takes_the_next_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOON, NOON, NOON, NOON + timedelta(seconds=1)])
    monkeypatch.setattr(time, "sleep", lambda _: None)
    for _ in range(2):
        last = write_bundle(root, info={}, write=filler(CONTENT), clock=lambda: next(times))
    assert last.version.startswith("20261123T120103Z-")
    assert last.manifest["created"] == "2026-11-23T12:01:03+00:00"
    with pytest.raises(ArtifactError, match="the clock stands still"):
        write_bundle(root, info={}, write=filler(CONTENT), clock=lambda: NOON)
    assert hidden(root) == []


def test_published_files_are_read_only_and_readable_by_a_service(bundle: Bundle) -> None:
    for name in ("manifest.json", *bundle.files):
        assert (bundle.path / name).stat().st_mode & 0o222 == 0
    umask = os.umask(0)
    os.umask(umask)
    assert bundle.path.stat().st_mode & 0o777 == 0o777 & ~umask


def test_set_current_makes_relative_links_through_one_pointer(root: Path, bundle: Bundle, tmp_path: Path) -> None:
    assert str((root / "current").readlink()) == bundle.version
    assert str((root / "model.joblib").readlink()) == "current/model.joblib"
    assert (root / "metrics.json").read_bytes() == CONTENT["metrics.json"]
    other = write_small(root, CONTENT | {"metrics.json": b"{}"})
    set_current(root, other.version)
    assert (root / "metrics.json").read_bytes() == b"{}"
    assert open_bundle(root).version == other.version
    moved = root.rename(tmp_path / "moved")
    assert open_bundle(moved).version == other.version
    assert hidden(moved) == []


@pytest.mark.parametrize("version", ["../x", "current", "", "20261123T120102Z-1a2b3c4d5e6f/..", "x" * 300])
def test_set_current_refuses_a_name_that_is_no_version(root: Path, bundle: Bundle, version: str) -> None:
    with pytest.raises(ArtifactError, match="is not a version"):
        set_current(root, version)
    assert current_version(root) == bundle.version


def test_set_current_refuses_a_bundle_that_does_not_verify(root: Path, bundle: Bundle) -> None:
    other = write_small(root, {"a": b"1"})
    overwrite(other.path / "a", b"2")
    with pytest.raises(ArtifactError, match="a has another sha256"):
        set_current(root, other.version)
    with pytest.raises(ArtifactError, match="cannot be read"):
        set_current(root, "20200101T000000Z-000000000000")
    assert current_version(root) == bundle.version


def test_set_current_leaves_a_file_of_the_caller_alone(root: Path) -> None:
    made = write_small(root)
    (root / "model.joblib").write_bytes(b"mine")
    with pytest.raises(ArtifactError, match=r"model\.joblib: stands where a link belongs"):
        set_current(root, made.version)
    assert (root / "model.joblib").read_bytes() == b"mine"
    assert current_version(root) is None


def test_set_current_says_when_the_pointer_cannot_be_changed(
    root: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ArtifactError, match=r"pointer could not be changed \(Read-only file system\)"):
        set_current(root, bundle.version)
    assert hidden(root) == []


@pytest.mark.parametrize(
    ("error", "expected", "match"),
    [
        pytest.param(OSError(errno.ENOSPC, "No space left on device"), ArtifactError, "No space left", id="disk-full"),
        pytest.param(ZeroDivisionError("bug"), ZeroDivisionError, "bug", id="defect"),
        pytest.param(KeyboardInterrupt("stop"), KeyboardInterrupt, "stop", id="interrupt"),
    ],
)
def test_a_failing_writer_leaves_nothing_behind(
    root: Path, bundle: Bundle, error: BaseException, expected: type[BaseException], match: str
) -> None:
    def write(folder: Path) -> None:
        (folder / "model.joblib").write_bytes(b"half")
        raise error

    before = sorted(path.name for path in root.iterdir())
    with pytest.raises(expected, match=match):
        write_bundle(root, info={}, write=write)
    assert sorted(path.name for path in root.iterdir()) == before
    assert open_bundle(root) == bundle


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_failing_disk_leaves_nothing_behind(
    root: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, call, fail)
    monkeypatch.setattr(Path, "rename", fail if call == "rename" else Path.rename)
    with pytest.raises(ArtifactError, match="nothing was published"):
        write_small(root, {"a": b"1"})
    assert hidden(root) == []
    assert open_bundle(root) == bundle


def _make_link(folder: Path) -> None:
    (folder / "link").symlink_to("/etc/hostname")


def _make_folder(folder: Path) -> None:
    (folder / "inside").mkdir()


def _make_hidden(folder: Path) -> None:
    (folder / ".hidden").touch()


def _make_manifest(folder: Path) -> None:
    (folder / "manifest.json").touch()


@pytest.mark.parametrize("write", [_make_link, _make_folder, _make_hidden, _make_manifest])
def test_write_bundle_takes_plain_files_only(root: Path, write: Callable[[Path], None]) -> None:
    with pytest.raises(ArtifactError, match=r"is not a plain file|Choose another name"):
        write_bundle(root, info={}, write=write)
    assert list(root.iterdir()) == []


def test_write_bundle_refuses_info_before_calling_write(root: Path) -> None:
    with pytest.raises(ArtifactError, match="info: cannot be written as JSON"):
        write_bundle(root, info={"when": NOON}, write=lambda _: pytest.fail("called"))


def test_write_bundle_refuses_info_too_large_to_be_opened_again(root: Path) -> None:
    with pytest.raises(ArtifactError, match="Put large values of `info` in a file"):
        write_small(root, note="x" * (1 << 20))
    assert list(root.iterdir()) == []


def test_write_bundle_says_when_the_root_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="could not be written"):
        write_small(tmp_path / "file" / "artifacts")


def test_whatever_the_umask_others_can_read_what_is_published(tmp_path: Path) -> None:
    root = tmp_path / "new" / "root"
    before = os.umask(0o077)
    try:
        bundle = write_bundle(root, info={}, write=lambda folder: folder.joinpath("a").touch())
        publish(tmp_path / "copies", bundle.path, author=Author("tester", "try the umask"))
    finally:
        os.umask(before)
    for place in (root, tmp_path / "copies"):
        folders = [place, *(path for path in place.iterdir() if path.is_dir())]
        files = [path for folder in folders[1:] for path in folder.iterdir()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o755}
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    assert stat.S_IMODE(root.parent.stat().st_mode) == 0o755


def test_rights_of_a_root_that_was_there_stay(tmp_path: Path) -> None:
    root = tmp_path / "private"
    root.mkdir(mode=0o700)
    write_bundle(root, info={}, write=lambda folder: folder.joinpath("a").touch())
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
