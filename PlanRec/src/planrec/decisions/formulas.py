"""Feature formulas: each written once, as NumPy functions over columns.

The scikit-learn transformer (`features.py`) and the row path of the service call the same functions, so that a table
and a single request cannot drift apart. Everything about a plan is relative to the subscriber's own months.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import UNLIMITED, Catalogue, bill_totals
from planrec.outlook import SERVICES, History, Outlook, bill_outlook

__all__ = ["FINITE_HEADROOM", "decided_by_plan", "decision_features", "feature_names"]

FINITE_HEADROOM = 1e7
"""What is left of an unlimited allowance, so that the features are finite."""

_STATISTICS = ("last", "mean", "spread", "highest", "trend", "share_zero")


def feature_names(catalogue: Catalogue, *, with_current_plan: bool, usage_statistics: bool = True) -> tuple[str, ...]:
    """Return the names of the columns of `decision_features`, in order."""
    names = [f"{service}_{statistic}" for service in SERVICES for statistic in _STATISTICS] if usage_statistics else []
    names += ["months_known"]
    names += [f"bill_above_cheapest[{plan_id}]" for plan_id in catalogue.plan_ids]
    names += ["cheapest_bill", "cheapest_plan"]
    if with_current_plan:
        indicators, terms = _decided_names(catalogue)
        names += indicators
        names += ["current_bill", "current_bill_spread", "current_above_cheapest"]
        names += [f"{service}_headroom" for service in SERVICES]
        names += terms
        names += ["tenure_months", "contract_months_left"]
    return tuple(names)


def decided_by_plan(catalogue: Catalogue) -> tuple[tuple[str, ...], FloatArray]:
    """Return the features that the plan held decides alone, whatever the usage: names and values.

    Returns
    -------
    tuple of tuple of str and float64 array of shape (n_plans + 1, n_names)
        A row for each plan and, last, one for a plan that is not known: no indicator is 1, fee and term are NaN.

    Examples
    --------
    >>> names, values = decided_by_plan(megaline)
    >>> names
    ('is_current[surf]', 'is_current[ultimate]', 'current_monthly_fee', 'current_contract_months')
    >>> values.tolist()
    [[1.0, 0.0, 2000.0, 0.0], [0.0, 1.0, 7000.0, 0.0], [0.0, 0.0, nan, nan]]
    """
    n = len(catalogue.plans)
    values = np.full((n + 1, n + 2), np.nan)
    values[:, :n] = np.eye(n + 1, n)
    values[:n, n] = catalogue.prices.fee_cents
    values[:n, n + 1] = [plan.contract_months for plan in catalogue.plans]
    indicators, terms = _decided_names(catalogue)
    return (*indicators, *terms), values


def _decided_names(catalogue: Catalogue) -> tuple[list[str], list[str]]:
    indicators = [f"is_current[{plan_id}]" for plan_id in catalogue.plan_ids]
    return indicators, ["current_monthly_fee", "current_contract_months"]


def decision_features(
    history: History,
    catalogue: Catalogue,
    *,
    current: IntArray | None = None,
    tenure_months: FloatArray | None = None,
    contract_months_left: FloatArray | None = None,
    usage_statistics: bool = True,
) -> FloatArray:
    """Return what the choice models look at, one row per decision.

    Parameters
    ----------
    history : History
        n rows; months before the decision only.
    catalogue : Catalogue
    current : int64 array of shape (n,), optional
        Index of the plan held before the decision, -1 where unknown. None leaves out every feature that depends on
        it, together with tenure and contract.
    tenure_months, contract_months_left : float64 arrays of shape (n,), optional
        NaN where unknown; read only with `current`.
    usage_statistics : bool, default=True
        Whether last, mean, spread, highest, trend and share of zeros of each service are features beside the bills.

    Returns
    -------
    float64 array of shape (n, n_features)
        Columns as `feature_names`; money in cents; NaN where a value cannot be known.

    Examples
    --------
    >>> history = history_of({"minutes_1": [510.0], "messages_1": [0.0], "megabytes_1": [0.0]}, 1)
    >>> row = decision_features(history, megaline)[0]
    >>> float(row[feature_names(megaline, with_current_plan=False).index("bill_above_cheapest[ultimate]")])
    4970.0
    """
    totals = bill_totals(history.usage, catalogue)
    outlook = bill_outlook(totals, history.known)
    cheapest = outlook.mean_cents.min(axis=1)
    any_month = history.known.any(axis=1)
    parts = (
        [_usage_statistics(getattr(history.usage, service), history.known) for service in SERVICES]
        if usage_statistics
        else []
    )
    parts += [
        history.known.sum(axis=1, dtype=np.float64)[:, None],
        outlook.mean_cents - cheapest[:, None],
        cheapest[:, None],
        np.where(any_month, np.nan_to_num(outlook.mean_cents).argmin(axis=1), np.nan)[:, None],
    ]
    if current is not None:
        unknown = np.full(len(current), np.nan)
        parts.append(_current_plan_features(history, outlook, catalogue, current))
        parts.append((unknown if tenure_months is None else tenure_months)[:, None])
        parts.append((unknown if contract_months_left is None else contract_months_left)[:, None])
    return np.hstack(parts)


def _usage_statistics(values: FloatArray, known: BoolArray) -> FloatArray:
    """Columns as `_STATISTICS`, shape (n, 6)."""
    count = known.sum(axis=1, dtype=np.float64)
    count[count == 0] = np.nan
    mean = values.sum(axis=1) / count
    spread = np.sqrt(np.where(known, (values - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    first = np.take_along_axis(values, known.argmax(axis=1)[:, None], axis=1)[:, 0]
    last = np.where(np.isnan(count), np.nan, first)
    highest = np.where(np.isnan(count), np.nan, values.max(axis=1))
    # Least-squares slope per month; months lie at 0, -1, -2, ... from the most recent.
    time = np.broadcast_to(-np.arange(values.shape[1], dtype=np.float64), values.shape)
    centred = np.where(known, time - (np.where(known, time, 0.0).sum(axis=1) / count)[:, None], 0.0)
    squares = (centred**2).sum(axis=1)
    slope = np.where(np.isnan(count), np.nan, (centred * values).sum(axis=1) / np.where(squares > 0, squares, 1.0))
    zero = (known & (values == 0)).sum(axis=1) / count
    return np.column_stack([last, mean, spread, highest, slope, zero])


def _current_plan_features(history: History, outlook: Outlook, catalogue: Catalogue, current: IntArray) -> FloatArray:
    """Columns of the plan held: indicators, its bill, headroom (allowance less mean usage), fee and term."""
    has = current >= 0
    at = np.maximum(current, 0)
    rows = np.arange(len(current))
    bill = np.where(has, outlook.mean_cents[rows, at], np.nan)
    spread = np.where(has, outlook.spread_cents[rows, at], np.nan)
    count = history.known.sum(axis=1, dtype=np.float64)
    count[count == 0] = np.nan
    p = catalogue.prices
    unit = catalogue.rounding.data_unit_megabytes
    headroom: list[FloatArray] = []
    for service, included, size in (
        ("minutes", p.included_minutes, 1),
        ("messages", p.included_messages, 1),
        ("megabytes", p.included_data_units, unit),
    ):
        allowance = np.where(included == UNLIMITED, np.inf, included.astype(np.float64) * size)[at]
        mean = getattr(history.usage, service).sum(axis=1) / count
        # A tree orders unlimited above every allowance; a finite ceiling keeps linear models usable.
        headroom.append(np.where(has, np.minimum(allowance - mean, FINITE_HEADROOM), np.nan))
    decided = decided_by_plan(catalogue)[1][current]  # -1, which is not known, finds the last row
    n = len(catalogue.plans)
    return np.column_stack(
        [
            decided[:, :n],
            bill,
            spread,
            bill - outlook.mean_cents.min(axis=1),
            *headroom,
            decided[:, n:],
        ]
    )
