"""Settings of a service, the same section in every project. Light to import: no web framework."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from common_utils.config import BaseConfig

__all__ = ["MOST_BATCH_ROWS", "MOST_K", "AccessConfig", "LimitConfig", "ServiceConfig"]

# What request models declare; the settings allow no more, and much less unless told.
MOST_BATCH_ROWS, MOST_K = 100_000, 1000


class LimitConfig(BaseConfig):
    """What one request may cost; every limit has a bound itself, so that none can be switched off by mistake.

    Examples
    --------
    >>> LimitConfig(max_batch_rows=500).max_body_bytes
    1048576
    """

    max_body_bytes: int = Field(default=1 << 20, ge=1024, le=1 << 26, description="Largest request body, bytes")
    max_header_bytes: int = Field(
        default=16 << 10, ge=1024, le=1 << 16, description="Request line and headers together, bytes"
    )
    max_json_depth: int = Field(default=32, ge=2, le=200, description="Deepest nesting of arrays and objects")
    max_concurrency: int = Field(default=64, ge=1, le=4096, description="Requests served at once by one process")
    deadline_seconds: float = Field(
        default=10.0, ge=0.05, le=300.0, description="Reading and answering one request, seconds"
    )
    max_batch_rows: int = Field(default=1000, ge=1, le=MOST_BATCH_ROWS, description="Records of one batch request")
    max_k: int = Field(default=50, ge=1, le=MOST_K, description="Largest `top_k` of a request")
    header_seconds: float = Field(
        default=5.0, ge=0.05, le=60.0, description="A connection that sent no whole head by then is closed, seconds"
    )
    max_connections: int = Field(default=1024, ge=1, le=65_536, description="Open connections of one process")


class AccessConfig(BaseConfig):
    """Who may ask, and how often.

    Examples
    --------
    >>> AccessConfig().keys
    'off'
    """

    keys: Literal["off", "required"] = Field(
        default="off", description="required: a request without a known key is refused; off: development"
    )
    key_file: Path | None = Field(
        default=None, description="file of `<name>:<role>:<sha256 of the key>` lines; else SERVICE_KEYS is read"
    )
    requests_per_second: float = Field(
        default=0.0, ge=0, le=1_000_000, description="sustained rate of each key, or of all without keys; 0: no limit"
    )
    burst: int = Field(default=100, ge=1, le=1_000_000, description="requests a key may send at once")


class ServiceConfig(BaseConfig):
    """Where a service listens, whom it answers, what it logs.

    Examples
    --------
    >>> ServiceConfig(port=0).host
    '127.0.0.1'
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535, description="0 takes a free one")
    admin_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="metrics, /model and /docs answer here and no longer on `port`; unset: one port for all",
    )
    workers: int = Field(default=1, ge=1, le=64, description="processes; threads are not used to scale")
    log_sample: float = Field(
        default=0.01, ge=0, le=1, description="share of requests with a line in the log; faults always have one"
    )
    root_path: str = Field(
        default="",
        max_length=200,
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path that a proxy strips before it passes a request on, such as /planrec; /docs needs it",
    )
    drain_seconds: float = Field(
        default=1.0,
        ge=0,
        le=300,
        description="after SIGTERM: how long /ready says no while requests are still taken; longer than a balancer "
        "needs to see it",
    )
    limits: LimitConfig = LimitConfig()
    access: AccessConfig = AccessConfig()

    @model_validator(mode="after")
    def _ports_fit(self) -> Self:
        if self.admin_port is not None and (self.admin_port == self.port or self.workers > 1):
            raise ValueError("admin_port must differ from port, and needs workers: 1 (metrics are of one process)")
        return self
