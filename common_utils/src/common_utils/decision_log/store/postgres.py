"""The store in PostgreSQL, for several hosts. Needs the extra `postgres`, whose driver loads when a store is opened."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, cast

from common_utils.decision_log.store.database import Row, StoreUnavailableError
from common_utils.errors import ConfigError

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresDatabase"]

_CONNECT_SECONDS = 10
_SCHEMA_LOCK = 0x6465_6369  # "deci": two shippers that start at once make the tables one after the other


class PostgresDatabase:
    """A connection in autocommit mode; `transaction` groups statements."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], failure: type[Exception]) -> None:
        self._connection = connection
        self._failure = failure

    @classmethod
    def open(cls, url: str) -> PostgresDatabase:
        """Connect; the password is libpq's to find.

        Raises
        ------
        ConfigError
            If the driver is not installed.
        StoreUnavailableError
            If the server does not let us in; never with the url.
        """
        try:
            import psycopg
        except ImportError as missing:
            raise ConfigError(
                "decisions.url is postgresql://, which needs a driver: install common-utils[postgres]."
            ) from missing
        try:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS)
        except psycopg.Error as error:
            raise StoreUnavailableError(
                f"decisions.url: PostgreSQL does not answer or refuses ({type(error).__name__})."
            ) from None
        return cls(connection, psycopg.OperationalError)

    def make(self, statements: Sequence[str]) -> None:
        """Run statements that make what is missing, one connection at a time."""
        with self.transaction():
            self.run("SELECT pg_advisory_xact_lock(?)", (_SCHEMA_LOCK,))
            for statement in statements:
                self.run(statement)

    def run(self, statement: str, values: Row = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        with self._told():
            return self._connection.execute(_marked(statement), values).rowcount

    def rows(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Yield the rows of a query."""
        with self._told():
            found = self._connection.execute(_marked(statement), values).fetchall()
        yield from found

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Copy rows beside the table, and add those whose key is not there yet; return how many were new."""
        if not rows:
            return 0
        names = ", ".join(columns)
        with self._told(), self.transaction(), self._connection.cursor() as cursor:
            cursor.execute(_marked(f"CREATE TEMP TABLE IF NOT EXISTS new_{table} (LIKE {table})"))
            cursor.execute(_marked(f"TRUNCATE new_{table}"))
            with cursor.copy(_marked(f"COPY new_{table} ({names}) FROM STDIN")) as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(
                _marked(f"INSERT INTO {table} ({names}) SELECT {names} FROM new_{table} ON CONFLICT DO NOTHING")  # noqa: S608
            )
            return cursor.rowcount

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit the block as one, or nothing of it; a block within a block is part of the outer one."""
        with self._told(), self._connection.transaction():
            yield

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def _told(self) -> Generator[None]:
        """Turn the loss of the server into our error; its message would hold the address."""
        try:
            yield
        except self._failure as error:
            raise StoreUnavailableError(f"decisions.url: PostgreSQL is gone ({type(error).__name__}).") from None


def _marked(statement: str) -> LiteralString:
    """Return a statement of ours with PostgreSQL's marks; values never stand in it."""
    return cast("LiteralString", statement.replace("%", "%%").replace("?", "%s"))
