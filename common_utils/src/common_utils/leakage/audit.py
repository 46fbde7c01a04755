"""Leak audit: find out whether a training table tells the model what it will be asked.

It looks for single columns that give the target away, alone or beside an allowed column that holds the same classes
(such as the plan held before: a column that reveals who leaves that plan is a leak), for dates that lie after the
decision, and for people, rows or re-posts on both sides of a split. It judges values, never names. It cannot see any
other giveaway that takes two columns together; `panel_leakage` finds columns that were written a month too late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from common_utils.array_types import IntArray
from common_utils.errors import DataError, LeakageError
from common_utils.leakage.months import month_numbers
from common_utils.leakage.power import ColumnPower, column_power, group_folds
from common_utils.leakage.reposts import find_reposts

__all__ = ["DROP_ADVICE", "LeakFinding", "LeakageReport", "audit"]


_MANY_VALUES = 50  # a numeric target with more is a quantity: its tenths are told apart
_SURPRISES = 10
_SAME_KAPPA = 0.3  # Cohen's; the plan held before has 0.55 with the plan taken, an unrelated flag none
_REPOST_SHARE, _REPOST_ROWS = 0.01, 2
DROP_ADVICE = "List it under drop_columns, or under the allowed columns if it is known before the decision."


@dataclass(frozen=True)
class LeakFinding:
    """One leak, or one column that would be a leak were it not allowed.

    Attributes
    ----------
    kind : str
        `single_column`, `tells_change`, `written_later`, `after_decision`, `row_on_both_sides`, `group_on_both_sides`
        or `identical_rows`.
    columns : tuple of str
        The columns to look at.
    evidence : str
        What was measured; no row's own values.
    advice : str
        What to do next.
    """

    kind: str
    columns: tuple[str, ...]
    evidence: str
    advice: str


@dataclass(frozen=True)
class LeakageReport:
    """What an audit found.

    Attributes
    ----------
    findings : tuple of LeakFinding
        Leaks; training must not go on with any of them.
    notes : tuple of LeakFinding
        The same evidence for allowed columns, and for columns that only repeat an allowed one.

    Examples
    --------
    >>> LeakageReport((), ()).ok
    True
    """

    findings: tuple[LeakFinding, ...]
    notes: tuple[LeakFinding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def raise_for_findings(self) -> None:
        """Stop a training run that would learn from a leak.

        Raises
        ------
        LeakageError
            If there is any finding; it names columns, evidence and what to do, for the first five.
        """
        if self.ok:
            return
        lines = [f"- {list(f.columns[:5])}: {f.evidence} {f.advice}" for f in self.findings[:5]]
        more = [f"- and {len(self.findings) - 5} more"] if len(self.findings) > 5 else []
        raise LeakageError("\n".join([f"leak audit: {len(self.findings)} finding(s).", *lines, *more]))

    def to_dict(self) -> dict[str, list[dict[str, object]]]:
        """Return findings and notes as plain values, ready for JSON."""
        return {"findings": [asdict(f) for f in self.findings], "notes": [asdict(f) for f in self.notes]}


def audit(
    frame: pd.DataFrame,
    target: str,
    *,
    groups: str | None = None,
    allowed: Collection[str] = (),
    decision_month: str | None = None,
    month_columns: Collection[str] = (),
    train_index: ArrayLike | None = None,
    test_index: ArrayLike | None = None,
    seed: int = 0,
    max_rows: int = 20_000,
) -> LeakageReport:
    """Look for leaks in a training table.

    Parameters
    ----------
    frame : DataFrame of shape (n, m)
        One decision per row; not modified.
    target : str
        Column to predict: classes, or a quantity (more than 50 different numbers), whose tenths are then told apart.
    groups : str, optional
        Column that says whose row it is, for example the subscriber. Columns are tried on groups not seen.
    allowed : collection of str
        Columns that may be strong, such as the current plan: they are noted, not found. So is a strong column that
        is wrong wherever they are wrong: it only repeats them. Where one holds classes of the target, a column that
        tells in which rows the target differs from it is found.
    decision_month : str, optional
        A column with the month of each row's decision, or one month `YYYY-MM` for all rows.
    month_columns : collection of str
        Columns that must lie before the decision. Columns of dates are recognised besides.
    train_index, test_index : int array-like, optional
        Row positions of the two sides of a split.
    seed : int
        Of the folds and of the rows drawn.
    max_rows : int
        Rows drawn for the search through single columns; all rows are checked for everything else.

    Returns
    -------
    LeakageReport
        Findings in the order of the columns; the same for the same table and seed.

    Raises
    ------
    DataError
        If a named column is missing, the target has missing values or one class only, or a declared month column
        holds something else than months or dates.

    Examples
    --------
    >>> frame = pd.DataFrame({"usage": np.arange(100) // 2, "fee": [7, 19] * 50, "plan": ["smart", "ultra"] * 50})
    >>> [finding.columns for finding in audit(frame, "plan").findings]
    [('fee',)]
    """
    _check_columns(frame, target, groups, month_columns)
    if month_columns and decision_month is None:
        raise DataError("leak audit: month_columns without decision_month. Say when decisions were made.")
    rng = np.random.default_rng(seed)
    found = list(_strong_columns(frame, target, groups, frozenset(allowed), max_rows, rng))
    if decision_month is not None:
        found += _late_columns(frame, target, decision_month, month_columns)
    if train_index is not None and test_index is not None:
        sides = _positions(train_index, len(frame)), _positions(test_index, len(frame))
        found += _crossings(frame, target, groups, decision_month, sides)
    excused = [f.kind == _REPEATS or (len(f.columns) == 1 and f.columns[0] in allowed) for f in found]
    return LeakageReport(
        findings=tuple(f for f, note in zip(found, excused, strict=True) if not note),
        notes=tuple(f for f, note in zip(found, excused, strict=True) if note),
    )


_REPEATS = "repeats_allowed"


def _check_columns(frame: pd.DataFrame, target: str, groups: str | None, month_columns: Collection[str]) -> None:
    named = [target, *month_columns] + ([groups] if groups is not None else [])
    missing = [name for name in named if name not in frame.columns]
    if missing or not frame.columns.is_unique:
        raise DataError(
            f"leak audit: missing column(s) {missing[:5]}, or a name given twice. Correct the names in the config, or "
            "read the table again."
        )
    if frame[target].isna().any() or frame[target].nunique() < 2:
        raise DataError(f"leak audit: target {target!r} has missing values or one class only. Leave such rows out.")


def _target_codes(target: pd.Series) -> tuple[IntArray, list[str]]:
    if pd.api.types.is_numeric_dtype(target.dtype) and target.nunique() > _MANY_VALUES:
        tenths = pd.qcut(target, 10, labels=False, duplicates="drop")
        codes, order = pd.factorize(tenths, sort=True)
        return codes.astype(np.int64), [f"tenth {int(number) + 1}" for number in order]
    codes, classes = pd.factorize(target, sort=True)
    return codes.astype(np.int64), [str(name) for name in classes]


def _strong_columns(
    frame: pd.DataFrame,
    target: str,
    groups: str | None,
    allowed: frozenset[str],
    max_rows: int,
    rng: np.random.Generator,
) -> Iterator[LeakFinding]:
    if len(frame) > max_rows:
        frame = frame.iloc[np.sort(rng.choice(len(frame), max_rows, replace=False))]
    y, classes = _target_codes(frame[target])
    folds = group_folds(None if groups is None else frame[groups], len(frame), rng)
    powers = {str(name): column_power(frame[name], y, folds) for name in frame.columns if name != target}
    trusted = [powers[name] for name in powers if name in allowed]
    for name, power in powers.items():
        if not power.strong:
            continue
        finding = LeakFinding("single_column", (name,), _evidence(power, y, classes), DROP_ADVICE)
        if name not in allowed and any(_only_repeats(power, other, y) for other in trusted):
            advice = "It is wrong where an allowed column is wrong, so it only repeats that column: nothing to do."
            finding = LeakFinding(_REPEATS, (name,), finding.evidence, advice)
        yield finding
    for held in [name for name in powers if name in allowed]:
        yield from _tells_change(frame, target, held, [name for name in powers if name not in allowed], folds)


def _tells_change(
    frame: pd.DataFrame, target: str, held: str, others: list[str], folds: IntArray
) -> Iterator[LeakFinding]:
    """Yield columns that tell in which rows the target is not the class an allowed column holds."""
    before, after = (frame[name].astype(object).to_numpy() for name in (held, target))
    rows = _same_classes(before, after)
    changes = (before[rows] != after[rows]).astype(np.int64)
    if min(changes.sum(), len(changes) - changes.sum()) < _SURPRISES:
        return
    for name in others:
        power = column_power(frame[name].iloc[rows], changes, folds[rows])
        if power.strong:
            evidence = (
                f"alone it tells in unseen rows whether the target differs from {held!r} (kappa {power.kappa:z.2f}, "
                f"AUC {power.auc:z.3f})."
            )
            yield LeakFinding("tells_change", (name,), evidence, DROP_ADVICE)


def _same_classes(before: NDArray[np.object_], after: NDArray[np.object_]) -> IntArray:
    """Return the rows where a column holds a class of the target; none if the two agree no better than by chance.

    A flag and a target may both be 0 and 1 and have nothing to do with each other.
    """
    rows = np.flatnonzero(pd.Series(before).isin(after).to_numpy())
    if len(rows) < _SURPRISES:
        return rows
    codes = pd.factorize(np.concatenate([before[rows], after[rows]]))[0].reshape(2, -1)
    shares = [np.bincount(side, minlength=codes.max() + 1) / len(rows) for side in codes]
    agreed, chance = float((codes[0] == codes[1]).mean()), float(shares[0] @ shares[1])
    return rows if agreed - chance >= _SAME_KAPPA * (1 - chance) else rows[:0]


def _only_repeats(power: ColumnPower, other: ColumnPower, y: IntArray) -> bool:
    """Whether a column is wrong on the same rows as an allowed column; a true leak is right on them."""
    surprises = other.predicted != y
    if not power.tells_all:
        surprises &= y == power.class_code
    if surprises.sum() < _SURPRISES:
        return False
    right = power.predicted == y if power.tells_all else power.flagged
    return bool(right[surprises].mean() < 0.5)


def _evidence(power: ColumnPower, y: IntArray, classes: list[str]) -> str:
    way = "" if power.reading == "value" else f", read by {power.reading},"
    if power.tells_all:
        accuracy = float((power.predicted == y).mean())
        majority = float(np.bincount(y).max() / len(y))
        return (
            f"alone{way} it predicts the target of unseen rows with accuracy {accuracy:z.3f}, where the most common "
            f"class gives {majority:z.3f} (skill {power.skill:z.2f})."
        )
    if not power.tells_one_class:
        return (
            f"alone{way} it flags {power.flagged_share:z.0%} of class {classes[power.class_code]!r} in unseen rows, "
            f"and {power.precision:z.1%} of the rows it flags are of that class."
        )
    return (
        f"alone{way} it tells class {classes[power.class_code]!r} from the rest in unseen rows "
        f"(kappa {power.kappa:z.2f}, AUC {power.auc:z.3f})."
    )


def _late_columns(
    frame: pd.DataFrame, target: str, decision_month: str, month_columns: Collection[str]
) -> Iterator[LeakFinding]:
    if decision_month in frame.columns:
        decided = month_numbers(frame[decision_month])
    else:
        decided = month_numbers(pd.Series([decision_month] * len(frame), index=frame.index))
    if decided is None:
        raise DataError(
            f"leak audit: decision_month {decision_month!r} is neither a column of months or dates nor a month. "
            "Name the column, or give the month as YYYY-MM."
        )
    for name in frame.columns:
        if name in (target, decision_month):
            continue
        months = month_numbers(frame[name])
        if months is None and name in month_columns:
            raise DataError(f"leak audit: month column {name!r} holds no months YYYY-MM or dates. Convert it first.")
        late = 0.0 if months is None else float(np.mean(months >= decided))
        if late > 0:
            evidence = f"in {late:z.1%} of rows it lies in the month of the decision or after it."
            yield LeakFinding("after_decision", (str(name),), evidence, DROP_ADVICE)


def _positions(index: ArrayLike, n_rows: int) -> IntArray:
    positions = np.asarray(index)
    if positions.ndim != 1 or not np.issubdtype(positions.dtype, np.integer) or not positions.size:
        raise DataError("leak audit: train_index and test_index are row positions. Give whole numbers, not a mask.")
    if positions.min() < 0 or positions.max() >= n_rows:
        raise DataError(f"leak audit: a row position is outside [0, {n_rows}). Split this very table.")
    return positions.astype(np.int64)


def _crossings(
    frame: pd.DataFrame,
    target: str,
    groups: str | None,
    decision_month: str | None,
    sides: tuple[IntArray, IntArray],
) -> Iterator[LeakFinding]:
    train, test = sides
    both = np.isin(test, train)
    if both.any():
        evidence = f"{both.mean():z.1%} of the test rows are training rows."
        yield LeakFinding("row_on_both_sides", (), evidence, "Split so that each row has one side.")
    if groups is not None:
        crossing = frame[groups].iloc[test].isin(frame[groups].iloc[train]).to_numpy()
        if crossing.any():
            evidence = f"{crossing.mean():z.1%} of the test rows belong to a group that is in training, too."
            yield LeakFinding(
                "group_on_both_sides", (groups,), evidence, "Split by group, or allow it for a split in time."
            )
    own = {target, groups, decision_month}
    # A re-post has another date, which must not hide that the rest is the same.
    traits = [name for name in frame.columns if name not in own and month_numbers(frame[name]) is None]
    reposts = find_reposts(frame[traits])
    shared = reposts.shared(train, test)
    if shared.sum() >= _REPOST_ROWS and shared.mean() >= _REPOST_SHARE:
        evidence = f"{shared.mean():z.1%} of the test rows have a twin in training, equal in all these columns."
        advice = "Keep one of each, or put twins on one side by grouping on what identifies them."
        yield LeakFinding("identical_rows", reposts.columns, evidence, advice)
