from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.tables.encodings import LOST
from common_utils.tables.text.csv_file import TextTable, read_csv_text


def _read(tmp_path: Path, content: bytes) -> TextTable:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    return read_csv_text(path, name="t", expected=["a", "b"])


characters = st.sampled_from(["x", "y", ",", ",", '"', '"', "\n", "\n", "\r\n", "\r", " ", ";", "\t", "é", '""', '"x"'])


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.lists(characters, min_size=1, max_size=30).map("".join))
@example('x,"y\nx,"y"')
@example('x,5" y\nx,y')
@example('"x""y",\n,"\n"')
def test_rows_are_what_the_csv_module_reads(tmp_path: Path, body: str):
    text = f"a,b\n{body}".rstrip("\r\n")
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    except csv.Error:
        records = []
    if not records:
        with pytest.raises(DataError):
            _read(tmp_path, text.encode())
        return
    read = _read(tmp_path, text.encode())
    rows = dict(zip(read.rows.tolist(), (list(row.values()) for row in read.table.to_pylist()), strict=True))
    assert rows == {
        number: record for number, record in enumerate(records, start=1) if len(record) == 2 and any(record)
    }
    assert rows.keys() | read.rejects.keys() == set(range(1, len(records) + 1))
    assert not rows.keys() & read.rejects.keys()


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [
        pytest.param(b"a,b", ",", id="comma"),
        pytest.param(b"a;b", ";", id="semicolon"),
        pytest.param(b"a\tb", "\t", id="tab"),
        pytest.param(b'"a";"b"', ";", id="quoted"),
        pytest.param(b"a;x,b", ",", id="comma-first-among-equals"),
        pytest.param(b"x;y,a,z;w", ",", id="comma-inside-semicolons"),
        pytest.param(b"a;b;x,y,z,u", ";", id="known-names-count-more-than-fields"),
        pytest.param(b'a;b;"x,y"', ";", id="quoted-comma"),
        pytest.param(b"a", ",", id="single-column"),
    ],
)
def test_delimiter_is_found_in_the_header(tmp_path: Path, header: bytes, delimiter: str):
    content = header + b"\n" + (b"1" + delimiter.encode() + b"2") * 2 + b"\n"
    try:
        assert _read(tmp_path, content).delimiter == delimiter
    except DataError as error:
        pytest.fail(str(error))


def test_header_without_a_known_name_is_not_shown(tmp_path: Path):
    with pytest.raises(DataError, match=r"line 1 holds none of the columns \['a', 'b'\] among its 2") as caught:
        _read(tmp_path, b"s3cret,77\n1,2\n")
    assert "s3cret" not in str(caught.value)


def test_quoted_field_longer_than_a_block_is_read(tmp_path: Path):
    long = "x\n" * 2_000_000
    read = _read(tmp_path, f'a,b\n1,"{long}"\n2,y\n'.encode())
    assert read.table.num_rows == 2
    assert read.table["b"][0].as_py() == long


def test_row_longer_than_the_largest_block_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("common_utils.tables.text.rows._LARGEST_BLOCK", 8)  # in earnest it is 2 GB
    with pytest.raises(DataError, match="the rows cannot be told apart"):
        _read(tmp_path, b'a,b\n1,"x\ny\nzzzzzzzzzzzzzzzz"\n')


def test_row_numbers_hold_far_into_a_file(tmp_path: Path):
    lines = [f"{number},x" for number in range(1, 100_001)]
    lines[49_999] = "ragged"
    lines[99_999] = "ragged,too,far"
    read = _read(tmp_path, ("a,b\n" + "\n".join(lines)).encode())
    assert read.rejects == {50_000: "1 field instead of 2", 100_000: "3 fields instead of 2"}
    assert read.table["a"].cast("int64").to_pylist() == read.rows.tolist()


def test_odd_quotes_cost_no_more_memory_than_the_file(tmp_path: Path):
    content = b"a,b\n" + b'1,5" disk\n' * 100_000
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    tracemalloc.start()
    read = read_csv_text(path, name="t", expected=["a"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.table.num_rows == 100_000
    assert peak < 12 * len(content)


def test_rows_with_too_few_or_too_many_fields_keep_what_stands_at_each_place(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'id,month,minutes\na,2025-01,1\nb,2025-02\n"c, d",2025-03,3,9\n\xe9,2025-04,4,4\n')
    text = read_csv_text(path, name="t", expected=["id", "month"])
    assert text.ragged.to_pylist() == [
        {"id": "b", "month": "2025-02", "minutes": ""},
        {"id": "c, d", "month": "2025-03", "minutes": "3"},
        {"id": LOST, "month": "2025-04", "minutes": "4"},
    ]
    assert sorted(text.rejects) == [2, 3, 4]


@pytest.mark.parametrize("other", [";", "\t", "|"])
def test_a_row_with_another_delimiter_keeps_its_fields(tmp_path: Path, other: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"id,month,minutes\na,2025-01,1\nb{other}2025-02{other}3,5\n{other.join('cde')}{other}f\n")
    text = read_csv_text(path, name="t", expected=["id", "month"])
    assert text.ragged.to_pylist()[0] == {"id": "b", "month": "2025-02", "minutes": "3,5"}
    assert text.rejects == {2: "2 fields instead of 3", 3: "1 field instead of 3"}
    assert text.notes == (
        "1 rejected row(s) cannot be divided into 3 fields (row 3), so that it is not known whose they are: whoever "
        "they belong to is treated as if they were not there",
    )


def test_a_row_cut_after_its_id_still_says_whose_it_is(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,month,minutes\na,2025-01,1\nb\n")
    text = read_csv_text(tmp_path / "t.csv", name="t", expected=["id", "month"])
    assert (text.ragged.to_pylist(), text.notes) == ([{"id": "b", "month": "", "minutes": ""}], ())


def test_a_line_break_in_a_field_is_no_row_of_another_delimiter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('id,month,minutes\na,2025-01,1\n";b\nc","2025-02"\n')
    text = read_csv_text(tmp_path / "t.csv", name="t", expected=["id", "month"])
    assert text.ragged.to_pylist() == [{"id": ";b\nc", "month": "2025-02", "minutes": ""}]
