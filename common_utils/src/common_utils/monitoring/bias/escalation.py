"""The record of escalations: one JSON line each, only ever added to, each with the digest of the line before."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from common_utils.bundle.durable import exclusive, make_folder
from common_utils.errors import DataError
from common_utils.monitoring.bias.report import BiasReport
from common_utils.releases.author import Author

__all__ = ["EscalationBook", "report_evidence"]

_FIRST = "0" * 64


class EscalationBook:
    """The file `escalations.jsonl` of the monitoring folder.

    Parameters
    ----------
    folder : Path
        Made at the first line.

    Examples
    --------
    >>> import tempfile
    >>> book = EscalationBook(Path(tempfile.mkdtemp()))
    >>> book.add(Author("ana", "offers to the young"), "opened", {"level": "alarm"})
    1
    >>> [line["why"] for line in book.lines()]
    ['offers to the young']
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "escalations.jsonl"

    def add(self, author: Author, what: str, said: Mapping[str, Any]) -> int:
        """Add a line, on disk before this returns, and return its number.

        Raises
        ------
        DataError
            If the record cannot be written, or what it holds was changed.
        """
        try:
            make_folder(self.path.parent)
            with exclusive(self.path.with_name("escalations.lock")):
                known = self.lines()
                line = {
                    "number": len(known) + 1,
                    "at": datetime.now(UTC).isoformat(timespec="seconds"),
                    "who": author.who,
                    "why": author.why,
                    "what": what,
                    **said,
                    "before": known[-1]["digest"] if known else _FIRST,
                }
                content = json.dumps(line | {"digest": _digest(line)}, allow_nan=False).encode() + b"\n"
                number = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
                try:
                    if os.write(number, content) < len(content):
                        raise OSError(28, "the disk took part of the line")
                    os.fsync(number)
                finally:
                    os.close(number)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written ({error.strerror}). Correct monitoring.folder.") from error
        return len(known) + 1

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines, verified.

        Raises
        ------
        DataError
            If a line was changed or taken out.
        """
        found: list[dict[str, Any]] = []
        before = _FIRST
        for place, text in enumerate(self.path.read_bytes().splitlines() if self.path.exists() else [], start=1):
            try:
                line: dict[str, Any] = json.loads(text)
                digest = line.pop("digest")
                whole = digest == _digest(line) and line["before"] == before
            except (ValueError, KeyError, AttributeError, TypeError):
                whole, line, digest = False, {}, ""
            if not whole:
                raise DataError(
                    f"{self.path}, line {place}: was changed after it was written. Restore a copy from before."
                )
            found.append(line | {"digest": digest})
            before = digest
        return found


def report_evidence(report: BiasReport) -> dict[str, Any]:
    """Return what a record keeps of a report: level, days, versions, and the figures that were told; no person."""
    told = [*report.at("alarm"), *report.at("notice")]
    return {
        "level": report.level,
        "first": report.first,
        "last": report.last,
        "decisions": report.decisions,
        "versions": [one.version for one in report.versions],
        "figures": [{"said": one.figure.sentence(), **asdict(one.figure)} for one in told],
    }


def _digest(line: Mapping[str, Any]) -> str:
    return sha256(json.dumps(line, sort_keys=True, allow_nan=False).encode()).hexdigest()
