"""Recorded months side by side, and what bills they say to expect on each plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing import Usage

__all__ = [
    "SERVICES",
    "History",
    "Outlook",
    "bill_outlook",
    "bill_sums",
    "history_columns",
    "history_of",
    "mean_bills",
    "saving_outlook",
    "share_above",
]

Number = TypeVar("Number", np.int64, np.float64)

_BYTE = 255
_WHOLE = 2**53  # up to it every whole number is a double
SERVICES = ("minutes", "messages", "megabytes")


@dataclass(frozen=True, slots=True)
class History:
    """The last months of n subscribers, most recent first.

    Attributes
    ----------
    usage : Usage
        Float64 arrays of shape (n, n_months); 0 where the month is not known.
    known : bool array of shape (n, n_months)
        Whether there is a usage month at that place.
    """

    usage: Usage
    known: BoolArray


@dataclass(frozen=True, slots=True)
class Outlook:
    """What each plan costs over some months: those known, or those of a forecast.

    Attributes
    ----------
    mean_cents : float64 array of shape (n, n_plans)
        Mean bill; NaN where no month is known.
    spread_cents : float64 array of shape (n, n_plans)
        Standard deviation of the bills (of the months at hand, not an estimate for others); 0 for one month.
    """

    mean_cents: FloatArray
    spread_cents: FloatArray

    def adjusted(self, risk_weight: float) -> FloatArray:
        """Return mean + weight x spread, what advice ranks by; float64 array of shape (n, n_plans), cents."""
        return self.mean_cents + risk_weight * self.spread_cents


def history_columns(n_months: int) -> tuple[str, ...]:
    """Return the names of the usage columns of a decision row, most recent month first.

    Examples
    --------
    >>> history_columns(2)
    ('minutes_1', 'minutes_2', 'messages_1', 'messages_2', 'megabytes_1', 'megabytes_2')
    """
    return tuple(f"{service}_{lag}" for service in SERVICES for lag in range(1, n_months + 1))


def history_of(columns: Mapping[str, NDArray[np.generic]], n_months: int) -> History:
    """Return the history that decision rows carry in their usage columns.

    Parameters
    ----------
    columns : mapping of str to array of shape (n,)
        Holds `history_columns(n_months)`; a month is known where all three services are numbers.
    n_months : int

    Returns
    -------
    History

    Raises
    ------
    DataError
        If a column is missing, or a month has some services but not all.

    Examples
    --------
    >>> row = {"minutes_1": [10.0], "messages_1": [2.0], "megabytes_1": [np.nan]}
    >>> history_of(row, 1)
    Traceback (most recent call last):
    ...
    common_utils.errors.DataError: decision rows: 1 month(s) have some services but not all; give all three or none.
    """
    missing = [name for name in history_columns(n_months) if name not in columns]
    if missing:
        raise DataError(f"decision rows: missing column(s) {missing[:5]}; build them with `decisions.decision_table`.")
    stacked = [
        np.column_stack([np.asarray(columns[f"{s}_{lag}"], dtype=np.float64) for lag in range(1, n_months + 1)])
        for s in SERVICES
    ]
    there = [~np.isnan(part) for part in stacked]
    torn = int(((there[0] != there[1]) | (there[0] != there[2])).sum())
    if torn:
        raise DataError(f"decision rows: {torn} month(s) have some services but not all; give all three or none.")
    return History(Usage(*(np.where(there[0], part, 0.0) for part in stacked)), there[0])


def bill_outlook(totals: IntArray, known: BoolArray) -> Outlook:
    """Return mean and spread of the bills over the months known.

    Each month is rated and then averaged: bills are convex in usage, so rating an average month is wrong.

    Parameters
    ----------
    totals : int64 array of shape (n, n_months, n_plans)
        Bills in cents.
    known : bool array of shape (n, n_months)

    Returns
    -------
    Outlook

    Examples
    --------
    >>> totals = np.array([[[2000, 7000], [4000, 7000]]])
    >>> outlook = bill_outlook(totals, np.array([[True, True]]))
    >>> outlook.mean_cents.tolist(), outlook.spread_cents.tolist()
    ([[3000.0, 7000.0]], [[1000.0, 0.0]])
    """
    count = _months_known(known)
    total, squared = bill_sums(totals, known)
    return Outlook(total / count, np.sqrt(squared / count) / count)


def mean_bills(totals: IntArray, known: BoolArray) -> FloatArray:
    """Return the mean of `bill_outlook` alone, at a part of the cost; shape (n, n_plans).

    Examples
    --------
    >>> mean_bills(np.array([[[2000, 7000], [4000, 7000]]]), np.array([[True, True]])).tolist()
    [[3000.0, 7000.0]]
    """
    return _sum_known(totals, known) / _months_known(known)


def _months_known(known: BoolArray) -> FloatArray:
    count = known.sum(axis=1, dtype=np.float64)[:, None]
    count[count == 0] = np.nan
    return count


def bill_sums(totals: IntArray, known: BoolArray) -> tuple[IntArray, FloatArray]:
    """Return the sums that mean and spread follow from; whole numbers, so that the order of adding does not matter.

    Parameters
    ----------
    totals, known
        As `bill_outlook`.

    Returns
    -------
    tuple of int64 and float64 array of shape (n, n_plans)
        Of the months known, k of them: the bills added up, and the squares of (k x bill - that sum), which are k**3
        times the variance; exact up to 2**53.

    Examples
    --------
    >>> total, squared = bill_sums(np.array([[[2000, 7000], [4000, 7000]]]), np.array([[True, True]]))
    >>> total.tolist(), squared.tolist()
    ([[6000, 14000]], [[8000000.0, 0.0]])
    """
    total = _sum_known(totals, known)
    months = totals.shape[1]
    if known.all() and totals.size and int(totals.max()) ** 2 * months**3 < _WHOLE:
        # The same sum of squares, multiplied out: exact as well, and one pass over the bills instead of five.
        squares = np.einsum("nmp,nmp->np", totals, totals)
        return total, (months * (months * squares - total * total)).astype(np.float64)
    apart = (totals * known.sum(axis=1)[:, None, None] - total[:, None, :]).astype(np.float64)
    np.square(apart, out=apart)
    return total, _sum_known(apart, known)


def _sum_known(values: NDArray[Number], known: BoolArray) -> NDArray[Number]:
    """Add up over the months known; most often that is all of them, and nothing has to be masked."""
    counted = values if known.all() else np.where(known[..., None], values, 0)
    if counted.dtype.kind == "f":
        return counted.sum(axis=1)
    return np.einsum("nmp->np", counted)  # whole numbers: in any order the same sum, in a third of the time


def saving_outlook(
    totals: IntArray, known: BoolArray, rows: IntArray, plans: IntArray, held: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of what a plan saves against another, month by month.

    Both plans are rated on the same months, so what makes both bills rise, or both fall, does not count as doubt.

    Parameters
    ----------
    totals : int64 array of shape (n, n_months, n_plans)
        Bills in cents.
    known : bool array of shape (n, n_months)
        At least one month of each row asked for.
    rows, plans, held : int64 arrays of shape (k,)
        Whose saving, by which plan, against which.

    Returns
    -------
    tuple of float64 arrays of shape (k,)
        Mean saving, cents a month, and its standard deviation over the months; 0 for one month.

    Examples
    --------
    >>> totals = np.array([[[2000, 7000], [4000, 7000]]])
    >>> mean, spread = saving_outlook(totals, np.array([[True, True]]), np.array([0]), np.array([0]), np.array([1]))
    >>> mean.tolist(), spread.tolist()
    ([4000.0], [1000.0])
    """
    saving = np.ascontiguousarray(totals[rows, :, held] - totals[rows, :, plans])
    there = known[rows]
    count = there.sum(axis=1)
    whole = bool(known.all())  # most often, and then nothing has to be masked
    mean = (saving if whole else np.where(there, saving, 0)).sum(axis=1) / count
    apart = saving - mean[:, None]
    if not whole:
        apart[~there] = 0.0
    np.square(apart, out=apart)
    return mean, np.sqrt(apart.sum(axis=1) / count)


def share_above(totals: IntArray, known: BoolArray, current: IntArray) -> FloatArray:
    """Return the share of months in which a plan would have cost more than the current one.

    Parameters
    ----------
    totals : int64 array of shape (n, n_months, n_plans)
    known : bool array of shape (n, n_months)
    current : int64 array of shape (n,)
        Index of the current plan, -1 where it is not known.

    Returns
    -------
    float64 array of shape (n, n_plans)
        0 to 1; NaN where the current plan or every month is unknown.

    Examples
    --------
    >>> totals = np.array([[[2000, 7000], [9000, 7000]]])
    >>> share_above(totals, np.array([[True, True]]), np.array([0])).tolist()
    [[0.0, 0.5]]
    """
    count = known.sum(axis=1, dtype=np.float64)
    count[(count == 0) | (current < 0)] = np.nan
    today = totals[np.arange(len(totals)), :, np.maximum(current, 0)]
    above = totals > today[..., None]
    if not known.all():
        above &= known[..., None]
    if totals.shape[1] > _BYTE:
        return above.sum(axis=1) / count[:, None]
    # Truths are bytes already: adding them up as such takes a fifth of the time, where no sum can be above 255.
    return np.einsum("nmp->np", above.view(np.uint8)) / count[:, None]
