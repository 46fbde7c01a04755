"""Has the world moved: every feature, and the score, of a table against one or two reference tables at once.

The tests of all features against all references are one Benjamini-Hochberg family. What is significant is told only
where it is also large: a day of 100,000 subjects makes a 2 % change significant, and nobody should be called for it.
n is the number of distinct subjects. A profile with more rows than subjects is refused: at 1.5 requests a subscriber a
plain test fires on 94 % of days, and no factor repairs that when some ask once and some a hundred times. Training alone
may hold several rows a subject, about one a month: it counts for as many as it has subjects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from common_utils.errors import ConfigError, DataError
from common_utils.monitoring.drift.cells import CellCounts, Difference, category_cells, difference, number_cells
from common_utils.monitoring.findings import Finding, Level
from common_utils.monitoring.profiles.profile import BinCounts, CategoryCounts, Profile

__all__ = [
    "SCORE",
    "FeatureDrift",
    "Limits",
    "Reference",
    "cells_of",
    "compare",
    "difference_of",
    "drift_findings",
    "one_row_each",
]

SCORE = "score"
"""What the model's score is called among the features."""

_ESTIMATED = 1.05
"""Rows per subject that a sketch's estimate of the subjects may seem to show: three of its standard errors."""

Role: TypeAlias = Literal["training", "period before", "after promotion"]
_COMPARABLE: dict[str, tuple[Role, ...]] = {
    "table": ("training", "period before"),
    "traffic": ("after promotion", "period before"),
}


@dataclass(frozen=True)
class Reference:
    """A table to compare with, and what it is.

    Attributes
    ----------
    role : {"training", "period before", "after promotion"}
        A table of subjects is compared with training and with the period before; traffic (who asks is not everybody)
        with traffic after the model's promotion and with the period before.
    period : str
        Its name in findings, such as `2025-09` or `2025-01 to 2025-06`.
    profile : Profile
    """

    role: Role
    period: str
    profile: Profile

    def __str__(self) -> str:
        words = {
            "training": "training",
            "period before": "the period before",
            "after promotion": "traffic after promotion",
        }
        return f"{words[self.role]} ({self.period})"


@dataclass(frozen=True)
class Limits:
    """When a difference is told.

    Attributes
    ----------
    alpha : float
        Share of false discoveries allowed in the family; where nothing changed, the chance of any.
    notice, alarm : float
        Corrected stability index above which a significant difference is a notice, or an alarm. x1.1 on a lognormal
        feature (sigma .7) is .018, x1.5 .34; x1.02 is .0008; half a year of an operator without drift .02 to .03.
    rare_notice, rare_alarm : float
        The same for what is missing or unknown and was rare: the change of its share of subjects.
    fewest : int
        Subjects in either table below which nothing is judged: `insufficient`.
    """

    alpha: float = 0.01
    notice: float = 0.01
    alarm: float = 0.1
    rare_notice: float = 0.005
    rare_alarm: float = 0.05
    fewest: int = 200

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.fewest < 1:
            raise ConfigError("drift: alpha is inside (0, 1), and fewest at least 1.")
        if not (0 <= self.notice < self.alarm and 0 <= self.rare_notice < self.rare_alarm):
            raise ConfigError("drift: a notice comes before an alarm: give notice < alarm, rare_notice < rare_alarm.")


@dataclass(frozen=True)
class FeatureDrift:
    """What became of one feature against one reference.

    Attributes
    ----------
    feature : str
        Its name, `score`, or empty where the whole reference is too small.
    reference : Reference
    level : {"ok", "insufficient", "notice", "alarm"}
    subjects : int
        n: distinct subjects of the table that was judged.
    found : Difference or None
        None where the feature is gone, new or of another kind, or where nothing could be judged.
    significant : bool
        Whether Benjamini-Hochberg over all features and references lets it through.
    note : str
        Why there is no difference to show; empty where there is.
    """

    feature: str
    reference: Reference
    level: Level
    subjects: int
    found: Difference | None
    significant: bool
    note: str = ""

    def finding(self, since: str | None = None) -> Finding:
        """Return it as a finding: `value` is the corrected stability index, `count` the subjects."""
        value = None if self.found is None else self.found.psi
        check = "drift_from_" + self.reference.role.replace(" ", "_")
        usual = None if value is None else 0.0
        return Finding(check, self.feature, self.level, value, usual, since, self.subjects, self.sentence())

    def sentence(self) -> str:
        """Say in plain English what moved, from what to what."""
        if self.found is None:
            return f"{self.feature or 'Every feature'} against {self.reference}: {self.note}"
        name, before, now = self.found.moved
        moved = f"share of {name}: {before:z.1%} in {self.reference}, {now:z.1%} now"
        for what, (was, is_now) in self.found.shares.items():
            if self.found.tests[what] == self.found.p:
                moved = f"share {what}: {was:z.2%} in {self.reference}, {is_now:z.2%} now"
        size = f"stability index {self.found.psi:z.3f}, {self.subjects:,} subjects"
        if self.level == "ok":
            why = "the change is too small to matter" if self.significant else "no more than chance"
            return f"{self.feature} against {self.reference}: {why} ({size})."
        return f"{self.feature} has moved: {moved} ({size})."


