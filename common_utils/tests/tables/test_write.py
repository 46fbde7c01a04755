from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.tables import frame_writer, table_writer, write_table
from common_utils.tables.write import holds_returns

FRAME = pd.DataFrame({"id": ["007", "b"], "gain": [-5, 3], "share": [0.1, float("nan")]})
EXTENSIONS = pytest.mark.parametrize("extension", ["csv", "parquet"])


def test_csv_is_plain(tmp_path: Path):
    write_table(FRAME, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b"id,gain,share\n007,-5,0.1\nb,3,\n"


def test_extension_may_be_upper_case_and_folders_are_made(tmp_path: Path):
    write_table(FRAME, tmp_path / "a" / "b" / "t.CSV")
    assert (tmp_path / "a" / "b" / "t.CSV").exists()


def test_parquet_carries_no_index(tmp_path: Path):
    write_table(FRAME.set_index(pd.Index([5, 6], name="row")), tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").column_names == ["id", "gain", "share"]


@pytest.mark.parametrize("name", ["t.txt", "t", "t.xlsx", "t.csv.gz"])
def test_other_extensions_are_refused(tmp_path: Path, name: str):
    with pytest.raises(DataError, match=r"a table is written as \.csv or \.parquet"):
        write_table(FRAME, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_new_files_get_the_usual_permissions(tmp_path: Path):
    write_table(FRAME, tmp_path / "t.csv")
    (tmp_path / "plain").touch()
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("t.csv", "plain")}
    assert len(modes) == 1


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_formulas_are_made_inert_in_text_columns_of_any_kind(tmp_path: Path, dtype: str):
    texts = ["=1+1", "+49-1", "-x", "@a", "\tb", "a=b", None]
    frame = pd.DataFrame({"t": pd.Series(texts, dtype=dtype), "n": range(-3, 4)})
    before = frame.copy(deep=True)
    write_table(frame, tmp_path / "t.csv")
    expected = "t,n\n'=1+1,-3\n'+49-1,-2\n'-x,-1\n'@a,0\n'\tb,1\na=b,2\n,3\n"
    assert (tmp_path / "t.csv").read_text() == expected
    pd.testing.assert_frame_equal(frame, before)


def test_mixed_columns_keep_their_numbers(tmp_path: Path):
    write_table(pd.DataFrame({"m": pd.Series([-1, "-1", None], dtype=object)}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == 'm\n-1\n-1\n""\n'


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_returns_inside_text_do_not_end_the_row(tmp_path: Path, dtype: str):
    write_table(pd.DataFrame({"t": pd.Series(["a\rb", None], dtype=dtype), "n": [1, 2]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b'"t","n"\n"a\rb",1\n"",2\n'


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
def test_a_telephone_number_comes_back_as_it_was(tmp_path: Path, dtype: str):
    write_table(pd.DataFrame({"id": pd.Series(["+49123", "-7", "+1.5"], dtype=dtype)}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "id\n+49123\n-7\n+1.5\n"


def test_column_names_are_made_inert(tmp_path: Path):
    write_table(pd.DataFrame({"=cmd": [1], "x": [2]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "'=cmd,x\n1,2\n"


def test_parquet_keeps_text_as_it_is(tmp_path: Path):
    write_table(pd.DataFrame({"t": ["=1+1"]}), tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet")["t"].tolist() == ["=1+1"]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(st.sampled_from('=+-@\t\r\n,"ab'), max_size=4), min_size=1, max_size=5))
def test_no_cell_of_a_csv_starts_a_formula(tmp_path: Path, texts: list[str]):
    write_table(pd.DataFrame({"t": texts}), tmp_path / "t.csv")
    cells = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, lineterminator="\n")["t"]
    assert len(cells) == len(texts)
    assert not cells.astype(str).str.startswith(("=", "+", "-", "@", "\t", "\r")).any()


def _old_file_is_intact(folder: Path, extension: str) -> bool:
    return [path.name for path in folder.iterdir()] == [f"t.{extension}"] and (
        folder / f"t.{extension}"
    ).read_bytes() == b"old"


@EXTENSIONS
def test_full_disk_leaves_the_old_file(tmp_path: Path, extension: str):
    path = tmp_path / f"t.{extension}"
    path.write_bytes(b"old")
    # A limit on file size stands in for a full disk: the kernel refuses the write half-way.
    code = (
        "import resource, signal, sys, pandas as pd; from pathlib import Path\n"
        "from common_utils.errors import DataError; from common_utils.tables.write import table_writer, write_table\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: write_table(pd.DataFrame({'x': range(100_000)}), Path(sys.argv[1]))\n"
        "except DataError as error: sys.exit(str(error))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr
    assert _old_file_is_intact(tmp_path, extension)


@EXTENSIONS
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_failure_at_the_end_leaves_the_old_file(
    tmp_path: Path, extension: str, call: str, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / f"t.{extension}").write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), full)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        write_table(FRAME, tmp_path / f"t.{extension}")
    assert _old_file_is_intact(tmp_path, extension)


def test_values_without_a_type_leave_the_old_file_and_are_not_repeated(tmp_path: Path):
    (tmp_path / "t.parquet").write_bytes(b"old")
    with pytest.raises(DataError, match=r"values that \.parquet has no type for") as caught:
        write_table(pd.DataFrame({"x": pd.Series([1, "s3cret"], dtype=object)}), tmp_path / "t.parquet")
    assert _old_file_is_intact(tmp_path, "parquet")
    assert caught.value.__suppress_context__
    (tmp_path / "t.parquet").unlink()
    with pytest.raises(DataError, match=r"values that \.csv has no type for"):
        write_table(pd.DataFrame({"x": pd.Series(["\ud800"], dtype=object)}), tmp_path / "t.csv")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written: (File exists|Not a directory)"):
        write_table(FRAME, tmp_path / "file" / "t.csv")


def test_folder_that_cannot_be_written_is_refused():
    with pytest.raises(DataError, match="cannot be written"):
        write_table(FRAME, Path("/proc/nothing-goes-here/t.csv"))


def test_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "t.csv").write_bytes(b"old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_table(FRAME, tmp_path / "t.csv")
    assert _old_file_is_intact(tmp_path, "csv")


def test_writers_at_the_same_time_leave_one_whole_file(tmp_path: Path):
    frames = [pd.DataFrame({"x": [number] * 2_000}) for number in range(4)]
    threads = [threading.Thread(target=write_table, args=(frame, tmp_path / "t.csv")) for frame in frames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]
    read = pd.read_csv(tmp_path / "t.csv")["x"]
    assert len(read) == 2_000
    assert read.nunique() == 1


PIECES = pa.schema({"id": pa.dictionary(pa.int32(), pa.string()), "gain": pa.int64(), "share": pa.float64()})


def piece(ids: list[str], gains: list[int | None]) -> pa.Table:
    columns = [pa.array(ids).dictionary_encode(), pa.array(gains, pa.int64()), pa.array([0.5] * len(ids))]
    return pa.table(columns, schema=PIECES)


def test_pieces_make_one_csv_with_whole_numbers_and_no_formula(tmp_path: Path):
    with table_writer(tmp_path / "t.csv", PIECES) as write:
        write(piece(["007", "=1+1"], [1, None]))
        write(piece([], []))
        write(piece(["b"], [-3]))
    assert (tmp_path / "t.csv").read_text() == "id,gain,share\n007,1,0.5\n'=1+1,,0.5\nb,-3,0.5\n"


def test_pieces_make_one_parquet_whose_text_is_text(tmp_path: Path):
    with table_writer(tmp_path / "t.parquet", PIECES) as write:
        write(piece(["007"], [1]))
        write(piece([], []))
        write(piece(["b"], [None]))
    table = pq.read_table(tmp_path / "t.parquet")
    assert table.to_pydict() == {"id": ["007", "b"], "gain": [1, None], "share": [0.5, 0.5]}
    assert table.schema.field("id").type == pa.string()
    assert pq.ParquetFile(tmp_path / "t.parquet").metadata.num_row_groups == 2


@EXTENSIONS
def test_a_table_without_pieces_has_its_columns(tmp_path: Path, extension: str):
    with table_writer(tmp_path / f"t.{extension}", PIECES):
        pass
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}[extension]
    assert read(tmp_path / f"t.{extension}").columns.tolist() == ["id", "gain", "share"]


@EXTENSIONS
def test_a_caller_that_fails_between_pieces_leaves_the_old_file_and_nothing_else(tmp_path: Path, extension: str):
    path = tmp_path / f"t.{extension}"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="elsewhere"), table_writer(path, PIECES) as write:  # noqa: PT012 - the block is the subject
        write(piece(["a"], [1]))
        assert path.read_text() == "old"
        raise RuntimeError("elsewhere")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_caller_is_not_blamed_on_the_file(tmp_path: Path):
    with pytest.raises(OSError, match="elsewhere"), table_writer(tmp_path / "t.csv", PIECES):
        raise OSError("elsewhere")


def test_the_ending_is_refused_before_the_first_piece(tmp_path: Path):
    with (
        pytest.raises(DataError, match=r"a table is written as \.csv or \.parquet"),
        table_writer(tmp_path / "t.xlsx", PIECES),
    ):
        raise AssertionError("the body must not run")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_while_pieces_are_written_is_said_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "t.parquet"
    path.write_text("old")
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    monkeypatch.setattr(pq.ParquetWriter, "close", full)
    with (
        pytest.raises(DataError, match=r"t\.parquet: cannot be written: No space left"),
        table_writer(path, PIECES) as write,
    ):
        write(piece(["a"], [1]))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "=1", "b\rc", "d,e", 'f"', ""]), st.sampled_from([0.5, 7.125, -0.0, 1e-9]), st.booleans()
    ),
    min_size=1,
    max_size=9,
)


@pytest.mark.parametrize("extension", ["csv", "parquet"])
@settings(deadline=None, max_examples=25)
@given(rows=ROWS, size=st.integers(1, 4))
def test_frames_in_pieces_are_the_file_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, extension: str, rows: list[tuple[str, float, bool]], size: int
) -> None:
    folder = tmp_path_factory.mktemp("frames")
    frame = pd.DataFrame(rows, columns=["id", "share", "known"]).astype({"id": "str"}).assign(row=range(len(rows)))
    write_table(frame, folder / f"whole.{extension}")
    with frame_writer(folder / f"pieces.{extension}", quoted=holds_returns(frame)) as write:
        for start in range(0, len(frame), size):
            write(frame[start : start + size])
    assert (folder / f"pieces.{extension}").read_bytes() == (folder / f"whole.{extension}").read_bytes()


def test_rows_wait_until_they_fill_a_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common_utils.tables.write._ROW_GROUP", 4)
    frame = pd.DataFrame({"gain": range(11)})
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), tmp_path / "whole.parquet", row_group_size=4)
    with frame_writer(tmp_path / "pieces.parquet") as write:
        for start in range(0, 11, 3):
            write(frame[start : start + 3])
    assert (tmp_path / "pieces.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert pq.ParquetFile(tmp_path / "pieces.parquet").num_row_groups == 3


@EXTENSIONS
def test_frames_that_break_off_leave_the_file_that_was_there(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"t.{extension}"
    path.write_text("before")

    def broken_off() -> None:
        with frame_writer(path) as write:
            write(FRAME)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken_off()
    assert path.read_text() == "before"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
