"""Groups compared with the others: who is offered, advised, refused, worse off, given what could be saved.

Raw shares differ by age with nothing planted (16 to 32 % offered), because usage does: they are shown, with Wilson
intervals, and never judged. What is judged is each group against all others within strata of possible saving: the
Cochran-Mantel-Haenszel test (for amounts its extension, by the permutation variance), Holm over all groups and
measures. How much is told as the group's figure over what it would be at the others' rates, stratum by stratum, and as
the number of subjects that makes. Cells under 20 subjects are hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.evaluation import Interval
from common_utils.monitoring.findings import Finding, Level

__all__ = ["BiasLimits", "GroupFigure", "Measure", "compare_groups", "latest_of_each", "wilson"]

Texts: TypeAlias = NDArray[np.str_]


@dataclass(frozen=True)
class Measure:
    """What is done to subjects, row by row.

    Attributes
    ----------
    name : str
        `offered`, `advised`, `refused`, `worse off`, `saving`.
    values : float64 array of shape (n,)
        0 and 1 for a share, or an amount; NaN where the row is not in question: not eligible, or its outcome not
        mature.
    harm : {"less", "more"}
        Which direction harms: fewer offers, more refusals.
    """

    name: str
    values: FloatArray
    harm: Literal["less", "more"]

    @property
    def is_share(self) -> bool:
        """Whether the values are 0 and 1 only."""
        known = self.values[~np.isnan(self.values)]
        return bool(np.isin(known, (0.0, 1.0)).all())


@dataclass(frozen=True)
class BiasLimits:
    """When a difference is told.

    Attributes
    ----------
    alpha : float
        Chance of any false finding in a report, over groups and measures.
    ratio : float
        Significant and below this share of the others' rate, or above its inverse: an alarm (the four-fifths rule).
        Significant and nearer: a notice.
    seen : float
        What `ok` promises: not significant, and the 95 % interval excludes this ratio. If it does not, the group is too
        small: `insufficient`.
    fewest : int
        Subjects of a group, and of the others, below which nothing is shown.
    fewest_expected : float
        Events expected in the group, below which nothing is judged.
    """

    alpha: float = 0.01
    ratio: float = 0.8
    seen: float = 0.5
    fewest: int = 20
    fewest_expected: float = 5.0


@dataclass(frozen=True)
class GroupFigure:
    """One measure of one group.

    Attributes
    ----------
    attribute, group, measure : str
    level : {"ok", "insufficient", "notice", "alarm"}
    subjects : int or None
        Rows of the group in question; None where hidden.
    raw : Interval or None
        The group's mean as it is, not to be judged; Wilson for shares.
    ratio : Interval or None
        The group's figure over what it would be at the others' rates, stratum by stratum; None where that is not
        above 0.
    affected : Interval or None
        Subjects (for an amount: its sum) by which the group falls short of the others' rates, or exceeds them where
        more harms; negative where the group fares better.
    p : float or None
        Two-sided, before Holm.
    is_share : bool
    """

    attribute: str
    group: str
    measure: str
    level: Level
    subjects: int | None
    raw: Interval | None
    ratio: Interval | None
    affected: Interval | None
    p: float | None
    is_share: bool = True

    def finding(self, since: str | None = None) -> Finding:
        """Return it as a finding: `value` is the ratio, `usual` is 1, `count` the group's subjects."""
        value = None if self.ratio is None else self.ratio.estimate
        where = f"{self.attribute} {self.group}: {self.measure}"
        usual = None if value is None else 1.0
        return Finding("bias", where, self.level, value, usual, since, self.subjects or 0, self.sentence())

    def sentence(self) -> str:
        """Say in plain English how the group compares with others of the same eligibility and possible saving."""
        where = f"{self.attribute} {self.group}, {self.measure}"
        if self.subjects is None or self.affected is None:
            return f"{where}: too few subjects; nothing is shown."
        many = f"{self.subjects:,} subjects"
        if self.ratio is None:
            return f"{where}: not judged, as nothing to compare with is above 0 ({many})."
        near = f"{self.ratio.estimate:z.2f} of the rate of others alike [{self.ratio.low:z.2f}, {self.ratio.high:z.2f}]"
        if self.level == "insufficient":
            return f"{where}: {near}; too few to say ({many})."
        if self.level == "ok":
            return f"{where}: {near}; no more than chance ({many})."
        unit = "subjects affected" if self.is_share else "in all"
        about = f"about {self.affected.estimate:z,.0f} [{self.affected.low:z,.0f}, {self.affected.high:z,.0f}] {unit}"
        return f"{where}: {near}, {about} ({many}). Follow docs/runbooks/bias.md."


