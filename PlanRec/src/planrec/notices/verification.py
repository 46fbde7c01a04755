"""Verification of a file of notices: everything that follows from a basis is worked out again and compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from common_utils.command_line.terminal import tracked
from common_utils.errors import DataError, GateError
from planrec.advice.from_cells import CellPricing
from planrec.billing import Catalogue
from planrec.billing.cell_months import scheme_of
from planrec.notices.files import FORMAT_OF_CELLS, NoticeHeader, notices_of, plain_notice, read_notices
from planrec.notices.notice import Basis, Notice, usage_digest, versions_of
from planrec.notices.schedule import OF_CELLS, NoticeOutcome

__all__ = ["check_card_bytes", "verify_notices"]

_CHUNK = 10_000  # notices worked out at once; bounds memory
_MOST_NAMED = 5
_REASONS = {code.word for code in NoticeOutcome}
_OF_CELLS = {code.word for code in OF_CELLS}


def check_card_bytes(path: Path, rate_card_sha256: str) -> NoticeHeader:
    """Return the header of a file that was written with a rate card.

    Parameters
    ----------
    path : Path
    rate_card_sha256 : str
        Of the bytes of the rate card.

    Raises
    ------
    GateError
        If the rate card is another.
    DataError
        As `read_notices`.
    """
    header, _ = read_notices(path)
    if header.versions.rate_card_sha256 != rate_card_sha256:
        raise _other_card(path, header)
    return header


def _other_card(path: Path, header: NoticeHeader) -> GateError:
    return GateError(
        f"notices {path.name}: they were written with rate card {header.versions.catalogue!r} of another sha256 "
        "than the one at hand; give that rate card with --plans."
    )


def verify_notices(path: Path, catalogue: Catalogue, rate_card_sha256: str, cells: CellPricing | None = None) -> int:
    """Work out every notice of a file again from its basis, and compare all it says.

    Parameters
    ----------
    path : Path
    catalogue : Catalogue
    rate_card_sha256 : str
        Of the bytes of the rate card.
    cells : CellPricing, optional
        Of the rate card, where the header says that cells priced full plans; the catalogue is then `CellPlans.wide`.

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
        raise _other_card(path, header)
    seen, scheme = _Seen(), None if cells is None else scheme_of(cells.plans.card).digest
    again = _Again(header, catalogue, cells, scheme)
    faults = [f"line {number}: {', '.join(fields)}" for number, fields in _faults(notices, again, seen)]
    faults += [f"line 1: header.{field}" for field in (*_header_faults(header, seen), *_cell_faults(again, seen))]
    if faults:
        more = f"; and {len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        raise GateError(
            f"notices {path.name}: {len(faults)} line(s) do not follow from their basis: "
            f"{'; '.join(faults[:_MOST_NAMED])}{more}. Send none of them; write the file again from the usage months."
        )
    return seen.kinds.total()


@dataclass(slots=True)
class _Seen:
    """What the notices of a file show of its header: how many of each kind or without cells, and what they rest on."""

    kinds: Counter[str] = field(default_factory=Counter)
    months: int = 0
    longest: int = 0
    without_cells: int = 0


def _header_faults(header: NoticeHeader, seen: _Seen) -> Iterator[str]:
    """Yield the fields of the header that the notices, or its other counts, show to be wrong."""
    if dict(seen.kinds) != {kind: n for kind, n in header.notices.items() if n}:
        yield "notices"
    counted = [*header.notices.values(), *header.no_notice.values()]
    reasons = _REASONS if header.cells else _REASONS - _OF_CELLS
    if header.no_notice.keys() - reasons or any(count < 0 for count in header.no_notice.values()):
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


def _cell_faults(again: _Again, seen: _Seen) -> Iterator[str]:
    """Yield what the header says wrongly of cells."""
    header = again.header
    if (header.format == FORMAT_OF_CELLS) != (header.cells is not None):
        yield "format"
    if header.cells is not None:
        if header.cells.scheme != again.scheme:
            yield "cells.scheme"
        if header.cells.lacking != seen.without_cells + header.no_notice.get(NoticeOutcome.CELLS_MISSING.word, 0):
            yield "cells.lacking (notices without cells and cells-missing do not add up to it)"


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


def _faults(notices: Iterator[tuple[int, Notice]], again: _Again, seen: _Seen) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the fields of each notice that its basis does not give, and count all of them."""
    last = ""
    with tracked("verifying notices", total=sum(again.header.notices.values())) as advance:
        while chunk := list(islice(notices, _CHUNK)):
            for (number, notice), expected in zip(chunk, again.notices([n for _, n in chunk]), strict=True):
                fields = ["basis (it gives no figures)"]
                if expected is not None:
                    fields = list(_differences(plain_notice(notice), plain_notice(expected)))
                if notice.subscriber_id <= last:
                    fields.append("subscriber_id (not ascending)")
                if fields:
                    yield number, fields[:_MOST_NAMED]
                last = notice.subscriber_id
                seen.kinds[notice.kind] += 1
                seen.months += len(notice.basis.months)
                seen.longest = max(seen.longest, len(notice.basis.months))
                seen.without_cells += notice.basis.cells is None
            advance(len(chunk))


@dataclass(frozen=True)
class _Again:
    """Works notices out anew: by a header, a rate card, and the scheme of its cells."""

    header: NoticeHeader
    catalogue: Catalogue
    cells: CellPricing | None
    scheme: str | None

    def notices(self, read: list[Notice]) -> list[Notice | None]:
        """Return the notice that the basis of each gives; None where it gives none."""
        try:
            return [*self._notices(read)]
        except DataError:  # one of them: which, is found one by one
            return [self._alone(notice) for notice in read]

    def _alone(self, notice: Notice) -> Notice | None:
        try:
            return self._notices([notice])[0]
        except DataError:
            return None

    def _notices(self, read: list[Notice]) -> list[Notice]:
        return notices_of([self._basis(notice.basis) for notice in read], self.catalogue, self.cells)

    def _basis(self, basis: Basis) -> Basis:
        """Return a basis with all that can be derived, or stands in the header, put in anew."""
        cells = None
        if basis.cells is not None and self.scheme is not None:
            cells = basis.cells.within(self.scheme, basis.months)
        bare = replace(basis, as_of=self.header.as_of, versions=self.header.versions, cells=cells)
        return replace(bare, usage_sha256=usage_digest(bare))


def _differences(one: object, other: object, path: str = "") -> Iterator[str]:
    """Yield the paths at which two plain values differ."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted({*one, *other}):
            yield from _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
    elif one != other:
        yield path
