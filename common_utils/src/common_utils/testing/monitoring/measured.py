"""How often checks fire: on days without drift, on planted shifts, over years, on decisions with and without bias."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import betaincinv, ndtr

from common_utils.array_types import FloatArray
from common_utils.monitoring.bias.groups import compare_groups
from common_utils.monitoring.drift.comparison import Reference, compare
from common_utils.monitoring.drift.e_detector import Detector
from common_utils.monitoring.drift.lasting import Lasting, ShiftAgainst
from common_utils.monitoring.profiles.profile import Profile
from common_utils.testing.monitoring.offers import decisions
from common_utils.testing.monitoring.worlds import DriftWorld, lognormal

__all__ = [
    "FOUR",
    "SimulatedDay",
    "Told",
    "bias_found",
    "days",
    "is_told",
    "shift_waits",
    "told",
    "upper",
    "years_fired",
]

FOUR: Mapping[str, float] = dict.fromkeys(("minutes", "messages", "megabytes", "bill"), 1.1)
"""The shift of a tenth on four features: lognormal, with standard deviations of the logarithm of .5, .6, .7 and .8."""

YEAR = 365
_DAY, _REFERENCE = 1_000, 50_000


@dataclass(frozen=True)
class SimulatedDay:
    """A day's counts, with its two references."""

    now: Profile
    training: Profile
    before: Profile


@dataclass(frozen=True)
class Told:
    """On how many of how many days something was told."""

    days: int
    total: int

    @property
    def share(self) -> float:
        """Days told over all days."""
        return self.days / self.total

    @property
    def upper(self) -> float:
        """The upper 95 % bound of the share, exact (Clopper and Pearson, one-sided)."""
        return upper(self.days, self.total)


def upper(events: int, total: int) -> float:
    """Return the upper 95 % bound of a share.

    Examples
    --------
    >>> round(upper(0, 300), 4), upper(3, 3)
    (0.0099, 1.0)
    """
    return 1.0 if events == total else float(betaincinv(events + 1, total - events, 0.95))


def days(
    seed: int, n: int, *, references: int, each: int, times: Mapping[str, float] | None = None
) -> Iterator[SimulatedDay]:
    """Yield days of n subjects after each of several references; with `times` each day is the first of a shift.

    Examples
    --------
    >>> [day.now.rows for day in days(1, 200, references=1, each=2)]
    [200, 200]
    """
    for reference in range(references):
        world = _world(seed, reference)
        rng = np.random.default_rng([seed, n, reference])
        before = world.day(rng, n)
        for _ in range(each):
            now = world.day(rng, n, times=times)
            yield SimulatedDay(now, world.reference, before)
            before = world.day(rng, n) if times else now


@lru_cache(maxsize=64)
def _world(seed: int, reference: int) -> DriftWorld:
    return DriftWorld(np.random.default_rng([seed, reference]), _REFERENCE)


def is_told(day: SimulatedDay) -> bool:
    """Return whether the drift check has a notice or an alarm.

    Examples
    --------
    >>> is_told(next(days(1, 1_000, references=1, each=1, times={"bill": 2.0})))
    True
    """
    references = [Reference("training", "2025-01", day.training), Reference("period before", "before", day.before)]
    return any(one.level in ("notice", "alarm") for one in compare(day.now, references))


def told(many: Iterator[SimulatedDay], judge: Callable[[SimulatedDay], bool] = is_told) -> Told:
    """Return on how many days a judge tells something.

    Examples
    --------
    >>> told(days(1, 200, references=1, each=3), lambda day: False)
    Told(days=0, total=3)
    """
    verdicts = [judge(day) for day in many]
    return Told(sum(verdicts), len(verdicts))


def years_fired(seed: int, years: int, against: ShiftAgainst | None) -> Told:
    """Return in how many years the detector of lasting shifts fires where nothing changes.

    Parameters
    ----------
    seed, years : int
    against : {"before", "all before"} or None
        Days of 1,000 subjects, after one reference of 50,000 in a year; None: independent p-values.

    Examples
    --------
    >>> years_fired(1, 1, None).total
    1
    """
    fired = 0
    for year in range(years):
        rng = np.random.default_rng([seed, year])
        if against is None:
            fired += _fired(rng.standard_normal(YEAR)) is not None
        else:
            fired += _watched(rng, against, YEAR) is not None
    return Told(fired, years)


def shift_waits(seed: int, runs: int, against: ShiftAgainst | None, *, quiet: int = 30) -> FloatArray:
    """Return after how many periods a lasting shift of one standard deviation is found, infinite where it is not.

    Parameters
    ----------
    seed, runs : int
    against : {"before", "all before"} or None
        As `years_fired`; of days, the shift is that of a day's mean, after `quiet` days. Runs that fire before it are
        left out.

    Examples
    --------
    >>> float(np.median(shift_waits(1, 9, None))) <= 30
    True
    """
    waits: list[float] = []
    for run in range(runs):
        rng = np.random.default_rng([seed, 1, run])
        if against is None:
            waits.append(_fired(rng.standard_normal(YEAR) + 1) or np.inf)
            continue
        fired = _watched(rng, against, quiet + 150, moved_from=quiet)
        if fired is None or fired > quiet:
            waits.append(np.inf if fired is None else fired - quiet)
    return np.array(waits)


def bias_found(seed: int, runs: int, *, halved: bool) -> int:
    """Return in how many runs of 5,000 decisions the halved group is found, or anything where nothing is planted.

    Examples
    --------
    >>> bias_found(1, 2, halved=True)
    2
    """
    found = 0
    for run in range(runs):
        drawn = decisions(np.random.default_rng([seed, run]), 5_000, halved="18-25" if halved else None)
        figures = compare_groups("age_band", drawn.groups, drawn.strata, drawn.measures)
        bad = [(one.group, one.measure) for one in figures if one.level in ("notice", "alarm")]
        found += ("18-25", "offered") in bad if halved else bool(bad)
    return found


def _fired(z: FloatArray) -> int | None:
    """Return the period in which the detector fires on z-values, counted from 1."""
    detector = Detector()
    for at, (rose, fell) in enumerate(zip(ndtr(-z).tolist(), ndtr(z).tolist(), strict=True)):
        detector, _ = detector.step(_name(at), str(at), {"x rose": rose, "x fell": fell})
        if detector.fired:
            return at + 1
    return None


def _watched(rng: np.random.Generator, against: ShiftAgainst, count: int, moved_from: int | None = None) -> int | None:
    world = DriftWorld(rng, _REFERENCE, {"megabytes": lognormal(0.7)})
    times = {"megabytes": float(np.exp(0.7 / np.sqrt(_DAY)))}
    watch = Lasting(against, world.reference if against == "all before" else world.day(rng, _DAY), Detector())
    for at in range(count):
        moved = moved_from is not None and at >= moved_from
        watch, _ = watch.step(_name(at), str(at), world.day(rng, _DAY, times=times if moved else None))
        if watch.detector.fired:
            return at + 1
    return None


def _name(at: int) -> str:
    return f"{2000 + at // 336}-{at // 28 % 12 + 1:02}-{at % 28 + 1:02}"
