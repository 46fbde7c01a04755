"""Where a model came from: fingerprints of inputs, library versions, the commit of the code."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["fingerprint_bytes", "fingerprint_file", "git_commit", "library_versions"]

_DIRTY = "-dirty"
_GIT_SECONDS = 10
_MOST_SAID = 500
# What git says outside of a repository, and in one without a commit.
_NOTHING_THERE = ("not a git repository", "bad revision", "No names found")

logger = logging.getLogger(__name__)


def fingerprint_bytes(data: bytes) -> str:
    """Return the sha256 of some bytes.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Examples
    --------
    >>> fingerprint_bytes(b"")[:12]
    'e3b0c44298fc'
    """
    return hashlib.sha256(data).hexdigest()


def fingerprint_file(path: Path) -> str:
    """Return the sha256 of a file's content, read in pieces.

    Returns
    -------
    str
        64 lower-case hexadecimal digits.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def library_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each distribution, sorted by name.

    Parameters
    ----------
    names : iterable of str
        Distribution names as on a package index, for example `scikit-learn`.

    Returns
    -------
    dict of str to str
        `"not installed"` stands for what this environment lacks.

    Examples
    --------
    >>> library_versions(["no-such-distribution"])
    {'no-such-distribution': 'not installed'}
    """
    versions: dict[str, str] = {}
    for name in sorted(set(names)):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def git_commit(folder: Path, *, aside: Sequence[str] = ()) -> str | None:
    """Return the commit a folder is at, with `-dirty` behind it when tracked files were changed.

    Parameters
    ----------
    folder : Path
    aside : sequence of str
        Files, relative to the folder, whose changes do not count: those that the run itself writes.

    Returns
    -------
    str or None
        40 hexadecimal digits; None where there is no git, no repository or no commit, as in an image. Where there is a
        repository and git refuses to read it, as it does one of another user, the log says so in git's words.
    """
    git = shutil.which("git")
    if git is None:
        return None
    # A hook runs with GIT_DIR set and would answer for another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    settings = environment | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}

    def asked(*arguments: str) -> str:
        answer = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [git, "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            encoding="utf-8",
            env=settings,
            timeout=_GIT_SECONDS,
        )
        return answer.stdout.strip()

    try:
        commit = asked("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
        if aside and commit.endswith(_DIRTY):
            others = asked(
                "status", "--porcelain", "--untracked-files=no", "--", ":/", *(f":!{name}" for name in aside)
            )
            commit = commit if others else commit.removesuffix(_DIRTY)
    except subprocess.CalledProcessError as error:
        _tell(error.stderr)
        return None
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError):
        return None
    return commit or None


def _tell(said: str) -> None:
    """Warn that a bundle gets no commit, unless there is none to record."""
    if not any(usual in said for usual in _NOTHING_THERE):
        reason = " ".join(line.strip() for line in said.splitlines() if line.strip())[:_MOST_SAID]
        logger.warning("no commit is recorded, because git could not read the repository: %s", reason)
