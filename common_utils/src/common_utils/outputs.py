"""Files that commands write: whole or not at all, with the rights they had; pipes and devices are written through."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import re
import secrets
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import BinaryIO, cast

from common_utils.errors import ConfigError, DataError

__all__ = [
    "blamed",
    "is_stream",
    "protect",
    "protecting",
    "remove_unfinished",
    "replacing",
    "same_file",
    "write_bytes",
    "write_text",
]

_MOST_LINKS = 40  # as the kernel
_OPEN_FILE = re.compile(r"/proc/(?P<process>\d+)/(?:task/\d+/)?fd/(?P<number>\d+)")
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}\.unfinished\.tmp", re.DOTALL)
_LONGEST_NAME = 200  # bytes of the name that the temporary one repeats; file systems allow 255
_ACL = "system.posix_acl_access"
_protected: ContextVar[dict[str, Path] | None] = ContextVar("protected files", default=None)


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """Open a new file beside `path` and put it in its place once it is complete and on the disk.

    Where the block raises, what was there stays as it was and nothing is left beside it. What killed runs left in the
    folder is removed; a file that a live run is still writing is locked, and stays. A link is followed: its target is
    replaced. A file that was there keeps its mode and, where the system allows it, its owner. A pipe, a device and
    `/dev/stdout` are written through: what is written before an error is gone.

    Parameters
    ----------
    path : Path
        Folders are made.

    Raises
    ------
    ConfigError
        If it is a file that the running command reads; see `protect`.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "out" / "notices.jsonl"
    >>> with replacing(path) as file:
    ...     _ = file.write(b"{}")
    >>> path.read_bytes()
    b'{}'
    """
    _refuse_protected(path)
    target = _target(path)
    through = _opened_through(target)
    if through is not None:
        with _closing(through):
            yield through
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    old = _rights(target)
    remove_unfinished(target.parent)
    temporary, file = _new_file(target, private=old is not None)
    try:
        with _closing(file):
            yield file
            file.flush()
            os.fsync(file.fileno())
            if old is not None:
                _keep_rights(file.fileno(), target, old)
            temporary.replace(target)  # still locked: nobody takes it for a dead run's
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, as `replacing`.

    Raises
    ------
    DataError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> write_text(path := Path(tempfile.mkdtemp()) / "results.md", "# Results")
    >>> path.read_text()
    '# Results'
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes, as `replacing`.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    with blamed(path), replacing(path) as file:
        file.write(data)


@contextmanager
def blamed(path: Path) -> Generator[None]:
    """Turn what the system says while a file is written into an error that names the file.

    Raises
    ------
    DataError
        If the block raises OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}.") from error


def is_stream(path: Path) -> bool:
    """Return whether a path is written through: a pipe, a device, or an open file such as `/dev/stdout`.

    Examples
    --------
    >>> is_stream(Path("/dev/null")), is_stream(Path("advice.csv"))
    (True, False)
    """
    try:
        target = _target(path)
        return bool(_OPEN_FILE.fullmatch(str(target))) or _is_special(target)
    except OSError:
        return False  # whoever opens it says why


def same_file(first: Path, second: Path) -> bool:
    """Return whether two paths are one file, links followed; paths where nothing is yet are compared once resolved.

    Two character devices, such as `/dev/null` twice, are not one file: nothing in them can be lost.

    Examples
    --------
    >>> same_file(Path("a/../out.csv"), Path("out.csv")), same_file(Path("/dev/null"), Path("/dev/null"))
    (True, False)
    """
    try:
        one, two = first.stat(), second.stat()
    except OSError:
        return os.path.realpath(first) == os.path.realpath(second)
    return os.path.samestat(one, two) and not stat.S_ISCHR(one.st_mode)


@contextmanager
def protecting(files: Mapping[str, Path]) -> Generator[None]:
    """Let nothing that is written in the block replace one of these files.

    Parameters
    ----------
    files : mapping of str to Path
        By the option or setting that names each.
    """
    token = _protected.set(dict(files))
    try:
        yield
    finally:
        _protected.reset(token)


def protect(files: Mapping[str, Path]) -> None:
    """Add files to those of the `protecting` block around; without one, nothing happens."""
    known = _protected.get()
    if known is not None:
        known |= files


def _refuse_protected(path: Path) -> None:
    for name, file in (_protected.get() or {}).items():
        if same_file(path, file):
            raise ConfigError(f"{path} is the same file as {name}, which this command reads; write to another one.")


def _target(path: Path) -> Path:
    """Follow links one by one, but for those that stand for an open file: these have no name to go by."""
    for _ in range(_MOST_LINKS):
        path = Path(os.path.realpath(path.parent), path.name)
        if _OPEN_FILE.fullmatch(str(path)) or not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _is_special(target: Path) -> bool:
    return target.exists() and not (target.is_file() or target.is_dir())


@contextmanager
def _closing(file: BinaryIO) -> Generator[None]:
    """Close a file; where something has failed already, what closing fails with is not told as well."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            file.close()
        raise
    file.close()


class _Through(io.FileIO):
    """A pipe or a device; it cannot be wound back, so the position is counted, which writers of Parquet ask for."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "wb")
        self._position = 0

    def write(self, data: object, /) -> int:
        """Write, and count what was taken."""
        taken = super().write(data)  # type: ignore[arg-type] - whatever holds bytes
        self._position += taken
        return taken

    def tell(self) -> int:
        """Return how much was written."""
        return self._position

    def seekable(self) -> bool:
        """Return False."""
        return False


def _opened_through(target: Path) -> BinaryIO | None:
    match = _OPEN_FILE.fullmatch(str(target))
    if match and int(match["process"]) == os.getpid():
        number = os.dup(int(match["number"]))  # shares its position, so that `>>` appends
    elif match or _is_special(target):
        number = os.open(target, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY)
    else:
        return None
    return cast("BinaryIO", io.BufferedWriter(_Through(number)))


def _rights(target: Path) -> os.stat_result | None:
    """Return what an existing file allows whom; a file that may not be written is not replaced either."""
    if not target.exists():
        return None
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return target.stat()


def _keep_rights(number: int, target: Path, old: os.stat_result) -> None:
    for owner in (old.st_uid, -1):
        try:
            os.fchown(number, owner, old.st_gid)
            break
        except PermissionError:
            continue  # only root gives a file away; the group may still be one of ours
    os.fchmod(number, stat.S_IMODE(old.st_mode) & 0o777)
    with suppress(OSError):  # most files have no list of access rights
        os.setxattr(number, _ACL, os.getxattr(target, _ACL))


def remove_unfinished(folder: Path) -> None:
    """Remove the unfinished files of runs that are no more; a file that a live run is still writing stays."""
    with suppress(OSError):  # a folder that may be written and not listed
        for path in list(folder.iterdir()):
            if _UNFINISHED.fullmatch(path.name):
                _remove_unless_locked(path)


def _new_file(target: Path, *, private: bool) -> tuple[Path, BinaryIO]:
    """Return a new hidden file beside `target` and its lock, which ends with this process, however that ends."""
    name = target.name.encode()[:_LONGEST_NAME].decode(errors="ignore")
    while True:
        temporary = target.with_name(f".{name}.{secrets.token_hex(4)}.unfinished.tmp")
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 if private else 0o666)
        file = os.fdopen(number, "wb")
        with suppress(OSError):  # a file system without locks: then nobody can take it for a dead run's either
            fcntl.flock(number, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, file
        file.close()  # another run took it for a dead one's before it was locked


def _remove_unless_locked(path: Path) -> None:
    with suppress(OSError):  # locked by a live run, another user's, or another run was quicker
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(number)
