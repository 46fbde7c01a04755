"""How much of the target one column gives away, measured on people the measurement has not seen.

A column is turned into codes in several ways (its values, ranges of its values, how its text begins or ends, its
remainders), and for each way a table of class frequencies per code is counted on four fifths of the groups and tried
on the last fifth. No model is fitted, so 40 columns x 20,000 rows take about a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError

__all__ = ["ColumnPower", "column_power", "group_folds"]


N_FOLDS = 5
SKILL = 0.70
KAPPA_OF_TWO, KAPPA_OF_MANY, AUC = 0.70, 0.80, 0.90
FLAGGED, PRECISION, ODDS_RATIO = 0.50, 0.95, 30.0

_MAX_BINS, _ROWS_PER_BIN = 256, 10
_FREQUENT_SHARE, _FREQUENT_ROWS = 0.002, 5
_FEW_VALUES = 50
_CLASS_ROWS = 10  # a rarer class says nothing about a column
_SURE = 0.9  # share of a class among a code's other rows from which on the code flags the class


@dataclass(frozen=True)
class ColumnPower:
    """What the best reading of one column tells about the target, out of fold.

    A column is `strong` when one of these holds:

    - `skill` >= 0.70. A copy of the target in which a quarter of the rows are drawn anew still reaches it. The best
      possible choice model, which knows the true utilities of a simulated operator, has 0.5 to 0.6 from all columns
      together: no single honest column comes near.
    - `kappa` >= 0.80 and `auc` >= 0.90 for one class: the column is a flag for that class. AUC alone will not do:
      heavy usage tells a rare unlimited plan with AUC 0.95 honestly, but many heavy users hold another plan, so that
      kappa stays near 0.5; where plans follow usage closely, the plan at either end comes to 0.6 or 0.7. With two
      classes no honest column tells one so well, so 0.70 is enough: it finds a copy with one label of ten turned round.
    - it flags half of a class that fewer than half of the rows have, and is hardly ever wrong: `flagged_share` >= 0.50
      of the class's rows, `precision` >= 0.95 of the rows it flags, and odds 30 times those of all rows. Something was
      written down after the fact for part of the class. An honest column that is so sure is sure of few rows, or of
      a class that most rows have, for example no subscriber under contract leaves.

    Attributes
    ----------
    skill : float
        (accuracy - majority share) / (1 - majority share), at most 1.
    kappa : float
        Cohen's kappa of "is this class" for the class it tells best.
    auc : float
        One against the rest, of the same class.
    class_code : int
        That class.
    n_classes : int
        Classes of the target.
    flagged_share : float
        Share of the rows of `class_code` that the column flags: by codes whose other rows nearly all are of it.
    precision : float
        Share of the class among the rows flagged; 0 where none is.
    odds_ratio : float
        Odds of the class among the rows flagged, against its odds among all rows.
    reading : str
        How the column was read, for example `value` or `first 2 characters`.
    predicted : int64 array of shape (n,)
        Out-of-fold class of each row.
    flagged : bool array of shape (n,)
        Rows it claims for `class_code`.
    """

    skill: float
    kappa: float
    auc: float
    class_code: int
    n_classes: int
    flagged_share: float
    precision: float
    odds_ratio: float
    reading: str
    predicted: IntArray
    flagged: NDArray[np.bool_]

    @property
    def tells_all(self) -> bool:
        """Whether it nearly determines the target."""
        return self.skill >= SKILL

    @property
    def tells_one_class(self) -> bool:
        """Whether it nearly determines one class."""
        return self.kappa >= (KAPPA_OF_TWO if self.n_classes == 2 else KAPPA_OF_MANY) and self.auc >= AUC

    @property
    def flags_surely(self) -> bool:
        """Whether it flags half of a class, and is hardly ever wrong."""
        return bool(_surely(self.flagged_share, self.precision, self.odds_ratio))

    @property
    def strong(self) -> bool:
        """Whether it gives the target, one class, or much of one class away."""
        return self.tells_all or self.tells_one_class or self.flags_surely


def group_folds(groups: pd.Series | None, n_rows: int, rng: np.random.Generator) -> IntArray:
    """Return a fold number per row, whole groups together; at most five folds.

    Raises
    ------
    DataError
        With fewer than two groups.

    Examples
    --------
    >>> folds = group_folds(pd.Series(["a", "b", "a"]), 3, np.random.default_rng(0))
    >>> bool(folds[0] == folds[2] != folds[1])
    True
    """
    codes = np.arange(n_rows) if groups is None else pd.factorize(groups, use_na_sentinel=False)[0]
    n_groups = int(codes.max()) + 1 if n_rows else 0
    if n_groups < 2:
        raise DataError(f"{n_groups} group(s): a leak audit tries columns on unseen groups. Give at least two.")
    return (rng.permutation(n_groups) % min(N_FOLDS, n_groups))[codes].astype(np.int64)


def column_power(column: pd.Series, target: IntArray, folds: IntArray) -> ColumnPower:
    """Return what the most telling reading of a column says about the target.

    Parameters
    ----------
    column : Series of shape (n,)
        Of any type; missing values are a value like any other.
    target : int64 array of shape (n,)
        Class codes 0 … k-1.
    folds : int64 array of shape (n,)
        From `group_folds`.

    Examples
    --------
    >>> target = np.arange(300) % 3
    >>> folds = group_folds(None, 300, np.random.default_rng(0))
    >>> column_power(pd.Series(target * 1.5), target, folds).skill
    1.0
    >>> column_power(pd.Series(np.arange(300) // 3), target, folds).strong
    False
    """
    found = [_power(codes, target, folds, reading) for reading, codes in _readings(column, int(target.max()) + 1)]
    return max(found, key=lambda power: (power.strong, max(power.skill, power.kappa)))


def _readings(column: pd.Series, n_classes: int) -> Iterator[tuple[str, IntArray]]:
    """Yield codes 0 … m-1 per row, for each way of reading a column."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        values = (
            column.to_numpy(dtype="datetime64[ns]") if column.dtype.kind == "M" else column.dt.start_time.to_numpy()
        )
        numbers = values.astype("datetime64[s]").astype(np.float64)
        yield "value", _number_codes(np.where(np.isnat(values), np.nan, numbers))
    elif pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        yield from _number_readings(numbers, n_classes)
    else:
        yield from _text_readings(column.astype("string").fillna(""), n_classes)


def _number_readings(numbers: FloatArray, n_classes: int) -> Iterator[tuple[str, IntArray]]:
    yield "value", _number_codes(numbers)
    known = np.nan_to_num(numbers, nan=0.0, posinf=0.0, neginf=0.0)
    if len(np.unique(known)) <= _FEW_VALUES:
        return
    for divisor in sorted({n_classes, 10, 100}):
        yield f"remainder by {divisor}", np.floor(known % divisor).astype(np.int64)
    if (known != np.floor(known)).any():
        yield "decimals", np.floor(known % 1 * 100).astype(np.int64)


def _text_readings(text: pd.Series, n_classes: int) -> Iterator[tuple[str, IntArray]]:
    codes, values = pd.factorize(text, sort=True)
    yield "value", _common(codes)
    if len(values) <= _FEW_VALUES:
        return
    yield "place in the alphabet", _number_codes(codes.astype(np.float64))
    different = pd.Series(np.asarray(values, dtype=object), dtype="str")  # each text once: reading is then cheap
    parts = {f"first {size} character(s)": different.str[:size] for size in (1, 2, 3, 4)}
    parts |= {f"last {size} character(s)": different.str[-size:] for size in (1, 2, 3)}
    parts["letters"] = different.str.replace(r"[^A-Za-z]+", "", regex=True)
    parts["length"] = different.str.len().astype("str")
    for reading, part in parts.items():
        yield reading, _common(pd.factorize(part)[0][codes])
    digits = different.str.replace(r"\D+", "", regex=True).str[-15:]  # 15 digits are exact in a float
    numbers = pd.to_numeric(digits, errors="coerce").to_numpy(dtype=np.float64)[codes]
    for reading, number_codes in _number_readings(numbers, n_classes):
        yield f"its digits, {reading}", number_codes


def _number_codes(numbers: FloatArray) -> IntArray:
    """Frequent values keep a code of their own, the others share ranges of equal mass; missing is a value."""
    codes = np.zeros(len(numbers), dtype=np.int64)
    known = ~np.isnan(numbers)
    values, inverse, counts = np.unique(numbers[known], return_inverse=True, return_counts=True)
    if not len(values):
        return codes
    frequent = counts >= max(_FREQUENT_ROWS, _FREQUENT_SHARE * len(numbers))
    own = np.cumsum(frequent)
    rest = np.where(frequent, 0, counts).cumsum()
    n_bins = int(np.clip(len(numbers) // _ROWS_PER_BIN, 8, _MAX_BINS))
    ranges = np.minimum(n_bins * rest / max(rest[-1] + 1, 1), n_bins - 1).astype(np.int64)
    codes[known] = np.where(frequent, own, own[-1] + 1 + ranges)[inverse]
    return codes


def _common(codes: IntArray) -> IntArray:
    """Give all values that occur once the same code: they cannot help on any other row."""
    counts = np.bincount(codes)
    common = counts > 1
    return np.where(common, np.cumsum(common), 0)[codes]


def _power(codes: IntArray, target: IntArray, folds: IntArray, reading: str) -> ColumnPower:
    """Try a table of class frequencies per code on the folds it was not counted on."""
    n, n_classes, n_folds, n_codes = len(target), int(target.max()) + 1, int(folds.max()) + 1, int(codes.max()) + 1
    cell = folds * n_codes + codes
    own = np.bincount(cell * n_classes + target, minlength=n_folds * n_codes * n_classes)
    own = own.reshape(n_folds, n_codes, n_classes).astype(np.float64)
    others = own.sum(axis=0) - own
    prior = others.sum(axis=1, keepdims=True)
    prior /= prior.sum(axis=2, keepdims=True)
    share = (others + prior) / (others.sum(axis=2, keepdims=True) + 1)  # one row's weight on the prior
    best, mass = share.argmax(axis=2), own.sum(axis=2)
    right = np.take_along_axis(own, best[:, :, None], axis=2).sum()
    sizes = own.sum(axis=(0, 1))
    majority = sizes.max() / n
    claimed = share >= 0.5
    flags = _Flags.of(own, share >= _SURE)
    kappas = _kappas((own * claimed).sum(axis=(0, 1)), (mass[:, :, None] * claimed).sum(axis=(0, 1)), sizes)
    told = int(kappas.argmax()) if not flags.sure.any() else int(np.where(flags.sure, flags.share, -1.0).argmax())
    return ColumnPower(
        skill=float((right / n - majority) / (1 - majority)),
        kappa=float(kappas[told]),
        auc=_auc(own[:, :, told].ravel(), mass.ravel(), share[:, :, told].ravel()),
        class_code=told,
        n_classes=n_classes,
        flagged_share=float(flags.share[told]),
        precision=float(flags.precision[told]),
        odds_ratio=float(flags.odds_ratio[told]),
        reading=reading,
        predicted=best.ravel()[cell],
        flagged=claimed[:, :, told].ravel()[cell],
    )


@dataclass(frozen=True)
class _Flags:
    """What codes that are sure of a class flag of it, by class: arrays of shape (n_classes,)."""

    share: FloatArray
    precision: FloatArray
    odds_ratio: FloatArray
    sure: NDArray[np.bool_]

    @classmethod
    def of(cls, own: FloatArray, flagged: NDArray[np.bool_]) -> _Flags:
        sizes = own.sum(axis=(0, 1))
        hits = (own * flagged).sum(axis=(0, 1))
        misses = (own.sum(axis=2, keepdims=True) * flagged).sum(axis=(0, 1)) - hits
        share, precision = hits / np.maximum(sizes, 1), hits / np.maximum(hits + misses, 1)
        # Half a row either way, so that a flag of few rows is not sure of anything.
        odds_ratio = (hits + 0.5) / (misses + 0.5) * (sizes.sum() - sizes + 0.5) / (sizes + 0.5)
        judged = (sizes >= _CLASS_ROWS) & (2 * sizes <= sizes.sum())
        share = np.where(judged, share, 0.0)
        return cls(share, precision, odds_ratio, _surely(share, precision, odds_ratio))


def _surely(share: Any, precision: Any, odds_ratio: Any) -> Any:
    return (share >= FLAGGED) & (precision >= PRECISION) & (odds_ratio >= ODDS_RATIO)


def _kappas(hits: FloatArray, claims: FloatArray, sizes: FloatArray) -> FloatArray:
    """Cohen's kappa of "is this class", class by class; -1 for a class too rare to tell."""
    n = sizes.sum()
    agreed = (n - claims - sizes + 2 * hits) / n
    chance = (claims * sizes + (n - claims) * (n - sizes)) / n**2
    return np.where(sizes >= _CLASS_ROWS, (agreed - chance) / np.maximum(1 - chance, 1e-12), -1.0)


def _auc(positive: FloatArray, mass: FloatArray, score: FloatArray) -> float:
    order = np.argsort(score)
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    hits = np.add.reduceat(positive[order], starts)
    misses = np.add.reduceat(mass[order], starts) - hits
    return float(hits @ (np.cumsum(misses) - misses / 2) / max(hits.sum() * misses.sum(), 1.0))