def compare_groups(
    attribute: str,
    groups: ArrayLike,
    strata: ArrayLike,
    measures: Sequence[Measure],
    *,
    subjects: ArrayLike | None = None,
    limits: BiasLimits | None = None,
) -> list[GroupFigure]:
    """Compare each group with all others, measure by measure.

    Parameters
    ----------
    attribute : str
        What the groups are of, such as `age_band`.
    groups : array-like of str of shape (n,)
        Empty or None where unknown: a group of its own.
    strata : int array-like of shape (n,)
        Of possible saving (and whatever else may make a difference); compared are rows of one stratum.
    measures : sequence of Measure
    subjects : array-like of shape (n,), optional
        Who each row is of; refused if one repeats (`latest_of_each`).
    limits : BiasLimits, optional

    Returns
    -------
    list of GroupFigure
        One per measure and group, in order.

    Raises
    ------
    DataError
        If lengths differ, a subject repeats, or a value is infinite.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> young = rng.random(5_000) < 0.2
    >>> offered = (rng.random(5_000) < np.where(young, 0.1, 0.2)).astype(float)
    >>> measures = [Measure("offered", offered, "less")]
    >>> found = compare_groups("age", np.where(young, "young", "old"), np.zeros(5_000), measures)
    >>> [(one.group, one.level) for one in found]
    [('old', 'notice'), ('young', 'alarm')]
    """
    limits = limits or BiasLimits()
    labels = np.array(["unknown" if one is None or not str(one) else str(one) for one in np.asarray(groups).tolist()])
    places = np.unique(np.asarray(strata), return_inverse=True)[1].astype(np.int64)
    _check(labels, places, measures, subjects)
    found = [
        _figure(attribute, group, labels == group, places, measure, limits)
        for measure in measures
        for group in sorted(set(labels.tolist()))
    ]
    return _judged(found, {measure.name: measure.harm for measure in measures}, limits)


def latest_of_each(subjects: ArrayLike, at: ArrayLike) -> IntArray:
    """Return the row of each subject's latest decision, in the order of rows.

    Examples
    --------
    >>> latest_of_each(["a", "b", "a"], [1, 2, 3]).tolist()
    [1, 2]
    """
    names, when = np.asarray(subjects), np.asarray(at)
    order = np.argsort(when, kind="stable")[::-1]
    return np.sort(order[np.unique(names[order], return_index=True)[1]]).astype(np.int64)


def wilson(events: float, n: int, level: float = 0.95) -> Interval:
    """Return a share with Wilson's interval.

    Examples
    --------
    >>> print(wilson(5, 50))
    0.100 [0.043, 0.214]
    """
    share, z = events / n, float(ndtri(0.5 + level / 2))
    middle, spread = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    below = 1 + z * z / n
    low, high = max(0.0, (middle - spread) / below), min(1.0, (middle + spread) / below)
    return Interval(share, float(low), float(high), level)


def _figure(
    attribute: str, group: str, inside: BoolArray, strata: IntArray, measure: Measure, limits: BiasLimits
) -> GroupFigure:
    known = ~np.isnan(measure.values)
    mine, rest = known & inside, known & ~inside
    hidden = GroupFigure(attribute, group, measure.name, "insufficient", None, None, None, None, None)
    if min(mine.sum(), rest.sum()) < limits.fewest:
        return hidden
    sums = _Strata.of(measure.values, strata, mine, rest)
    expected, affected, p = sums.expected(), sums.affected(measure.harm), sums.p()
    raw = _raw(measure, mine)
    ratio = None
    if expected > 0:
        ends = [1 - value / expected * (1 if measure.harm == "less" else -1) for value in (affected.low, affected.high)]
        ratio = Interval(sums.actual() / expected, min(ends), max(ends))
    few = sums.compared() < limits.fewest or (measure.is_share and expected < limits.fewest_expected)
    return replace(
        hidden,
        subjects=int(mine.sum()),
        raw=raw,
        ratio=ratio,
        affected=affected,
        p=None if few else p,
        is_share=measure.is_share,
    )


def _raw(measure: Measure, mine: BoolArray) -> Interval:
    values = measure.values[mine]
    if measure.is_share:
        return wilson(float(values.sum()), len(values))
    half = float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half)


