"""From what a project shows of a period to the verdict of a day: one place where drift, quality and the rest meet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal

from common_utils.errors import DataError
from common_utils.monitoring.day import DayBook, MonitorDay, Moved, since_when
from common_utils.monitoring.drift.cells import CellCounts
from common_utils.monitoring.drift.comparison import FeatureDrift, Limits, Reference, cells_of, compare, drift_findings
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.matured import Matured
from common_utils.monitoring.profiles.profile import Profile

__all__ = ["Sight", "asked_day", "inputs_digest", "judged", "with_matured"]


@dataclass(frozen=True)
class Sight:
    """What a project shows of one period.

    Attributes
    ----------
    period : str
        Such as `2025-10`; empty where nothing arrived.
    now : Profile or None
        One row for each subject; None where there is nothing to compare.
    references : tuple of Reference
        Training, and the period before where it is known.
    findings : tuple of Finding
        Of quality, of late labels, and what only the project knows.
    kinds, effect : tuple of str
        As in `MonitorDay`.
    own_acts : mapping of str to str
        Features that move by what the owner does, and what that is: an alarm is told as a notice, a notice not at all.
    population : {"table", "traffic"}
        What `now` is; see `Reference.role`.
    """

    period: str
    now: Profile | None
    references: tuple[Reference, ...]
    findings: tuple[Finding, ...] = ()
    kinds: tuple[str, ...] = ()
    effect: tuple[str, ...] = ()
    own_acts: Mapping[str, str] = field(default_factory=dict[str, str])
    population: Literal["table", "traffic"] = "table"


def judged(
    sight: Sight,
    *,
    project: str,
    bundle: str,
    as_of: date,
    inputs: str,
    before: Sequence[MonitorDay] = (),
    limits: Limits | None = None,
) -> MonitorDay:
    """Return the verdict on a period.

    Parameters
    ----------
    sight : Sight
    project, bundle, inputs
        As in `MonitorDay`.
    as_of : date
    before : sequence of MonitorDay
        The days before, the oldest first; they say since when a finding has held.
    limits : Limits, optional
        Of drift.

    Examples
    --------
    >>> from datetime import date
    >>> day = judged(Sight("", None, ()), project="demo", bundle="v1", as_of=date(2025, 11, 1), inputs="0" * 64)
    >>> day.level, day.findings[0].sentence
    ('insufficient', 'There is no period to look at.')
    """
    drifts = (
        [] if sight.now is None else compare(sight.now, sight.references, population=sight.population, limits=limits)
    )
    drifted = [_of_own_acts(finding, sight.own_acts) for finding in drift_findings(drifts)]
    findings = (*sight.findings, *_without_reference(sight), *drifted)
    moved = () if sight.now is None else tuple(_moved(sight.now, drifts))
    return MonitorDay(
        project,
        bundle,
        as_of.isoformat(),
        sight.period,
        inputs,
        since_when(findings, before, sight.period),
        moved,
        sight.kinds,
        sight.effect,
    )


def with_matured(sight: Sight, outcomes: Matured) -> Sight:
    """Return what a period shows together with what matured outcomes say.

    Examples
    --------
    >>> with_matured(Sight("", None, ()), Matured((), ("accepted of all: 0.2",))).effect
    ('accepted of all: 0.2',)
    """
    findings = (*sight.findings, *outcomes.findings)
    return replace(sight, findings=findings, effect=(*sight.effect, *outcomes.shown))


def asked_day(
    book: DayBook, as_of: date, inputs: str, look: Callable[[Sequence[MonitorDay]], MonitorDay]
) -> tuple[MonitorDay, bool]:
    """Return a day's verdict and whether it was known already: asking again with the same inputs looks at nothing.

    Parameters
    ----------
    book : DayBook
    as_of : date
    inputs : str
        Digest of what would be looked at.
    look : callable
        From the days before to the verdict.

    Raises
    ------
    DataError
        As `DayBook.writing` and `DayBook.days`.

    Examples
    --------
    >>> import tempfile
    >>> from datetime import date
    >>> from pathlib import Path
    >>> book, day = DayBook(Path(tempfile.mkdtemp())), MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, ())
    >>> [asked_day(book, date(2025, 11, 1), "0" * 64, lambda before: day)[1] for _ in range(2)]
    [False, True]
    """
    with book.writing():
        known = book.day(as_of)
        if known is not None and known.inputs == inputs:
            return known, True
        day = look(book.days(until=as_of))
        book.keep(day)
        return day, False


def inputs_digest(said: str, files: Iterable[Path]) -> str:
    """Return the digest of what a day looks at: some words (the bundle, options) and the bytes of files.

    Raises
    ------
    DataError
        If a file cannot be read.

    Examples
    --------
    >>> inputs_digest("v1", [])[:8]
    '3bfc2695'
    """
    digest = hashlib.sha256(said.encode())
    for path in files:
        try:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror}). Name a table.") from error
    return digest.hexdigest()


def _of_own_acts(finding: Finding, own_acts: Mapping[str, str]) -> Finding:
    why = own_acts.get(finding.feature)
    if why is None or finding.level not in ("notice", "alarm"):
        return finding
    if finding.level == "notice":  # a notice that never ends is read by nobody
        return replace(finding, level="ok", sentence=f"{finding.sentence} No finding: {why}.")
    return replace(finding, level="notice", sentence=f"{finding.sentence} A notice only: {why}.")


def _without_reference(sight: Sight) -> list[Finding]:
    if sight.now is None:
        words = "There is no period to look at."
        return [] if sight.findings else [Finding("period", "", "insufficient", None, None, None, 0, words)]
    if not sight.references and sight.population == "table":
        sentence = "There is nothing to compare with: the bundle holds no counts, and no period before is known."
        return [Finding("reference", "", "insufficient", None, None, None, sight.now.subjects, sentence)]
    return []


def _moved(now: Profile, drifts: Sequence[FeatureDrift]) -> list[Moved]:
    """Return each feature against the reference it moved furthest from, the largest first."""
    largest: dict[str, FeatureDrift] = {}
    for drift in drifts:
        if drift.found is None:
            continue
        known = largest.get(drift.feature)
        if known is None or known.found is None or drift.found.psi > known.found.psi:
            largest[drift.feature] = drift
    shown: list[Moved] = []
    for feature, drift in largest.items():
        cells = cells_of(now, drift.reference.profile, several_rows=drift.reference.role == "training").get(feature)
        if cells is not None and drift.found is not None:
            shown.append(_shares(feature, cells, drift.reference, drift.found.psi))
    return sorted(shown, key=lambda moved: -moved.size)


def _shares(feature: str, cells: CellCounts, reference: Reference, size: float) -> Moved:
    kept = [place for place in range(len(cells.names)) if cells.now[place] or cells.before[place]]
    now, before = float(cells.now.sum()), float(cells.before.sum())
    return Moved(
        feature,
        tuple(cells.names[place] for place in kept),
        tuple(float(cells.before[place]) / before for place in kept),
        tuple(float(cells.now[place]) / now for place in kept),
        size,
        str(reference),
    )
