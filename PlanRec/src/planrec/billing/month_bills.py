"""The rater of usage months: what each month costs on each plan by its flat prices, exact in whole cents.

`planrec.billing.rating` bills single events by a full rate card; here a month is three totals.

Usage arrives as numbers and is read to a millionth of its unit, so that a sum of decimals that floats cannot hold
(15,359.999999999998 MB) is charged as the decimal it stands for. From there on everything is integer arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from common_utils.array_types import FloatArray, IntArray
from common_utils.errors import DataError
from planrec.billing.catalogue import Catalogue

__all__ = ["MAX_USAGE", "MICRO", "Bills", "Usage", "bill_totals", "billable_units", "rate"]

MAX_USAGE = 1_000_000_000  # of any unit in a month; a millionth of it is still exact in a double
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Usage of any number of subscriber-months; three arrays of one shape.

    Attributes
    ----------
    minutes : float64 array of shape (...,)
        Minutes called, each call already rounded up where the rate card says so.
    messages : float64 array of shape (...,)
        Messages sent.
    megabytes : float64 array of shape (...,)
        Megabytes used.

    Examples
    --------
    >>> Usage.of([510], [20], [15361]).minutes.shape
    (1,)
    """

    minutes: FloatArray
    messages: FloatArray
    megabytes: FloatArray

    @classmethod
    def of(cls, minutes: object, messages: object, megabytes: object) -> Usage:
        """Build from anything NumPy reads as numbers."""
        return cls(*(np.asarray(part, dtype=np.float64) for part in (minutes, messages, megabytes)))


@dataclass(frozen=True, slots=True)
class Bills:
    """Bills with line items; int64 arrays of shape (..., n_plans), in cents; the items add up to `total_cents`."""

    total_cents: IntArray
    fee_cents: IntArray
    minutes_cents: IntArray
    messages_cents: IntArray
    data_cents: IntArray


def billable_units(usage: Usage, catalogue: Catalogue) -> tuple[IntArray, IntArray, IntArray]:
    """Return started minutes, messages and started data units of each month.

    Parameters
    ----------
    usage : Usage
        Arrays of shape (...,), 0 <= value <= `MAX_USAGE`.
    catalogue : Catalogue
        Its rate card gives the size of a data unit.

    Returns
    -------
    tuple of three int64 arrays of shape (...,)
        Minutes, messages, data units.

    Raises
    ------
    DataError
        If a value is missing, negative, not finite or above `MAX_USAGE`, or the shapes differ.

    Examples
    --------
    >>> [int(u[0]) for u in billable_units(Usage.of([499.2], [50], [15360.5]), megaline)]
    [500, 50, 16]
    """
    units = _units(usage, catalogue)
    return units[0], units[1], units[2]


def bill_totals(usage: Usage, catalogue: Catalogue) -> IntArray:
    """Return what each month costs on each plan.

    Parameters
    ----------
    usage : Usage
        Arrays of shape (...,).
    catalogue : Catalogue

    Returns
    -------
    int64 array of shape (..., n_plans)
        Cents.

    Raises
    ------
    DataError
        As `billable_units`.

    Examples
    --------
    >>> bill_totals(Usage.of([510], [51], [15361]), megaline).tolist()  # 20.00 + .30 + .03 + 10.00
    [[3033, 7000]]
    """
    overages = _overages(usage, catalogue)
    total = next(overages)
    total += catalogue.prices.fee_cents
    for overage in overages:
        total += overage
    return total


def rate(usage: Usage, catalogue: Catalogue) -> Bills:
    """Return bills with their line items.

    Parameters
    ----------
    usage, catalogue
        As `bill_totals`, which raises the same errors.

    Returns
    -------
    Bills
        Arrays of shape (..., n_plans).

    Examples
    --------
    >>> bills = rate(Usage.of([510], [51], [15361]), megaline)
    >>> [int(part[0, 0]) for part in (bills.fee_cents, bills.minutes_cents, bills.messages_cents, bills.data_cents)]
    [2000, 30, 3, 1000]
    """
    minutes, messages, data = _overages(usage, catalogue)
    fee = np.broadcast_to(catalogue.prices.fee_cents, minutes.shape)
    total = minutes + fee
    total += messages
    total += data
    return Bills(total, fee, minutes, messages, data)


def _overages(usage: Usage, catalogue: Catalogue) -> Iterator[IntArray]:
    """Give what minutes, messages and data beyond the allowances cost, in turn: a sum needs one of them at a time."""
    units, p = _units(usage, catalogue), catalogue.prices
    yield _overage(units[0], p.included_minutes, p.cents_per_minute)
    yield _overage(units[1], p.included_messages, p.cents_per_message)
    yield _overage(units[2], p.included_data_units, p.cents_per_data_unit)


def _units(usage: Usage, catalogue: Catalogue) -> IntArray:
    """Return the billable units, int64 of shape (3, ...).

    The three services are taken together and the steps done in place: for a subscriber's few months the calls cost
    more than the arithmetic, for a million the fresh arrays do.
    """
    parts = (usage.minutes, usage.messages, usage.megabytes)
    if not parts[0].shape == parts[1].shape == parts[2].shape:
        raise DataError(
            "usage: minutes, messages and megabytes have different shapes; give one value of each per month."
        )
    values = np.array(parts, dtype=np.float64)
    if not ((values >= 0) & (values <= MAX_USAGE)).all():  # NaN compares false
        _refuse(values)
    values *= MICRO
    units = np.rint(values, out=values).astype(np.int64)
    sizes = np.array([MICRO, MICRO, catalogue.rounding.data_unit_megabytes * MICRO], dtype=np.int64)
    sizes = sizes.reshape(3, *[1] * (values.ndim - 1))
    units += sizes - 1  # with the floor of the division: what is started counts whole
    units //= sizes
    return units


def _refuse(values: FloatArray) -> NoReturn:
    """Say which service holds values that cannot be rated, and where."""
    bad_values = ~((values >= 0) & (values <= MAX_USAGE))
    place = next(i for i in range(3) if bad_values[i].any())
    name, bad = ("minutes", "messages", "megabytes")[place], bad_values[place]
    rows = np.flatnonzero(bad)[:5].tolist()
    raise DataError(
        f"usage: {name} must lie between 0 and {MAX_USAGE:,}; {int(bad.sum())} value(s) are missing, negative or "
        f"too large, first at position(s) {rows}. Correct them or leave the month out."
    )


def _overage(units: IntArray, included: IntArray, cents: IntArray) -> IntArray:
    beyond = units[..., None] - included
    np.maximum(beyond, 0, out=beyond)
    beyond *= cents
    return beyond
