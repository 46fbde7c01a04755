"""A folder of parts: each whole with its manifest, of one question only, `_SUCCESS` last."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO

import pytest

from common_utils.errors import ConfigError, DataError
from common_utils.parts import folder as kept_parts
from common_utils.parts.folder import SUCCESS, PartFolder, sha256_of
from common_utils.parts.hashing import PARTS, part_numbers, parts_of_job


def filled(folder: PartFolder, *numbers: int) -> PartFolder:
    folder.begin()
    for number in numbers:
        folder.part(number).write_bytes(b"rows %d" % number)
        folder.keep(number, folder.digests(number), {"rows": number})
    return folder


def test_jobs_of_an_array_compute_every_part_once() -> None:
    jobs = [parts_of_job(f"{job}/5") for job in range(1, 6)]
    assert sorted(number for numbers in jobs for number in numbers) == list(range(PARTS))
    assert max(map(len, jobs)) - min(map(len, jobs)) <= 1


@pytest.mark.parametrize("text", ["0/4", "5/4", "1/65", "1", "a/b", "-1/4", "1/4/2"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--part .*: give i/n with 1 <= i <= n <= 64"):
        parts_of_job(text)


def test_parts_are_about_equal_and_fixed_by_the_name() -> None:
    parts = part_numbers(f"s{n:08d}" for n in range(64_000))
    assert part_numbers(["s00000000", "Zoë"]).tolist() == [parts[0], part_numbers(["Zoë"])[0]]
    counts = [int((parts == number).sum()) for number in range(PARTS)]
    assert min(counts) > 900
    assert max(counts) < 1100


def test_what_is_kept_is_not_asked_for_again_and_success_comes_last(tmp_path: Path) -> None:
    folder = filled(PartFolder(tmp_path / "out", {"the table": "q1"}), 0, 7)
    assert folder.kept() == {0: {"rows": 0}, 7: {"rows": 7}}
    assert not (folder.path / SUCCESS).exists()
    filled(folder, *range(PARTS)).succeed({"rows": 2016})
    whole = json.loads((folder.path / "_manifest.json").read_bytes())
    assert whole["rows"] == 2016
    assert len(whole["sha256"]) == PARTS
    assert whole["sha256"]["part-07.parquet"] == sha256_of(folder.part(7))
    assert (folder.path / SUCCESS).read_bytes() == b""


def test_parts_of_another_run_do_not_mix_and_what_differs_is_said(tmp_path: Path) -> None:
    filled(PartFolder(tmp_path, {"the table": "t1", "the rules": "r1", "the bundle": "b"}), 3)
    for asked, said in (
        ({"the table": "t2", "the rules": "r1", "the bundle": "b"}, "the table differs"),
        ({"the table": "t2", "the rules": "r2", "the bundle": "b"}, "the table and the rules differ"),
        ({"the table": "t1", "the rules": "r1"}, "the bundle differs"),
    ):
        with pytest.raises(ConfigError, match=f"holds part 3 of another run: {said}. Name another folder"):
            PartFolder(tmp_path, asked).begin()


def test_one_part_of_another_run_among_many_is_found(tmp_path: Path) -> None:
    filled(PartFolder(tmp_path, {"the table": "t1"}), 1, 2)
    other = filled(PartFolder(tmp_path.with_name("other-run"), {"the table": "t2"}), 7)
    (other.path / "_manifest" / "part-07.json").rename(tmp_path / "_manifest" / "part-07.json")
    with pytest.raises(ConfigError, match="holds part 7 of another run: the table differs"):
        PartFolder(tmp_path, {"the table": "t1"}).begin()


def test_a_manifest_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = filled(PartFolder(tmp_path, {"the table": "t1"}), 1)
    (tmp_path / "_manifest" / "part-01.json").write_text("{}")
    with pytest.raises(DataError, match=r"part-01.json: cannot be read, or was changed by hand; delete"):
        folder.begin()


@pytest.mark.parametrize("name", ["account", "sha256", "asked", "checksum"])
def test_a_manifest_that_was_changed_is_not_trusted_and_neither_is_success(tmp_path: Path, name: str) -> None:
    folder = filled(PartFolder(tmp_path, {"the table": "t1"}), *range(PARTS))
    folder.succeed({})
    manifest = tmp_path / "_manifest" / "part-01.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | {name: {"rows": 10**9}}))
    with pytest.raises(DataError, match=r"part-01.json: cannot be read, or was changed by hand; delete .*part-01.json"):
        folder.begin()
    assert not (tmp_path / SUCCESS).exists()


def test_a_part_that_is_a_copy_of_another_is_found(tmp_path: Path) -> None:
    folder = filled(PartFolder(tmp_path, {"the table": "t1"}), 3)
    for old, new in ((folder.part(3), folder.part(4)), *[(tmp_path / "_manifest" / f"part-0{n}.json" for n in (3, 4))]):
        new.write_bytes(old.read_bytes())
    with pytest.raises(DataError, match="part 4: its manifest is of part 3, whose subscribers would be in two; delete"):
        folder.kept()


def test_further_outputs_are_kept_with_their_part(tmp_path: Path) -> None:
    folder = PartFolder(tmp_path / "a", {"the table": "t1"}, {"excluded": tmp_path / "e"})
    folder.begin()
    folder.part(5, "excluded").write_bytes(b"not offered")
    filled(folder, 5)
    assert folder.kept() == {5: {"rows": 5}}
    folder.part(5, "excluded").write_bytes(b"not 0ffered")
    with pytest.raises(DataError, match=r"e/part-05.parquet: not the file that its manifest names"):
        folder.kept()


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_bytes(b"years of work")
    with pytest.raises(ConfigError, match=r"holds \['thesis.docx'\], no part of this run"):
        PartFolder(tmp_path, {"the table": "q1"}).begin()


@pytest.mark.parametrize("name", ["part-64.parquet", "part-0٧.parquet", "part-07.parquet.bak", "_manifest.json.old"])
def test_a_file_beside_the_parts_that_is_none_is_found(tmp_path: Path, name: str) -> None:
    folder = filled(PartFolder(tmp_path, {"the table": "q1"}), 1)
    (tmp_path / name).touch()
    with pytest.raises(ConfigError, match="no part of this run"):
        folder.begin()


def test_parts_that_no_manifest_speaks_for_are_another_s(tmp_path: Path) -> None:
    (tmp_path / "part-01.parquet").write_bytes(b"of another program")
    with pytest.raises(ConfigError, match=r"holds \['part-01.parquet'\], no part of this run"):
        PartFolder(tmp_path, {"the table": "q1"}).begin()
    assert [path.name for path in tmp_path.iterdir()] == ["part-01.parquet"]


@pytest.mark.parametrize(("further", "said"), [("answers", "_SUCCESS"), ("excluded", "part-03.parquet")])
def test_a_folder_of_another_run_is_no_place_for_a_further_output(tmp_path: Path, further: str, said: str) -> None:
    old = PartFolder(tmp_path / "answers", {"the table": "t1"}, {"excluded": tmp_path / "excluded"})
    old.begin()
    old.part(3, "excluded").write_bytes(b"not offered")
    filled(old, 3).succeed({})
    (tmp_path / "excluded" / SUCCESS).unlink()
    new = PartFolder(tmp_path / "new", {"the table": "t1"}, {"excluded": tmp_path / further})
    with pytest.raises(ConfigError, match=f"{further} holds .*{said}.*, no part of this run"):
        new.begin()
    assert old.kept() == {3: {"rows": 3}}


@pytest.mark.parametrize("content", [b"other rows", None])
def test_a_part_that_was_changed_is_found(tmp_path: Path, content: bytes | None) -> None:
    folder = filled(PartFolder(tmp_path, {"the table": "q1"}), 3)
    (tmp_path / SUCCESS).touch()
    folder.part(3).unlink()
    if content is not None:
        folder.part(3).write_bytes(content)
    with pytest.raises(DataError, match=r"part-03.parquet: not the file .*; delete .*part-03.json"):
        folder.kept()
    assert not (tmp_path / SUCCESS).exists()


def test_what_a_killed_job_left_goes_and_what_a_live_one_needs_stays(tmp_path: Path) -> None:
    folder = PartFolder(tmp_path, {"the table": "q1"})
    dead = tmp_path / ".rows-dead"
    dead.mkdir()
    (dead / "lock").touch()
    with folder.scratch() as first, folder.scratch() as second:
        assert first.is_dir()
        assert second.is_dir()
        assert not dead.exists()


def test_a_file_system_without_locks_is_written_to_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlockable(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(kept_parts, "flock", unlockable)
    with PartFolder(tmp_path, {}).scratch() as place:
        assert place.is_dir()


def test_a_place_that_another_job_took_away_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, taken = kept_parts.flock, []

    def quicker(file: BinaryIO, how: int) -> None:
        if not taken:
            taken.append(Path(file.name).parent)
            rmtree(taken[0])
        real(file, how)

    monkeypatch.setattr(kept_parts, "flock", quicker)
    with PartFolder(tmp_path, {}).scratch() as place:
        assert place.is_dir()
        assert place not in taken
    assert list(tmp_path.iterdir()) == []


def test_the_digest_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = sha256_of(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = sha256_of(tmp_path)
    (tmp_path / "c").write_bytes(b"2")
    assert len({before, renamed, sha256_of(tmp_path)}) == 3
