from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.bundle import Bundle, current_version, open_bundle, set_current, write_bundle
from common_utils.errors import ArtifactError
from common_utils.manifest import seal_manifest
from common_utils.names import is_plain_name

CONTENT = {"model.joblib": bytes(range(256)) * 64, "metrics.json": b'{"accuracy": 0.5}\n', "config.yaml": b"a: 1\n"}
NOON = datetime(2026, 11, 23, 12, 1, 2, tzinfo=UTC)


def _filler(content: dict[str, bytes]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, data in content.items():
            (folder / name).write_bytes(data)

    return write


def _ticking(start: datetime = NOON) -> Callable[[], datetime]:
    seconds = count()
    return lambda: start + timedelta(seconds=next(seconds))


def _write(root: Path, content: dict[str, bytes] | None = None, **info: object) -> Bundle:
    return write_bundle(root, info=info, write=_filler(CONTENT if content is None else content))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def bundle(root: Path) -> Bundle:
    made = _write(root, seed=42)
    set_current(root, made.version)
    return made


def _hidden(root: Path) -> list[str]:
    return [path.name for path in root.iterdir() if path.name.startswith(".")]


# --- writing and publishing


def test_write_bundle_names_the_folder_by_time_and_content(root: Path) -> None:
    local = NOON.astimezone(timezone(timedelta(hours=5)))
    first = write_bundle(root, info={"seed": 42}, write=_filler(CONTENT), clock=lambda: local)
    assert first.version.startswith("20261123T120102Z-")
    assert first.path == (root / first.version).resolve()
    manifest = json.loads((first.path / "manifest.json").read_text())
    assert manifest == dict(first.manifest)
    assert manifest["format"] == 1
    assert manifest["created"] == "2026-11-23T12:01:02+00:00"
    assert manifest["info"] == {"seed": 42}
    assert manifest["files"]["config.yaml"]["size"] == 5
    assert _hidden(root) == []
    assert current_version(root) is None


def test_same_content_later_keeps_the_digest_and_other_content_changes_it(root: Path) -> None:
    clock = _ticking()
    first, again, other = (
        write_bundle(root, info={}, write=_filler(content), clock=clock)
        for content in (CONTENT, CONTENT, CONTENT | {"config.yaml": b"a: 2\n"})
    )
    assert first.version != again.version
    assert first.version[-12:] == again.version[-12:] != other.version[-12:]


def test_same_content_in_the_same_second_takes_the_next_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([NOON, NOON, NOON, NOON + timedelta(seconds=1)])
    monkeypatch.setattr(time, "sleep", lambda _: None)
    for _ in range(2):
        last = write_bundle(root, info={}, write=_filler(CONTENT), clock=lambda: next(times))
    assert last.version.startswith("20261123T120103Z-")
    assert last.manifest["created"] == "2026-11-23T12:01:03+00:00"
    with pytest.raises(ArtifactError, match="the clock stands still"):
        write_bundle(root, info={}, write=_filler(CONTENT), clock=lambda: NOON)
    assert _hidden(root) == []


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
    other = _write(root, CONTENT | {"metrics.json": b"{}"})
    set_current(root, other.version)
    assert (root / "metrics.json").read_bytes() == b"{}"
    assert open_bundle(root).version == other.version
    moved = root.rename(tmp_path / "moved")
    assert open_bundle(moved).version == other.version
    assert _hidden(moved) == []


@pytest.mark.parametrize("version", ["../x", "current", "", "20261123T120102Z-1a2b3c4d5e6f/..", "x" * 300])
def test_set_current_refuses_a_name_that_is_no_version(root: Path, bundle: Bundle, version: str) -> None:
    with pytest.raises(ArtifactError, match="is not a version"):
        set_current(root, version)
    assert current_version(root) == bundle.version


def test_set_current_refuses_a_bundle_that_does_not_verify(root: Path, bundle: Bundle) -> None:
    other = _write(root, {"a": b"1"})
    _overwrite(other.path / "a", b"2")
    with pytest.raises(ArtifactError, match="a has another sha256"):
        set_current(root, other.version)
    with pytest.raises(ArtifactError, match="cannot be read"):
        set_current(root, "20200101T000000Z-000000000000")
    assert current_version(root) == bundle.version


def test_set_current_leaves_a_file_of_the_caller_alone(root: Path) -> None:
    made = _write(root)
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
    assert _hidden(root) == []


# --- failures while writing


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
        _write(root, {"a": b"1"})
    assert _hidden(root) == []
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
        _write(root, note="x" * (1 << 20))
    assert list(root.iterdir()) == []


def test_write_bundle_says_when_the_root_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArtifactError, match="could not be written"):
        _write(tmp_path / "file" / "artifacts")


