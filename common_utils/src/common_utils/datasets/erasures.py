"""Who was forgotten, as keyed digests beside the snapshots: a table that still holds one of them is not learnt from.

A line is one erasure: the subject under each key there was, and for each key a witness, the digest of nobody. With the
witness it is known whether the keys at hand are those a line was written under; without such keys nothing can be known
of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from common_utils.bundle.durable import exclusive, sync
from common_utils.decision_log.config import DecisionsConfig
from common_utils.decision_log.keys import KEYS_VARIABLE, default_key_file, load_keys
from common_utils.errors import ArtifactError, DataError

__all__ = ["FindKeyed", "Keyed", "add_erasure", "forgotten_among", "keyed_by", "no_keys"]

Keyed: TypeAlias = Callable[[str], Sequence[str]]
"""From a subject's name to its keyed forms, one for each key."""

FindKeyed: TypeAlias = Callable[[], Keyed | None]
"""Finds the keys when they are needed; None where there are none."""

_FILE, _LOCK, _NOBODY = "forgotten", "datasets.lock", ""
_LOG = logging.getLogger(__name__)


def no_keys() -> None:
    """Find no keys."""


def keyed_by(
    settings: DecisionsConfig, project: str, folder: Path, *, environ: Mapping[str, str] | None = None
) -> FindKeyed:
    """Return what finds the keys of a project's decision log; it makes none.

    Parameters
    ----------
    settings : DecisionsConfig
    project : str
        Name of the package.
    folder : Path
        The project's.
    environ : mapping, optional
        Read instead of `os.environ`.

    Examples
    --------
    >>> keyed_by(DecisionsConfig(), "planrec", Path("nowhere"), environ={})() is None
    True
    """

    def find() -> Keyed | None:
        named = (os.environ if environ is None else environ).get(KEYS_VARIABLE)
        if not named and settings.key_file is None and not default_key_file(settings, folder).exists():
            return None
        return partial(load_keys(settings, folder, environ=environ).subjects, project)

    return find


def add_erasure(folder: Path, subjects: Sequence[str], keyed: Keyed) -> None:
    """Note a subject who was forgotten, unless that is noted already.

    Parameters
    ----------
    folder : Path
        Of the snapshots; made if it is missing.
    subjects : sequence of str
        The subject's keyed forms.
    keyed : callable

    Raises
    ------
    ArtifactError
        If the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> add_erasure(folder, ["k1.S1"], lambda name: [f"k1.{name}"])
    >>> forgotten_among(folder, ["S1", "S2"], lambda: lambda name: [f"k1.{name}"])
    {'S1'}
    """
    line = f"{' '.join(keyed(_NOBODY))}|{' '.join(subjects)}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with exclusive(folder / _LOCK):
            if line in _lines(folder):
                return
            number = os.open(folder / _FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(number, "ab") as stream:
                stream.write(f"{line}\n".encode())
                stream.flush()
                os.fsync(number)
            sync(folder)
    except OSError as error:
        raise ArtifactError(
            f"{folder}: that a subject was forgotten could not be noted ({error.strerror or error}). Free space or "
            "correct the permissions, then run again."
        ) from error


def forgotten_among(folder: Path, subjects: Iterable[str], find: FindKeyed) -> set[str]:
    """Return those subjects who were forgotten, as far as the keys at hand tell.

    Parameters
    ----------
    folder : Path
        Of the snapshots.
    subjects : iterable of str
    find : callable
        Asked only where somebody was forgotten.

    Raises
    ------
    DataError
        If nothing can be told: no key at hand is one that an erasure was noted under.
    """
    noted = [line.partition("|")[::2] for line in _lines(folder)]
    if not noted:
        return set()
    keyed = find()
    known = set() if keyed is None else set(keyed(_NOBODY))
    told = [names for witness, names in noted if not known.isdisjoint(witness.split())]
    if keyed is None or not told:
        raise DataError(
            f"{folder}: {len(noted)} subject(s) were forgotten, and whether the table still holds them cannot be told "
            f"without the keys of then. Give the decision log's keys: decisions.key_file, or {KEYS_VARIABLE}."
        )
    if len(told) < len(noted):
        _LOG.warning(
            "%d forgotten subject(s) were noted under keys that are gone: whether the table holds them is not known",
            len(noted) - len(told),
        )
    forgotten = {name for names in told for name in names.split()}
    return {subject for subject in subjects if not forgotten.isdisjoint(keyed(subject))}


def _lines(folder: Path) -> list[str]:
    try:
        return (folder / _FILE).read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / _FILE}: who was forgotten cannot be read. Correct its rights.") from error
