"""What each plan would mean to a subscriber: the features a choice is explained by, none of which names a plan.

A plan that was never seen in training is described the same way on the day it launches. People decide by what they
remember: the bills of the last few months stand beside those of all months known. How they misjudge their own usage
(Grubb & Osborne 2015) is for the models to learn from choices; no constant here presumes it.
"""

from __future__ import annotations

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue, bill_totals
from planrec.outlook import History, bill_sums

__all__ = [
    "ALTERNATIVE_FEATURES",
    "CONTEXT_FEATURES",
    "RECENT_MONTHS",
    "alternative_features",
    "bill_units",
    "context_features",
    "fixed_features",
]


RECENT_MONTHS = 3  # what a subscriber remembers

ALTERNATIVE_FEATURES = (
    "recent_bill",
    "recent_spread",
    "expected_bill",
    "bill_spread",
    "is_current",
    "new_contract_years",
    "unlimited_share",
    "perks",
)
CONTEXT_FEATURES = (
    "fee_distance",
    "current_above_cheapest",
    "current_unlimited_share",
    "current_perks",
    "current_contract_years",
)


def alternative_features(
    history: History, catalogue: Catalogue, current: IntArray, *, recent_months: int = RECENT_MONTHS
) -> FloatArray:
    """Return what a subscriber sees of each plan.

    Parameters
    ----------
    history : History
        n rows, at least one known month each.
    catalogue : Catalogue
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    recent_months : int
        Months that are remembered, >= 1. Where none of the last so many is known, all known months are.

    Returns
    -------
    float64 array of shape (n, n_plans, 8)
        Last axis as `ALTERNATIVE_FEATURES`: mean bill over the months remembered and its spread, the same over all
        months, in units of the currency, means less the cheapest plan's; whether the plan is held; years of a new
        contract (0 for the plan held); share of services not limited; number of perks.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [250.0], "messages_1": [0.0], "megabytes_1": [7680.0]}, 1)
    >>> alternative_features(history, megaline, np.array([1]))[0].tolist()  # surf, ultimate
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [50.0, 0.0, 50.0, 0.0, 1.0, 0.0, 0.0, 0.0]]
    """
    totals = bill_totals(history.usage, catalogue)
    fixed = np.stack([fixed_features(catalogue, held) for held in (*range(len(catalogue.plans)), -1)])
    found = fixed[current]
    bills = *_bills(totals, _remembered(history.known, recent_months)), *_bills(totals, history.known)
    for place, part in enumerate(bills):
        found[:, :, place] = part
    return found


def fixed_features(catalogue: Catalogue, held: int) -> FloatArray:
    """Return what the plan held decides of `alternative_features`; the bills, which it does not, are 0.

    Parameters
    ----------
    catalogue : Catalogue
    held : int
        Index of the plan held, -1 where unknown.

    Returns
    -------
    float64 array of shape (n_plans, 8)

    Examples
    --------
    >>> fixed_features(megaline, 1).tolist()[1]
    [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """
    features = np.zeros((len(catalogue.plans), len(ALTERNATIVE_FEATURES)))
    is_held = np.arange(len(catalogue.plans)) == held
    features[:, 4] = is_held
    features[:, 5] = np.where(is_held, 0.0, catalogue.contract_years)
    features[:, 6] = catalogue.unlimited_shares
    features[:, 7] = catalogue.perk_counts
    return features


def context_features(features: FloatArray, catalogue: Catalogue, current: IntArray) -> FloatArray:
    """Return how each plan compares with the one held, which tells what a subscriber likes.

    Parameters
    ----------
    features : float64 array of shape (n, n_plans, 8)
        Of `alternative_features`.
    catalogue : Catalogue
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.

    Returns
    -------
    float64 array of shape (n, n_plans, 5)
        Last axis as `CONTEXT_FEATURES`: distance of the logarithms of the two fees; recent bill of the current plan
        less the cheapest, in units of the currency; what the current plan does not limit, its perks and contract. NaN
        where the current plan is unknown.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [250.0], "messages_1": [0.0], "megabytes_1": [7680.0]}, 1)
    >>> features = alternative_features(history, megaline, np.array([1]))
    >>> context_features(features, megaline, np.array([1]))[0, 0].round(2).tolist()  # surf against ultimate
    [1.25, 50.0, 0.0, 0.0, 0.0]
    """
    has, at, rows = current >= 0, np.maximum(current, 0), np.arange(len(current))
    bill = features[..., ALTERNATIVE_FEATURES.index("recent_bill")]
    fee = np.log(np.maximum(catalogue.prices.fee_cents, 100) / 100)
    today = bill[rows, at][:, None]
    of_current = (catalogue.unlimited_shares[at], catalogue.perk_counts[at], catalogue.contract_years[at])
    stacked = np.stack(
        [
            np.abs(fee - fee[at][:, None]),
            np.broadcast_to(today, bill.shape),
            *(np.broadcast_to(value[:, None], bill.shape) for value in of_current),
        ],
        axis=2,
    )
    return np.where(has[:, None, None], stacked, np.nan)


def _remembered(known: BoolArray, recent_months: int) -> BoolArray:
    recent = known & (np.arange(known.shape[1]) < recent_months)
    return np.where(recent.any(axis=1)[:, None], recent, known)


def _bills(totals: IntArray, known: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return mean less the cheapest plan's and spread, from sums of whole cents, which are exact."""
    total, squared = bill_sums(totals, known)
    count = known.sum(axis=1, dtype=np.float64)[:, None]
    mean_unit, spread_unit = bill_units(count)
    return (total - total.min(axis=1, keepdims=True)) / mean_unit, np.sqrt(squared) / spread_unit


def bill_units(count: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what sum and root of the squares (`outlook.bill_sums`) of so many months are divided by.

    The results are mean and spread in units of the currency, of 100 cents.

    Examples
    --------
    >>> mean_unit, spread_unit = bill_units(np.array([1.0, 4.0]))
    >>> mean_unit.tolist(), spread_unit.tolist()
    ([100.0, 400.0], [100.0, 800.0])
    """
    return 100 * count, 100 * count * np.sqrt(count)
