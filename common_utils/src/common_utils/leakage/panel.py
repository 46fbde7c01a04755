"""Leak audit of a panel: find columns that were written a month too late.

A table of one row per subscriber and month may carry, in the row of a month, what only the next month decides: an
export joined on the wrong month. Such a column need not tell the target by itself: next month's usage does not, nor
does a flag for "the plan changes". But the months up to its own cannot explain it, and the next month can. So every
column is predicted twice on subscribers not seen, from the known columns up to its own month, and from those and the
next month's. An honest column has no use for the next month: what the past leaves open in it, the next month leaves
open, too. Values are judged, never names, and each column by itself.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from common_utils.leakage.audit import DROP_ADVICE, LeakageReport, LeakFinding
from common_utils.leakage.months import month_numbers

__all__ = ["PanelPower", "audit_panel", "panel_powers"]


SHARE, INSTEAD_SHARE, GAIN = 0.60, 0.40, 0.02

_LAGS = 2  # months before its own as they were; all of them enter as a mean, too
_FEWEST_ROWS = 200  # on each half; below, the explained share of a column is chance
_FEWEST_OTHERS = 20  # on each half: a column that is nearly constant says nothing
_FAR = 1e18


@dataclass(frozen=True)
class PanelPower:
    """How well one column is explained by its own month, by the next, and by both, on subscribers not seen.

    A column is `late` when the next month explains, of what the months up to its own leave open,

    - at least 60 % beside its own month (`share`), or
    - at least 40 % in the place of its own month (`instead_share`),

    and adds at least 2 % of all (`gain`). Of what never changes, such as a subscriber's level, which n noisy months
    tell, one more month explains 1 / (n + 1) of what is open: half at most, and it serves no better than its own. (On
    40 small panels, 250 rows to judge by, a level came to 0.54 and 0.25 where one month was known, to 0.36 and 0.15
    where three or more were.) The least gain spares what the past explains nearly whole, such as a fee, where a share
    of the little that is left is chance.

    On 40 simulated operators (20 seeds, two choice processes, 3,000 subscribers) six late columns came to a share of
    0.64 to 1.00 with gains from 0.06. Of 27 honest ones, those that gain 0.02 at all came to 0.11 at most, and none to
    more than 0.14 in the place of its own month.

    Attributes
    ----------
    own : float
        Share of the variance of the column's ranks that known columns up to its own month explain, 0 to 1.
    instead : float
        The same, with the next month in the place of its own.
    both : float
        The same, with its own month and the next.
    """

    own: float
    instead: float
    both: float

    @property
    def gain(self) -> float:
        """What the next month adds."""
        return self.both - self.own

    @property
    def share(self) -> float:
        """What the next month adds, as a share of what its own left open; 0 where nothing was."""
        return self.gain / (1 - self.own) if self.own < 1 else 0.0

    @property
    def instead_share(self) -> float:
        """What the next month explains beyond the column's own in its place, as a share of what its own left open."""
        return (self.instead - self.own) / (1 - self.own) if self.own < 1 else 0.0

    @property
    def late(self) -> bool:
        """Whether the column was written after its month."""
        return (self.share >= SHARE or self.instead_share >= INSTEAD_SHARE) and self.gain >= GAIN


