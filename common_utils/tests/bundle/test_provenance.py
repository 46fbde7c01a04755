from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import numpy
import pytest

from common_utils.bundle import fingerprint_bytes, fingerprint_file, git_commit, library_versions

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, encoding="utf-8"
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("one\n")
    _git(tmp_path, "add", "code.py")
    _git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_fingerprints_of_a_file_and_its_bytes_agree(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    data = b"a,b\n" * 100_000
    path.write_bytes(data)
    assert fingerprint_file(path) == fingerprint_bytes(data) == hashlib.sha256(data).hexdigest()


def test_library_versions_sorts_and_names_what_is_missing() -> None:
    assert library_versions(["numpy", "absent-distribution", "numpy"]) == {
        "absent-distribution": "not installed",
        "numpy": numpy.__version__,
    }


@needs_git
def test_git_commit_is_the_full_hash_and_says_dirty(repository: Path) -> None:
    commit = _git(repository, "rev-parse", "HEAD")
    _git(repository, "tag", "v1")
    (repository / "untracked.txt").write_text("not part of the code\n")
    assert git_commit(repository) == commit
    (repository / "code.py").write_text("two\n")
    assert git_commit(repository) == f"{commit}-dirty"


@needs_git
def test_git_commit_is_of_the_folder_even_inside_a_hook(
    repository: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    assert git_commit(tmp_path_factory.mktemp("elsewhere")) is None


def test_git_commit_is_none_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit(tmp_path) is None


def test_git_commit_is_none_when_git_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "git"
    fake.write_text("#!/bin/sh\nexec /bin/sleep 5\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("common_utils.bundle.provenance._GIT_SECONDS", 0.05)
    assert git_commit(tmp_path) is None


def _git_that_says(folder: Path, said: str) -> None:
    fake = folder / "git"
    fake.write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 128\n')
    fake.chmod(0o755)


def test_a_repository_that_git_refuses_to_read_is_told_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _git_that_says(tmp_path, "fatal: detected dubious ownership in repository at '/srv/checkout'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert git_commit(tmp_path) is None
    assert "no commit is recorded" in caplog.text
    assert "detected dubious ownership in repository at '/srv/checkout'" in caplog.text


@needs_git
@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_checkout_of_another_user_is_told(repository: Path, caplog: pytest.LogCaptureFixture) -> None:
    for path in (repository, *repository.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    assert git_commit(repository) is None
    assert "dubious ownership" in caplog.text


@needs_git
def test_no_repository_is_no_news(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", "/")
    assert git_commit(tmp_path) is None
    _git(tmp_path, "init", "--quiet")
    assert git_commit(tmp_path) is None
    assert not caplog.text


@needs_git
def test_files_a_run_writes_itself_make_no_commit_dirty(repository: Path) -> None:
    folder = repository / "docs"
    folder.mkdir()
    (folder / "runs.json").write_text("[]\n")
    _git(repository, "add", "docs")
    _git(repository, "commit", "--quiet", "-m", "second")
    commit = _git(repository, "rev-parse", "HEAD")
    (folder / "runs.json").write_text("[1]\n")
    assert git_commit(folder, aside=["runs.json"]) == commit
    assert git_commit(folder) == f"{commit}-dirty"
    (repository / "code.py").write_text("two\n")  # outside the folder asked about
    assert git_commit(folder, aside=["runs.json"]) == f"{commit}-dirty"