def compare(
    now: Profile,
    references: Sequence[Reference],
    *,
    population: Literal["table", "traffic"] = "table",
    limits: Limits | None = None,
) -> list[FeatureDrift]:
    """Compare a table with its references, all tests in one family.

    Parameters
    ----------
    now : Profile
        Counted on the edges and levels of the references; one row per subject.
    references : sequence of Reference
        In the order in which results are wanted; usually training and the period before.
    population : {"table", "traffic"}
        What `now` is; see `Reference.role`.
    limits : Limits, optional

    Returns
    -------
    list of FeatureDrift
        One per reference and feature; one per reference with too few subjects, with the level `insufficient`. Empty
        without a reference: `worst` of no findings is `insufficient`.

    Raises
    ------
    ConfigError
        If a reference's role does not fit the population, or two have one role.
    DataError
        If rows are not one per subject, a feature's counts do not add up to the rows, or edges differ.

    Examples
    --------
    >>> def table(low, high, n):
    ...     return Profile(n, n, ("2025-09",), {"megabytes": BinCounts(np.array([10.0]), np.array([low, high]), 0)})
    >>> reference = Reference("training", "2025-06", table(25_000, 25_000, 50_000))
    >>> [found.level for found in compare(table(510, 490, 1_000), [reference])]
    ['ok']
    >>> moved, = compare(table(250, 750, 1_000), [reference])
    >>> moved.level, moved.sentence().partition(" (stab")[0]
    ('alarm', 'megabytes has moved: share of > 10: 50.0% in training (2025-06), 75.0% now')
    >>> [found.level for found in compare(table(25, 75, 100), [reference])]
    ['insufficient']
    """
    limits = limits or Limits()
    _check_roles(references, population)
    found: list[FeatureDrift] = []
    for reference in references:
        found += _judge_nothing_yet(now, reference, limits)
    return _levels(found, limits)


def drift_findings(found: Sequence[FeatureDrift], since: str | None = None) -> list[Finding]:
    """Return results as findings, the worst first.

    Parameters
    ----------
    found : sequence of FeatureDrift
        From `compare`.
    since : str, optional
        The period that was judged.

    Examples
    --------
    >>> drift_findings([])
    []
    """
    order: tuple[Level, ...] = ("alarm", "notice", "insufficient", "ok")
    return [one.finding(since) for one in sorted(found, key=lambda one: order.index(one.level))]


def difference_of(now: Profile, before: Profile, *, several_rows: bool = False) -> dict[str, Difference]:
    """Return the difference of each feature that both tables hold, by name: p-values for a family of one's own.

    Parameters
    ----------
    now, before : Profile
    several_rows : bool
        Let `before` hold several rows a subject, about as many of each; it then counts for its subjects only.

    Raises
    ------
    DataError
        As `compare`.

    Examples
    --------
    >>> one = Profile(300, 300, (), {"age": BinCounts(np.array([30.0]), np.array([100, 200]), 0)})
    >>> difference_of(one, one)["age"].p
    1.0
    """
    return {name: difference(cells) for name, cells in cells_of(now, before, several_rows=several_rows).items()}


def cells_of(now: Profile, before: Profile, *, several_rows: bool = False) -> dict[str, CellCounts]:
    """Return the cells of each feature that both tables hold, as `difference_of` compares them.

    Examples
    --------
    >>> one = Profile(300, 300, (), {"age": BinCounts(np.array([30.0]), np.array([100, 200]), 0)})
    >>> cells_of(one, one)["age"].before.tolist()
    [100, 200, 0]
    """
    _check_rows(now, "the table")
    _check_rows(before, "the reference", several_rows=several_rows)
    both = dict(_features(before))
    kept = {name: _cells(name, counts, both[name]) for name, counts in _features(now) if name in both}
    scale = before.subjects / before.rows if several_rows and before.rows else 1.0
    return {name: _fewer(cells, scale) for name, cells in kept.items() if cells is not None}


def one_row_each(profile: Profile) -> bool:
    """Whether a table holds one row for each subject, within what an estimate of the subjects may be off.

    Examples
    --------
    >>> one_row_each(Profile(300, 300, ())), one_row_each(Profile(300, 200, ()))
    (True, False)
    """
    return profile.rows <= profile.subjects * (1.0 if profile.seen is None else _ESTIMATED)


