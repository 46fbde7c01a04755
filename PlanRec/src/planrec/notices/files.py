"""The batch file of notices: JSON Lines with the same bytes for the same notices, and its verification.

The first line is the header, each further line one notice, ascending by subscriber. A line is JSON in ASCII with
sorted keys and no spaces; it holds no time of writing. Amounts are whole cents, so nothing depends on a machine.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError, GateError
from planrec.billing import Catalogue
from planrec.notices.figures import figures_of
from planrec.notices.notice import Basis, Notice, NoticeFigures, Versions, usage_digest, versions_of
from planrec.notices.schedule import NoticeOutcome
from planrec.notices.text import notice_text

__all__ = [
    "NoticeHeader",
    "header_line",
    "notice_line",
    "notices_of",
    "read_notices",
    "reproduce",
    "verify_notices",
]

_CHUNK = 10_000  # notices worked out at once; bounds memory
_MOST_NAMED = 5
_REASONS = {code.name.lower().replace("_", "-") for code in NoticeOutcome}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class NoticeHeader:
    """The first line of a batch file.

    Attributes
    ----------
    format : int
        2; files of format 1, written before rows were accounted for, are still read and verified.
    as_of : date
        Day of the run.
    history_months : int
        Months looked back over.
    sent_sha256 : list of str or None
        Of the files of earlier notices, sorted; None where none was given.
    subscribers : int
        Subscribers in the usage months.
    notices : dict of str to int
        Kind -> notices in this file.
    no_notice : dict of str to int
        Reason -> subscribers without one; with `notices` they add up to `subscribers`.
    versions : Versions
    rows : dict or None
        Rows of usage months: read, kept, and by reason repaired, rejected and set aside. In format 1 there is none.
    unknown_facts : dict of str to int or None
        By fact, how many subscribers with a recent month lack it; who lacks two counts in both. None in format 1.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    format: Literal[1, 2]
    as_of: date
    history_months: int
    sent_sha256: list[str] | None
    subscribers: int
    notices: dict[str, int]
    no_notice: dict[str, int]
    versions: Versions
    rows: dict[str, int | dict[str, int]] | None = None
    unknown_facts: dict[str, int] | None = None


_NOTICE = TypeAdapter(Notice)
_HEADER = TypeAdapter(dict[Literal["header"], NoticeHeader])


def header_line(header: NoticeHeader) -> bytes:
    """Return the first line of a file."""
    return _line(_HEADER.dump_python({"header": header}, mode="json"))


def notice_line(notice: Notice) -> bytes:
    """Return the line of a notice."""
    return _line(_NOTICE.dump_python(notice, mode="json"))


def notices_of(bases: list[Basis], catalogue: Catalogue) -> list[Notice]:
    """Return the notice of each basis.

    Raises
    ------
    DataError
        As `figures_of`.
    """
    answers = zip(bases, figures_of(bases, catalogue), strict=True)
    return [Notice(b.subscriber_id, b.kind, b, figures, notice_text(b, figures)) for b, figures in answers]


def reproduce(notice: Notice, catalogue: Catalogue) -> NoticeFigures:
    """Return the figures of a notice, worked out again from its basis and the rate card alone.

    Parameters
    ----------
    notice : Notice
    catalogue : Catalogue

    Raises
    ------
    DataError
        As `figures_of`.
    """
    return figures_of([notice.basis], catalogue)[0]


