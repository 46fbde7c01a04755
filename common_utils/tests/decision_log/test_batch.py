"""Batch entries and the manifest of the output: both or neither, wherever the run dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.decision_log.cases import BATCH, entries, recorder

from common_utils.decision_log.batch import BatchEntry, LoggedRun, logged_run, manifest_of, manifest_path, recover
from common_utils.decision_log.journal.segments import BATCH_FOLDER, folder_bytes, segments
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import Store, open_store
from common_utils.errors import ConfigError
from common_utils.outputs import replacing


def _keep(run: LoggedRun, count: int) -> None:
    if keep := run.keep_with(entries):
        keep(count)


def _run(folder: Path, count: int = 3) -> None:
    with logged_run(recorder(folder / "journal"), folder / "out.csv", BATCH) as run:
        (folder / "out.csv").write_text("answers")
        _keep(run, count)


def test_a_run_keeps_entries_and_manifest_and_repeated_adds_nothing(store: Store, tmp_path: Path) -> None:
    _run(tmp_path)
    manifest = json.loads(manifest_path(tmp_path / "out.csv").read_text())
    assert (manifest["entries"], manifest["unlogged"], manifest["model"]) == (3, 0, "v1")
    assert folder_bytes(tmp_path / "journal") == 0  # a batch takes none of the service's room
    assert Shipper(tmp_path / "journal", store).round().loaded.new == 3
    _run(tmp_path)
    done = Shipper(tmp_path / "journal", store).round()
    assert (done.loaded.new, done.loaded.known, done.deleted) == (0, 3, 1)
    assert len({one["subject"] for one in store.decisions()}) == 3


def test_a_run_that_fails_keeps_neither(tmp_path: Path) -> None:
    def fail() -> None:
        with logged_run(recorder(tmp_path / "journal"), tmp_path / "out.csv", BATCH) as run:
            _keep(run, 3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not manifest_path(tmp_path / "out.csv").exists()
    assert segments(tmp_path / "journal") == []
    assert list((tmp_path / "journal" / BATCH_FOLDER).iterdir()) == []


def test_without_a_log_there_is_no_manifest(tmp_path: Path) -> None:
    with logged_run(None, tmp_path / "out.csv", BATCH) as run:
        _keep(run, 3)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_no_entries_takes_no_output_away(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / BATCH_FOLDER).write_text("in the way")
    _run(tmp_path)
    manifest = json.loads(manifest_path(tmp_path / "out.csv").read_text())
    assert (manifest["entries"], manifest["unlogged"]) == (0, 3)
    assert (tmp_path / "out.csv").exists()


_DYING = """
import os, sys
from pathlib import Path
from tests.decision_log.cases import BATCH, entries, recorder
from common_utils import outputs
from common_utils.decision_log import batch
folder, at = Path(sys.argv[1]), sys.argv[2]
die = lambda *_, **__: os.kill(os.getpid(), 9)
if at == "manifest":
    batch.write_bytes = die
elif at == "manifest's file":
    outputs.Path.replace = die
elif at == "rename":
    batch.Path.rename = die
with batch.logged_run(recorder(folder / "journal"), folder / "out.csv", BATCH) as run:
    (folder / "out.csv").write_text(sys.argv[3])
    run.log.add(entries(3))
    if at in ("entries", "output"):
        die()
