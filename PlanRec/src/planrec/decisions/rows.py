"""Decision rows from usage months.

A decision row belongs to one subscriber and one decision month. It carries the usage of the months before (most
recent first), the plan held before, and as target the plan held after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing import Usage
from planrec.columns import (
    CONTACT,
    CURRENT_PLAN,
    DECISION,
    MEGABYTES,
    MESSAGES,
    MINUTES,
    MONTH,
    PARTIAL,
    SUBSCRIBER,
)
from planrec.months import is_recent, month_indices
from planrec.outlook import SERVICES, History, history_of

if TYPE_CHECKING:  # only methods of tables are called, so that a server that opens a transformer needs no pandas
    import pandas as pd

__all__ = [
    "CHOSEN_PLAN",
    "columns_of",
    "decision_table",
    "latest_months",
    "latest_rows",
    "recent_rows",
    "usage_ahead",
    "usage_of",
]

CHOSEN_PLAN = "chosen_plan"


def decision_table(months: pd.DataFrame, *, history_months: int) -> pd.DataFrame:
    """Return one row per decision with at least one month before it.

    Where the months carry a `decision` column, a decision is a month in which it is filled (activations have no month
    before and fall away) with any reason but "contact": the answer to an offer is not a choice among all plans.
    Otherwise every month counts.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month, one row each.
    history_months : int
        Months before the decision to carry, >= 1.

    Returns
    -------
    DataFrame
        Columns `subscriber_id`, `month` (of the decision), `chosen_plan`, `current_plan` (held in the month before),
        `history_columns(history_months)` with NaN where there is no such month, and the further columns of `months`
        as they stood in the month before the decision. Index 0 .. n-1, ordered as `months`.

    Raises
    ------
    DataError
        If no decision is left, or the months do not say which plan was held.
    """
    if CURRENT_PLAN not in months.columns:
        raise DataError(
            f"usage months: no column {CURRENT_PLAN!r}, so nothing says which plan was chosen; add it, or map its name "
            "under `columns:` in the config. Bills and advice do without."
        )
    keys = months[SUBSCRIBER].to_numpy()
    lags = _lag_positions(keys, history_months)
    rows = np.flatnonzero(lags[:, 0] >= 0)
    if DECISION in months.columns:
        own = months[DECISION].notna() & (months[DECISION] != CONTACT)
        rows = rows[own.to_numpy()[rows]]
    if not len(rows):
        raise DataError("usage months: no subscriber has a decision with a month before it; give at least two months.")
    before = months.iloc[lags[rows, 0]].reset_index(drop=True)
    here = months.iloc[rows].reset_index(drop=True)
    table = _without_usage(before)
    table[MONTH] = here[MONTH]
    table[CHOSEN_PLAN] = here[CURRENT_PLAN]
    wide = _wide_usage(months, lags[rows])
    return table.assign(**wide)


def latest_rows(months: pd.DataFrame, *, as_of: int, history_months: int) -> pd.DataFrame:
    """Return one row for each subscriber with the last months known up to and including `as_of`.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month.
    as_of : int
        Month index; later months are not looked at.
    history_months : int
        Months to look back over, >= 1.

    Returns
    -------
    DataFrame
        As `decision_table` without the target: what a decision in the month after `as_of` would be taken on. Index
        0 .. n-1. Subscribers with no month up to `as_of` are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.DataFrame({"subscriber_id": ["a", "a"], "month": ["2025-01", "2025-02"],
    ...                        "minutes": [1.0, 2.0], "messages": [0.0, 0.0], "megabytes": [5.0, 6.0]})
    >>> latest_rows(months, as_of=24301, history_months=3).filter(like="minutes").to_numpy().tolist()
    [[2.0, 1.0, nan]]
    """
    past, lags = _latest(months, as_of, history_months)
    return _without_usage(past.iloc[lags[:, 0]].reset_index(drop=True)).assign(**_wide_usage(past, lags))


def latest_months(
    months: pd.DataFrame, *, as_of: int, history_months: int
) -> tuple[NDArray[np.generic], NDArray[np.int64]]:
    """Return which months the rows of `latest_rows` look back over.

    Returns
    -------
    array of shape (n,)
        Subscribers.
    int64 array of shape (n, history_months)
        Month indices, most recent first; -1 where there is none.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.DataFrame({"subscriber_id": ["a", "a"], "month": ["2025-01", "2025-03"]})
    >>> latest_months(months, as_of=24310, history_months=3)[1].tolist()
    [[24302, 24300, -1]]
    """
    past, lags = _latest(months, as_of, history_months)
    codes, texts = past[MONTH].factorize()
    index = np.append(month_indices(texts)[codes], -1)
    return past[SUBSCRIBER].to_numpy()[lags[:, 0]], index[lags]


def _latest(months: pd.DataFrame, as_of: int, history_months: int) -> tuple[pd.DataFrame, IntArray]:
    """Return the rows up to a month, and where the last ones of each subscriber stand among them; -1 for none."""
    month_codes, texts = months[MONTH].factorize()  # each distinct month is read once, and not row by row
    early = month_indices(texts)[month_codes] <= as_of
    past = months if early.all() else months[early]
    keys, _ = past[SUBSCRIBER].factorize()
    ends = np.flatnonzero(np.append(keys[1:] != keys[:-1], True)) if len(keys) else np.array([], dtype=np.int64)
    # Position 0 is the last month itself, then the ones before it.
    positions = ends[:, None] - np.arange(history_months)
    return past, np.where(positions > np.append(-1, ends)[:-1, None], positions, -1)


def recent_rows(rows: pd.DataFrame, *, as_of: int, recent_months: int) -> pd.DataFrame:
    """Return the rows of `latest_rows` whose last month is recent, by `months.is_recent`; index 0 .. n-1.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"subscriber_id": ["a", "b"], "month": ["2019-01", "2025-10"]})
    >>> recent_rows(rows, as_of=24309, recent_months=2)["subscriber_id"].tolist()
    ['b']
    """
    recent = is_recent(month_indices(rows[MONTH]), as_of, recent_months)
    return rows if recent.all() else rows[recent].reset_index(drop=True)


def usage_ahead(months: pd.DataFrame, *, history_months: int, horizon: int) -> tuple[History, Usage, NDArray[np.bool_]]:
    """Return every usage month with the ones before and after it, for a forecast to learn from.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month, one row each. Months marked `partial` are not examples of what
        follows.
    history_months : int
        Months to look back over, >= 1, the row's own first.
    horizon : int
        Months that follow, >= 1.

    Returns
    -------
    tuple of History, Usage and bool array
        n rows, one a usage month that has a later one; usage ahead has shape (n, horizon), 0 where a month is missing
        or partial, which the bool array says.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.DataFrame({"subscriber_id": ["a", "a"], "month": ["2025-01", "2025-02"],
    ...                        "minutes": [1.0, 2.0], "messages": [0.0, 0.0], "megabytes": [5.0, 6.0]})
    >>> history, ahead, known = usage_ahead(months, history_months=2, horizon=2)
    >>> history.usage.minutes.tolist(), ahead.minutes.tolist(), known.tolist()
    ([[1.0, 0.0]], [[2.0, 0.0]], [[True, False]])
    """
    keys, number = months[SUBSCRIBER].to_numpy(), month_indices(months[MONTH])
    n = len(months)
    whole = ~months[PARTIAL].to_numpy(dtype=np.bool_) if PARTIAL in months.columns else np.ones(n, dtype=np.bool_)
    lags = np.column_stack([np.arange(n), _lag_positions(keys, history_months - 1)])
    after = np.full((n, horizon), -1, dtype=np.int64)
    for step in range(1, horizon + 1):
        # A gap makes a later month come early: look at each row that may be the one, and at its month.
        for row in range(1, step + 1):
            at = np.flatnonzero((keys[:-row] == keys[row:]) & (number[row:] - number[:-row] == step) & whole[row:])
            after[at, step - 1] = at + row
    rows = np.flatnonzero((after >= 0).any(axis=1))
    history = history_of(_wide_usage(months, lags[rows]), history_months)
    found = after[rows]
    ahead = [np.where(found >= 0, months[s].to_numpy(dtype=np.float64)[np.maximum(found, 0)], 0.0) for s in SERVICES]
    return history, Usage(*ahead), found >= 0


def columns_of(rows: pd.DataFrame) -> dict[str, NDArray[np.generic]]:
    """Return the columns of a table as plain arrays, which is what formulas and scorers take."""
    return {str(name): rows[name].to_numpy() for name in rows.columns}


def _without_usage(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=[c for c in (MINUTES, MESSAGES, MEGABYTES, DECISION) if c in rows.columns])


def _lag_positions(keys: NDArray[np.generic], n_lags: int) -> IntArray:
    """Row number of the k-th month before each row of the same subscriber, -1 where there is none; (n, n_lags)."""
    n = len(keys)
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if n else np.array([], dtype=np.int64)
    first = np.repeat(starts, np.diff(np.append(starts, n)))
    positions = np.arange(n)[:, None] - np.arange(1, n_lags + 1)
    return np.where(positions >= first[:, None], positions, -1)


def _wide_usage(months: pd.DataFrame, lags: IntArray) -> dict[str, FloatArray]:
    columns: dict[str, FloatArray] = {}
    for service in SERVICES:
        values = months[service].to_numpy(dtype=np.float64)
        for k in range(lags.shape[1]):
            at = lags[:, k]
            columns[f"{service}_{k + 1}"] = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    return columns


def usage_of(months: pd.DataFrame) -> Usage:
    """Return the usage columns of a table as the rater takes them."""
    return Usage.of(months[MINUTES], months[MESSAGES], months[MEGABYTES])
