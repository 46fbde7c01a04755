"""The figures of several operators together: means, sums, skill against the best baseline, harm among those moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.study.measure import Measured
from planrec.study.safeguards import DefectFigures, LeakFigures

__all__ = ["Estimate", "Harm", "Skill", "Study"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of all operators together.

    Attributes
    ----------
    value : float
    error : float
        Standard error over the operators, by the jackknife; NaN for one operator.
    """

    value: float
    error: float

    @property
    def doubt(self) -> float:
        """The standard error, 0 where one operator tells none."""
        return 0.0 if np.isnan(self.error) else self.error

    def text(self, digits: int = 2, *, sign: bool = False) -> str:
        """Return the figure with its standard error."""
        error = "one operator" if np.isnan(self.error) else f"se {self.error:z.{digits}f}"
        return f"{self.value:{'+' if sign else ''}z.{digits}f} ({error})"


@dataclass(frozen=True, slots=True)
class Skill:
    """How much of the way from the best baseline to the oracle a model goes: 0 is the baseline, 1 the oracle.

    Attributes
    ----------
    estimate : Estimate
    baseline : str
        The baseline with the best mean.
    """

    estimate: Estimate
    baseline: str


@dataclass(frozen=True, slots=True)
class Harm:
    """What happens to those an advice moves, all operators' pooled.

    Attributes
    ----------
    moved : int
    not_worse_off : Estimate
        Share of those moved whose bill does not rise.
    loss_p95_cents : float
        95th percentile of the loss a month of those moved, 0 for whoever did not lose.
    """

    moved: int
    not_worse_off: Estimate
    loss_p95_cents: float


@dataclass(frozen=True)
class Study:
    """What was measured.

    Attributes
    ----------
    operators : dict of str to list of Measured
        By choice process, one for each seed.
    seeds : tuple of int
    leaks : LeakFigures or None
        None where they were not measured.
    defects : DefectFigures or None
    currency : str
    titles : mapping of str to str
        Name of each policy by its key: its settings.
    operator : str
        Whose parameters were simulated.
    subscribers : int
        Of each operator.
    earlier_launch : bool
        Whether another plan was launched within the months learnt from.
    """

    operators: Mapping[str, Sequence[Measured]]
    seeds: tuple[int, ...]
    leaks: LeakFigures | None
    defects: DefectFigures | None
    currency: str
    titles: Mapping[str, str]
    operator: str
    subscribers: int
    earlier_launch: bool = False

    def has(self, process: str, name: str) -> bool:
        """Whether every operator has a figure."""
        return all(name in measured.figures for measured in self.operators[process])

    def values(self, process: str, name: str) -> FloatArray:
        """Return a figure of every operator; float64 array of shape (n_seeds,)."""
        return np.array([measured.figures[name] for measured in self.operators[process]])

    def total(self, process: str, name: str) -> float:
        """Return the sum of a figure over the operators."""
        return float(self.values(process, name).sum())

    def mean(self, process: str, name: str) -> Estimate:
        """Return the mean of a figure over the operators."""
        return jackknifed(lambda rows: float(self.values(process, name)[rows].mean()), len(self.operators[process]))

    def ratio(self, process: str, above: FloatArray, below: FloatArray) -> Estimate:
        """Return the ratio of two sums over the operators."""
        return jackknifed(lambda rows: _ratio(above[rows].sum(), below[rows].sum()), len(self.operators[process]))

    def skill(self, process: str, folder: str, model: str, oracle: str, baselines: Sequence[str], leaf: str) -> Skill:
        """Return the skill of a model by figures named `{folder}.{who}{leaf}`."""
        best = max(baselines, key=lambda name: self.values(process, f"{folder}.{name}{leaf}").mean())
        ours, ceiling, floor = (self.values(process, f"{folder}.{name}{leaf}") for name in (model, oracle, best))
        return Skill(self.ratio(process, ours - floor, ceiling - floor), best)

    def harm(self, process: str, world: str, policy: str) -> Harm:
        """Return what an advice does to those it moves."""
        moved, worse = (self.values(process, f"{world}.advice.{policy}.{name}") for name in ("moved", "worse"))
        lost = np.concatenate([np.array(m.losses[f"{world}.{policy}"]) for m in self.operators[process]])
        all_moved = int(moved.sum())
        losses = np.concatenate([lost, np.zeros(all_moved - len(lost))])
        p95 = float(np.percentile(losses, 95)) if all_moved else float("nan")
        return Harm(all_moved, self.ratio(process, moved - worse, moved), p95)

    def saving_share(self, process: str, world: str, policy: str, of: str) -> Estimate:
        """Return what share of another advice's saving an advice brings."""
        ours, theirs = (
            self.values(process, f"{world}.advice.{name}.saving_cents")
            * self.values(process, f"{world}.advice.{name}.asked")
            for name in (policy, of)
        )
        return self.ratio(process, ours, theirs)


def jackknifed(figure: Callable[[IntArray], float], n: int) -> Estimate:
    """Return a figure of n operators, and its standard error from leaving out each in turn.

    References
    ----------
    Efron & Stein 1981, The jackknife estimate of variance.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 3.0])
    >>> jackknifed(lambda rows: float(values[rows].mean()), 3).text()
    '2.00 (se 0.58)'
    """
    every = np.arange(n)
    value = figure(every)
    if n < 2:
        return Estimate(value, float("nan"))
    without = np.array([figure(np.delete(every, i)) for i in range(n)])
    return Estimate(value, float(np.sqrt((n - 1) / n * np.square(without - without.mean()).sum())))


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below else float("nan")
