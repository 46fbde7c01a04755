"""Keys of the decision log: who a subject is, which event an answer was, what was asked; all of it keyed.

A plain digest of a subscriber's id, or of a month's usage, can be found again by trying all; a keyed one cannot without
the key. The key in use stands first. Older keys stay below it, so that what was logged under them is still found; the
last one, the oldest, names events, so that a retry across a rotation is still the same event. What was
asked is digested under the key in use: after a key leaked, a new one on top protects what is logged from then on.
Objections and erasures are known by keyed subjects as well: a key that is taken out takes along those made under it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b, blake2s
from pathlib import Path
from typing import TypeAlias

from common_utils.config import resolve_path
from common_utils.decision_log.config import DecisionsConfig
from common_utils.errors import ConfigError
from common_utils.identifiers import cleaned_id

__all__ = [
    "KEYS_VARIABLE",
    "Key",
    "KeyRing",
    "KeysUnavailableError",
    "Mac",
    "begun_keyed",
    "begun_mac",
    "default_key_file",
    "keyed",
    "load_keys",
    "mac",
    "parse_keys",
    "rotate",
    "subject_text",
]

KEYS_VARIABLE = "DECISION_KEYS"
"""Environment variable that holds the key lines where no file does."""

Mac: TypeAlias = Callable[[bytes], str]
"""From a message to its keyed digest, 32 hexadecimal digits."""

_LINE = re.compile(r"([A-Za-z0-9_-]{1,16}):([0-9a-f]{64})")
_DEFAULT_FILE = Path("data/decisions/keys")
_MOST_KEYS = 100
_BLOCK = 64
_BYTES = 16  # of a digest: 128 bits
_DIGITS = 2 * _BYTES
_INNER = bytes(x ^ 0x36 for x in range(256))
_OUTER = bytes(x ^ 0x5C for x in range(256))


class KeysUnavailableError(ConfigError):
    """Nobody named keys, and the file they would be in can neither be read nor made."""


def begun_mac(secret: bytes) -> tuple[Callable[[], blake2s], Callable[[], blake2s]]:
    """Return what begins the inner and the outer digest of an HMAC, the key's two blocks worked in once.

    BLAKE2s has SHA-256's block and length. Between other work an HMAC of SHA-256, whose digests OpenSSL makes, took
    half as long again.
    """
    block = secret.ljust(_BLOCK, b"\0")
    return blake2s(block.translate(_INNER)).copy, blake2s(block.translate(_OUTER)).copy


def mac(secret: bytes) -> Mac:
    """Return HMAC-BLAKE2s under one key.

    A function and no method: it is called for every answer, between other work, where each further call counts.

    Parameters
    ----------
    secret : bytes
        64 at most.

    Returns
    -------
    callable
        From a message to the first 128 bits of its HMAC, in hexadecimal.

    Examples
    --------
    >>> import hmac
    >>> mac(b"key")(b"text") == hmac.digest(b"key", b"text", "blake2s").hex()[:32]
    True
    """
    begin_inner, begin_outer = begun_mac(secret)

    def digest(message: bytes) -> str:
        inner, outer = begin_inner(), begin_outer()
        inner.update(message)
        outer.update(inner.digest())
        return outer.hexdigest()[:_DIGITS]

    return digest


def begun_keyed(secret: bytes) -> Callable[[], blake2b]:
    """Return what begins a keyed BLAKE2b."""
    return blake2b(key=secret, digest_size=_BYTES).copy


def keyed(secret: bytes) -> Mac:
    """Return BLAKE2b under one key, which is worked in once: quicker than an HMAC of a message of some length.

    Returns
    -------
    callable
        From a message to 128 bits, in hexadecimal.

    Examples
    --------
    >>> keyed(b"key")(b"text") == blake2b(b"text", key=b"key", digest_size=16).hexdigest()
    True
    """
    begin = begun_keyed(secret)

    def digest(message: bytes) -> str:
        found = begin()
        found.update(message)
        return found.hexdigest()

    return digest


@dataclass(frozen=True)
class Key:
    """One key: a name for the log, and a secret that is never shown."""

    name: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name!r})"

    @cached_property
    def subject_mac(self) -> Mac:
        """What keys subjects."""
        return mac(self.secret)

    @cached_property
    def content_secret(self) -> bytes:
        """The key of questions."""
        return bytes.fromhex(self.subject_mac(b"content"))

    @cached_property
    def content_mac(self) -> Mac:
        """What keys questions."""
        return keyed(self.content_secret)

    def derived(self, purpose: bytes) -> Mac:
        """Return what keys something else than subjects."""
        return mac(bytes.fromhex(self.subject_mac(purpose)))


@dataclass(frozen=True)
class KeyRing:
    """The keys of one project, the one in use first.

    Examples
    --------
    >>> old, new = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
    >>> before, after = KeyRing((old,)), KeyRing((new, old))
    >>> before.subject("planrec", "S1") in after.subjects("planrec", "S1")
    True
    >>> before.event("crm", "order-17") == after.event("crm", "order-17")
    True
    """

    keys: tuple[Key, ...]

    @cached_property
    def current(self) -> Key:
        """The key that new entries are written under."""
        return self.keys[0]

    def subject(self, project: str, subject: str) -> str:
        """Return a subject as it is logged: `<key id>.<HMAC(key, project | subject)>`."""
        key = self.current
        return f"{key.name}.{key.subject_mac(subject_text(project, subject))}"

    def subjects(self, project: str, subject: str) -> tuple[str, ...]:
        """Return how a subject was logged under each of the keys, the one in use first."""
        text = subject_text(project, subject)
        return tuple(f"{key.name}.{key.subject_mac(text)}" for key in self.keys)

    def event(self, client: str, name: str) -> str:
        """Return the id of an event: a retry with the same client and name has the same one, whatever key is in use."""
        return self.event_mac(f"{client}\0{name}".encode())

    def digest(self, content: bytes) -> str:
        """Return `<key id>.<keyed digest>` of what was asked."""
        key = self.current
        return f"{key.name}.{key.content_mac(content)}"

    def draw(self, event: str) -> float:
        """Return a number in [0, 1) that belongs to an event: a retry explores as the first try did."""
        return int(self._draws(event.encode()), 16) / 256**_BYTES

    @cached_property
    def event_secret(self) -> bytes:
        """The key of events, made of the oldest one."""
        return bytes.fromhex(self.keys[-1].subject_mac(b"event"))

    @cached_property
    def event_mac(self) -> Mac:
        """What keys events."""
        return mac(self.event_secret)

    @property
    def naming_mac(self) -> Mac | None:
        """What keys subjects under the key that names events; None where that key is in use, and says who it is."""
        return self.keys[-1].subject_mac if len(self.keys) > 1 else None

    @cached_property
    def _draws(self) -> Mac:
        return self.keys[-1].derived(b"draw")


def subject_text(project: str, subject: str) -> bytes:
    r"""Return what is keyed of a subject: the project, and the subject in the form that files clean it to.

    Examples
    --------
    >>> subject_text("planrec", " S1\u200b") == subject_text("planrec", "S1")
    True
    """
    return f"{project}|{cleaned_id(subject)}".encode()


def parse_keys(text: str, source: str) -> KeyRing:
    """Return the keys of `<id>:<64 hexadecimal digits>` lines; empty lines and `#` comments are left out.

    Raises
    ------
    ConfigError
        If a line is of another form, an id or a secret stands twice, or there is none; never with the line itself.

    Examples
    --------
    >>> [key.name for key in parse_keys("k2:" + "b" * 64 + ", k1:" + "a" * 64, "keys").keys]
    ['k2', 'k1']
    """
    found: list[Key] = []
    for number, line in enumerate(re.split(r"[\n,]", text), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        match = _LINE.fullmatch(words)
        if match is None:
            raise ConfigError(f"{source}, line {number}: expected <id>:<64 hexadecimal digits>.")
        found.append(Key(match[1], bytes.fromhex(match[2])))
    if not found or len(found) > _MOST_KEYS:
        raise ConfigError(f"{source}: give 1 to {_MOST_KEYS} keys.")
    if len({key.name for key in found}) < len(found) or len({key.secret for key in found}) < len(found):
        raise ConfigError(f"{source}: an id or a key stands twice; each may stand once.")
    return KeyRing(tuple(found))


def default_key_file(config: DecisionsConfig, project: Path) -> Path:
    """Return the file the keys are in, or would be made in."""
    return resolve_path(project, config.key_file or _DEFAULT_FILE)


def load_keys(config: DecisionsConfig, project: Path, *, environ: Mapping[str, str] | None = None) -> KeyRing:
    """Return the keys the settings name; makes the file where nothing names any and none is there.

    Parameters
    ----------
    config : DecisionsConfig
    project : Path
        Folder that relative paths count from.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If keys are named in both places, or cannot be read or made.
    """
    text = (os.environ if environ is None else environ).get(KEYS_VARIABLE)
    if text and config.key_file is not None:
        raise ConfigError(f"decisions.key_file and {KEYS_VARIABLE} both give keys; remove one.")
    if text:
        return parse_keys(text, KEYS_VARIABLE)
    path = default_key_file(config, project)
    try:
        if config.key_file is None and not path.exists():
            _make(path, f"{_new_line('k1')}\n", replace=False)
        return parse_keys(path.read_text(encoding="utf-8"), "decisions.key_file")
    except (OSError, UnicodeDecodeError) as error:
        if config.key_file is None:
            raise KeysUnavailableError(
                f"decisions.key_file {path} cannot be read or made ({type(error).__name__}); name a file, or set "
                f"{KEYS_VARIABLE}."
            ) from error
        missing = isinstance(error, FileNotFoundError)
        why = "there is no such file" if missing else type(error).__name__
        advice = "`decisions rotate-key` makes it with a first key, or name" if missing else "name"
        raise ConfigError(
            f"decisions.key_file {path} cannot be read: {why}; {advice} the file that holds your keys."
        ) from error


def rotate(path: Path, keys: KeyRing | None) -> str:
    """Put a new key on top of a key file, and return its id; the old ones stay for joins.

    Parameters
    ----------
    path : Path
    keys : KeyRing or None
        What the file holds; None where there is none yet, and the first key is made.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    held = () if keys is None else keys.keys
    taken = {key.name for key in held}
    name = next(name for number in range(1, _MOST_KEYS + 2) if (name := f"k{number}") not in taken)
    old = "".join(f"{key.name}:{key.secret.hex()}\n" for key in held)
    try:
        _make(path, f"{_new_line(name)}\n{old}", replace=keys is not None)
    except OSError as error:
        raise ConfigError(f"decisions.key_file cannot be written ({type(error).__name__}).") from error
    return name


def _new_line(name: str) -> str:
    return f"{name}:{secrets.token_hex(32)}"


def _make(path: Path, text: str, *, replace: bool) -> None:
    """Write a key file that only its owner reads; of two that start at once, the first one's keys count."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(number, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor with its mode set
            file.write(text)
            file.flush()
            os.fsync(number)
        if replace:
            temporary.replace(path)
            return
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink(missing_ok=True)
