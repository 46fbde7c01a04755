"""How well the model did once outcomes are known, and what can be said before.

An outcome is judged only once it is mature, which its kind says (`decision_log.kinds`): a saving takes three months,
so the newest decisions are left out, not counted as failures. Each figure has a bootstrap interval over subjects and is
compared with the figure of the bundle's card, whose own interval counts as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.decision_log.kinds import KINDS, mature_before
from common_utils.errors import DataError
from common_utils.evaluation import Interval, auc_by_weight, ece_by_weight
from common_utils.evaluation.intervals import group_codes, percentile_interval, resampled_weights
from common_utils.evaluation.metrics import ECE_BINS
from common_utils.monitoring.findings import Finding, Level

__all__ = [
    "EarlyEstimate",
    "Figure",
    "LateFigure",
    "auc",
    "calibration_error",
    "estimated",
    "judge",
    "mature",
    "mean_of",
]

_FEWEST = 200
_RESAMPLES = 400


@dataclass(frozen=True)
class Figure:
    """A figure of decisions and what came of them.

    Attributes
    ----------
    name : str
        As the bundle's card has it: `ndcg_at_5`, `auc`, `mae`, `saving`, `worse_off`, `ece`, `coverage`.
    rows : bool array of shape (n,)
        Decisions whose outcome is known.
    prepare : callable
        Rows of the table -> a function of their weights -> the figure.
    better : {"more", "less"}
    """

    name: str
    rows: BoolArray
    prepare: Callable[[IntArray], Callable[[FloatArray], float]]
    better: Literal["more", "less"]


@dataclass(frozen=True)
class LateFigure:
    """A figure from mature outcomes, judged against the card.

    Attributes
    ----------
    name, segment : str
        The segment is empty for all decisions.
    level : {"ok", "insufficient", "notice", "alarm"}
    found : Interval or None
        None with fewer than 200 subjects.
    card : Interval or None
        The bundle's own figure; None where the card has none for this segment: then shown and not judged.
    subjects : int
        With a mature outcome.
    p : float or None
        One-sided: chance of a figure as bad, if the card still held; before Holm.
    """

    name: str
    segment: str
    level: Level
    found: Interval | None
    card: Interval | None
    subjects: int
    p: float | None

    def finding(self, since: str | None = None) -> Finding:
        """Return it as a finding: `value` is the figure, `usual` the card's."""
        value = None if self.found is None else self.found.estimate
        usual = None if self.card is None else self.card.estimate
        name = f"{self.name} {self.segment}".strip()
        return Finding("late_labels", name, self.level, value, usual, since, self.subjects, self.sentence())

    def sentence(self) -> str:
        """Say in plain English how the figure compares with the card's."""
        name = f"{self.name} of {self.segment or 'all'}"
        if self.found is None:
            return f"{name}: {self.subjects} subjects with a mature outcome, and {_FEWEST} are needed."
        if self.card is None:
            return f"{name}: {self.found}, {self.subjects:,} subjects; the card has no figure to compare with."
        words = {"ok": "no worse than", "notice": "worse than", "alarm": "much worse than"}
        return f"{name}: {self.found} is {words.get(self.level, 'not to be compared with')} the card's {self.card}."


@dataclass(frozen=True)
class EarlyEstimate:
    """A figure guessed from scores alone, before outcomes are mature.

    Attributes
    ----------
    name : str
    value : float
    assumes : str
        What must hold for the guess to be right.
    """

    name: str
    value: float
    assumes: str

    def finding(self, subjects: int) -> Finding:
        """Return it as a finding that is `insufficient`: an estimate never says that all is well."""
        words = f"{self.name}: {self.value:z.3f} is an estimate from scores, not a measurement. "
        words += f"It assumes that {self.assumes}."
        return Finding("estimate", self.name, "insufficient", self.value, None, None, subjects, words)


def mature(kind: str, at_ms: ArrayLike, now_ms: int) -> BoolArray:
    """Return which decisions are old enough for an outcome of a kind to be judged.

    Parameters
    ----------
    kind : str
        Of `decision_log.kinds.KINDS`.
    at_ms : int array-like of shape (n,)
        When each was made, milliseconds since 1970, UTC.
    now_ms : int

    Raises
    ------
    DataError
        If there is no such kind.

    Examples
    --------
    >>> day = 86_400_000
    >>> mature("saving", [0, 10 * day], now_ms=95 * day).tolist()
    [True, False]
    """
    if kind not in KINDS:
        raise DataError(f"{kind!r}: no such kind of outcome; known: {', '.join(KINDS)}.")
    return np.asarray(at_ms, dtype=np.int64) <= mature_before(kind, now_ms)


def mean_of(name: str, values: FloatArray, rows: BoolArray, better: Literal["more", "less"]) -> Figure:
    """Return the figure that is a mean of values: NDCG, share accepted, saving, absolute error, coverage.

    Examples
    --------
    >>> figure = mean_of("mae", np.array([1.0, 3.0, 9.0]), np.array([True, True, False]), "less")
    >>> figure.prepare(np.arange(2))(np.ones(2))
    2.0
    """

    def prepare(at: IntArray) -> Callable[[FloatArray], float]:
        mine = values[at]
        return lambda weights: float(weights @ mine / weights.sum())

    return Figure(name, rows & ~np.isnan(values), prepare, better)


def auc(name: str, score: FloatArray, happened: FloatArray, rows: BoolArray) -> Figure:
    """Return the AUC of a score; `happened` is 0 or 1, NaN where unknown.

    Examples
    --------
    >>> figure = auc("auc", np.array([0.2, 0.8]), np.array([0.0, 1.0]), np.array([True, True]))
    >>> figure.prepare(np.arange(2))(np.ones(2))
    1.0
    """

    def prepare(at: IntArray) -> Callable[[FloatArray], float]:
        return auc_by_weight(happened[at].astype(np.int64), np.column_stack([1 - score[at], score[at]]))

    return Figure(name, rows & ~np.isnan(happened), prepare, "more")


