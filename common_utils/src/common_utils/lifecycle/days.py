"""The days of retraining: what was decided on each, kept whole or not at all, and what a killed run left."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from common_utils.bundle.durable import make_folder, taking_turns
from common_utils.errors import DataError
from common_utils.lifecycle.reasons import RetrainReason
from common_utils.outputs import write_bytes

__all__ = ["EXIT_CODES", "Outcome", "RetrainBook", "RetrainDay"]

Outcome: TypeAlias = Literal["no_reason", "challenger", "blocked", "refused", "barred", "insufficient"]
"""What a day ended with; only `challenger` changed anything."""

EXIT_CODES: dict[Outcome, int] = {
    "no_reason": 0,
    "challenger": 0,
    "blocked": 5,
    "refused": 5,
    "barred": 5,
    "insufficient": 6,
}
"""What `retrain` leaves with: as `monitor`, 5 where somebody has to look, 6 where there is too little to judge by."""

_FORMAT = 1
_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.json")
_LOCK, _DAYS, _REPORTS, _WORK = "retrain.lock", "days", "reports", "work"


@dataclass(frozen=True)
class RetrainDay:
    """What retraining did on one day.

    Attributes
    ----------
    project : str
        Package.
    as_of : str
        The day, `YYYY-MM-DD`.
    outcome : {"no_reason", "challenger", "blocked", "refused", "barred", "insufficient"}
        `blocked`: a quality alarm forbids it. `refused`: the gate. `barred`: the bundle that came out may not come
        back. `insufficient`: it cannot be said whether the new bundle is as good, or monitoring has not looked.
    live : str
        The version that was live.
    reasons : tuple of RetrainReason
        Why a bundle was, or would have been, trained.
    sentences : tuple of str
        What to know of the outcome, the first first.
    snapshot : str
        Digest of the data that was looked at; empty where none was.
    inputs : str
        Digest of data, settings and live version: the same inputs are not trained on twice.
    challenger : str
        Version of the bundle that was trained; empty where there is none.
    evidence : str
        sha256 of the gate's report; empty where there is none.
    trained : bool
        Whether a training was begun on this day; such a day is done, whatever is asked.
    question : str
        Digest of what was asked: live version, settings, and what monitoring had found.

    Examples
    --------
    >>> RetrainDay("demo", "2025-11-01", "no_reason", "v1").exit_code
    0
    """

    project: str
    as_of: str
    outcome: Outcome
    live: str
    reasons: tuple[RetrainReason, ...] = ()
    sentences: tuple[str, ...] = ()
    snapshot: str = ""
    inputs: str = ""
    challenger: str = ""
    evidence: str = ""
    trained: bool = False
    question: str = ""

    @property
    def exit_code(self) -> int:
        """What the command leaves with."""
        return EXIT_CODES[self.outcome]

    def to_dict(self) -> dict[str, Any]:
        """Return what is written."""
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("reasons", "sentences")}
        reasons = [reason.to_dict() for reason in self.reasons]
        return {"format": _FORMAT, **said, "reasons": reasons, "sentences": list(self.sentences)}

    def lines(self) -> list[str]:
        """Return the day for a terminal."""
        said = [f"{self.project} {self.as_of}: {_WORDS[self.outcome]}"]
        said += [f"  reason, {reason.kind.replace('_', ' ')}: {reason.sentence}" for reason in self.reasons]
        return [*said, *(f"  {sentence}" for sentence in self.sentences)]


_WORDS: dict[Outcome, str] = {
    "no_reason": "no reason to train; nothing was done.",
    "challenger": "a new bundle passed the gate and is the challenger; what is live did not change.",
    "blocked": "retraining is blocked by a quality alarm; nothing was trained.",
    "refused": "the new bundle was refused; what is live did not change.",
    "barred": "the training made a bundle that is barred; what is live did not change.",
    "insufficient": "there is too little to judge by; nothing was published.",
}
_FIELDS = tuple(f.name for f in fields(RetrainDay))


class RetrainBook:
    """The folder of days: `days/DAY.json`, `reports/DAY.json` and `.md`, and `work/`, what a running day holds.

    Parameters
    ----------
    folder : Path
        `lifecycle.folder`; made when the first day is written.

    Examples
    --------
    >>> import tempfile
    >>> book = RetrainBook(Path(tempfile.mkdtemp()) / "lifecycle")
    >>> with book.writing():
    ...     book.keep(RetrainDay("demo", "2025-11-01", "no_reason", "v1"))
    >>> [day.outcome for day in book.days()], book.day(date(2025, 11, 2)) is None
    (['no_reason'], True)
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writing(self) -> AbstractContextManager[None]:
        """Wait for the turn: two runs of one day answer one after the other.

        Raises
        ------
        DataError
            If the folder cannot be made.
        """
        return taking_turns(self.folder, _LOCK, "lifecycle.folder")

    def keep(self, day: RetrainDay) -> None:
        """Write a day, whole or not at all; it is the last thing a day does."""
        content = json.dumps(day.to_dict(), indent=1, allow_nan=False)
        write_bytes(self.folder / _DAYS / f"{day.as_of}.json", content.encode() + b"\n")

    def day(self, as_of: date) -> RetrainDay | None:
        """Return what was done on a day; None where nobody asked, or the run was killed.

        Raises
        ------
        DataError
            If the file is not such a record.
        """
        path = self.folder / _DAYS / f"{as_of.isoformat()}.json"
        return _read(path) if path.exists() else None

    def days(self) -> list[RetrainDay]:
        """Return every day, the oldest first.

        Raises
        ------
        DataError
            As `day`.
        """
        place = self.folder / _DAYS
        names = sorted(path.name for path in place.iterdir() if _NAME.fullmatch(path.name)) if place.is_dir() else []
        return [_read(place / name) for name in names]

    def report_file(self, as_of: str, ending: str) -> Path:
        """Return where the gate's report of a day lies, such as `reports/2025-11-01.md`."""
        return self.folder / _REPORTS / f"gate-{as_of}.{ending}"

    def work(self, inputs: str) -> Path:
        """Return the folder of half-done work on some inputs; work on any others is removed."""
        place = self.folder / _WORK
        make_folder(place)
        for path in place.iterdir():
            if path.name != inputs:
                shutil.rmtree(path, ignore_errors=True)
        make_folder(place / inputs)
        return place / inputs

    def clear_work(self) -> None:
        """Remove all half-done work."""
        shutil.rmtree(self.folder / _WORK, ignore_errors=True)


def _read(path: Path) -> RetrainDay:
    try:
        said = json.loads(path.read_bytes())
        if said["format"] != _FORMAT:
            raise DataError(f"{path}: is of format {str(said['format'])[:20]!a}, not {_FORMAT}. Remove the file.")
        return TypeAdapter(RetrainDay).validate_python({name: said[name] for name in _FIELDS})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: is not the record of a day ({type(error).__name__}). Remove the file.") from error
