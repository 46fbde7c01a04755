"""Settings of releases, the same section in every project, and the keys they lead to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from common_utils.bundle.signing import Trust, parse_keys, read_key_file
from common_utils.config import BaseConfig, resolve_path
from common_utils.errors import ConfigError

__all__ = ["KEYS_VARIABLE", "ReleaseConfig", "load_trust"]

KEYS_VARIABLE = "BUNDLE_KEYS"
"""Environment variable that holds the keys where no file does; they are never given on a command line."""


class ReleaseConfig(BaseConfig):
    """How bundles are signed and followed.

    Examples
    --------
    >>> ReleaseConfig().signatures
    'required'
    """

    signatures: Literal["required", "development"] = Field(
        default="required",
        description="required: a bundle that none of our keys signed is refused; development: unsigned ones are taken",
    )
    key_file: Path | None = Field(
        default=None, description="file of `<key id>:<hexadecimal secret>`, the first signs; else BUNDLE_KEYS is read"
    )
    follow_seconds: float = Field(
        default=1.0, ge=0, le=3600, description="how often a service looks where the pointer stands; 0: never"
    )


def load_trust(config: ReleaseConfig, project: Path, *, environ: Mapping[str, str] | None = None) -> Trust:
    """Return the keys that count, read once at the entry point.

    Parameters
    ----------
    config : ReleaseConfig
    project : Path
        Folder that a relative key file counts from.
    environ : mapping, optional
        Read instead of `os.environ`.

    Raises
    ------
    ConfigError
        If keys are given in both places, cannot be read, or are required and missing.

    Examples
    --------
    >>> load_trust(ReleaseConfig(signatures="development"), Path(), environ={}).required
    False
    """
    text = (os.environ if environ is None else environ).get(KEYS_VARIABLE)
    if text and config.key_file is not None:
        raise ConfigError(f"releases.key_file and {KEYS_VARIABLE} both give keys; remove one.")
    keys: dict[str, bytes] = {}
    if config.key_file is not None:
        keys = read_key_file(resolve_path(project, config.key_file))
    elif text:
        keys = parse_keys(text, KEYS_VARIABLE)
    elif config.signatures == "required":
        raise ConfigError(
            f"signatures are required and there is no key: name releases.key_file or set {KEYS_VARIABLE}, or say "
            "releases.signatures: development where unsigned bundles may be used."
        )
    return Trust(keys, required=config.signatures == "required")
