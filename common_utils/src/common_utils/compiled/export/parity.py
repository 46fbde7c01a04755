"""The parity gate: a compiled model must answer as the one it was compiled from, on rows made to find a difference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.compiled.model import CompiledModel
from common_utils.errors import ParityError

__all__ = ["TOLERANCE", "ParityReport", "parity_gate", "varied_matrix"]

TOLERANCE = 1e-12
_CHUNK = 10_000
_EXTREMES = np.array([0.0, -0.0, np.inf, -np.inf, 1e308, -1e308, 5e-324, 1e-35, -1e-35, 3.5e38, 2.0**53 + 1])

Rows = TypeVar("Rows")


@dataclass(frozen=True, slots=True)
class ParityReport:
    """What the gate saw.

    Attributes
    ----------
    rows : int
        Rows compared.
    max_difference : float
        Largest |difference|; where an answer is above 1 in size, relative to it.
    """

    rows: int
    max_difference: float


def parity_gate(
    reference: Callable[[Rows], Any],
    compiled: Callable[[Rows], Any],
    make_rows: Callable[[np.random.Generator, int], Rows],
    *,
    rng: np.random.Generator,
    n: int = 100_000,
    tolerance: float = TOLERANCE,
) -> ParityReport:
    """Compare two models on varied rows, and refuse the compiled one where they differ.

    Parameters
    ----------
    reference : callable
        What was trained; its answers as an array of n rows.
    compiled : callable
        What will be served.
    make_rows : callable
        `make_rows(rng, k)` returns k rows that both take: with missing values, unknown categories, values equal to
        split points and extremes (`varied_matrix` for features).
    rng : Generator
    n : int, default=100_000
        Rows to compare, >= 1.
    tolerance : float, default=1e-12
        For answers up to 1 in size the absolute difference, above that relative to the answer.

    Returns
    -------
    ParityReport

    Raises
    ------
    ParityError
        If an answer differs by more, has another shape, or is not a number on one side only.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> report = parity_gate(np.exp, np.exp, lambda rng, k: rng.random(k), rng=rng, n=10)
    >>> report.rows, report.max_difference
    (10, 0.0)
    """
    largest, wrong = 0.0, 0
    for start in range(0, n, _CHUNK):
        count = min(_CHUNK, n - start)
        rows = make_rows(rng, count)
        expected, found = (np.asarray(model(rows), dtype=np.float64) for model in (reference, compiled))
        if expected.reshape(count, -1).shape != found.reshape(count, -1).shape:
            raise ParityError(
                f"parity: answers of shape {found.shape}, the trained model's are {expected.shape}; compile it again."
            )
        difference = _differences(expected.reshape(count, -1), found.reshape(count, -1))
        largest = max(largest, float(difference.max()))
        wrong += int((difference > tolerance).any(axis=1).sum())
    if wrong:
        raise ParityError(
            f"parity: {wrong} of {n} rows differ from the trained model by more than {tolerance:g} (largest "
            f"{largest:.3g}); nothing is published. Check that the formulas and library versions are the same on "
            "both sides, and report the model."
        )
    return ParityReport(n, largest)


def _differences(expected: FloatArray, found: FloatArray) -> FloatArray:
    same = (expected == found) | (np.isnan(expected) & np.isnan(found))
    with np.errstate(invalid="ignore"):
        difference = np.abs(expected - found) / np.maximum(1.0, np.abs(expected))
    return np.where(same, 0.0, np.where(np.isfinite(difference), difference, np.inf))


def varied_matrix(
    model: CompiledModel, rng: np.random.Generator, n: int, *, base: FloatArray, missing: bool = True
) -> FloatArray:
    """Return rows of features where an inexact model would show.

    Parameters
    ----------
    model : CompiledModel
        Its split points are used, and the float64 next to them on both sides.
    rng : Generator
    n : int
        Rows, >= 0.
    base : float64 array of shape (m, n_features), m >= 1
        Plausible values; each column is drawn from by itself.
    missing : bool, default=True
        Whether NaN and infinities may stand anywhere; else only what `base` holds and split points.

    Returns
    -------
    float64 array of shape (n, n_features)
        About half the cells from `base`, a third at or beside split points, the rest missing or extreme.

    Examples
    --------
    >>> from common_utils.compiled.nodes import LinearNode
    >>> model = CompiledModel(LinearNode(np.ones((1, 1)), np.zeros(1), "identity"), ("y",), ("x",))
    >>> varied_matrix(model, np.random.default_rng(0), 4, base=np.array([[7.0]]), missing=False).tolist()
    [[7.0], [7.0], [7.0], [7.0]]
    """
    width = len(model.feature_names)
    X = base[rng.integers(len(base), size=(n, width)), np.arange(width)].astype(np.float64)
    for feature, points in model.split_points().items():
        at = rng.random(n) < 0.35
        chosen = points[rng.integers(len(points), size=int(at.sum()))]
        towards = rng.choice([-np.inf, 0.0, np.inf], size=len(chosen))
        X[at, feature] = np.where(towards == 0.0, chosen, np.nextafter(chosen, towards))
    if missing:
        cells = rng.random((n, width))
        X[cells < 0.08] = np.nan
        extreme = cells > 0.93
        X[extreme] = rng.choice(_EXTREMES, size=int(extreme.sum()))
    return X