def calibration_error(name: str, score: FloatArray, happened: FloatArray, rows: BoolArray) -> Figure:
    """Return the expected calibration error of a probability, ten bins of equal mass.

    Examples
    --------
    >>> figure = calibration_error("ece", np.full(4, 0.5), np.array([0.0, 1, 1, 1]), np.ones(4, dtype=bool))
    >>> figure.prepare(np.arange(4))(np.ones(4))
    0.25
    """

    def prepare(at: IntArray) -> Callable[[FloatArray], float]:
        return ece_by_weight(score[at], happened[at], ECE_BINS)

    return Figure(name, rows & ~np.isnan(happened), prepare, "less")


def judge(
    figures: Sequence[Figure],
    subjects: ArrayLike,
    card: Mapping[tuple[str, str], Interval],
    *,
    segments: ArrayLike | None = None,
    alpha: float = 0.01,
    rng: np.random.Generator,
) -> list[LateFigure]:
    """Return figures of all decisions, and of each segment, against the card.

    Parameters
    ----------
    figures : sequence of Figure
        Their `rows` hold mature outcomes only (`mature`).
    subjects : array-like of shape (n,)
        Who each decision is about: drawn whole by the bootstrap.
    card : mapping of (figure, segment) to Interval
        The segment is empty for all.
    segments : array-like of str of shape (n,), optional
    alpha : float
        Chance of any false finding, by Holm over all figures and segments that are judged.
    rng : numpy.random.Generator

    Returns
    -------
    list of LateFigure
        Worse than the card, both intervals counted: a notice; and beyond the card's own interval: an alarm.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> error, everyone = rng.exponential(2.0, 500), np.ones(500, dtype=bool)
    >>> figures = [mean_of("mae", error, everyone, "less")]
    >>> judge(figures, np.arange(500), {("mae", ""): Interval(1.0, 0.9, 1.1)}, rng=rng)[0].level
    'alarm'
    """
    names = np.asarray(subjects)
    parts = None if segments is None else np.asarray(segments).astype(str)
    places = [("", np.ones(len(names), dtype=np.bool_))]
    places += [] if parts is None else [(part, parts == part) for part in sorted(set(parts.tolist()))]
    found = [_late(figure, part, inside, names, card, rng) for figure in figures for part, inside in places]
    better: dict[str, Literal["more", "less"]] = {figure.name: figure.better for figure in figures}
    return _judged(found, better, alpha)


def estimated(probability: FloatArray) -> list[EarlyEstimate]:
    """Return what the scores of a calibrated binary model say of its share of yes and its AUC, before any outcome.

    Examples
    --------
    >>> [(one.name, round(one.value, 3)) for one in estimated(np.array([0.1, 0.9]))]
    [('share', 0.5), ('auc', 0.9)]
    """
    p = np.sort(probability)
    starts = np.unique(p, return_index=True)[1]
    hits, misses = np.add.reduceat(p, starts), np.add.reduceat(1 - p, starts)
    below = np.cumsum(misses) - misses / 2
    pairs = hits.sum() * misses.sum()
    assumes = "the score is still calibrated; a drift of what the features mean would not show"
    found = [EarlyEstimate("share", float(p.mean()), assumes)]
    return [*found, EarlyEstimate("auc", float(hits @ below / pairs), assumes)] if pairs > 0 else found


def _late(
    figure: Figure,
    segment: str,
    inside: BoolArray,
    subjects: NDArray[Any],
    card: Mapping[tuple[str, str], Interval],
    rng: np.random.Generator,
) -> LateFigure:
    at = np.flatnonzero(figure.rows & inside)
    count = len(np.unique(subjects[at]))
    known = card.get((figure.name, segment))
    if count < _FEWEST:
        return LateFigure(figure.name, segment, "insufficient", None, known, count, None)
    statistic = figure.prepare(at)
    codes, groups = group_codes(subjects[at], len(at))
    drawn = np.array([statistic(weights[codes]) for weights in resampled_weights(groups, _RESAMPLES, rng)])
    estimate = statistic(np.ones(len(at)))
    if not (np.isfinite(estimate) and np.isfinite(drawn).all()):
        return LateFigure(figure.name, segment, "insufficient", None, known, count, None)
    found = percentile_interval(estimate, drawn, 0.95)
    if known is None:
        return LateFigure(figure.name, segment, "insufficient", found, None, count, None)
    worse = known.estimate - estimate if figure.better == "more" else estimate - known.estimate
    error = float(np.hypot(drawn.std(ddof=1), (known.high - known.low) / (2 * 1.96)))
    p = float(ndtr(-worse / error)) if error > 0 else float(worse <= 0)
    return LateFigure(figure.name, segment, "ok", found, known, count, p)


def _judged(found: list[LateFigure], better: Mapping[str, Literal["more", "less"]], alpha: float) -> list[LateFigure]:
    ordered = sorted((one.p, at) for at, one in enumerate(found) if one.p is not None)
    judged = list(found)
    for step, (p, at) in enumerate(ordered):
        if p > alpha / (len(ordered) - step):
            break
        one = found[at]
        if one.found is None or one.card is None:
            continue
        more = better[one.name] == "more"
        beyond = one.found.high < one.card.low if more else one.found.low > one.card.high
        level: Level = "alarm" if beyond else "notice"
        judged[at] = LateFigure(one.name, one.segment, level, one.found, one.card, one.subjects, one.p)
    return judged
