"""Figures of two bundles on the same rows, and what the paired interval says: passes, refused, insufficient.

A difference is always "the new one less the live one, where more is worse", so that one rule judges them all: within
the margin at its worse end it passes; certainly worse, and not certainly within, it is refused; else it cannot be said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.evaluation import Interval, bootstrap_interval, paired_mean_difference
from common_utils.lifecycle.config import GateConfig

__all__ = ["Compared", "GateVerdict", "PairedFigure", "PairedHarm", "compared", "judged_difference"]

GateVerdict: TypeAlias = Literal["passes", "refused", "insufficient"]
"""Nothing is ever "better": a bundle may take the next step, may not, or there is too little to say."""


@dataclass(frozen=True)
class PairedFigure:
    """One figure of both bundles, row by row.

    Attributes
    ----------
    name : str
    live, challenger : float64 arrays of shape (n,)
        Not finite where a bundle has no figure. A row counts where the live bundle has one; where the new one has none
        there, the figure is refused: rows that a bundle cannot answer must not leave the comparison.
    subjects : array of shape (n,)
        Whom each row is about; drawn whole.
    less_is_better : bool
    segments : mapping of str to array of shape (n,)
        By what rows are divided, the label of each row; each label is judged by itself.
    """

    name: str
    live: FloatArray
    challenger: FloatArray
    subjects: NDArray[Any]
    less_is_better: bool = True
    segments: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


@dataclass(frozen=True)
class PairedHarm:
    """Who is worse off, of those that either bundle moves.

    Attributes
    ----------
    name : str
    live_moved, challenger_moved : bool arrays of shape (n,)
        Whether the bundle's answer moves the row's subject.
    live_harmed, challenger_harmed : bool arrays of shape (n,)
        Whether the subject is worse off by following it.
    subjects : array of shape (n,)
    """

    name: str
    live_moved: BoolArray
    challenger_moved: BoolArray
    live_harmed: BoolArray
    challenger_harmed: BoolArray
    subjects: NDArray[Any]


@dataclass(frozen=True)
class Compared:
    """What was found of one figure.

    Attributes
    ----------
    name : str
    segment : str
        Such as `age: to 27`; empty for all rows.
    verdict : {"passes", "refused", "insufficient"}
    subjects, rows : int
    live, challenger : float or None
        Means of the rows; None where there are none.
    worse : Interval or None
        By how much the new one is worse, in the figure's unit; negative where it is better. None: too few subjects.
    margin : float
        How much worse is borne, in the figure's unit.
    counts : bool
        False where a segment is too small to be judged: it is named, and decides nothing.
    unanswered : int
        Rows for which the live bundle has a figure and the new one has none.
    """

    name: str
    segment: str
    verdict: GateVerdict
    subjects: int
    rows: int
    live: float | None
    challenger: float | None
    worse: Interval | None
    margin: float
    counts: bool = True
    unanswered: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {**asdict(self), "worse": None if self.worse is None else self.worse.to_dict()}

    def sentence(self) -> str:
        """Say it in words.

        Examples
        --------
        >>> worse = Interval(0.01, -0.01, 0.03)
        >>> Compared("log loss", "", "insufficient", 300, 310, 0.5, 0.51, worse, 0.02).sentence()
        'log loss: 0.5 live, 0.51 new; worse by 0.01 [-0.01, 0.03], borne 0.02: insufficient'
        """
        what = f"{self.name}, {self.segment}" if self.segment else self.name
        if self.unanswered:
            return f"{what}: the new bundle has none in {self.unanswered:,} rows where the live one has: {self.verdict}"
        if self.worse is None or self.live is None or self.challenger is None:
            return f"{what}: {self.subjects:,} subjects, too few to judge: {self.verdict}"
        low, high = self.worse.low, self.worse.high
        return (
            f"{what}: {self.live:z.4g} live, {self.challenger:z.4g} new; worse by {self.worse.estimate:z.3g} "
            f"[{low:z.3g}, {high:z.3g}], borne {self.margin:z.3g}: {self.verdict}"
        )


def judged_difference(worse: Interval, margin: float) -> GateVerdict:
    """Return what an interval of "by how much worse" says.

    Parameters
    ----------
    worse : Interval
    margin : float
        How much worse is borne, >= 0.

    Examples
    --------
    >>> judged_difference(Interval(0.0, -1.0, 1.0), margin=2.0), judged_difference(Interval(3.0, 1.0, 5.0), margin=2.0)
    ('passes', 'refused')
    >>> judged_difference(Interval(0.0, -3.0, 3.0), margin=2.0)
    'insufficient'
    """
    if worse.high <= margin:
        return "passes"
    return "refused" if worse.low > 0 else "insufficient"


def compared(measure: PairedFigure | PairedHarm, config: GateConfig, *, seed: int) -> list[Compared]:
    """Return what is found of a figure: of all rows first, then of each segment.

    Parameters
    ----------
    measure : PairedFigure or PairedHarm
    config : GateConfig
    seed : int
        Of the bootstrap: the same rows give the same interval.

    Examples
    --------
    >>> ones = np.ones(400)
    >>> same = PairedFigure("regret", ones, ones, np.arange(400))
    >>> [(one.verdict, one.worse.high) for one in compared(same, GateConfig(resamples=50), seed=1)]
    [('passes', 0.0)]
    """
    if isinstance(measure, PairedHarm):
        return [_harm(measure, config, seed)]
    known = np.isfinite(measure.live)
    found = [_mean(measure, "", known, config.margin, config.least_subjects, config, seed, counts=True)]
    for by, labels in measure.segments.items():
        for label in sorted(set(labels[known].astype(str).tolist())):
            inside = known & (labels.astype(str) == label)
            enough = len(np.unique(measure.subjects[inside])) >= config.least_in_segment
            found.append(
                _mean(
                    measure,
                    f"{by}: {label}",
                    inside,
                    config.segment_margin,
                    config.least_in_segment,
                    config,
                    seed,
                    counts=enough,
                )
            )
    return found


def _mean(
    measure: PairedFigure,
    segment: str,
    rows: BoolArray,
    share: float,
    least: int,
    config: GateConfig,
    seed: int,
    *,
    counts: bool,
) -> Compared:
    live, challenger, subjects = measure.live[rows], measure.challenger[rows], measure.subjects[rows]
    n_subjects = len(np.unique(subjects))
    unanswered = int((~np.isfinite(challenger)).sum())
    if unanswered:
        before, bearable = float(live.mean()), share * abs(float(live.mean()))
        said = (measure.name, segment, "refused", n_subjects, len(live), before, None, None, bearable)
        return Compared(*said, counts=counts, unanswered=unanswered)
    if n_subjects < least or not len(live):
        means = (float(live.mean()), float(challenger.mean())) if len(live) else (None, None)
        nothing = share * abs(means[0] or 0.0)
        return Compared(measure.name, segment, "insufficient", n_subjects, len(live), *means, None, nothing, counts)
    margin = share * abs(float(live.mean()))
    first, second = (challenger, live) if measure.less_is_better else (live, challenger)
    rng = np.random.default_rng(seed)
    worse = paired_mean_difference(first, second, subjects, n_resamples=config.resamples, rng=rng).interval
    verdict = judged_difference(worse, margin)
    means = float(live.mean()), float(challenger.mean())
    return Compared(measure.name, segment, verdict, n_subjects, len(live), *means, worse, margin, counts)


def _harm(harm: PairedHarm, config: GateConfig, seed: int) -> Compared:
    moved = harm.live_moved | harm.challenger_moved
    n_moved = [len(np.unique(harm.subjects[m])) for m in (harm.live_moved, harm.challenger_moved)]
    live, new = (_share(m, h) for m, h in _arms(harm))
    said = (harm.name, "")
    about = (min(n_moved), int(moved.sum()))
    if not n_moved[1]:  # who is not moved is not harmed
        return Compared(*said, "passes", *about, live, 0.0, Interval(0.0, 0.0, 0.0), config.harm_margin)
    if min(n_moved) < config.least_moved:
        return Compared(*said, "insufficient", *about, live, new, None, config.harm_margin)

    def worse_by(rows: IntArray) -> float:
        shares = [_share(m[rows], h[rows]) for m, h in _arms(harm)]
        return shares[1] - shares[0] if None not in shares else np.nan  # type: ignore[operator]

    rng = np.random.default_rng(seed)
    try:
        worse = bootstrap_interval(worse_by, groups=harm.subjects, n_resamples=config.resamples, rng=rng)
    except DataError:  # a resample moved nobody
        return Compared(*said, "insufficient", *about, live, new, None, config.harm_margin)
    return Compared(*said, judged_difference(worse, config.harm_margin), *about, live, new, worse, config.harm_margin)


def _arms(harm: PairedHarm) -> tuple[tuple[BoolArray, BoolArray], tuple[BoolArray, BoolArray]]:
    return (harm.live_moved, harm.live_harmed), (harm.challenger_moved, harm.challenger_harmed)


def _share(moved: BoolArray, harmed: BoolArray) -> float | None:
    return float(harmed[moved].mean()) if moved.any() else None