def _judge_nothing_yet(now: Profile, reference: Reference, limits: Limits) -> list[FeatureDrift]:
    """Return the differences from one reference, before anything is called significant."""
    several_rows = reference.role == "training"
    _check_rows(now, "the table")
    _check_rows(reference.profile, str(reference), several_rows=several_rows)
    fewest = min(now.subjects, reference.profile.subjects)
    if fewest < limits.fewest:
        note = f"{fewest} subjects, and {limits.fewest} are needed: nothing was judged."
        return [FeatureDrift("", reference, "insufficient", now.subjects, None, False, note)]
    mine, theirs = dict(_features(now)), dict(_features(reference.profile))
    differences = difference_of(now, reference.profile, several_rows=several_rows)
    found: list[FeatureDrift] = []
    for name in [*theirs, *(name for name in mine if name not in theirs)]:
        note, level = "", "ok"
        if name not in differences:
            note, level = _unlike(name in mine, name in theirs)
        change = differences.get(name)
        scored = min(one[SCORE].rows for one in (mine, theirs)) if name == SCORE and change else fewest
        if scored < limits.fewest:
            note, level, change = f"{scored} rows have one, and {limits.fewest} are needed.", "insufficient", None
        subjects = mine[SCORE].rows if name == SCORE and change else now.subjects
        found.append(FeatureDrift(name, reference, level, subjects, change, False, note))
    if not found:
        note = "it holds no counts of any feature: nothing was judged. Train again."
        found = [FeatureDrift("", reference, "insufficient", now.subjects, None, False, note)]
    return found


def _unlike(is_here: bool, was_there: bool) -> tuple[str, Level]:  # noqa: FBT001 - two plain facts
    if not is_here:
        return "the feature is gone. Bring the column back, or train without it.", "alarm"
    if not was_there:
        return "the feature is new and was not compared. Train again to have a reference.", "notice"
    return "a number in one and a category in the other. Mend the column's type.", "alarm"


def _levels(found: list[FeatureDrift], limits: Limits) -> list[FeatureDrift]:
    """Judge all tests as one family."""
    p = np.sort([one.found.p for one in found if one.found is not None])
    passed = p[p <= limits.alpha * np.arange(1, len(p) + 1) / max(len(p), 1)]
    cut = float(passed[-1]) if len(passed) else -1.0
    judged: list[FeatureDrift] = []
    for one in found:
        if one.found is None or one.found.p > cut:
            judged.append(one)
            continue
        level = _level(one.found, cut, limits)
        judged.append(FeatureDrift(one.feature, one.reference, level, one.subjects, one.found, True))
    return judged


def _level(found: Difference, cut: float, limits: Limits) -> Level:
    """Return the level of a significant difference: the worse of its size over all cells, and of rare ones."""
    sizes = [(found.psi, limits.notice, limits.alarm)] if _any_below(found, cut) else []
    for name, (before, now) in found.shares.items():
        if found.tests[name] <= cut:
            sizes.append((abs(now - before), limits.rare_notice, limits.rare_alarm))
    if any(size > alarm for size, _, alarm in sizes):
        return "alarm"
    return "notice" if any(size > notice for size, notice, _ in sizes) else "ok"


def _any_below(found: Difference, cut: float) -> bool:
    return any(found.tests.get(name, 1.0) <= cut for name in ("spread", "rank"))


def _features(profile: Profile) -> Iterator[tuple[str, BinCounts | CategoryCounts]]:
    yield from profile.numbers.items()
    yield from profile.categories.items()
    if profile.score is not None:
        yield SCORE, profile.score


def _cells(name: str, now: BinCounts | CategoryCounts, before: BinCounts | CategoryCounts) -> CellCounts | None:
    if isinstance(now, BinCounts) and isinstance(before, BinCounts):
        return number_cells(now, before, name)
    if isinstance(now, CategoryCounts) and isinstance(before, CategoryCounts):
        return category_cells(now, before)
    return None


def _fewer(cells: CellCounts, scale: float) -> CellCounts:
    """Return cells whose reference counts for fewer rows."""
    if scale == 1:
        return cells
    return replace(cells, before=np.rint(cells.before * scale).astype(np.int64))


def _check_rows(profile: Profile, name: str, *, several_rows: bool = False) -> None:
    if not several_rows and not one_row_each(profile):
        raise DataError(
            f"{name}: {profile.rows:,} rows of {profile.subjects:,} subjects. A test needs one row per subject: keep "
            "each subject's last row of the period, and count again."
        )
    if profile.rows < profile.subjects:
        raise DataError(f"{name}: {profile.rows:,} rows cannot be of {profile.subjects:,} subjects; count again.")
    for feature, counts in _features(profile):
        if counts.rows != profile.rows and (feature != SCORE or counts.rows > profile.rows):  # not all are scored
            raise DataError(f"{name}: the counts of {feature} do not add up to its {profile.rows:,} rows; count again.")


def _check_roles(references: Sequence[Reference], population: str) -> None:
    roles = [reference.role for reference in references]
    if strange := [role for role in roles if role not in _COMPARABLE[population]]:
        raise ConfigError(f"{population} is compared with {' and '.join(_COMPARABLE[population])}, not {strange[0]!r}.")
    if len(set(roles)) < len(roles):
        raise ConfigError(f"two references are {max(roles, key=roles.count)!r}: merge them, or leave one out.")
