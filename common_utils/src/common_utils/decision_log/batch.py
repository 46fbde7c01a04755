"""Decisions of a batch command: their entries are kept with the manifest of its output, both or neither.

Entries are written to a hidden file beside the journal while the run goes on. The manifest beside the output decides:
once it is there, the entries belong to the log, and the next run brings them in, should this one have died just then;
without it they are thrown away. A manifest names the SHA-256 of its output, and counts for no other: of a run that died
between its output and its manifest, the manifest of the output before is removed by the next run.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from common_utils.decision_log.journal.lines import Fixed
from common_utils.decision_log.journal.segments import BATCH_FOLDER, SUFFIX
from common_utils.decision_log.recorder import Recorder
from common_utils.errors import ConfigError
from common_utils.identifiers import is_subject
from common_utils.outputs import is_stream, remove_unfinished, write_bytes

__all__ = ["BatchEntry", "BatchLog", "LogOf", "LoggedRun", "logged_run", "manifest_of", "manifest_path", "recover"]

Table = TypeVar("Table")

_PENDING, _RUN = ".pending-", ".run-"
_MEGABYTE = 1 << 20

logger = logging.getLogger(__name__)


class BatchEntry(NamedTuple):
    """One answer of a batch command; `answer` and `groups` are JSON objects of one line.

    Where a row names nobody, `subject` is None, and `row` tells it from the others of its file. One whose name is no
    subject's (`is_subject`) is logged without.
    """

    subject: str | None
    answer: bytes
    row: int = 0
    propensity: float | None = None
    groups: bytes = b"{}"


def manifest_path(output: Path) -> Path:
    """Return where the manifest of an output lies.

    Examples
    --------
    >>> manifest_path(Path("out/offers.csv")).as_posix()
    'out/offers.csv.manifest.json'
    """
    return output.with_name(f"{output.name}.manifest.json")


class BatchLog:
    """Entries of one run; made by `logged_run`.

    Attributes
    ----------
    entries : int
    unlogged : int
        Answers whose entries the disk did not take.
    """

    def __init__(self, recorder: Recorder, fixed: Fixed, asked: str, output: Path) -> None:
        self.entries = self.unlogged = 0
        self._recorder = recorder
        self._fixed = fixed
        self._asked = asked
        self._output = output.resolve()
        self._folder = recorder.journal.folder / BATCH_FOLDER
        self._token = secrets.token_hex(8)
        self._number: int | None = None
        self._broken = False

    def add(self, entries: Iterable[BatchEntry]) -> None:
        """Write entries to the hidden file; where the disk refuses, the answers are counted as unlogged."""
        lines = [self._line(entry) for entry in entries]
        if not self._broken:
            try:
                self._write(b"".join(lines))
            except OSError as error:
                logger.error("decision journal: a batch's entries cannot be written (%s)", type(error).__name__)
                self._broken = True
        self.entries += len(lines)

    def commit(self) -> None:
        """Put the manifest beside the output, and bring the entries in."""
        pending = self._folder / f"{_PENDING}{self._token}"
        if self._number is not None and not self._broken:
            os.fsync(self._number)
        if self._broken:
            self.unlogged, self.entries = self.entries, 0
        manifest = {
            "run": self._token,
            "output": self._output.name,
            "sha256": _digest(self._output),
            "route": self._fixed.route,
            "model": self._fixed.model,
            "rules": self._fixed.rules,
            "card": self._fixed.card,
            "entries": self.entries,
            "unlogged": self.unlogged,
        }
        write_bytes(manifest_path(self._output), json.dumps(manifest, indent=1).encode() + b"\n")
        if self._number is not None and not self._broken:
            pending.rename(self._folder / f"{time.time_ns():020d}-{self._token}{SUFFIX}")
            (self._folder / f"{_RUN}{self._token}").unlink()

    def end(self) -> None:
        """Throw away what was not committed."""
        if self._number is not None:
            os.close(self._number)
            self._number = None
        for start in (_PENDING, _RUN):
            with suppress(FileNotFoundError, NotADirectoryError):
                (self._folder / f"{start}{self._token}").unlink()

    def _line(self, entry: BatchEntry) -> bytes:
        # The same answer to the same question is the same event: a run that is repeated adds nothing.
        subject, who = entry.subject, f"row {entry.row}" if entry.subject is None else entry.subject
        if subject is not None and not is_subject(subject):
            subject = None  # under a name no command takes, nobody could ask for it, or have it erased
        name = f"{self._asked}\0{who}\0{entry.answer.decode()}"
        return self._recorder.line(
            self._fixed,
            self._recorder.event(f"batch:{self._fixed.route}:{self._fixed.model}", name),
            answer=entry.answer,
            asked=self._asked.encode(),
            subject=subject,
            propensity=entry.propensity,
            groups=entry.groups,
        )

    def _write(self, content: bytes) -> None:
        if self._number is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            run = self._folder / f"{_RUN}{self._token}"
            run.write_text(str(manifest_path(self._output)), encoding="utf-8")
            pending = self._folder / f"{_PENDING}{self._token}"
            self._number = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._number, fcntl.LOCK_EX)
        left = memoryview(content)
        while left:
            left = left[os.write(self._number, left) :]


@dataclass(frozen=True, slots=True)
class LogOf:
    """What all entries of a run share.

    Attributes
    ----------
    route : str
        The command.
    mode, model, rules, card, snapshot : str
        As in `Fixed`.
    asked : str
        What was asked of all, such as the month; part of what makes a repeated run the same events.
    """

    route: str
    mode: str
    model: str
    asked: str
    rules: str = ""
    card: str = ""
    snapshot: str = ""


class LoggedRun:
    """A run that is logged, or not: then it keeps nothing."""

    def __init__(self, log: BatchLog | None) -> None:
        self.log = log

    def keep_with(self, entries: Callable[[Table], Iterable[BatchEntry]]) -> Callable[[Table], None] | None:
        """Return what keeps a table of answers, given how its entries are made; None where nothing is kept."""
        log = self.log
        return None if log is None else lambda table: log.add(entries(table))


@contextmanager
def logged_run(recorder: Recorder | None, output: Path, about: LogOf) -> Generator[LoggedRun]:
    """Log a batch run: the block writes its output and keeps entries; both count once it ends well.

    Parameters
    ----------
    recorder : Recorder or None
        None: nothing is logged, and there is no manifest.
    output : Path
        File that the block writes. Beside a pipe or a device no manifest can lie, so nothing is logged.
    about : LogOf

    Raises
    ------
    ConfigError
        If a file of another kind lies where the manifest goes.
    DataError
        If the manifest cannot be written.
    """
    if recorder is None or is_stream(output):
        yield LoggedRun(None)
        if not is_stream(output):
            _remove_stale(output)  # of a run before that was logged
        return
    _remove_left(output)
    try:
        recover(recorder.journal.folder)
    except OSError as error:  # the disk that takes no entries either; the output is written all the same
        logger.error("decision journal: what dead runs left cannot be looked at (%s)", type(error).__name__)
    fixed = recorder.fixed(about.route, about.mode, about.model, about.rules, about.card, about.snapshot)
    log = BatchLog(recorder, fixed, about.asked, output)
    try:
        yield LoggedRun(log)
        log.commit()
    finally:
        log.end()


def recover(folder: Path) -> int:
    """Finish what dead runs began: bring in entries whose manifest is there, throw away those without one.

    Parameters
    ----------
    folder : Path
        Of the journal.

    Returns
    -------
    int
        Runs that were brought in.
    """
    brought = 0
    for run in (folder / BATCH_FOLDER).glob(f"{_RUN}*"):
        token = run.name.removeprefix(_RUN)
        pending = run.with_name(f"{_PENDING}{token}")
        try:
            manifest = Path(run.read_text(encoding="utf-8"))
            with pending.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not manifest.parent.is_dir():
                    continue  # the output is not to be seen from here
                if _token_of(manifest) == token:
                    pending.rename(run.with_name(f"{time.time_ns():020d}-{token}{SUFFIX}"))
                    brought += 1
                else:
                    pending.unlink()
            run.unlink()
        except BlockingIOError:
            continue  # that run goes on
        except FileNotFoundError:  # its entries are in already, or there were none yet
            if not pending.exists() and time.time() - _age(run) > 60:
                run.unlink(missing_ok=True)
    return brought


def manifest_of(output: Path) -> Mapping[str, Any] | None:
    """Return the manifest of an output as it is now; None where there is none, or it is of other contents.

    Examples
    --------
    >>> manifest_of(Path("no such file.csv")) is None
    True
    """
    found = _read(manifest_path(output))
    try:
        return found if found is not None and found.get("sha256") == _digest(output) else None
    except OSError:
        return None


def _remove_left(output: Path) -> None:
    """Remove what a dead run left of this output: a hidden file, and a manifest that is of other contents.

    Raises
    ------
    ConfigError
        If a file of another kind lies where the manifest goes.
    """
    manifest = manifest_path(output)
    remove_unfinished(manifest.parent)
    if not manifest.exists():
        return
    if _token_of(manifest) is None:
        raise ConfigError(f"{manifest}: this is no manifest of ours; move it, or write to another file.")
    _remove_stale(output)


def _remove_stale(output: Path) -> None:
    manifest = manifest_path(output)
    if _token_of(manifest) is not None and manifest_of(output) is None:
        manifest.unlink(missing_ok=True)


def _age(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else time.time()


def _token_of(manifest: Path) -> str | None:
    """Return which run a manifest is of; None where it is missing or no manifest."""
    found = _read(manifest)
    return None if found is None else found["run"]


def _read(manifest: Path) -> Mapping[str, Any] | None:
    try:
        found = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("run"), str) else None


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(_MEGABYTE):
            digest.update(part)
    return digest.hexdigest()
