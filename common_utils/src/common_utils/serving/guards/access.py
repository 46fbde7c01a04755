"""Who may ask: API keys with roles, a rate limit per key, and an administrator's port of its own.

Only digests of keys are held, and a key that was sent is compared with all of them in constant time. A key is long and
random (`python -m common_utils.serving.guards.access NAME ROLE` makes one), so a plain digest needs no salt and no
stretching.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from starlette.types import ASGIApp, Receive, Scope, Send

from common_utils.config import resolve_path
from common_utils.errors import ConfigError
from common_utils.serving.config import AccessConfig
from common_utils.serving.problems import ProblemError

__all__ = [
    "ADMIN_PATHS",
    "KEYS_VARIABLE",
    "PUBLIC_PATHS",
    "Access",
    "AccessMiddleware",
    "ApiKey",
    "RateLimit",
    "Role",
    "load_keys",
    "parse_keys",
]

KEYS_VARIABLE = "SERVICE_KEYS"
"""Environment variable that holds the key lines where no file does; keys never stand on a command line."""

Role: TypeAlias = Literal["predict", "admin"]
"""`predict` asks the model; `admin` may also see metrics, what is live and the docs."""

PUBLIC_PATHS = frozenset({"/health", "/ready"})
"""Paths a supervisor asks, without a key and on both ports."""

ADMIN_PATHS = frozenset({"/metrics", "/model", "/openapi.json", "/docs"})
"""Paths for administrators only."""

_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63}):([a-z]+):([0-9a-f]{64})")
_MAX_KEYS = 1000
_LONGEST_KEY = 256
_SCHEME = b"bearer "


@dataclass(frozen=True)
class ApiKey:
    """One line of the key file; the key itself is nowhere."""

    name: str
    role: Role
    digest: bytes


def parse_keys(text: str, source: str) -> tuple[ApiKey, ...]:
    """Return the keys of `<name>:<role>:<sha256>` lines; empty lines and `#` comments are left out.

    Raises
    ------
    ConfigError
        If a line is of another form, a name or digest stands twice, or there is no key; never with the line itself.

    Examples
    --------
    >>> line = "crm:predict:" + hashlib.sha256(b"a long random key").hexdigest()
    >>> [key.name for key in parse_keys(line, "keys")]
    ['crm']
    """
    found: list[ApiKey] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        match = _LINE.fullmatch(words)
        if match is None or match[2] not in get_args(Role):
            raise ConfigError(f"{source}, line {number}: expected <name>:<predict or admin>:<sha256 in hexadecimal>.")
        found.append(ApiKey(match[1], cast("Role", match[2]), bytes.fromhex(match[3])))
    distinct = len({key.name for key in found}) == len(found) == len({key.digest for key in found})
    if not found or not distinct or len(found) > _MAX_KEYS:
        raise ConfigError(f"{source}: give 1 to {_MAX_KEYS} keys, each name and each key once.")
    return tuple(found)


def load_keys(config: AccessConfig, project: Path, *, environ: Mapping[str, str] | None = None) -> tuple[ApiKey, ...]:
    """Return the keys the settings ask for; none where keys are off.

    Parameters
    ----------
    config : AccessConfig
    project : Path
        Folder that a relative key file counts from.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If keys are required and missing, given in both places, or cannot be read.

    Examples
    --------
    >>> load_keys(AccessConfig(), Path(), environ={})
    ()
    """
    if config.keys == "off":
        return ()
    text = (os.environ if environ is None else environ).get(KEYS_VARIABLE)
    if text and config.key_file is not None:
        raise ConfigError(f"access.key_file and {KEYS_VARIABLE} both give keys; remove one.")
    if config.key_file is None:
        if not text:
            raise ConfigError(f"API keys are required: name access.key_file, set {KEYS_VARIABLE}, or say keys: off.")
        return parse_keys(text, KEYS_VARIABLE)
    try:
        return parse_keys(resolve_path(project, config.key_file).read_text(encoding="utf-8"), "the key file")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"access.key_file cannot be read ({type(error).__name__}); look at its path.") from error


class RateLimit:
    """A token bucket per name: `burst` at once, `per_second` in the long run.

    Parameters
    ----------
    per_second : float
        Above 0.
    burst : int
    clock : callable
        Seconds that only grow.

    Examples
    --------
    >>> limit = RateLimit(per_second=1, burst=2, clock=lambda: 0.0)
    >>> limit.wait("crm"), limit.wait("crm"), limit.wait("crm"), limit.wait("app")
    (0.0, 0.0, 1.0, 0.0)
    """

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def wait(self, name: str) -> float:
        """Take one token; return 0, or how many seconds are missing to the next one."""
        now = self._clock()
        tokens, then = self._buckets.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        allowed = tokens >= 1
        self._buckets[name] = (tokens - allowed, now)
        return 0.0 if allowed else (1 - tokens) / self._rate


class AccessMiddleware:
    """Reject unauthorised callers before the body is read.

    Parameters
    ----------
    app : ASGI application
    keys : tuple of ApiKey
        Empty: everybody may, as in development.
    rate : RateLimit, optional
    admin_port : int, optional
        The port that alone answers `ADMIN_PATHS`, and nothing else but `/health` and `/ready`.
    """

    def __init__(
        self, app: ASGIApp, keys: tuple[ApiKey, ...], rate: RateLimit | None = None, admin_port: int | None = None
    ) -> None:
        self.app = app
        self._keys = keys
        self._rate = rate
        self._admin_port = admin_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event as ASGI asks."""
        if scope["type"] == "http" and scope["path"] not in PUBLIC_PATHS:
            self._check(scope)
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        path: str = scope["path"]
        admin = path in ADMIN_PATHS or path.startswith("/docs/")
        if self._admin_port is not None and admin != ((scope.get("server") or ("", 0))[1] == self._admin_port):
            raise ProblemError(404, "http_404", "There is nothing here; metrics and predictions have a port each.")
        name = ""
        if self._keys:
            key = self._known(_sent(scope))
            if key is None:
                self._slow_down("")  # all strangers share one bucket, so guessing is slow as well
                challenge = {"WWW-Authenticate": "Bearer"}
                raise ProblemError(
                    401, "unknown_key", "Send a known key as `Authorization: Bearer`.", headers=challenge
                )
            if admin and key.role != "admin":
                raise ProblemError(403, "wrong_role", "This key may ask for predictions only.")
            name = scope["client_name"] = key.name
        self._slow_down(name)

    def _known(self, sent: bytes) -> ApiKey | None:
        digest = hashlib.sha256(sent).digest()
        found: ApiKey | None = None
        for key in self._keys:  # all of them, whichever fits: the time taken says nothing
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found

    def _slow_down(self, name: str) -> None:
        if self._rate is not None and (seconds := self._rate.wait(name)):
            again = {"Retry-After": str(ceil(seconds))}
            raise ProblemError(429, "too_many_requests", "This key asks too often; wait and try again.", headers=again)


