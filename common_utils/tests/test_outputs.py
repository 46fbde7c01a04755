"""Files that commands write: whole, locked while they are written, with the rights they had, through pipes."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.outputs import is_stream, protect, protecting, replacing, same_file, write_text
from common_utils.reporting.plots import figure
from common_utils.tables import table_writer, write_table

_WRITER = """
import sys
from pathlib import Path
from common_utils.outputs import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.readline()
"""


def _writer(path: Path) -> subprocess.Popen[str]:
    """Start a run that writes half of a file, and then waits for a line."""
    run = subprocess.Popen([sys.executable, "-c", _WRITER, path], stdin=-1, stdout=-1, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "writing\n"
    return run


def _hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_killed_runs_file_is_removed_by_the_next_and_a_live_runs_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old", encoding="utf-8")
    killed, live = _writer(path), _writer(path)
    try:
        assert len(_hidden(tmp_path)) == 2
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        left = _hidden(tmp_path)
        assert len(left) == 2
        for one in left:
            os.utime(one, (0, 0))  # age says nothing
        write_text(tmp_path / "another.csv", "new")
        assert len(_hidden(tmp_path)) == 1
        assert path.read_text(encoding="utf-8") == "old"
        live.communicate("go on\n")
        assert live.returncode == 0
        assert path.read_text(encoding="utf-8") == "half"
        assert _hidden(tmp_path) == []
    finally:
        for run in (killed, live):
            run.kill()
            run.communicate()


def test_hidden_files_of_others_are_left_alone(tmp_path: Path) -> None:
    names = [".out.csv.1234abcd.tmp", ".out.csv.unfinished.tmp", "out.1234abcd.unfinished.tmp", ".netrc"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / ".folder.1234abcd.unfinished.tmp").mkdir()
    write_text(tmp_path / "out.csv", "x")
    assert {path.name for path in tmp_path.iterdir()} == {*names, "out.csv", ".folder.1234abcd.unfinished.tmp"}


def test_a_very_long_name_is_written(tmp_path: Path) -> None:
    write_text(tmp_path / ("é" * 120 + ".md"), "x")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o666])
def test_an_existing_file_keeps_its_mode_and_owner(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "out.md"
    path.touch()
    path.chmod(mode)
    if os.geteuid() == 0:
        os.chown(path, 12345, 23456)
    old = path.stat()
    with replacing(path) as file:
        file.write(b"new")
        [temporary] = _hidden(tmp_path)
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600  # nobody else reads it before it has its rights
    new = path.stat()
    assert (new.st_mode, new.st_uid, new.st_gid) == (old.st_mode, old.st_uid, old.st_gid)
    assert new.st_ino != old.st_ino


def test_a_file_that_may_not_be_written_is_not_replaced() -> None:
    code = (
        "import os, sys; from pathlib import Path; from common_utils.errors import DataError\n"
        "from common_utils.outputs import write_text\n"
        "os.geteuid() or os.seteuid(65534)\n"
        "try: write_text(Path(sys.argv[1]), 'new')\n"
        "except DataError as error: sys.exit(str(error))\n"
    )
    with tempfile.TemporaryDirectory() as folder:  # one that nobody may enter, and tmp_path lies in one of ours
        Path(folder).chmod(0o777)
        path = Path(folder, "out.md")
        path.write_text("old", encoding="utf-8")
        path.chmod(0o444)
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        assert "out.md: cannot be written: Permission denied" in done.stderr
        assert path.read_text(encoding="utf-8") == "old"


def test_links_are_followed_to_files_that_are_there_and_to_those_that_are_not(tmp_path: Path) -> None:
    for name, target in (("a.md", "there.md"), ("b.md", "deep/new.md"), ("c.md", "a.md")):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "there.md").write_text("old", encoding="utf-8")
    for name in ("a.md", "b.md", "c.md"):
        write_text(tmp_path / name, name)
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "there.md").read_text(encoding="utf-8") == "c.md"
    assert (tmp_path / "deep" / "new.md").read_text(encoding="utf-8") == "b.md"
    (tmp_path / "round.md").symlink_to("round.md")
    with pytest.raises(DataError, match="Too many levels of symbolic links"):
        write_text(tmp_path / "round.md", "x")


@pytest.mark.parametrize("name", ["pipe", "pipe.csv", "pipe.parquet"])
@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_pipe_takes_a_table(tmp_path: Path, name: str, *, in_pieces: bool) -> None:
    os.mkfifo(pipe := tmp_path / name)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    frame = pd.DataFrame({"x": range(5000)})
    if in_pieces:
        with table_writer(pipe, pa.schema({"x": pa.int64()})) as write:
            write(pa.Table.from_pandas(frame, preserve_index=False))
    else:
        write_table(frame, pipe)
    reader.join(timeout=10)
    assert pipe.is_fifo()
    if name.endswith("parquet"):
        assert pq.read_table(pa.BufferReader(got[0])).num_rows == 5000
    else:
        assert got[0].startswith(b"x\n0\n1\n")


def test_a_drawing_goes_through_a_pipe_as_well(tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "figure.png")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with figure(pipe, width=1, height=1) as axes:
        axes.plot([0, 1])
    reader.join(timeout=10)
    assert got[0].startswith(b"\x89PNG")
    assert pipe.is_fifo()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("in_pieces", [True, False])
def test_a_full_device_is_told_once_and_named(tmp_path: Path, ending: str, *, in_pieces: bool) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is not there")
    path = tmp_path / f"full.{ending}"
    path.symlink_to("/dev/full")
    schema = pa.schema({"x": pa.int64()})
    table = pa.table({"x": [1, 2]}, schema=schema)
    with pytest.raises(DataError, match=rf"full\.{ending}: cannot be written: No space left on device\."):  # noqa: PT012
        if in_pieces:
            with table_writer(path, schema) as write:
                write(table)
        else:
            write_table(table.to_pandas(), path)
    assert path.is_symlink()


def test_a_full_disk_while_pieces_are_written_is_told_as_data_error(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys, pyarrow as pa; from pathlib import Path\n"
        "from common_utils.errors import DataError; from common_utils.tables import table_writer\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "schema = pa.schema({'x': pa.int64()})\n"
        "try:\n"
        "  with table_writer(Path(sys.argv[1]), schema) as write:\n"
        "    for _ in range(20): write(pa.table({'x': list(range(100, 200))}, schema=schema))\n"
        "except DataError as error: sys.exit(str(error))\n"
    )
    for ending in ("csv", "parquet"):
        path = tmp_path / f"t.{ending}"
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
        assert f"t.{ending}: cannot be written: File too large" in done.stderr
        assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_of_this_process_is_written_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        log.write("before\n")
        log.flush()
        path = Path(f"/proc/self/fd/{log.fileno()}")
        assert is_stream(path)
        write_text(path, "after\n")
        log.write("end\n")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "before\nafter\nend\n"


def test_what_is_one_file(tmp_path: Path) -> None:
    file, link, hard = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    file.touch()
    link.symlink_to(file)
    hard.hardlink_to(file)
    assert same_file(file, link)
    assert same_file(hard, link)
    assert not same_file(file, tmp_path / "d")
    (tmp_path / "e").symlink_to("d")
    assert same_file(tmp_path / "e", tmp_path / "x" / ".." / "d")
    assert not same_file(Path("/dev/null"), Path("/dev/null"))


def test_what_is_read_is_never_replaced(tmp_path: Path) -> None:
    usage, card = tmp_path / "usage.csv", tmp_path / "card.yaml"
    usage.write_text("a", encoding="utf-8")
    card.write_text("b", encoding="utf-8")
    with protecting({"--usage": usage}):
        protect({"the setting plans": card})
        for path, name in ((usage, "--usage"), (card, "the setting plans")):
            with pytest.raises(ConfigError, match=f"is the same file as {name}"):
                write_text(path, "new")
    protect({"nothing": usage})
    write_text(usage, "new")
    assert (usage.read_text(encoding="utf-8"), card.read_text(encoding="utf-8")) == ("new", "b")


def test_a_lost_lock_is_no_reason_not_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    (tmp_path / ".x.csv.1234abcd.unfinished.tmp").touch()
    write_text(tmp_path / "out.md", "x")
    assert len(_hidden(tmp_path)) == 1  # whose it is cannot be known
