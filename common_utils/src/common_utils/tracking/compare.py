"""Two runs side by side: what was set otherwise, what else differed, and the figures, paired where the folds match."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.stats import t as student

from common_utils.evaluation import Interval
from common_utils.evaluation.fold_spread import fold_error
from common_utils.tracking.run import RunFigure, RunRecord

__all__ = ["Comparison", "Differs", "Paired", "SideBySide", "compare_runs"]

_LEVEL = 0.95


@dataclass(frozen=True)
class Differs:
    """A setting, or a fact of a run, that the two do not share; "" where one does not have it."""

    what: str
    first: str
    second: str


@dataclass(frozen=True)
class Paired:
    """A figure of both runs on the same folds.

    Attributes
    ----------
    figure : str
    first, second : float
        Means over the folds.
    folds : int
    difference : Interval
        Second less first, with the 95 % interval of Student's t; folds of one table overlap in what they learn from,
        which the error counts (`evaluation.fold_spread`).
    """

    figure: str
    first: float
    second: float
    folds: int
    difference: Interval

    @property
    def seen(self) -> str:
        """`higher` or `lower` in the second run, or `no difference seen`."""
        if self.difference.low > 0:
            return "higher"
        return "lower" if self.difference.high < 0 else "no difference seen"


@dataclass(frozen=True)
class SideBySide:
    """A figure of both runs, each with its own interval; nothing is said of the difference."""

    figure: str
    first: RunFigure
    second: RunFigure


@dataclass(frozen=True)
class Comparison:
    """What `compare_runs` found.

    Attributes
    ----------
    settings, facts : tuple of Differs
        Settings first; then data, code, libraries.
    paired : tuple of Paired
        Empty where the folds do not match.
    unpaired : str
        Why nothing is paired; empty where something is.
    beside : tuple of SideBySide
        In the order of the second run.
    """

    first: str
    second: str
    settings: tuple[Differs, ...]
    facts: tuple[Differs, ...]
    paired: tuple[Paired, ...]
    unpaired: str
    beside: tuple[SideBySide, ...]

    def to_dict(self) -> dict[str, object]:
        """Return it as plain types, for JSON."""
        return {
            "first": self.first,
            "second": self.second,
            "settings": [asdict(one) for one in self.settings],
            "facts": [asdict(one) for one in self.facts],
            "paired": [{**asdict(one), "seen": one.seen} for one in self.paired],
            "unpaired": self.unpaired,
            "figures": [
                {"figure": one.figure, "first": one.first.model_dump(), "second": one.second.model_dump()}
                for one in self.beside
            ],
        }


def compare_runs(first: RunRecord, second: RunRecord) -> Comparison:
    """Return how two runs differ.

    Parameters
    ----------
    first, second : RunRecord
        Of one project and kind, or of others: what only one has is shown as missing there.
    """
    paired, why = _paired(first, second)
    return Comparison(
        first=first.run,
        second=second.run,
        settings=_differing(first.settings, second.settings),
        facts=_differing(_facts(first), _facts(second)),
        paired=paired,
        unpaired=why,
        beside=tuple(
            SideBySide(name, first.figures[name], figure)
            for name, figure in second.figures.items()
            if name in first.figures
        ),
    )


def _differing(first: dict[str, str], second: dict[str, str]) -> tuple[Differs, ...]:
    names = sorted(first.keys() | second.keys())
    found = (Differs(name, first.get(name, ""), second.get(name, "")) for name in names)
    return tuple(one for one in found if one.first != one.second)


def _facts(run: RunRecord) -> dict[str, str]:
    said = {
        "project": run.project,
        "kind": run.kind,
        "snapshot": run.snapshot,
        "rows of the data": run.data_fingerprint,
        "commit": run.code.git_commit or "",
        "python": run.code.python,
        "error": run.error,
    }
    return said | {f"library {name}": version for name, version in run.code.libraries.items()}


def _paired(first: RunRecord, second: RunRecord) -> tuple[tuple[Paired, ...], str]:
    if first.folds is None or second.folds is None:
        return (), "one of them has no figures by fold"
    if first.folds.of != second.folds.of:
        return (), "their folds hold other rows"
    both = [name for name in second.folds.figures if name in first.folds.figures]
    ratio = second.folds.test_over_train
    pairs = [_pair(name, first.folds.figures[name], second.folds.figures[name], ratio) for name in both]
    found = tuple(pair for pair in pairs if pair is not None)
    return found, "" if found else "they share no figure of two folds"


def _pair(name: str, first: tuple[float, ...], second: tuple[float, ...], ratio: float) -> Paired | None:
    if len(first) != len(second) or len(first) < 2:
        return None
    a, b = np.array(first), np.array(second)
    mean, error = float((b - a).mean()), fold_error(b - a, ratio)
    half = float(student.ppf((1 + _LEVEL) / 2, len(a) - 1)) * error
    return Paired(name, float(a.mean()), float(b.mean()), len(a), Interval(mean, mean - half, mean + half, _LEVEL))
