"""Opening a bundle: what was altered is refused, what was written comes back."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bundle.cases import CONTENT, overwrite, write_small

from common_utils.bundle import Bundle, open_bundle, set_current
from common_utils.bundle.manifest import seal_manifest
from common_utils.bundle.names import is_plain_name
from common_utils.errors import ArtifactError
from common_utils.releases import promote
from common_utils.releases.author import Author


def _edit_manifest(folder: Path, edit: Callable[[str], str]) -> None:
    path = folder / "manifest.json"
    overwrite(path, edit(path.read_text()).encode())


def _reseal(folder: Path, old: str, new: str) -> None:
    """Edit as one who knows how: the checksum fits again."""
    fields = json.loads((folder / "manifest.json").read_text().replace(old, new))
    del fields["checksum"]
    overwrite(folder / "manifest.json", seal_manifest(fields))


def _flip_bit(folder: Path) -> None:
    data = bytearray((folder / "model.joblib").read_bytes())
    data[777] ^= 1
    overwrite(folder / "model.joblib", bytes(data))


def _swap(folder: Path) -> None:
    one, two = (folder / "config.yaml").read_bytes(), (folder / "metrics.json").read_bytes()
    overwrite(folder / "config.yaml", two)
    overwrite(folder / "metrics.json", one)


def _replace_by_link(folder: Path) -> None:
    copy = shutil.copy(folder / "config.yaml", folder.parent / "copy.yaml")
    (folder / "config.yaml").unlink()
    (folder / "config.yaml").symlink_to(copy)


def _replace_by_pipe(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    os.mkfifo(folder / "config.yaml")


TAMPERINGS: dict[str, tuple[Callable[[Path], object], str]] = {
    "bit-flip": (_flip_bit, "model.joblib has another sha256"),
    "truncated": (lambda f: overwrite(f / "model.joblib", CONTENT["model.joblib"][:-1]), "only 16383 bytes"),
    "emptied": (lambda f: overwrite(f / "config.yaml", b""), "config.yaml has only 0 bytes"),
    "appended": (lambda f: overwrite(f / "config.yaml", b"a: 1\nb"), "config.yaml has more than 5 bytes"),
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
    other = write_small(root, CONTENT | {"config.yaml": b"a: 2\n"})
    overwrite(bundle.path / "config.yaml", b"a: 2\n")
    _reseal(bundle.path, old, other.files["config.yaml"].sha256)
    with pytest.raises(ArtifactError, match="does not fit the files it lists"):
        open_bundle(root)


def test_open_bundle_refuses_two_versions_exchanged(root: Path, bundle: Bundle) -> None:
    other = write_small(root, {"a": b"1"})
    bundle.path.rename(root / "aside")
    other.path.rename(bundle.path)
    with pytest.raises(ArtifactError, match=f"manifest.json is that of {other.version}"):
        open_bundle(root)


def test_open_bundle_refuses_every_single_bit_flip_of_a_small_bundle(root: Path) -> None:
    made = write_small(root, {"a": b"12"})
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
    overwrite(bundle.path / "config.yaml", b"a: 1\n and more")
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
        made = write_small(root, content)
        set_current(root, made.version)
        opened = open_bundle(root)
        assert {name: opened.read_bytes(name) for name in opened.files} == content


def _copied_without_links(root: Path, to: Path) -> Path:
    """Copy a root as `cp -rL`, a store or an archive does."""
    shutil.copytree(root, to, symlinks=False)
    return to


def test_a_root_copied_without_its_links_says_what_helps(root: Path, bundle: Bundle, tmp_path: Path) -> None:
    copy = _copied_without_links(root, tmp_path / "copy")
    with pytest.raises(ArtifactError, match="copied without its links") as caught:
        open_bundle(copy)
    said = str(caught.value)
    assert f"Name the bundle itself, such as {copy / bundle.version}" in said
    assert f"run `release promote {bundle.version}`" in said
    assert open_bundle(copy / bundle.version).version == bundle.version  # the first remedy
    for name in re.findall(r"remove ([\w., ]+?) from", said)[0].split(", "):  # the second one
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    promote(copy, bundle.version, author=Author("tester", "try the remedy"))
    assert open_bundle(copy).version == bundle.version


def test_links_that_became_text_are_told_alike(root: Path, bundle: Bundle) -> None:
    (root / "current").unlink()
    (root / "current").write_text(bundle.version)
    with pytest.raises(ArtifactError, match="copied without its links"):
        open_bundle(root)


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "notes.txt"])
def test_a_stray_file_is_named_with_the_remedy(root: Path, bundle: Bundle, name: str) -> None:
    (bundle.path / name).touch()
    with pytest.raises(ArtifactError, match=rf"{re.escape(name)}.*remove .* if it is a stray file"):
        open_bundle(root)
    (bundle.path / name).unlink()
    assert open_bundle(root).version == bundle.version