"""


@pytest.mark.parametrize(("at", "kept"), [("entries", 0), ("manifest", 0), ("rename", 3)])
def test_wherever_a_run_is_killed_both_are_there_or_neither(tmp_path: Path, at: str, kept: int) -> None:
    here = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", _DYING, str(tmp_path), at, "answers"], cwd=here, check=False)
    assert run.returncode == -signal.SIGKILL
    assert manifest_path(tmp_path / "out.csv").exists() == bool(kept)
    with closing(open_store("sqlite:///log.db", tmp_path)) as store:
        assert Shipper(tmp_path / "journal", store).round().loaded.new == kept
    assert recover(tmp_path / "journal") == 0
    assert list((tmp_path / "journal" / BATCH_FOLDER).glob(".pending*")) == []


@pytest.mark.parametrize("at", ["output", "manifest", "manifest's file"])
@pytest.mark.parametrize("logged", [True, False], ids=["logged", "not logged"])
def test_a_manifest_counts_for_its_output_alone_and_the_next_run_removes_what_is_left(
    tmp_path: Path, at: str, *, logged: bool
) -> None:
    _run(tmp_path)
    out = tmp_path / "out.csv"
    before = manifest_of(out)
    assert before is not None
    here = Path(__file__).resolve().parents[2]
    run = subprocess.run([sys.executable, "-c", _DYING, str(tmp_path), at, "others"], cwd=here, check=False)
    assert run.returncode == -signal.SIGKILL
    assert out.read_text() == "others"
    assert manifest_path(out).exists()
    assert manifest_of(out) is None  # it names the sum of the output before
    assert bool(list(tmp_path.glob(".*.unfinished.tmp"))) == (at == "manifest's file")

    def again(*, fails: bool) -> None:
        with logged_run(recorder(tmp_path / "journal") if logged else None, out, BATCH) as new:
            if fails:
                raise RuntimeError
            with replacing(out) as file:
                file.write(b"later answers")
            _keep(new, 2)

    with pytest.raises(RuntimeError):
        again(fails=True)
    assert manifest_of(out) is None
    again(fails=False)
    assert [path.name for path in tmp_path.glob(".*")] == []
    assert manifest_path(out).exists() == logged
    assert logged == ((manifest_of(out) or {}).get("entries") == 2)


def test_a_manifest_is_of_what_lies_beside_it(tmp_path: Path) -> None:
    _run(tmp_path)
    out = tmp_path / "out.csv"
    out.write_text("altered")
    assert manifest_of(out) is None
    out.write_text("answers")
    assert (manifest_of(out) or {})["entries"] == 3
    manifest_path(out).write_text("[]")
    assert manifest_of(out) is None


def test_an_output_that_is_a_pipe_is_not_logged(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out.csv")
    with logged_run(recorder(tmp_path / "journal"), tmp_path / "out.csv", BATCH) as run:
        _keep(run, 3)
    assert run.log is None
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_a_file_of_another_kind_is_not_replaced_by_a_manifest(tmp_path: Path) -> None:
    manifest_path(tmp_path / "out.csv").write_text('{"theirs": 1}')
    with pytest.raises(ConfigError, match=r"no manifest of ours"):
        _run(tmp_path)
    assert not (tmp_path / "out.csv").exists()


def test_a_run_that_fails_leaves_the_manifest_before_it(store: Store, tmp_path: Path) -> None:
    _run(tmp_path)
    before = manifest_path(tmp_path / "out.csv").read_bytes()

    def fail() -> None:
        with logged_run(recorder(tmp_path / "journal"), tmp_path / "out.csv", BATCH) as run:
            _keep(run, 5)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert manifest_path(tmp_path / "out.csv").read_bytes() == before
    assert Shipper(tmp_path / "journal", store).round().loaded.new == 3


def test_an_id_no_subject_can_have_is_logged_without(store: Store, tmp_path: Path) -> None:
    """Nobody could ask for it, object, or have it erased: the commands take 64 characters at most."""

    def named(names: list[str]) -> list[BatchEntry]:
        return [BatchEntry(name, b"{}") for name in names]

    with logged_run(recorder(tmp_path / "journal"), tmp_path / "out.csv", BATCH) as run:
        (tmp_path / "out.csv").write_text("answers")
        if keep := run.keep_with(named):
            keep(["S" * 64, "S" * 65, "T" * 65, f" {'U' * 64} "])
    assert Shipper(tmp_path / "journal", store).round().loaded.new == 4
    assert sorted(one["subject"] is None for one in store.decisions()) == [False, False, True, True]