@dataclass(frozen=True)
class Access:
    """What the settings say about who may ask, read once at the entry point.

    Examples
    --------
    >>> Access.of(AccessConfig(requests_per_second=5), Path(), environ={}).rate is None
    False
    """

    keys: tuple[ApiKey, ...] = ()
    rate: RateLimit | None = None
    admin_port: int | None = None

    @classmethod
    def of(
        cls,
        config: AccessConfig,
        project: Path,
        *,
        admin_port: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Access:
        """Return what the settings ask for; raises ConfigError as `load_keys`."""
        per_second = config.requests_per_second
        rate = RateLimit(per_second, config.burst) if per_second else None
        return cls(load_keys(config, project, environ=environ), rate, admin_port)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the app behind the checks; the app itself where there is nothing to check."""
        if not self.keys and self.rate is None and self.admin_port is None:
            return app
        return AccessMiddleware(app, self.keys, self.rate, self.admin_port)


def _sent(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_SCHEME)].lower() == _SCHEME:
            return value[len(_SCHEME) :][:_LONGEST_KEY]
    return b""


def main() -> int:
    """Make a key: print it once, to be handed over, and the line for the key file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("name")
    parser.add_argument("role", choices=get_args(Role))
    options = parser.parse_args()
    key = secrets.token_urlsafe(32)
    line = f"{options.name}:{options.role}:{hashlib.sha256(key.encode()).hexdigest()}"
    parse_keys(line, "name")
    print(f"key:  {key}\nline: {line}")  # noqa: T201  a command: this is its answer
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
