"""Who objected, as a file beside the journal: keyed subjects, one a line. The shipper brings it; a service reads it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from common_utils.bundle.durable import temporary_path

__all__ = ["FILE_NAME", "Objections", "write_objections"]

FILE_NAME = "objections"
_LOOK_SECONDS = 1.0


class Objections:
    """The objections that lie in a folder, looked at again at most once a second.

    Parameters
    ----------
    folder : Path
        Of the journal.
    clock : callable
        Seconds that only grow.

    Attributes
    ----------
    held : frozenset of str
        What was read last.
    look_at : float
        When the folder is looked at again.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_objections(folder, ["k1.00ff"])
    >>> Objections(folder).holds(["k2.11aa", "k1.00ff"])
    True
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = folder / FILE_NAME
        self.clock = clock
        self.look_at = -1.0
        self._seen: tuple[int, int] | None = None
        self.held: frozenset[str] = frozenset()

    @property
    def any(self) -> bool:
        """Whether anybody objected."""
        if self.clock() > self.look_at:
            self._look()
        return bool(self.held)

    def holds(self, subjects: Iterable[str]) -> bool:
        """Say whether one of the keyed forms of a subject is among them."""
        return self.any and not self.held.isdisjoint(subjects)

    def _look(self) -> None:
        self.look_at = self.clock() + _LOOK_SECONDS
        try:
            found = self._path.stat()
            seen = (found.st_mtime_ns, found.st_ino)
            if seen != self._seen:
                self.held = frozenset(self._path.read_text(encoding="ascii").split())
                self._seen = seen
        except FileNotFoundError:
            self.held, self._seen = frozenset(), None
        except OSError:
            return  # what was read before still holds


def write_objections(folder: Path, subjects: Iterable[str]) -> None:
    """Put the file of objections in place, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = temporary_path(folder)
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(number, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor with its mode set
        file.write("".join(f"{subject}\n" for subject in sorted(set(subjects))))
    temporary.replace(folder / FILE_NAME)
