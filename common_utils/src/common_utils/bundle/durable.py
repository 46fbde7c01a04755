"""Changes on disk that happen whole or not at all, and the removal of what a killed process left half done."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from common_utils.errors import DataError

__all__ = [
    "exclusive",
    "make_folder",
    "open_for_all",
    "remove_stale",
    "replace_link",
    "sync",
    "taking_turns",
    "temporary_path",
]

_STALE_SECONDS = 24 * 3600
_TEMPORARY = re.compile(r"\.tmp-(?P<host>[A-Za-z0-9_.-]+)~(?P<pid>[0-9]{1,10})~[0-9a-f]+")


@contextmanager
def exclusive(lock: Path) -> Generator[None]:
    """Let one holder of a lock file in at a time; the kernel lets the next one in when a holder ends, however it ends.

    Raises
    ------
    OSError
        If the file cannot be opened; it is made where its folder is there.
    """
    number = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


@contextmanager
def taking_turns(folder: Path, lock: str, setting: str) -> Generator[None]:
    """Make a folder and wait for the turn to write there.

    Parameters
    ----------
    folder : Path
    lock : str
        Name of the lock file in it.
    setting : str
        That names the folder; the message says to correct it.

    Raises
    ------
    DataError
        If the folder cannot be made.
    """
    try:
        make_folder(folder)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made ({error.strerror}). Correct {setting}.") from error
    with exclusive(folder / lock):
        yield


def make_folder(folder: Path) -> None:
    """Make a folder and its parents where they are missing, for all to read: services run as another user.

    Rights of folders that are there already stay as they are; the umask of whoever publishes does not count.

    Raises
    ------
    OSError
        If a folder cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        made.chmod(0o755)


def open_for_all(folder: Path) -> None:
    """Make a finished folder of plain files readable for all users, and its files read-only."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o755)


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def replace_link(root: Path, name: str, target: str) -> None:
    """Make `name` in `root` a link to `target`: a reader sees the old target or the new one, never none."""
    temporary = temporary_path(root)
    temporary.symlink_to(target)
    try:
        temporary.replace(root / name)
    finally:
        temporary.unlink(missing_ok=True)


def temporary_path(root: Path) -> Path:
    """Return a hidden path in `root` that no other process uses and that `remove_stale` recognises."""
    return root / f".tmp-{_host()}~{os.getpid()}~{secrets.token_hex(6)}"


def remove_stale(root: Path) -> None:
    """Remove what dead writers left: their process is gone, or it was not touched for a day."""
    host = _host()
    for path in root.glob(".tmp-*"):
        match = _TEMPORARY.fullmatch(path.name)
        if match is None:
            continue
        try:
            old = time.time() - path.lstat().st_mtime > _STALE_SECONDS
            if not old and (match["host"] != host or _is_running(int(match["pid"]))):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError:
            continue  # another writer was quicker, or it is another user's: no reason to stop this one


def _host() -> str:
    # A process id says nothing on another machine or in another container, so the name says where it counts.
    return re.sub(r"[^A-Za-z0-9_.-]", "_", socket.gethostname()) or "unknown"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
