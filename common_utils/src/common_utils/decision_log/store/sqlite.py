"""The store in one SQLite file, of one host: no service to run."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from common_utils.decision_log.store.database import Row, StoreUnavailableError
from common_utils.errors import ConfigError

__all__ = ["HOST_VARIABLE", "SqliteDatabase", "claimed", "host_name"]

HOST_VARIABLE = "DECISION_HOST"
"""Environment variable that names this host, where its own name changes with each start, as a container's does."""

_WAIT_SECONDS = 30
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class SqliteDatabase:
    """A connection in autocommit mode; `transaction` groups statements."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> SqliteDatabase:
        """Open or make a file that only its owner reads.

        Raises
        ------
        ConfigError
            If it cannot be opened, or is no SQLite file.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"decisions.url: {path} cannot be opened ({error}); look at its folder.") from error
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # what was acknowledged is deleted from the journal
            connection.execute("PRAGMA secure_delete=ON")  # what is forgotten leaves no bytes behind
        except sqlite3.Error as error:
            connection.close()
            raise ConfigError(f"decisions.url: {path} cannot be opened ({error}); look at its folder.") from error
        return cls(connection)

    def make(self, statements: Sequence[str]) -> None:
        """Run statements that make what is missing, one connection at a time."""
        with self.transaction():
            for statement in statements:
                self.run(statement)

    def run(self, statement: str, values: Row = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        with _told():
            return self._connection.execute(statement, values).rowcount

    def rows(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Yield the rows of a query."""
        with _told():
            found = self._connection.execute(statement, values).fetchall()
        yield from found

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Add rows whose key is not there yet, and return how many were new."""
        marks = ",".join("?" * len(columns))
        statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our names
        with _told():
            return self._connection.executemany(statement, rows).rowcount if rows else 0

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit the block as one, or nothing of it; a block within a block is part of the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk may have ended it already
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Write the log back into the file, where nobody else needs it, and close."""
        with _told():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._connection.close()


@contextmanager
def _told() -> Generator[None]:
    """Turn what SQLite says while the store is used into our error; its messages hold no values."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreUnavailableError(f"decisions.url: SQLite cannot go on ({error}); look at its disk.") from error


def host_name(environ: Mapping[str, str] | None = None) -> str:
    """Return the name of this host, as DECISION_HOST says or the system does."""
    return (os.environ if environ is None else environ).get(HOST_VARIABLE) or socket.gethostname()


def claimed(held: str | None, environ: Mapping[str, str] | None = None) -> str:
    """Return what a SQLite file notes of the host that uses it: name, and id of the kernel all its containers share.

    Parameters
    ----------
    held : str or None
        What it notes so far.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If another host uses it already.
    """
    named = (os.environ if environ is None else environ).get(HOST_VARIABLE)
    name, boot = host_name(environ), "" if named or not _BOOT.exists() else _BOOT.read_text(encoding="ascii").strip()
    if held is not None:
        held_name, _, held_boot = held.partition("\n")
        if held_name != name and not (boot and held_boot == boot):
            raise ConfigError(
                f"decisions.url: host {held_name!r} uses this SQLite file, and its locks do not hold between hosts. "
                f"Use postgresql:// where there are several; or, if the file moved for good, set {HOST_VARIABLE} to "
                f"{held_name!r}."
            )
    return f"{name}\n{boot}"
