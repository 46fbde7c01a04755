from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.bundle import open_bundle, write_bundle
from common_utils.bundle.arrays import check_arrays, load_arrays
from common_utils.errors import ArtifactError

FOLDER = Path("v1")


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def npy(header: str, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + body


def plain(shape: str, descr: str = "<f8") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.float64(1.5), np.arange(3), np.zeros((2, 0, 3)), np.ones((2, 3), order="F"), np.array(["a", "ünï"]),
        np.array([True]), np.array([b"ab"]), np.zeros((1,) * 31), np.uint8(1), np.array([1j]),
    ],
    ids=str,
)  # fmt: skip
def test_what_numpy_writes_is_read_back(array: Any) -> None:
    kind = np.asarray(array).dtype.kind
    if kind == "c":
        with pytest.raises(ArtifactError, match="not that of a plain array"):
            load_arrays(FOLDER, "s.npz", npz(a=array))
        return
    found = load_arrays(FOLDER, "s.npz", npz(a=array, b=np.arange(2)))
    assert found["a"].dtype == np.asarray(array).dtype
    np.testing.assert_array_equal(found["a"], array)


GOOD = npy(plain("(3,)"), bytes(24))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "does not end as an archive", id="empty"),
        pytest.param(b"PK\x05\x06" + bytes(18), None, id="archive-of-nothing"),
        pytest.param(zipped({"a.npy": npy(plain("(1099511627776,)"))}), "claims more than", id="huge-shape"),
        pytest.param(zipped({"a.npy": npy(plain("(0, 999999999999)"))}), "claims more than", id="huge-beside-zero"),
        pytest.param(zipped({"a.npy": npy(plain("(1,)", "<U999999"))}), "claims 3999996 bytes", id="wide-text"),
        pytest.param(zipped({"a.npy": GOOD[:-1]}), "claims 24 bytes of numbers", id="short"),
        pytest.param(zipped({"a.npy": GOOD + b"x"}), "claims 24 bytes of numbers", id="long"),
        pytest.param(zipped({"a.npy": npy(plain("(3,)", "|O"), bytes(24))}), "not that of a plain", id="objects"),
        pytest.param(zipped({"a.npy": npy(plain("(-3,)"), bytes(24))}), "not that of a plain", id="negative"),
        pytest.param(zipped({"a.npy": npy("__import__('os')")}), "not that of a plain array", id="code"),
        pytest.param(zipped({"a.npy": npy("(" * 5000)}), "not that of a plain array", id="deep"),
        pytest.param(zipped({"a.npy": b"\x93NUMPY\x03\x00"}), "not that of a plain array", id="version-3"),
        pytest.param(zipped({"../a.npy": GOOD}), r"'\.\./a\.npy' is not a plain array", id="path"),
        pytest.param(zipped({"a.pkl": GOOD}), "'a.pkl' is not a plain array", id="other-ending"),
        pytest.param(zipped({f"a{i}.npy": b"" for i in range(1025)}), "more than 1024 arrays", id="many"),
        pytest.param(zipped({"a.npy": GOOD}) + b"x", "does not end as an archive", id="appended"),
        pytest.param(
            b"x" * 50 + b"PK\x05\x06" + b"\1\0\0\0\1\0\1\0\x2e\0\0\0\0\0\0\0\0\0", "not a readable", id="junk"
        ),
    ],
)
def test_what_claims_more_than_it_may_is_refused_before_loading(data: bytes, reason: str | None) -> None:
    if reason is None:
        assert load_arrays(FOLDER, "s.npz", data) == {}
        return
    with pytest.raises(ArtifactError, match=rf"bundle v1: s\.npz.* cannot be used: .*{reason}"):
        load_arrays(FOLDER, "s.npz", data)


def test_an_archive_that_unpacks_to_more_than_the_limit_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common_utils.bundle.arrays.MAX_ARRAY_BYTES", 10_000)
    assert load_arrays(FOLDER, "s.npz", npz(a=np.zeros(1000)))["a"].shape == (1000,)
    data = npz(a=np.zeros(1000), b=np.zeros(1000))
    assert len(data) < 1000
    with pytest.raises(ArtifactError, match="claims more than 10000 bytes of arrays"):
        check_arrays(FOLDER, "s.npz", io.BytesIO(data))


def _twice() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for _ in range(2):
            archive.writestr("a.npy", GOOD)
    return stream.getvalue()


def test_an_array_twice_and_a_damaged_one_are_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = _twice()
    with pytest.raises(ArtifactError, match="an array is in it twice"):
        load_arrays(FOLDER, "s.npz", twice)
    damaged = bytearray(zipped({"a.npy": npy(plain("(9000,)"), bytes(72_000))}))
    damaged[70_000] = 1  # behind what the header's check reads
    with pytest.raises(ArtifactError, match="content is damaged"):
        load_arrays(FOLDER, "s.npz", bytes(damaged))


def test_a_single_array_file_is_checked_as_well() -> None:
    check_arrays(FOLDER, "t.npy", io.BytesIO(GOOD))
    with pytest.raises(ArtifactError, match="claims 24 bytes of numbers and is"):
        check_arrays(FOLDER, "t.npy", io.BytesIO(GOOD[:-8]))


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255))
def test_any_bytes_are_refused_or_read_and_nothing_else(junk: bytes, place: int, byte: int) -> None:
    changed = bytearray(npz(a=np.arange(5)))
    changed[place % len(changed)] = byte
    for data in (junk, bytes(changed), bytes(changed) + junk):
        try:
            load_arrays(FOLDER, "s.npz", data)
        except ArtifactError:
            continue


def _bomb(folder: Path) -> None:
    (folder / "scorer.npz").write_bytes(zipped({"a.npy": npy(plain("(1099511627776,)"))}))


def _arrays(folder: Path) -> None:
    np.savez(folder / "scorer.npz", a=np.arange(3))


@pytest.mark.parametrize("write", [_bomb])
def test_a_bundle_with_a_bomb_never_gets_a_version(tmp_path: Path, write: Callable[[Path], None]) -> None:
    with pytest.raises(ArtifactError, match=r"scorer\.npz, a\.npy cannot be used"):
        write_bundle(tmp_path, info={}, write=write)
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_reads_its_arrays(tmp_path: Path) -> None:
    made = write_bundle(tmp_path, info={}, write=_arrays)
    assert open_bundle(made.path).read_arrays("scorer.npz")["a"].tolist() == [0, 1, 2]