def audit_panel(
    frame: pd.DataFrame,
    *,
    groups: str,
    month: str,
    known: Collection[str],
    allowed: Collection[str] = (),
    seed: int = 0,
    max_rows: int = 8_000,
) -> LeakageReport:
    """Look for columns of a panel that hold what only the next month decides.

    Parameters
    ----------
    frame : DataFrame of shape (n, m)
        One row per group and month, in any order; not modified.
    groups, month : str
        Columns that say whose row it is, and of which month.
    known : collection of str
        Columns that change with time and are certainly of their own month, for example usage and the plan held.
    allowed : collection of str
        Columns that may be late: they are noted, not found.
    seed : int
        Of the rows drawn, the halves of the groups, and the trees.
    max_rows : int
        Rows drawn, half of them to learn from.

    Returns
    -------
    LeakageReport
        Findings of kind `written_later`, in the order of the columns. One note of kind `too_few_rows` instead where
        fewer than 200 rows have a next month on either half.

    Raises
    ------
    DataError
        If a named column is missing, `known` is empty, or `month` holds no months.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> usage = rng.gamma(2, 100, (200, 6))
    >>> frame = pd.DataFrame({"who": np.repeat(np.arange(200), 6), "month": ["2025-0%d" % m for m in range(1, 7)] * 200,
    ...                       "usage": usage.ravel(), "bill": np.floor(usage).ravel(),
    ...                       "limit": np.roll(usage, -1, axis=1).ravel()})
    >>> [finding.columns for finding in audit_panel(frame, groups="who", month="month", known=["usage"]).findings]
    [('limit',)]
    """
    powers = panel_powers(frame, groups=groups, month=month, known=known, seed=seed, max_rows=max_rows)
    if powers is None:
        evidence = f"fewer than {_FEWEST_ROWS} rows of either half of {groups!r} have a month after them."
        return LeakageReport(
            (), (LeakFinding("too_few_rows", (), evidence, "Columns were not compared with the future."),)
        )
    found = [
        LeakFinding("written_later", (name,), _evidence(power), DROP_ADVICE)
        for name, power in powers.items()
        if power.late
    ]
    return LeakageReport(
        findings=tuple(f for f in found if f.columns[0] not in allowed),
        notes=tuple(f for f in found if f.columns[0] in allowed),
    )


def _evidence(power: PanelPower) -> str:
    return (
        f"the months up to its own explain {power.own:z.1%} of it in unseen rows, with the month after "
        f"{power.both:z.1%}: it was written later."
    )


def panel_powers(
    frame: pd.DataFrame,
    *,
    groups: str,
    month: str,
    known: Collection[str],
    seed: int = 0,
    max_rows: int = 8_000,
) -> dict[str, PanelPower] | None:
    """Return how well each further column is explained without and with the next month.

    Parameters
    ----------
    frame, groups, month, known, seed, max_rows
        As for `audit_panel`, which raises the same errors.

    Returns
    -------
    dict of str to PanelPower, or None
        All columns but the named ones; without those that are nearly constant. None for too few rows.

    Examples
    --------
    >>> frame = pd.DataFrame({"who": [1, 1], "month": ["2025-01", "2025-02"], "usage": [1.0, 2.0]})
    >>> panel_powers(frame, groups="who", month="month", known=["usage"]) is None
    True
    """
    _check_columns(frame, groups, month, known)
    months = month_numbers(frame[month])
    if months is None:
        raise DataError(f"leak audit: month column {month!r} holds no months YYYY-MM or dates. Convert it first.")
    rng = np.random.default_rng(seed)
    people = pd.factorize(frame[groups])[0].astype(np.int64)
    order = np.lexsort((months, people))
    panel = _Panel(people[order], months[order], np.column_stack([_codes(frame[name])[order] for name in known]))
    rows = _drawn_rows(panel, max_rows, rng)
    learn = (rng.permutation(int(people.max()) + 1) % 2 == 0)[panel.people[rows]]
    if min(learn.sum(), (~learn).sum()) < _FEWEST_ROWS:
        return None
    judge = _Judge(learn, panel.past(rows), *panel.steps(rows), seed=seed)
    others = [str(name) for name in frame.columns if name not in (groups, month, *known)]
    columns = ((name, _ranks(frame[name].iloc[order[rows]])) for name in others)
    return {name: judge.power(ranks) for name, ranks in columns if _varies(ranks, learn)}


def _check_columns(frame: pd.DataFrame, groups: str, month: str, known: Collection[str]) -> None:
    missing = [name for name in (groups, month, *known) if name not in frame.columns]
    if missing or not known or not frame.columns.is_unique:
        raise DataError(
            f"leak audit: missing column(s) {missing[:5]}, a name given twice, or no known column. Name the columns "
            "that change with time and are of their own month."
        )


