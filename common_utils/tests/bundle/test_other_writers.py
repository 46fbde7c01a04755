"""Other writers, dead and alive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.bundle.cases import hidden, write_small

from common_utils.bundle import current_version, open_bundle, set_current
from common_utils.bundle.durable import remove_stale


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
    write_small(root)
    kept = {name for name, path in litter.items() if path.exists()}
    assert kept == {"alive", "init", "elsewhere", "foreign"}
    assert len(hidden(root)) == len(kept)


@pytest.mark.parametrize(("age", "kept"), [(24 * 3600, True), (24 * 3600 + 1, False)])
def test_litter_of_the_living_is_removed_after_a_day(
    age: int, kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f".tmp-{socket.gethostname()}~{os.getpid()}~aa"
    path.touch()
    os.utime(path, (1_000_000, 1_000_000))
    monkeypatch.setattr(time, "time", lambda: 1_000_000.0 + age)
    remove_stale(tmp_path)
    assert path.exists() == kept


def test_what_a_link_of_a_dead_writer_leads_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link = tmp_path / f".tmp-{socket.gethostname()}~{_dead_pid()}~aa"
    link.symlink_to("kept")
    remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


def test_a_process_of_another_user_counts_as_alive(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    root.mkdir()
    other = root / f".tmp-{socket.gethostname()}~{_dead_pid()}~aa"
    other.mkdir()
    monkeypatch.setattr(os, "kill", refuse)
    write_small(root)
    assert other.exists()


def test_litter_that_cannot_be_removed_stops_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError

    root.mkdir()
    (root / f".tmp-{socket.gethostname()}~{_dead_pid()}~aa").symlink_to("nowhere")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)  # called on litter before anything else
        patch.setattr("common_utils.bundle.bundle.seal_folder", _stop)
        with pytest.raises(ZeroDivisionError):
            write_small(root)
    assert len(hidden(root)) == 1


def _stop(*_: object) -> None:
    raise ZeroDivisionError


def test_concurrent_writers_do_not_collide(root: Path) -> None:
    def train(number: int) -> str:
        made = write_small(root, {"model.joblib": b"%d" % (number // 2)}, run=number)
        set_current(root, made.version)
        assert open_bundle(root).version  # whoever won, it verifies
        return made.version

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(train, range(16)))
    assert len(set(versions)) == 16
    assert current_version(root) in versions
    for version in versions:
        assert open_bundle(root / version).version == version
    assert hidden(root) == []


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