@dataclass(frozen=True)
class _Strata:
    """Counts, means and variances of a group and the others, in the strata that hold both."""

    n: FloatArray
    others: FloatArray
    mean: FloatArray
    others_mean: FloatArray
    spread: FloatArray
    others_spread: FloatArray
    pooled: FloatArray

    @classmethod
    def of(cls, values: FloatArray, strata: IntArray, mine: BoolArray, rest: BoolArray) -> _Strata:
        count = int(strata.max()) + 1
        n, mean, square = _moments(values, strata, mine, count)
        others, others_mean, others_square = _moments(values, strata, rest, count)
        both = (n > 0) & (others > 0)
        n, mean, square, others, others_mean, others_square = (
            one[both] for one in (n, mean, square, others, others_mean, others_square)
        )
        total = n + others
        middle = (n * mean + others * others_mean) / total
        pooled = np.maximum((n * square + others * others_square) / total - middle**2, 0.0)
        few = 5  # in one stratum: its own variance is not known well enough
        spread = np.where(n < few, pooled, np.maximum(square - mean**2, 0.0))
        others_spread = np.where(others < few, pooled, np.maximum(others_square - others_mean**2, 0.0))
        return cls(n, others, mean, others_mean, spread, others_spread, pooled)

    def compared(self) -> float:
        return float(self.n.sum())

    def actual(self) -> float:
        return float(self.n @ self.mean)

    def expected(self) -> float:
        """Return the group's sum at the others' means."""
        return float(self.n @ self.others_mean)

    def affected(self, harm: Literal["less", "more"]) -> Interval:
        short = self.expected() - self.actual()
        variance = float(self.n @ self.spread + self.n**2 @ (self.others_spread / self.others))
        half = 1.96 * float(np.sqrt(variance))
        short = short if harm == "less" else -short
        return Interval(short, short - half, short + half)

    def p(self) -> float:
        """Return the two-sided p of Cochran, Mantel and Haenszel, without a correction for continuity."""
        total = self.n + self.others
        difference = float((self.n * self.others / total) @ (self.mean - self.others_mean))
        counted = total > 1
        variance = float(
            (self.n * self.others)[counted] @ (self.pooled[counted] / (total[counted] - 1)) if counted.any() else 0.0
        )
        return float(2 * ndtr(-abs(difference) / np.sqrt(variance))) if variance > 0 else 1.0


def _moments(
    values: FloatArray, strata: IntArray, rows: BoolArray, count: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    place, mine = strata[rows], values[rows]
    n = np.bincount(place, minlength=count).astype(np.float64)
    size = np.maximum(n, 1.0)
    mean = np.bincount(place, weights=mine, minlength=count) / size
    return n, mean, np.bincount(place, weights=mine**2, minlength=count) / size


def _judged(
    found: list[GroupFigure], harm: dict[str, Literal["less", "more"]], limits: BiasLimits
) -> list[GroupFigure]:
    """Let Holm decide which are significant, and the ratio how bad."""
    ordered = sorted((one.p, at) for at, one in enumerate(found) if one.p is not None)
    significant: set[int] = set()
    for step, (p, at) in enumerate(ordered):
        if p > limits.alpha / (len(ordered) - step):
            break
        significant.add(at)
    return [
        replace(one, level=_level(one, harm[one.measure], limits, significant=at in significant))
        for at, one in enumerate(found)
    ]


def _level(one: GroupFigure, harm: Literal["less", "more"], limits: BiasLimits, *, significant: bool) -> Level:
    if one.p is None or one.ratio is None:
        return "insufficient"
    if significant:
        bad = one.ratio.estimate < limits.ratio if harm == "less" else one.ratio.estimate > 1 / limits.ratio
        return "alarm" if bad else "notice"
    clear = one.ratio.low > limits.seen if harm == "less" else one.ratio.high < 1 / limits.seen
    return "ok" if clear else "insufficient"


def _check(labels: Texts, strata: IntArray, measures: Sequence[Measure], subjects: ArrayLike | None) -> None:
    if len(strata) != len(labels) or any(len(measure.values) != len(labels) for measure in measures):
        raise DataError("bias: groups, strata and measures differ in length. Give one value per decision.")
    for measure in measures:
        if np.isinf(measure.values).any():
            raise DataError(f"bias: {measure.name} holds an infinite value. Leave it out, or give NaN.")
    if subjects is not None and len(np.unique(np.asarray(subjects))) < len(labels):
        raise DataError(
            "bias: a subject has several decisions, which are not independent. Keep the latest (latest_of_each)."
        )