def read_notices(path: Path) -> tuple[NoticeHeader, Iterator[tuple[int, Notice]]]:
    """Return the header of a batch file and its notices, each with the number of its line, read as they are taken.

    Raises
    ------
    DataError
        If the file cannot be read or a line is not a notice; the message names the line and shows nothing of it.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise DataError(f"notices {path.name}: the file is empty; name one that `planrec notices` wrote.")
    header = _parsed(_HEADER, first, path)["header"]
    return header, ((line[0], _parsed(_NOTICE, line, path)) for line in lines)


def verify_notices(path: Path, catalogue: Catalogue, rate_card_sha256: str) -> int:
    """Work out every notice of a file again from its basis, and compare all it says.

    Parameters
    ----------
    path : Path
    catalogue : Catalogue
    rate_card_sha256 : str
        Of the bytes of the rate card.

    Returns
    -------
    int
        Notices verified.

    Raises
    ------
    GateError
        If the rate card is another, a figure or sentence does not follow from its basis, the digest of its usage does
        not fit, the notices are not those the header counts, or the counts of the header do not add up. It names lines
        and fields, never values.
    DataError
        As `read_notices`.
    """
    header, notices = read_notices(path)
    versions = versions_of(catalogue, rate_card_sha256)
    if replace(header.versions, planrec=versions.planrec) != versions:
        raise GateError(
            f"notices {path.name}: they were written with rate card {header.versions.catalogue!r} of another sha256 "
            "than the one at hand; give that rate card with --plans."
        )
    seen = _Seen()
    faults = [f"line {number}: {', '.join(fields)}" for number, fields in _faults(notices, header, catalogue, seen)]
    faults += [f"line 1: header.{field}" for field in _header_faults(header, seen)]
    if faults:
        more = f"; and {len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        raise GateError(
            f"notices {path.name}: {len(faults)} line(s) do not follow from their basis: "
            f"{'; '.join(faults[:_MOST_NAMED])}{more}. Send none of them; write the file again from the usage months."
        )
    return seen.kinds.total()


@dataclass(slots=True)
class _Seen:
    """What the notices of a file show of its header: how many of each kind, and the months they rest on."""

    kinds: Counter[str] = field(default_factory=Counter)
    months: int = 0
    longest: int = 0


def _header_faults(header: NoticeHeader, seen: _Seen) -> Iterator[str]:
    """Yield the fields of the header that the notices, or its other counts, show to be wrong."""
    if dict(seen.kinds) != {kind: n for kind, n in header.notices.items() if n}:
        yield "notices"
    counted = [*header.notices.values(), *header.no_notice.values()]
    if header.no_notice.keys() - _REASONS or any(count < 0 for count in header.no_notice.values()):
        yield "no_notice"
    if header.subscribers != sum(counted):
        yield "subscribers (notices and no_notice do not add up to it)"
    if seen.longest > header.history_months:
        yield "history_months"
    if header.rows is not None:
        yield from _row_faults(header.rows, seen.months)
    for name, count in (header.unknown_facts or {}).items():
        if not 0 <= count <= header.subscribers:
            yield f"unknown_facts.{name}"


def _row_faults(rows: Mapping[str, int | dict[str, int]], months: int) -> Iterator[str]:
    """Yield what does not add up in the account of the rows: every row read is kept, rejected or set aside."""
    read, kept = rows.get("read"), rows.get("kept")
    if not isinstance(read, int) or not isinstance(kept, int) or kept < 0:
        yield "rows (read and kept are counts)"
        return
    reasons = [
        part if isinstance(part := rows.get(name), dict) else {} for name in ("repaired", "rejected", "set_aside")
    ]
    repaired, *lost = reasons
    gone = [count for part in lost for count in part.values()]
    if read != kept + sum(gone) or any(count < 0 for count in gone):
        yield "rows (kept, rejected and set_aside do not add up to read)"
    if kept < months:
        yield "rows.kept (the notices rest on more months)"
    if not all(0 <= count <= kept for count in repaired.values()):
        yield "rows.repaired"


def _faults(
    notices: Iterator[tuple[int, Notice]], header: NoticeHeader, catalogue: Catalogue, seen: _Seen
) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the fields of each notice that its basis does not give, and count all of them."""
    last = ""
    with tracked("verifying notices", total=sum(header.notices.values())) as advance:
        while chunk := list(islice(notices, _CHUNK)):
            for number, notice, expected in _worked_out_again(chunk, header, catalogue):
                fields = list(_differences(_plain(notice), _plain(expected)))
                if notice.subscriber_id <= last:
                    fields.append("subscriber_id (not ascending)")
                if fields:
                    yield number, fields[:_MOST_NAMED]
                last = notice.subscriber_id
                seen.kinds[notice.kind] += 1
                seen.months += len(notice.basis.months)
                seen.longest = max(seen.longest, len(notice.basis.months))
            advance(len(chunk))


def _worked_out_again(
    chunk: list[tuple[int, Notice]], header: NoticeHeader, catalogue: Catalogue
) -> Iterator[tuple[int, Notice, Notice]]:
    """Yield the line, the notice read and the notice its basis gives."""
    again = notices_of([_basis_again(notice.basis, header) for _, notice in chunk], catalogue)
    for (number, notice), expected in zip(chunk, again, strict=True):
        yield number, notice, expected


def _basis_again(basis: Basis, header: NoticeHeader) -> Basis:
    """Return a basis with all that can be derived, or stands in the header, put in anew."""
    return replace(basis, usage_sha256=usage_digest(basis), as_of=header.as_of, versions=header.versions)


def _plain(notice: Notice) -> Mapping[str, object]:
    return _NOTICE.dump_python(notice, mode="json")


def _differences(one: object, other: object, path: str = "") -> Iterator[str]:
    """Yield the paths at which two plain values differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif one != other:
        yield path


def _line(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from enumerate(file, start=1)
    except OSError as error:
        raise DataError(f"notices {path}: cannot be read ({type(error).__name__}); name an existing file.") from error


def _parsed(adapter: TypeAdapter[_T], line: tuple[int, bytes], path: Path) -> _T:
    number, data = line
    try:
        return adapter.validate_json(data)
    except ValidationError:
        # Not chained: the cause repeats values.
        what = "the header" if number == 1 else "a notice"
        raise DataError(f"notices {path.name}: line {number} is not {what} that `planrec notices` writes.") from None
