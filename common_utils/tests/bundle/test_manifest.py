from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from common_utils.bundle import FileEntry
from common_utils.bundle.manifest import (
    content_digest,
    declared_files,
    encode_json,
    is_version,
    open_plain,
    parse_json,
    plain_file_sizes,
    read_manifest,
    seal_manifest,
)
from common_utils.errors import ArtifactError

FOLDER = Path("bundle")
SHA = "0" * 64


def _manifest(**changes: Any) -> dict[str, Any]:
    files = {"a.txt": {"size": 1, "sha256": SHA}}
    version = "20261123T120102Z-" + content_digest({"a.txt": FileEntry(1, SHA)})
    base = {"format": 1, "version": version, "created": "2026-11-23T12:01:02+00:00", "files": files, "info": {}}
    return base | {"checksum": ""} | changes


def test_declared_files_reads_what_is_listed() -> None:
    assert declared_files(FOLDER, _manifest()) == {"a.txt": FileEntry(1, SHA)}


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(_manifest(format=2), id="later-format"),
        pytest.param(_manifest(extra=1), id="unknown-key"),
        pytest.param({"format": 1}, id="missing-keys"),
        pytest.param(_manifest(version=7), id="version-number"),
        pytest.param(_manifest(created=None), id="no-time"),
        pytest.param(_manifest(files=[]), id="files-list"),
        pytest.param(_manifest(info="x"), id="info-text"),
        pytest.param(_manifest(version="20261123T120102Z-ffffffffffff"), id="digest-of-other-files"),
        pytest.param(_manifest(version="../x-" + _manifest()["version"][-12:]), id="version-is-a-path"),
        pytest.param(_manifest(files={"a.txt": SHA}), id="entry-text"),
        pytest.param(_manifest(files={"a.txt": {"size": True, "sha256": SHA}}), id="size-true"),
        pytest.param(_manifest(files={"a.txt": {"size": -1, "sha256": SHA}}), id="size-negative"),
        pytest.param(_manifest(files={"a.txt": {"size": 1.0, "sha256": SHA}}), id="size-float"),
        pytest.param(_manifest(files={"a.txt": {"size": 1}}), id="no-hash"),
        pytest.param(_manifest(files={"a.txt": {"size": 1, "sha256": SHA.upper() + "\n"}}), id="hash-newline"),
    ],
)
def test_declared_files_refuses_a_malformed_manifest(manifest: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match=r"bundle bundle: .*Train again, or choose another bundle"):
        declared_files(FOLDER, manifest)


HOSTILE_NAMES = [
    "", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\n", "a\0", "a b", "%2e%2e", "ａ", "x" * 65,
    "manifest.json", "~root",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=repr)
def test_declared_files_refuses_a_name_that_is_not_plain(name: str) -> None:
    with pytest.raises(ArtifactError, match="cannot be a file of a bundle"):
        declared_files(FOLDER, _manifest(files={name: {"size": 1, "sha256": SHA}}))


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "20261123T120102Z-1a2b3c4d5e6f\n", "20261123T120102Z-1A2B3C4D5E6F"])
def test_is_version_refuses_anything_else(name: str) -> None:
    assert not is_version(name)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"a": 1, "a": 2}', id="duplicate-key"),
        pytest.param(b'{"x": {"a": 1, "a": 1}}', id="duplicate-key-inside"),
        pytest.param(b'{"a": NaN}', id="nan"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b'{"a": 1e400}', id="beyond-float"),
        pytest.param(b'{"a": 1', id="cut"),
        pytest.param(b"\xff\xfe{}", id="not-utf-8"),
        pytest.param(b"[" * 200_000, id="deep"),
        pytest.param(b"1" * 10_000, id="long-number"),
    ],
)
def test_parse_json_refuses_what_is_not_strict(data: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"bundle bundle: x\.json is not strict JSON"):
        parse_json(FOLDER, "x.json", data)


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, Path("x"), b"x"], ids=repr)
def test_encode_json_refuses_what_json_has_no_form_for(value: object) -> None:
    with pytest.raises(ArtifactError, match="info: cannot be written as JSON"):
        encode_json({"a": value}, "info")


def test_encode_json_does_not_depend_on_the_order_of_keys() -> None:
    assert encode_json({"a": 1, "b": 2}, "x") == encode_json({"b": 2, "a": 1}, "x")


@pytest.mark.parametrize("fields", [{}, {"info": {10: 0.1 + 0.2, 9: ["ü", 1e300, None]}}], ids=["empty", "keys"])
def test_a_sealed_manifest_is_read_back_and_any_changed_byte_refused(fields: dict[str, Any]) -> None:
    data = seal_manifest(fields)
    assert read_manifest(FOLDER, data)["checksum"]
    for place in range(len(data)):
        for byte in (data[place] ^ 1, data[place] ^ 32, ord("\t")):
            if byte != data[place]:
                with pytest.raises(ArtifactError, match=r"does not fit its checksum|is not strict JSON"):
                    read_manifest(FOLDER, data[:place] + bytes([byte]) + data[place + 1 :])


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b"{}", b'{"checksum": 1}'])
def test_read_manifest_refuses_what_was_not_sealed(data: bytes) -> None:
    with pytest.raises(ArtifactError, match="does not fit its checksum"):
        read_manifest(FOLDER, data)


def test_open_plain_refuses_a_folder_a_link_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "target").touch()
    (tmp_path / "link").symlink_to("target")
    for name, reason in (("folder", "not a plain file"), ("link", "cannot be opened"), ("none", "cannot be opened")):
        with pytest.raises(ArtifactError, match=reason), open_plain(tmp_path, name):
            pass


def test_plain_file_sizes_stops_at_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(b"12345")
    assert plain_file_sizes(tmp_path) == {"a": 5, "b": 5, "c": 5}
    monkeypatch.setattr("common_utils.bundle.manifest.MAX_FILES", 2)
    with pytest.raises(ArtifactError, match="more than 2 files"):
        plain_file_sizes(tmp_path)
    monkeypatch.setattr("common_utils.bundle.manifest.MAX_FILES", 3)
    monkeypatch.setattr("common_utils.bundle.manifest.MAX_BUNDLE_BYTES", 14)
    with pytest.raises(ArtifactError, match="or 14 bytes"):
        plain_file_sizes(tmp_path)
