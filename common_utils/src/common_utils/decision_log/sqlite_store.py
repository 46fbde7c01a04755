"""The store in one SQLite file, of one host: no service to run."""

from __future__ import annotations

import os
import socket
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from common_utils.errors import ConfigError

if TYPE_CHECKING:
    from common_utils.decision_log.store import Row, Store

__all__ = ["HOST_VARIABLE", "SqliteDatabase", "claim", "host_names"]

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
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # what was acknowledged is deleted from the journal
            connection.execute("PRAGMA secure_delete=ON")  # what is forgotten leaves no bytes behind
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"decisions.url: {path} cannot be opened ({error}); look at its folder.") from error
        return cls(connection)

    def run(self, statement: str, values: Row = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def rows(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Yield the rows of a query."""
        yield from self._connection.execute(statement, values)

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Add rows whose key is not there yet, and return how many were new."""
        marks = ",".join("?" * len(columns))
        statement = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - our names
        return self._connection.executemany(statement, rows).rowcount if rows else 0

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit the block as one, or nothing of it; a block within a block is part of the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Write the log back into the file, and close."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()


def host_names(environ: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return this host's name and the id of its running kernel, which all containers of a host share."""
    named = (os.environ if environ is None else environ).get(HOST_VARIABLE)
    boot = _BOOT.read_text(encoding="ascii").strip() if _BOOT.exists() else ""
    return named or socket.gethostname(), "" if named else boot


def claim(store: Store, environ: Mapping[str, str] | None = None) -> None:
    """Note that this host uses a SQLite file; its locks do not hold between hosts.

    Raises
    ------
    ConfigError
        If another host does already.
    """
    name, boot = host_names(environ)
    held = store.fact("host")
    if held is not None:
        held_name, _, held_boot = held.partition("\n")
        if held_name != name and not (boot and held_boot == boot):
            raise ConfigError(
                f"decisions.url: host {held_name!r} uses this SQLite file, and its locks do not hold between hosts. "
                f"Use postgresql:// where there are several; or, if the file moved for good, set {HOST_VARIABLE} to "
                f"{held_name!r}."
            )
    if held != f"{name}\n{boot}":
        store.note("host", f"{name}\n{boot}")
