"""The record of releases: one line for each change, each holding the hash of the one before.

`history.jsonl` in the artifacts root is only ever appended to. A line is written and forced to the disk before the
pointer moves, so that no change is without its record; a half-written last line is what a killed process left, was
acknowledged to nobody, and is cut off by the next writer. An edited, removed, added or reordered line breaks the
chain. Somebody who may write the file can compute a whole new chain: note the last digest elsewhere to see that, too.

Format 2 adds actions, and `evidence` between `why` and `previous` where there is some; lines without it are the bytes
that format 1 wrote. An action of a later version is read, chained and shown, whatever further fields it has; what it
means is unknown here, so it changes nothing. A tool of format 1 refuses the whole record at the first new action.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from common_utils.bundle import fingerprint_bytes
from common_utils.bundle.durable import sync
from common_utils.bundle.manifest import is_version, parse_json
from common_utils.errors import ArtifactError, ReleaseError
from common_utils.releases.author import Author
from common_utils.releases.evidence import check_evidence

__all__ = ["HISTORY", "Action", "Entry", "append_entry", "read_history", "salvage_history"]

HISTORY = "history.jsonl"

Action = Literal["publish", "promote", "rollback", "correct", "challenge", "bar", "pardon", "abort"]
"""`correct`: the pointer stood elsewhere than the record said, by a killed process or by hand."""

_START = "0" * 64
_MAX_BYTES = 64 << 20
_HEAD = ("number", "at", "who", "action", "from_version", "to_version", "why")
_EVIDENCE = "evidence"
_TAIL = ("previous", "digest")
_REMEDY = "Keep the file as evidence under another name; a new record begins with the next change."
_ACTION = re.compile(r"[a-z][a-z_-]{0,31}", re.ASCII)
_TIME = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\+00:00", re.ASCII)


@dataclass(frozen=True)
class Entry:
    """One line of the record.

    Attributes
    ----------
    number : int
        From 1.
    at : str
        When, ISO 8601, UTC, whole seconds.
    who : str
        Who asked for it.
    action : str
        What was done, as in `Action`, or what a later version of this code calls it.
    from_version, to_version : str or None
        What was live before, or the challenger before (`challenge`, `abort`), and the version it is about.
    why : str
        The reason given.
    previous, digest : str
        Hash of the entry before (64 zeros for the first) and of this one.
    evidence : mapping of str to str
        sha256 of what the decision rests on, by name; empty where none was given.
    """

    number: int
    at: str
    who: str
    action: str
    from_version: str | None
    to_version: str | None
    why: str
    previous: str
    digest: str
    evidence: Mapping[str, str] = field(default_factory=dict[str, str])


def read_history(root: Path) -> tuple[Entry, ...]:
    """Return the record, oldest first, after checking every link of its chain.

    Parameters
    ----------
    root : Path
        Artifacts root.

    Returns
    -------
    tuple of Entry
        Empty where there is no record. An unfinished last line does not count.

    Raises
    ------
    ReleaseError
        If the chain is broken; it names the first entry that does not fit.

    Examples
    --------
    >>> read_history(Path("no-such-root"))
    ()
    """
    return tuple(_parse(root, _read(root)))


def salvage_history(root: Path) -> tuple[Entry, ...]:
    """Return the entries before the first that does not fit, for whoever must act while the chain is broken.

    Raises
    ------
    ReleaseError
        If the file cannot be read at all.

    Examples
    --------
    >>> salvage_history(Path("no-such-root"))
    ()
    """
    data, kept = _read(root), list[Entry]()
    try:
        kept.extend(_parse(root, data))
    except ReleaseError:
        kept += _as_they_are(root, data, len(kept))
    return tuple(kept)


def append_entry(
    root: Path,
    entries: Sequence[Entry],
    author: Author,
    *,
    at: datetime,
    action: Action,
    from_version: str | None,
    to_version: str | None,
    evidence: Mapping[str, str] | None = None,
) -> Entry:
    """Append to the record and force it to the disk; the caller holds the lock.

    Parameters
    ----------
    root : Path
        Artifacts root.
    entries : sequence of Entry
        The record as read under the same lock.
    author : Author
        Who and why.
    at : datetime
        When (aware, any zone).
    action, from_version, to_version, evidence
        As in `Entry`.

    Raises
    ------
    ReleaseError
        If the disk refuses, or `evidence` is none; the record is then as it was.
    """
    wrong = check_evidence(evidence) if evidence else None
    if wrong:
        raise ReleaseError(f"{root / HISTORY}: {wrong}; nothing was changed.")
    fields: dict[str, Any] = {
        "number": len(entries) + 1,
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "who": author.who,
        "action": action,
        "from_version": from_version,
        "to_version": to_version,
        "why": author.why,
        **({_EVIDENCE: dict(sorted(evidence.items()))} if evidence else {}),
        "previous": entries[-1].digest if entries else _START,
    }
    fields["digest"] = _digest(fields)
    try:
        _append(root, _line(fields))
        sync(root)
    except OSError as error:
        raise ReleaseError(
            f"{root / HISTORY}: cannot be written ({error.strerror or error}); nothing was changed. "
            "Free space or correct the permissions, then run again."
        ) from error
    return _entry(fields)


def _read(root: Path) -> bytes:
    try:
        number = os.open(root / HISTORY, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(number, "rb") as stream:  # a folder opens, and cannot be read
            data = stream.read(_MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ReleaseError(f"{root / HISTORY}: cannot be read ({error.strerror}). Correct its rights.") from error
    if len(data) > _MAX_BYTES:
        raise ReleaseError(f"{root / HISTORY}: is larger than {_MAX_BYTES} bytes. {_REMEDY}")
    return data


def _whole_length(data: bytes) -> int:
    return data.rfind(b"\n") + 1


def _parse(root: Path, data: bytes) -> Iterator[Entry]:
    previous = _START
    for number, line in enumerate(data[: _whole_length(data)].splitlines(keepends=True), start=1):
        fields = _fields(root, line)
        problem = _problem(fields, line, number, previous)
        if problem or fields is None:
            raise ReleaseError(f"{root / HISTORY}: the chain is broken at entry {number}: {problem}. {_REMEDY}")
        yield _entry(fields)
        previous = fields["digest"]


def _as_they_are(root: Path, data: bytes, skip: int) -> Iterator[Entry]:
    """Yield the readable entries from a break on: nothing proves them, and they only say what to look at first."""
    for line in data[: _whole_length(data)].splitlines(keepends=True)[skip:]:
        fields = _fields(root, line)
        if fields is not None and _content_problem(fields) is None:
            yield _entry(fields)


def _entry(fields: dict[str, Any]) -> Entry:
    return Entry(**{key: fields[key] for key in (*_HEAD, *_TAIL)}, evidence=fields.get(_EVIDENCE, {}))


def _fields(root: Path, line: bytes) -> dict[str, Any] | None:
    try:
        fields = parse_json(root, HISTORY, line)
    except ArtifactError:
        return None
    if not isinstance(fields, dict):
        return None
    keys = tuple(fields)
    return fields if keys[: len(_HEAD)] == _HEAD and keys[len(_HEAD) :][-len(_TAIL) :] == _TAIL else None


def _problem(fields: dict[str, Any] | None, line: bytes, number: int, previous: str) -> str | None:
    if fields is None or _line(fields) != line:
        return "it is not an entry"
    content = {key: value for key, value in fields.items() if key != "digest"}
    if fields["digest"] != _digest(content):
        return "it does not fit its own digest"
    if fields["previous"] != previous or fields["number"] != number:
        return "it does not follow the entry before it"
    return _content_problem(fields)


def _content_problem(fields: dict[str, Any]) -> str | None:
    versions = [fields["from_version"], fields["to_version"]]
    texts = [fields["at"], fields["who"], fields["why"]]
    if not all(v is None or (isinstance(v, str) and is_version(v)) for v in versions):
        return "it names no version"
    action = fields["action"]
    if not isinstance(action, str) or not _ACTION.fullmatch(action):
        return "it holds a field of another kind"
    if not all(isinstance(t, str) and t.isprintable() for t in texts):
        return "it holds a field of another kind"
    further = fields.keys() - {*_HEAD, *_TAIL, _EVIDENCE}
    if further and action in get_args(Action):
        return "it holds a field that its action does not have"
    if _EVIDENCE in fields and (wrong := check_evidence(fields[_EVIDENCE])):
        return f"its {wrong}"
    return None if _TIME.fullmatch(fields["at"]) else "it holds no time"


def _line(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n").encode()


def _digest(fields: dict[str, Any]) -> str:
    return fingerprint_bytes(_line(fields))


def _append(root: Path, line: bytes) -> None:
    whole = _whole_length(_read(root))  # what follows is half a line of a dead writer
    new = not (root / HISTORY).exists()
    number = os.open(root / HISTORY, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        if new:
            os.fchmod(number, 0o644)  # whatever the umask: other users read what was released, too
        os.ftruncate(number, whole)
        try:
            written = 0
            while written < len(line):
                written += os.pwrite(number, line[written:], whole + written)
            os.fsync(number)
        except OSError:
            os.ftruncate(number, whole)
            raise
    finally:
        os.close(number)
