"""What each plan would mean to a subscriber: the features a choice is explained by, none of which names a plan.

A plan that was never seen in training is described the same way on the day it launches. What subscribers believe of
their usage stands beside what the months say: people look at the last few months, think they use about a tenth more
than they do, and that their usage varies less than it does (Grubb & Osborne 2015; Nunes 2000).
"""

from __future__ import annotations

import itertools

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from planrec.billing import MAX_USAGE, Catalogue, Usage, bill_totals
from planrec.outlook import SERVICES, History, bill_outlook
from planrec.outlook.questionnaire import OVERESTIMATION

__all__ = [
    "ALTERNATIVE_FEATURES",
    "BELIEF_FACTORS",
    "CONTEXT_FEATURES",
    "RECENT_MONTHS",
    "alternative_features",
    "context_features",
]


RECENT_MONTHS = 3  # what a subscriber remembers
_SWINGS = np.array([0.15, 0.2, 0.18])  # believed spread of the logarithm of a month's usage, by service
# Two points a service: the product rule that meets the first three moments of independent normals.
_NODES = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
BELIEF_FACTORS: FloatArray = np.exp(_NODES * _SWINGS) / np.cosh(_SWINGS)  # the mean stays the believed usage
"""Factors on the believed usage, one row a point and one column a service."""

ALTERNATIVE_FEATURES = (
    "believed_bill",
    "believed_spread",
    "expected_bill",
    "bill_spread",
    "is_current",
    "new_contract_years",
    "unlimited_share",
    "perks",
)
CONTEXT_FEATURES = (
    "bill_above_current",
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
        Months the subscriber's belief rests on, >= 1.

    Returns
    -------
    float64 array of shape (n, n_plans, 8)
        Last axis as `ALTERNATIVE_FEATURES`: mean bill on the usage believed in and its spread, mean bill over the
        months and its spread, in units of the currency, means less the cheapest plan's; whether the plan is held; years
        of a new contract (0 for the plan held); share of services not limited; number of perks.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [250.0], "messages_1": [0.0], "megabytes_1": [7680.0]}, 1)
    >>> alternative_features(history, megaline, np.array([1]))[0].tolist()  # surf, ultimate
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [50.0, 0.0, 50.0, 0.0, 1.0, 0.0, 0.0, 0.0]]
    """
    outlook = bill_outlook(bill_totals(history.usage, catalogue), history.known)
    believed = bill_totals(_believed_usage(history, recent_months), catalogue)
    mean, spread = believed.mean(axis=1), believed.std(axis=1)
    held = current[:, None] == np.arange(len(catalogue.plans))
    return np.stack(
        [
            _above_cheapest(mean) / 100,
            spread / 100,
            _above_cheapest(outlook.mean_cents) / 100,
            outlook.spread_cents / 100,
            held.astype(np.float64),
            np.where(held, 0.0, catalogue.contract_years),
            np.broadcast_to(catalogue.unlimited_shares, held.shape),
            np.broadcast_to(catalogue.perk_counts, held.shape),
        ],
        axis=2,
    )


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
    float64 array of shape (n, n_plans, 6)
        Last axis as `CONTEXT_FEATURES`: believed bill less the current plan's, in units of the currency; distance of
        the logarithms of the two fees; believed bill of the current plan less the cheapest; what the current plan does
        not limit, its perks and contract. NaN where the current plan is unknown.

    Examples
    --------
    >>> from planrec.outlook import history_of
    >>> history = history_of({"minutes_1": [250.0], "messages_1": [0.0], "megabytes_1": [7680.0]}, 1)
    >>> features = alternative_features(history, megaline, np.array([1]))
    >>> context_features(features, megaline, np.array([1]))[0, 0].round(2).tolist()  # surf against ultimate
    [-50.0, 1.25, 50.0, 0.0, 0.0, 0.0]
    """
    has, at, rows = current >= 0, np.maximum(current, 0), np.arange(len(current))
    bill = features[..., ALTERNATIVE_FEATURES.index("believed_bill")]
    fee = np.log(np.maximum(catalogue.prices.fee_cents, 100) / 100)
    today = bill[rows, at][:, None]
    of_current = (catalogue.unlimited_shares[at], catalogue.perk_counts[at], catalogue.contract_years[at])
    stacked = np.stack(
        [
            bill - today,
            np.abs(fee - fee[at][:, None]),
            np.broadcast_to(today, bill.shape),
            *(np.broadcast_to(value[:, None], bill.shape) for value in of_current),
        ],
        axis=2,
    )
    return np.where(has[:, None, None], stacked, np.nan)


def _believed_usage(history: History, recent_months: int) -> Usage:
    """Points of the usage a subscriber believes in; arrays of shape (n, nodes)."""
    recent = history.known & (np.arange(history.known.shape[1]) < recent_months)
    looked_at = np.where(recent.any(axis=1)[:, None], recent, history.known)
    count = np.maximum(looked_at.sum(axis=1), 1)
    means = (np.where(looked_at, getattr(history.usage, s), 0.0).sum(axis=1) / count for s in SERVICES)
    points = ((mean * OVERESTIMATION)[:, None] * factor for mean, factor in zip(means, BELIEF_FACTORS.T, strict=True))
    return Usage(*(np.minimum(np.round(part, 2), MAX_USAGE) for part in points))


def _above_cheapest(bills: FloatArray) -> FloatArray:
    return bills - bills.min(axis=1, keepdims=True)