# --- opening what was altered


def _overwrite(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)  # files of a bundle are read-only
    path.write_bytes(data)


def _edit_manifest(folder: Path, edit: Callable[[str], str]) -> None:
    path = folder / "manifest.json"
    _overwrite(path, edit(path.read_text()).encode())


def _reseal(folder: Path, old: str, new: str) -> None:
    """Edit as one who knows how: the checksum fits again."""
    fields = json.loads((folder / "manifest.json").read_text().replace(old, new))
    del fields["checksum"]
    _overwrite(folder / "manifest.json", seal_manifest(fields))


def _flip_bit(folder: Path) -> None:
    data = bytearray((folder / "model.joblib").read_bytes())
    data[777] ^= 1
    _overwrite(folder / "model.joblib", bytes(data))


def _swap(folder: Path) -> None:
    one, two = (folder / "config.yaml").read_bytes(), (folder / "metrics.json").read_bytes()
    _overwrite(folder / "config.yaml", two)
    _overwrite(folder / "metrics.json", one)


def _replace_by_link(folder: Path) -> None:
    copy = shutil.copy(folder / "config.yaml", folder.parent / "copy.yaml")
    (folder / "config.yaml").unlink()
    (folder / "config.yaml").symlink_to(copy)


def _replace_by_pipe(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    os.mkfifo(folder / "config.yaml")


TAMPERINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit-flip": (_flip_bit, "model.joblib has another sha256"),
    "truncated": (lambda f: _overwrite(f / "model.joblib", CONTENT["model.joblib"][:-1]), "only 16383 bytes"),
    "emptied": (lambda f: _overwrite(f / "config.yaml", b""), "config.yaml has only 0 bytes"),
    "appended": (lambda f: _overwrite(f / "config.yaml", b"a: 1\nb"), "config.yaml has more than 5 bytes"),
    "swapped": (_swap, "has (more than|only)"),
    "extra-file": (lambda f: (f / "extra.pkl").touch(), r"missing or extra file\(s\) \['extra.pkl'\]"),
    "missing-file": (lambda f: (f / "config.yaml").unlink(), r"missing or extra file\(s\) \['config.yaml'\]"),
    "link": (_replace_by_link, "'config.yaml' is not a plain file"),
    "pipe": (_replace_by_pipe, "'config.yaml' is not a plain file"),
    "folder": (lambda f: (f / "more").mkdir(), "'more' is not a plain file"),
    "hidden-file": (lambda f: (f / ".x").touch(), "'.x' is not a plain file"),
    "no-manifest": (lambda f: (f / "manifest.json").unlink(), "manifest.json is missing"),
    "large-manifest": (lambda f: _edit_manifest(f, lambda t: t + " " * (1 << 20)), "larger than 1048576 bytes"),
    "cut-manifest": (lambda f: _edit_manifest(f, lambda t: t[:-9]), "not strict JSON"),
    "traversal": (
        lambda f: _reseal(f, '"config.yaml"', '"../config.yaml"'),
        "lists '../config.yaml'",
    ),
    "seed-edited": (
        lambda f: _edit_manifest(f, lambda t: t.replace('"seed": 42', '"seed": 43')),
        "manifest.json does not fit its checksum",
    ),
    "later-format": (lambda f: _reseal(f, '"format": 1', '"format": 2'), "is not of format 1"),
    "duplicate-key": (
        lambda f: _edit_manifest(f, lambda t: t.replace('"format": 1', '"format": 1, "format": 1')),
        "a key is given twice",
    ),
    "hash-edited": (
        lambda f: _reseal(f, '"sha256": "', '"sha256": "0'),
        "no valid size and sha256",
    ),
    "version-edited": (
        lambda f: _reseal(f, f.name, "20200101T000000Z" + f.name[16:]),
        "manifest.json is that of 20200101T000000Z",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_open_bundle_refuses_before_opening(root: Path, bundle: Bundle, name: str) -> None:
    tamper, reason = TAMPERINGS[name]
    tamper(bundle.path)
    with pytest.raises(ArtifactError, match=reason) as caught:
        open_bundle(root)
    assert str(caught.value).startswith(f"bundle {bundle.version}: ")
    assert str(caught.value).endswith("Train again, or choose another bundle.")


def test_open_bundle_refuses_a_consistent_edit_of_file_and_hash(root: Path, bundle: Bundle) -> None:
    old = bundle.files["config.yaml"].sha256
    other = _write(root, CONTENT | {"config.yaml": b"a: 2\n"})
    _overwrite(bundle.path / "config.yaml", b"a: 2\n")
    _reseal(bundle.path, old, other.files["config.yaml"].sha256)
    with pytest.raises(ArtifactError, match="does not fit the files it lists"):
        open_bundle(root)


def test_open_bundle_refuses_two_versions_exchanged(root: Path, bundle: Bundle) -> None:
    other = _write(root, {"a": b"1"})
    bundle.path.rename(root / "aside")
    other.path.rename(bundle.path)
    with pytest.raises(ArtifactError, match=f"manifest.json is that of {other.version}"):
        open_bundle(root)


def test_open_bundle_refuses_every_single_bit_flip_of_a_small_bundle(root: Path) -> None:
    made = _write(root, {"a": b"12"})
    (made.path / "a").chmod(0o644)
    for bit in range(16):
        (made.path / "a").write_bytes((int.from_bytes(b"12") ^ (1 << bit)).to_bytes(2))
        with pytest.raises(ArtifactError, match="a has another sha256"):
            open_bundle(made.path)


def test_open_bundle_takes_root_version_pointer_and_a_copy(
    root: Path, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Path(shutil.copytree(bundle.path, tmp_path / "copy"))
    for path in (root, bundle.path, root / "current"):
        assert open_bundle(path) == bundle
    assert open_bundle(copy).version == bundle.version
    monkeypatch.chdir(root)
    assert open_bundle(Path()) == open_bundle(Path("current")) == bundle


def test_open_bundle_says_when_there_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ArtifactError, match=r"holds no bundle and no current one\. Train first"):
            open_bundle(path)


@pytest.mark.parametrize("target", ["../elsewhere", "/tmp", "a/20261123T120102Z-1a2b3c4d5e6f", "x"])  # noqa: S108
def test_a_pointer_out_of_the_root_is_refused(root: Path, target: str) -> None:
    root.mkdir()
    (root / "current").symlink_to(target)
    with pytest.raises(ArtifactError, match="is not a link to a version beside it"):
        open_bundle(root)


def test_a_version_that_is_itself_a_link_is_refused(root: Path, bundle: Bundle, tmp_path: Path) -> None:
    bundle.path.rename(tmp_path / "moved")
    (root / bundle.version).symlink_to(tmp_path / "moved")
    with pytest.raises(ArtifactError, match="the folder is a link"):
        open_bundle(root)


# --- reading


def test_read_bytes_and_read_json_give_what_was_written(bundle: Bundle) -> None:
    assert {name: bundle.read_bytes(name) for name in bundle.files} == CONTENT
    assert bundle.read_json("metrics.json") == {"accuracy": 0.5}
    with pytest.raises(ArtifactError, match=r"config.yaml is not strict JSON"):
        bundle.read_json("config.yaml")


@pytest.mark.parametrize("name", ["nothing", "../artifacts/current/config.yaml", "manifest.json", ""])
def test_read_bytes_refuses_a_name_the_manifest_does_not_list(bundle: Bundle, name: str) -> None:
    with pytest.raises(ArtifactError, match=r"no file .*it has \['config.yaml', 'metrics.json', 'model.joblib'\]"):
        bundle.read_bytes(name)


def test_read_bytes_notices_a_change_after_opening(bundle: Bundle) -> None:
    _flip_bit(bundle.path)
    with pytest.raises(ArtifactError, match=r"model\.joblib has another sha256"):
        bundle.read_bytes("model.joblib")
    _overwrite(bundle.path / "config.yaml", b"a: 1\n and more")
    with pytest.raises(ArtifactError, match=r"config\.yaml has more than 5 bytes"):
        bundle.read_bytes("config.yaml")
    _replace_by_link(bundle.path)
    with pytest.raises(ArtifactError, match=r"config\.yaml cannot be opened"):
        bundle.read_bytes("config.yaml")


def test_an_open_bundle_cannot_be_changed(bundle: Bundle) -> None:
    with pytest.raises(AttributeError):
        bundle.version = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        bundle.files["x"] = bundle.files["config.yaml"]  # type: ignore[index]


names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True).filter(
    lambda name: (
        is_plain_name(name) and name not in ("manifest.json", "manifest.sig") and not name.endswith((".npy", ".npz"))
    )
)


@settings(max_examples=30, deadline=None)
@given(content=st.dictionaries(names, st.binary(max_size=300), max_size=5))
def test_any_content_comes_back_as_it_went_in(content: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = _write(root, content)
        set_current(root, made.version)
        opened = open_bundle(root)
        assert {name: opened.read_bytes(name) for name in opened.files} == content


# --- other writers, dead and alive


def _dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_litter_of_dead_writers_is_removed_and_of_living_ones_kept(root: Path) -> None:
    root.mkdir()
    host, dead, day_ago = socket.gethostname(), _dead_pid(), time.time() - 25 * 3600
    litter = {
        "dead": root / f".tmp-{host}~{dead}~aa",
        "dead-link": root / f".tmp-{host}~{dead}~ab",
        "old": root / f".tmp-{host}~{os.getpid()}~ac",
        "alive": root / f".tmp-{host}~{os.getpid()}~ad",
        "init": root / f".tmp-{host}~1~ae",
        "elsewhere": root / f".tmp-other-host~{dead}~af",
        "elsewhere-old": root / f".tmp-other-host~{dead}~b0",
        "foreign": root / ".tmp-notes",
    }
    litter.pop("dead-link").symlink_to("nowhere")
    for name, path in litter.items():
        path.mkdir()
        (path / "part").touch()
        if name.endswith("old"):
            os.utime(path, (day_ago, day_ago))
    _write(root)
    kept = {name for name, path in litter.items() if path.exists()}
    assert kept == {"alive", "init", "elsewhere", "foreign"}
    assert len(_hidden(root)) == len(kept)


def test_a_process_of_another_user_counts_as_alive(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    root.mkdir()
    other = root / f".tmp-{socket.gethostname()}~{_dead_pid()}~aa"
    other.mkdir()
    monkeypatch.setattr(os, "kill", refuse)
    _write(root)
    assert other.exists()


def test_litter_that_cannot_be_removed_stops_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError

    root.mkdir()
    (root / f".tmp-{socket.gethostname()}~{_dead_pid()}~aa").symlink_to("nowhere")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)  # called on litter before anything else
        patch.setattr("common_utils.bundle._seal", _stop)
        with pytest.raises(ZeroDivisionError):
            _write(root)
    assert len(_hidden(root)) == 1


def _stop(*_: object) -> None:
    raise ZeroDivisionError


def test_concurrent_writers_do_not_collide(root: Path) -> None:
    def train(number: int) -> str:
        made = _write(root, {"model.joblib": b"%d" % (number // 2)}, run=number)
        set_current(root, made.version)
        assert open_bundle(root).version  # whoever won, it verifies
        return made.version

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(train, range(16)))
    assert len(set(versions)) == 16
    assert current_version(root) in versions
    for version in versions:
        assert open_bundle(root / version).version == version
    assert _hidden(root) == []


CRASHER = """
    import os, random, signal, sys, time
    from pathlib import Path
    from common_utils.bundle import open_bundle, set_current, write_bundle

    root, mode = Path(sys.argv[1]), sys.argv[2]

    def publish(number):
        def write(folder):
            for name in ("model.joblib", "metrics.json"):
                (folder / name).write_bytes(b"%d" % number * 5000)
        set_current(root, write_bundle(root, info={"run": number}, write=write).version)

    def die_at_call(stop):
        calls = 0
        def hook(event, arguments):
            nonlocal calls
            calls += event.split(".")[0] in {"open", "os", "shutil"}
            if calls == stop:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)

    def child(number):
        if mode == "every-call":
            die_at_call(number)
            publish(number)
            os._exit(0)
        while True:
            publish(number * 1000)
            number += 1

    publish(0)
    last, kills = open_bundle(root).version, 0
    for number in range(1, 400):
        pid = os.fork()
        if not pid:
            child(number)
        if mode == "random":
            time.sleep(random.Random(number).uniform(0, 0.03))
            os.kill(pid, signal.SIGKILL)
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        kills += killed
        found = open_bundle(root)
        assert {found.read_bytes(name) for name in found.files} == {b"%d" % found.info["run"] * 5000}
        for name in ("model.joblib", "metrics.json"):
            assert (root / name).read_bytes() == found.read_bytes(name)
        if not killed or (mode == "random" and kills == 30):
            break
    publish(999)
    assert open_bundle(root).info["run"] == 999
    assert not list(root.glob(".tmp-*"))
    print(kills)
"""


@pytest.mark.parametrize(("mode", "at_least"), [("random", 30), ("every-call", 30)])
def test_kill_9_leaves_the_last_good_bundle(root: Path, mode: str, at_least: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CRASHER), str(root), mode],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= at_least


@pytest.fixture(autouse=True)
def _removable(tmp_path: Path) -> Iterator[None]:
    yield
    for path in tmp_path.rglob("*"):  # read-only files must not outlive the test for a user who is not root
        if path.is_file() and not path.is_symlink():
            path.chmod(0o644)
