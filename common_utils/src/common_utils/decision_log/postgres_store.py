"""The store in PostgreSQL, for several hosts. Needs the extra `postgres`; only shippers and commands import this."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString, cast

from common_utils.errors import ConfigError

if TYPE_CHECKING:
    from common_utils.decision_log.store import Row

try:
    import psycopg
except ImportError as missing:
    raise ConfigError(
        "decisions.url is postgresql://, which needs a driver: install common-utils[postgres]."
    ) from missing

__all__ = ["PostgresDatabase"]

_CONNECT_SECONDS = 10


class PostgresDatabase:
    """A connection in autocommit mode; `transaction` groups statements."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    @classmethod
    def open(cls, url: str) -> PostgresDatabase:
        """Connect; the password is libpq's to find.

        Raises
        ------
        ConfigError
            If the server does not let us in; never with the url.
        """
        try:
            return cls(psycopg.connect(url, autocommit=True, connect_timeout=_CONNECT_SECONDS))
        except psycopg.Error as error:
            raise ConfigError(
                f"decisions.url: PostgreSQL does not answer or refuses ({type(error).__name__})."
            ) from None

    def run(self, statement: str, values: Row = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        return self._connection.execute(_marked(statement), values).rowcount

    def rows(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Yield the rows of a query."""
        yield from self._connection.execute(_marked(statement), values)

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Copy rows beside the table, and add those whose key is not there yet; return how many were new."""
        if not rows:
            return 0
        names = ", ".join(columns)
        with self.transaction(), self._connection.cursor() as cursor:
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
        """Commit the block as one, or nothing of it."""
        with self._connection.transaction():
            yield

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _marked(statement: str) -> LiteralString:
    """Return a statement of ours with PostgreSQL's marks; values never stand in it."""
    return cast("LiteralString", statement.replace("%", "%%").replace("?", "%s"))
