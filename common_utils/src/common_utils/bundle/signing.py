"""Who wrote a bundle: a signature over its manifest, which holds the hash of every other file.

HMAC-SHA256 from the standard library. Trainers and services of one operator share a secret here, so that a service
that is broken into could sign as well; Ed25519 would not let it, and would bring a compiled library into every image.
A signature names its key, so that keys can be replaced: put the new one first, train again, take the old one out.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from common_utils.bundle.manifest import MANIFEST, SIGNATURE, refusal
from common_utils.bundle.names import check_name, is_plain_name
from common_utils.errors import ConfigError

__all__ = ["INTEGRITY_ONLY", "SHORTEST_KEY", "Trust", "parse_keys", "read_key_file"]

SHORTEST_KEY = 32
"""Bytes a key has at least: the length of the hash."""

_MAX_KEY_FILE = 1 << 16
_SIGNATURE = re.compile(rb"hmac-sha256 ([A-Za-z0-9._-]{1,64}) ([0-9a-f]{64})\n")
# What is signed says what it is for: a signature of something else under the same key is none of a manifest.
_PURPOSE = b"common_utils manifest 1"


@dataclass(frozen=True)
class Trust:
    """Which signatures count.

    Parameters
    ----------
    keys : mapping of str to bytes
        Key id to secret, at least 32 bytes each; the first signs, all verify.
    required : bool
        Whether a bundle that none of the keys signed is refused. A wrong signature under a known key always is.

    Examples
    --------
    >>> trust = Trust({"2026-11": bytes(32)})
    >>> signature = trust.sign(b"manifest")
    >>> signature[:20], trust.signer(Path("bundle"), b"manifest", signature)
    (b'hmac-sha256 2026-11 ', '2026-11')
    """

    keys: Mapping[str, bytes] = field(default_factory=dict[str, bytes], repr=False)
    required: bool = True

    def __post_init__(self) -> None:
        for key_id, secret in self.keys.items():
            check_name(key_id, "key id")
            if len(secret) < SHORTEST_KEY:
                raise ConfigError(f"key {key_id!r} has {len(secret)} bytes; give at least {SHORTEST_KEY} random ones.")
        if self.required and not self.keys:
            raise ConfigError("signatures are required and there is no key; give a key file, or say development.")
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))

    def sign(self, manifest: bytes) -> bytes | None:
        """Return the content of `manifest.sig`: one line; None where there is no key."""
        for key_id, secret in self.keys.items():
            return f"hmac-sha256 {key_id} {_mac(secret, key_id, manifest)}\n".encode()
        return None

    def signer(self, folder: Path, manifest: bytes, signature: bytes | None) -> str | None:
        """Return the id of the key that signed a manifest, before anybody parses it.

        Parameters
        ----------
        folder : Path
            Of the bundle, for the message.
        manifest : bytes
            `manifest.json` as read.
        signature : bytes, optional
            `manifest.sig` as read, if there is one.

        Returns
        -------
        str or None
            None where signatures are not required and none of the keys signed it.

        Raises
        ------
        ArtifactError
            If the signature is malformed, does not fit, or is missing or foreign where one is required.
        """
        if signature is None:
            if self.required:
                raise refusal(folder, f"it is not signed ({SIGNATURE} is missing)")
            return None
        parts = _SIGNATURE.fullmatch(signature)
        key_id = parts[1].decode() if parts else ""
        if parts is None or not is_plain_name(key_id):
            raise refusal(folder, f"{SIGNATURE} is not one line of algorithm, key id and signature")
        secret = self.keys.get(key_id)
        if secret is None:
            if self.required:
                raise refusal(folder, f"it was signed with key {key_id!r}, which is none of ours")
            return None
        if not hmac.compare_digest(_mac(secret, key_id, manifest).encode(), parts[2]):
            raise refusal(folder, f"{SIGNATURE} does not fit {MANIFEST}: it was altered, or signed with another key")
        return key_id


INTEGRITY_ONLY = Trust(required=False)
"""Hashes are checked, the origin is not: for development, and for readers that only show what a bundle says."""


def parse_keys(text: str, source: str) -> dict[str, bytes]:
    """Return the keys of a text: `<key id>:<hexadecimal secret>`, separated by white space or commas.

    Parameters
    ----------
    text : str
        The first key signs.
    source : str
        Where it came from, for the message, which never repeats the text.

    Raises
    ------
    ConfigError
        If there is none, an entry is malformed, or an id comes twice.

    Examples
    --------
    >>> list(parse_keys(f"2026-11:{'ab' * 32} 2026-05:{'cd' * 32}", "BUNDLE_KEYS"))
    ['2026-11', '2026-05']
    """
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(text.replace(",", " ").split(), start=1):
        key_id, colon, digits = entry.partition(":")
        if not colon or not is_plain_name(key_id) or not re.fullmatch("(?:[0-9a-fA-F]{2})+", digits, re.ASCII):
            raise ConfigError(f"{source}: key {number} is not <key id>:<hexadecimal secret>. Write it so.")
        if key_id in keys:
            raise ConfigError(f"{source}: key id {key_id!r} is given twice. Give each key its own id.")
        keys[key_id] = bytes.fromhex(digits)
    if not keys:
        raise ConfigError(f"{source}: holds no key. Write <key id>:<hexadecimal secret>.")
    return keys


def read_key_file(path: Path) -> dict[str, bytes]:
    """Return the keys of a file, as `parse_keys`.

    Raises
    ------
    ConfigError
        If it cannot be read, is too large, anybody may write to it, or it holds no valid keys.
    """
    try:
        with path.open("rb") as stream:
            anybody_writes = os.fstat(stream.fileno()).st_mode & stat.S_IWOTH
            data = stream.read(_MAX_KEY_FILE + 1)
    except OSError as error:
        raise ConfigError(
            f"key file {path}: cannot be read ({error.strerror}). Correct the path or its rights."
        ) from error
    if anybody_writes:
        raise ConfigError(f"key file {path}: anybody may write to it. Take that right away: chmod 600.")
    if len(data) > _MAX_KEY_FILE or not data.isascii():
        raise ConfigError(f"key file {path}: is not a short ASCII text of <key id>:<hexadecimal secret>.")
    return parse_keys(data.decode("ascii"), f"key file {path}")


def _mac(secret: bytes, key_id: str, manifest: bytes) -> str:
    # The id holds no NUL and the purpose is fixed, so that the three parts cannot be moved into each other.
    return hmac.new(secret, b"\0".join((_PURPOSE, key_id.encode(), manifest)), hashlib.sha256).hexdigest()
