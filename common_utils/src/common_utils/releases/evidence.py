"""What a decision rests on: files named by their digests in the record, so that nobody can exchange them later."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from common_utils.bundle import fingerprint_file
from common_utils.bundle.names import check_name, is_plain_name
from common_utils.errors import ConfigError

__all__ = ["check_evidence", "evidence_of"]

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def evidence_of(files: Sequence[Path]) -> dict[str, str]:
    """Return the sha256 of files by their names.

    Parameters
    ----------
    files : sequence of Path
        Each with a plain name of its own.

    Raises
    ------
    ConfigError
        If a file cannot be read, its name is not plain, or two have one name.

    Examples
    --------
    >>> evidence_of([])
    {}
    """
    found: dict[str, str] = {}
    for path in files:
        if check_name(path.name, "evidence") in found:
            raise ConfigError(f"evidence: two files are named {path.name}. Rename one.")
        try:
            found[path.name] = fingerprint_file(path)
        except OSError as error:
            raise ConfigError(f"evidence {path.name}: cannot be read ({error.strerror}). Name a file.") from error
    return found


def check_evidence(evidence: object) -> str | None:
    """Return what is wrong with the evidence of an entry, or None.

    Examples
    --------
    >>> check_evidence({"gate.json": "7" * 64}) is None
    True
    >>> check_evidence({"gate.json": "7"})
    'evidence is not plain names with sha256 digests'
    """
    fits = (
        isinstance(evidence, Mapping)
        and len(evidence) > 0
        and all(
            isinstance(name, str) and is_plain_name(name) and isinstance(digest, str) and _SHA256.fullmatch(digest)
            for name, digest in evidence.items()
        )
    )
    return None if fits else "evidence is not plain names with sha256 digests"
