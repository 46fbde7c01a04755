"""What a driver of the store must do; statements mark values by `?`, and table and column names are ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

from common_utils.errors import PortfolioError

__all__ = ["Database", "Row", "StoreUnavailableError"]

Row = Sequence[Any]


class StoreUnavailableError(PortfolioError):
    """The store does not answer now: its server is down, or its disk is full. Nothing was lost; try again."""

    exit_code: ClassVar[int] = 3


class Database(Protocol):
    """A connection; each method raises StoreUnavailableError where the store is gone."""

    def make(self, statements: Sequence[str]) -> None:
        """Run statements that make what is missing, one connection at a time."""
        ...

    def run(self, statement: str, values: Row = ()) -> int:
        """Run a statement, and return how many rows it changed."""
        ...

    def rows(self, statement: str, values: Row = ()) -> Iterator[Row]:
        """Yield the rows of a query."""
        ...

    def add(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> int:
        """Add rows whose key is not there yet, quickly, and return how many were new."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit the block as one, or nothing of it; a block within a block is part of the outer one."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...
