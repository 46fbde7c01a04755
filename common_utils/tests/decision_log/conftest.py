"""A store of each kind: SQLite in a folder, and a real PostgreSQL that a wheel brings."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common_utils.decision_log.store.store import Store, open_store
from common_utils.testing.postgres import PostgresFromWheel, postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresFromWheel]:
    """One server for the tests of a worker; each test has a schema of its own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the same store again and again."""
    stores: list[Store] = []
    if request.param == "sqlite":
        url = "sqlite:///log.db"
    else:
        server: PostgresFromWheel = request.getfixturevalue("postgres")
        url = server.of(f"log_{secrets.token_hex(6)}")

    def opened() -> Store:
        stores.append(open_store(url, tmp_path))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(open_log: Callable[[], Store]) -> Store:
    """An empty store."""
    return open_log()
