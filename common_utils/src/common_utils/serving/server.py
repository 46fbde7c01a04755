"""Start a service: one native thread per computation, no access log, and an end that loses no request."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

import uvicorn

from common_utils.errors import ConfigError
from common_utils.logger import LogFormat, setup_logging
from common_utils.serving.guards.protocol import BoundedProtocol

__all__ = ["run"]

_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_KEEP_ALIVE_SECONDS = 5
# A worker that computes a large batch answers its supervisor late; five seconds would kill it at work.
_WORKER_CHECK_SECONDS = 30


def run(
    app: str | Callable[..., Any],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    loggers: Sequence[str] = (),
    log_level: str = "INFO",
    log_format: LogFormat = "text",
    drain_seconds: float = 1.0,
    graceful_seconds: int = 15,
    admin_port: int | None = None,
    header_seconds: float = 5.0,
    max_connections: int = 1024,
) -> None:
    """Serve an app until SIGTERM or Ctrl-C; returns after a clean end, so that the process exits with 0.

    On SIGTERM `/ready` turns 503 at once while requests are still answered for `drain_seconds`, so that a load
    balancer looks elsewhere first; then the port is closed and accepted requests finish. With several workers each
    finishes its requests without the drain: behind a load balancer run one worker per replica.

    Parameters
    ----------
    app : str or ASGI application
        An import string `module:name` imports the app after the thread settings are made, so native libraries
        see them; needed for several workers.
    host, port : str, int
        Where to listen; port 0 takes a free one.
    workers : int
        Processes, >= 1. Each loads the model and keeps its own metrics.
    loggers : sequence of str
        Names to set up besides ours and uvicorn's, such as the project's package.
    log_level : str
        As in `setup_logging`.
    log_format : {"text", "json"}
        As in `setup_logging`.
    drain_seconds : float
        How long a terminated service keeps accepting, seconds, >= 0.
    graceful_seconds : int
        How long accepted requests may take after that, seconds; longer than the service's deadline.

    admin_port : int, optional
        A second port of the same process; what it answers is the app's business (`AccessMiddleware`). One worker only.
    header_seconds, max_connections : float, int
        As `BoundedProtocol`.

    Raises
    ------
    ConfigError
        If `workers` is below 1, or above it with an app object or an administrator's port.
    SystemExit
        With uvicorn's code 3 if the port cannot be had.

    Examples
    --------
    >>> run(lambda: None, workers=2)
    Traceback (most recent call last):
    common_utils.errors.ConfigError: 2 workers need the app as an import string such as 'app.fastapi_app:app'.
    """
    if workers < 1:
        raise ConfigError(f"workers={workers}: give at least one.")
    if workers > 1 and not isinstance(app, str):
        raise ConfigError(f"{workers} workers need the app as an import string such as 'app.fastapi_app:app'.")
    if workers > 1 and admin_port is not None:
        raise ConfigError(f"{workers} workers cannot share an admin_port; run one worker a replica.")
    for name in _THREAD_SETTINGS:
        os.environ.setdefault(name, "1")
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "workers": workers,
        "log_config": _log_config(("common_utils", "uvicorn", *loggers), log_level, log_format),
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "ws": "none",
        "http": partial(BoundedProtocol, header_seconds=header_seconds, max_connections=max_connections),
        "lifespan": "on",
        "timeout_keep_alive": _KEEP_ALIVE_SECONDS,
        "timeout_graceful_shutdown": graceful_seconds,
        "timeout_worker_healthcheck": _WORKER_CHECK_SECONDS,
    }
    if workers > 1:
        uvicorn.run(app, **options)
    else:
        config = uvicorn.Config(app, **options)
        sockets = None
        if admin_port is not None:
            admin = uvicorn.Config(app, host=host, port=admin_port, log_config=None)
            sockets = [config.bind_socket(), admin.bind_socket()]
        _DrainingServer(config, drain_seconds).run(sockets)


def _log_config(names: Sequence[str], level: str, fmt: LogFormat) -> dict[str, Any]:
    # uvicorn applies it in each worker, which inherits nothing from this process.
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {name: {"()": partial(_log_handler, name, level, fmt)} for name in names},
        "loggers": {name: {"handlers": [name], "level": level.upper(), "propagate": False} for name in names},
    }


def _log_handler(name: str, level: str, fmt: LogFormat) -> logging.Handler:
    return setup_logging(name, level=level, fmt=fmt).handlers[-1]


class _DrainingServer(uvicorn.Server):
    """uvicorn's server, which at the first SIGTERM says "not ready" and goes on for a while, and which exits with 0."""

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first SIGTERM; end at once at Ctrl-C, at a second signal, or before the start is over."""
        if sig == signal.SIGTERM and self._stop_at is None and self.started:
            self._stop_at = time.monotonic() + self._drain_seconds
            drain: Callable[[], None] | None = self.lifespan.state.get("drain")
            if drain is not None:
                drain()
            return
        super().handle_exit(sig, frame)
        # uvicorn would raise the signal again when it has finished, and the exit code would tell of a crash.
        self._captured_signals.clear()

    async def on_tick(self, counter: int) -> bool:
        """Run uvicorn's own check ten times a second, and say whether the drain is over."""
        over = self._stop_at is not None and time.monotonic() >= self._stop_at
        return await super().on_tick(counter) or over
