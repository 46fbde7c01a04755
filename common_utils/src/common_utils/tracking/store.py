"""The folder of the runs: each a folder of its own, and beside them the outbox of what the mirror does not have yet."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from common_utils.bundle import fingerprint_bytes
from common_utils.errors import ConfigError, DataError
from common_utils.outputs import write_bytes, write_text
from common_utils.tracking.run import FileOf, RunRecord, is_run_id

__all__ = ["LATEST", "RunStore", "is_lost"]

LATEST = "latest"
"""In place of a run's name."""

_RECORD = "run.json"
_OUTBOX = "outbox"


class RunStore:
    """Runs in a folder.

    Parameters
    ----------
    folder : Path
        Need not be there.

    Examples
    --------
    >>> import tempfile
    >>> RunStore(Path(tempfile.mkdtemp()) / "runs").names()
    []
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Return the names of all runs, the oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if is_run_id(path.name))

    def read(self, name: str) -> RunRecord:
        """Return a run.

        Raises
        ------
        DataError
            If there is none of this name, or its record is damaged or of a newer format.
        """
        path = self.folder / name / _RECORD
        try:
            return RunRecord.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise DataError(f"{path}: there is no such run; `runs list` shows them.") from None
        except (OSError, ValidationError) as error:
            why = error.strerror if isinstance(error, OSError) else f"{error.error_count()} value(s) do not fit"
            raise DataError(f"{path}: cannot be read as a run ({why}); a run that is damaged may be removed.") from None

    def every(self) -> Iterator[tuple[str, RunRecord | DataError]]:
        """Yield each run by its name, the oldest first, or why it cannot be read."""
        for name in self.names():
            try:
                yield name, self.read(name)
            except DataError as error:
                yield name, error

    def find(self, asked: str) -> RunRecord:
        """Return the run that a name, how it begins, or LATEST means.

        Raises
        ------
        ConfigError
            If it means none, or several.
        DataError
            As `read`.
        """
        names = self.names()
        found = names[-1:] if asked == LATEST else [name for name in names if asked and name.startswith(asked)]
        if len(found) != 1:
            several = f"{len(found)} runs begin so; give more of the name" if found else "there is no such run"
            raise ConfigError(f"run {asked[:40]!r}: {several}. `runs list` shows those of {self.folder}.")
        return self.read(found[0])

    def write(self, run: RunRecord) -> None:
        """Put a run in its place, whole.

        Raises
        ------
        DataError
            If the disk refuses.
        """
        write_text(self.folder / run.run / _RECORD, run.model_dump_json(indent=1) + "\n")

    def keep_file(self, run: str, name: str, content: bytes) -> FileOf:
        """Keep a file with a run; the run's record names it once it is written.

        Raises
        ------
        DataError
            If the disk refuses.
        """
        write_bytes(self.folder / run / name, content)
        return FileOf(bytes=len(content), sha256=fingerprint_bytes(content))

    def file(self, run: RunRecord, name: str) -> Path:
        """Return where a file of a run lies, once its content is what the record says.

        Raises
        ------
        DataError
            If it is missing or was changed.
        """
        path = self.folder / run.run / name
        try:
            found = fingerprint_bytes(path.read_bytes())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from error
        if found != run.files[name].sha256:
            raise DataError(f"{path}: is not the file that the run wrote.")
        return path

    def post(self, run: str) -> None:
        """Put a run into the outbox.

        Raises
        ------
        DataError
            If the disk refuses.
        """
        write_text(self.folder / _OUTBOX / f"{run}.json", json.dumps({"format": 1, "run": run}) + "\n")

    def posted(self) -> list[str]:
        """Return the names of the runs in the outbox, the oldest first."""
        outbox = self.folder / _OUTBOX
        names = (path.stem for path in outbox.glob("*.json")) if outbox.is_dir() else ()
        return sorted(name for name in names if is_run_id(name))

    def delivered(self, run: str) -> None:
        """Take a run out of the outbox."""
        (self.folder / _OUTBOX / f"{run}.json").unlink(missing_ok=True)


def is_lost(run: RunRecord) -> bool:
    """Tell whether a run that says it is running cannot be: its process, one of this machine, is gone.

    A process of another machine, or one whose number another process has by now, is taken as running.
    """
    if run.state != "running" or run.host != socket.gethostname():
        return False
    try:
        os.kill(run.process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