@dataclass(frozen=True)
class _Panel:
    """Known columns of a panel sorted by person, then month: values (n, k)."""

    people: IntArray
    months: FloatArray
    values: FloatArray

    def first(self) -> IntArray:
        """Return the first row of each row's person."""
        starts = np.flatnonzero(np.append(True, self.people[1:] != self.people[:-1]))
        return np.repeat(starts, np.diff(np.append(starts, len(self.people))))

    def has_next(self) -> BoolArray:
        follows = (self.people[1:] == self.people[:-1]) & (self.months[1:] == self.months[:-1] + 1)
        return np.append(follows, False)

    def past(self, rows: IntArray) -> FloatArray:
        """Return what is known of the months before a row's: the last ones, and the mean of all; NaN for none."""
        first = self.first()[rows]
        lags = [self._at(rows - back, first) for back in range(1, _LAGS + 1)]
        totals = np.vstack([np.zeros(self.values.shape[1]), np.nan_to_num(self.values).cumsum(axis=0)])
        counts = np.vstack([np.zeros(self.values.shape[1]), (~np.isnan(self.values)).cumsum(axis=0)])
        means = (totals[rows] - totals[first]) / np.maximum(counts[rows] - counts[first], 1)
        return np.hstack([*lags, means])

    def steps(self, rows: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return a row's own month, the next in its place, and both; each with what changes, which trees see hardly."""
        before, own, after = self._at(rows - 1, self.first()[rows]), self.values[rows], self.values[rows + 1]
        changes = [_differ(before, own), _differ(before, after), _differ(own, after)]
        return (
            np.hstack([own, changes[0]]),
            np.hstack([after, changes[1]]),
            np.hstack([own, after, changes[0], changes[2]]),
        )

    def _at(self, rows: IntArray, first: IntArray) -> FloatArray:
        return np.where((rows >= first)[:, None], self.values[np.maximum(rows, 0)], np.nan)


def _differ(one: FloatArray, other: FloatArray) -> FloatArray:
    return (one != other).astype(np.float64)


def _drawn_rows(panel: _Panel, max_rows: int, rng: np.random.Generator) -> IntArray:
    """Rows with a month after them; those with months before them where there are enough."""
    usable = panel.has_next()
    seasoned = usable & (np.arange(len(usable)) - panel.first() >= _LAGS)
    rows = np.flatnonzero(seasoned if seasoned.sum() >= 4 * _FEWEST_ROWS else usable)
    return np.sort(rng.choice(rows, max_rows, replace=False)) if len(rows) > max_rows else rows


def _codes(column: pd.Series) -> FloatArray:
    """Numbers as they are, anything else as its place in the order of its values; NaN where missing."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    text = column.astype("string") if column.dtype == object else column
    codes = pd.Series(pd.factorize(text, sort=True)[0])
    return codes.where(codes >= 0).to_numpy(dtype=np.float64)


def _ranks(column: pd.Series) -> FloatArray:
    """Ranks 0 to 1, so that no tail decides; missing is the lowest value, as it may tell as much as any other."""
    return np.asarray(pd.Series(_codes(column)).rank(pct=True, na_option="top"), dtype=np.float64)


def _varies(ranks: FloatArray, learn: BoolArray) -> bool:
    values, codes = np.unique(ranks, return_inverse=True)
    common = values[np.bincount(codes).argmax()]
    return all(int((ranks[half] != common).sum()) >= _FEWEST_OTHERS for half in (learn, ~learn))


@dataclass(frozen=True)
class _Judge:
    """Predicts columns on the half of the groups it has not learnt from."""

    learn: BoolArray
    past: FloatArray
    own: FloatArray
    instead: FloatArray
    both: FloatArray
    seed: int

    def power(self, ranks: FloatArray) -> PanelPower:
        return PanelPower(*(self._explained(step, ranks) for step in (self.own, self.instead, self.both)))

    def _explained(self, step: FloatArray, ranks: FloatArray) -> float:
        # Trees cannot bin a column in which nothing is known, such as the month before where nobody has one.
        known = np.nan_to_num(np.hstack([self.past, step]), nan=-_FAR, posinf=_FAR, neginf=-_FAR)
        trees = HistGradientBoostingRegressor(  # quick; with twice as many the shares move by hundredths
            max_iter=25,
            max_leaf_nodes=24,
            learning_rate=0.3,
            min_samples_leaf=5,
            early_stopping=False,  # pyright: ignore[reportArgumentType] - documented as 'auto' or bool
            random_state=self.seed,
        )
        trees.fit(known[self.learn], ranks[self.learn])
        truth = ranks[~self.learn]
        error = np.square(truth - trees.predict(known[~self.learn])).sum() / np.square(truth - truth.mean()).sum()
        return max(0.0, 1.0 - float(error))
