"""A text gone through in pieces says what it says at once, however its bytes come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.tables.numbers import count_numbers, plain_numbers
from common_utils.tables.text.csv_file import read_csv_text
from common_utils.tables.types import convert_text

PARTS = st.one_of(
    st.sampled_from(
        [b"x", b",", b",", b'"', b'"', b"\n", b"\n", b"\r\n", b"\r", b" ", b";", b"|", b"a", b'""', b'"x"']
    ),
    st.sampled_from([b"\xc3\xa9", b"\xe9", b"\xc3", b"\xef\xbb\xbf", b"a,b\n"]),
)
HEADERS = st.sampled_from([b"a,b\n", b"a;b\n", b"a,b\r", b"sep=;\na;b\n", b'"a","b"\n', b""])


def said(path: Path) -> tuple[Any, ...]:
    try:
        read = read_csv_text(path, name="t", expected=["a", "b"])
    except DataError as error:
        return (str(error),)
    rejects, ragged = list(read.rejects.items()), read.ragged.to_pylist()
    return read.table.to_pylist(), read.rows.tolist(), rejects, read.repairs, read.notes, read.encoding, ragged


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=HEADERS,
    body=st.lists(PARTS, max_size=30).map(b"".join),
    wide=st.booleans(),
    block=st.sampled_from([1, 2, 3, 7]),
    piece=st.sampled_from([1, 5, 30]),
)
@example(header=b"a,b\n", body=b'x,"y\r\n"\r\nx,"y"\rz,\n', wide=False, block=1, piece=1)
@example(header=b"a,b\n", body=b'x,5" y\nx,y\n', wide=False, block=2, piece=1)
@example(header=b"a,b\n", body=b"x,y\0\0\0\0\0", wide=False, block=2, piece=1)
@example(header=b"a,b\n", body=b"x,y\0z", wide=True, block=3, piece=1)
def test_pieces_of_a_text_are_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, header: bytes, body: bytes, wide: bool, block: int, piece: int
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((header + body).decode(errors="replace").encode("utf-16") if wide else header + body)
    whole = said(path)
    with monkeypatch.context() as small:
        small.setattr("common_utils.tables.files._BLOCK", block)
        small.setattr("common_utils.tables.text.records.PIECE_BYTES", piece)
        assert said(path) == whole


NUMBERS = st.one_of(
    st.sampled_from(["1", "-1", "1.5", "1.", ".5", "-.5", "1.250", "0.125", "12.345", "", "-", ".", "1-2", "1e5"]),
    st.text(st.sampled_from("0123456789.-"), max_size=5),
)


@settings(deadline=None)
@given(values=st.lists(NUMBERS, max_size=6))
@example(values=["9" * 400])
def test_plain_numbers_are_what_the_rules_say(values: list[str]) -> None:
    text = pa.array(values, pa.string())
    plain, ruled = plain_numbers(text), convert_text(text, "number")
    if plain is not None:
        assert plain.to_pylist() == ruled.values.to_pylist()
        assert not ruled.faults
        assert not ruled.repairs
    blank = pa.array([*values, " "], pa.string())  # no plain column, counted by the rules
    assert count_numbers(text) == count_numbers(blank)
