"""The batch file of notices: JSON Lines with the same bytes for the same notices.

The first line is the header, each further line one notice, ascending by subscriber. A line is JSON in ASCII with
sorted keys and no spaces; it holds no time of writing. Amounts are whole cents, so nothing depends on a machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from common_utils.errors import DataError
from planrec.advice.from_cells import CellPricing
from planrec.billing import Catalogue
from planrec.notices.figures import figures_of
from planrec.notices.notice import Basis, Notice, NoticeFigures, Versions
from planrec.notices.text import notice_text

__all__ = [
    "FORMAT_OF_CELLS",
    "NoticeCells",
    "NoticeHeader",
    "header_line",
    "notice_line",
    "notice_of",
    "notices_of",
    "plain_notice",
    "read_notices",
    "reproduce",
]

_T = TypeVar("_T")

FORMAT_OF_CELLS = 3
"""The format of files in which cells priced full plans."""


@dataclass(frozen=True, slots=True)
class NoticeCells:
    """What the header says of cells.

    Attributes
    ----------
    scheme : str
        Digest of what they were counted by.
    lacking : int
        Subscribers who were due and whose cells lack a month or contradict the usage: their notice compares no full
        plan, and who holds one has none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    scheme: str
    lacking: int


@dataclass(frozen=True, slots=True)
class NoticeHeader:
    """The first line of a batch file.

    Attributes
    ----------
    format : int
        2, or 3 where cells priced full plans. Files of format 1, written before rows were accounted for, are still read
        and verified.
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
    cells : NoticeCells or None
        Of format 3, and of that alone.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    format: Literal[1, 2, 3]
    as_of: date
    history_months: int
    sent_sha256: list[str] | None
    subscribers: int
    notices: dict[str, int]
    no_notice: dict[str, int]
    versions: Versions
    rows: dict[str, int | dict[str, int]] | None = None
    unknown_facts: dict[str, int] | None = None
    cells: NoticeCells | None = None


_NOTICE = TypeAdapter(Notice)
_COSTS = ("current", "best", "best_without_contract")
_HEADER = TypeAdapter(dict[Literal["header"], NoticeHeader])


def header_line(header: NoticeHeader) -> bytes:
    """Return the first line of a file."""
    told = _HEADER.dump_python({"header": header}, mode="json")
    if header.cells is None:  # the bytes of a file without cells are those of before there were any
        del told["header"]["cells"]
    return _line(told)


def notice_line(notice: Notice) -> bytes:
    """Return the line of a notice."""
    return _line(plain_notice(notice))


def notices_of(bases: list[Basis], catalogue: Catalogue, cells: CellPricing | None = None) -> list[Notice]:
    """Return the notice of each basis.

    Raises
    ------
    DataError
        As `figures_of`.
    """
    answers = zip(bases, figures_of(bases, catalogue, cells), strict=True)
    return [notice_of(basis, figures) for basis, figures in answers]


def notice_of(basis: Basis, figures: NoticeFigures) -> Notice:
    """Return a notice, given its figures."""
    return Notice(basis.subscriber_id, basis.kind, basis, figures, notice_text(basis, figures))


def reproduce(notice: Notice, catalogue: Catalogue, cells: CellPricing | None = None) -> NoticeFigures:
    """Return the figures of a notice, worked out again from its basis and the rate card alone.

    Parameters
    ----------
    notice : Notice
    catalogue, cells
        As `figures_of`.

    Raises
    ------
    DataError
        As `figures_of`.
    """
    return figures_of([notice.basis], catalogue, cells)[0]


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


def plain_notice(notice: Notice) -> dict[str, Any]:
    """Return plain values, ready for JSON, without what only files with cells have where a notice has none of it."""
    told = _NOTICE.dump_python(notice, mode="json")
    if notice.basis.cells is None:
        del told["basis"]["cells"]
    for cost in (told["figures"][name] for name in _COSTS):
        if cost is not None and cost["items"] is None:
            del cost["items"]
    return told


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
