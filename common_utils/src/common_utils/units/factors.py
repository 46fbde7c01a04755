"""Units that the columns of a table may be written in, each with how much of ours one of it is.

The factors are exact: 60 seconds are one minute, and no other number of minutes. A schema names the units of a column
in its metadata under `units`; `data.table.columns` says which a file has, as in `{is: minutes, unit: seconds}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

__all__ = ["GIGABYTE", "MILES", "MINUTES", "YEARS", "Units", "count_of", "megabytes", "money"]

Units = Mapping[str, Fraction]
"""Unit -> how much of ours one of it is; the first is ours."""

GIGABYTE = 1024  # megabytes, where no rate card says otherwise
_MEBIBYTE = 1 << 20
_SECOND = Fraction(1, 60)
_MILE = Fraction(1_609_344, 1_000_000)  # kilometres, by the international yard and pound agreement of 1959

MINUTES: Units = {
    "minutes": Fraction(1),
    "seconds": _SECOND,
    "hh:mm:ss": _SECOND,
    "hours": Fraction(60),
    "milliseconds": _SECOND / 1000,
}
"""Durations, in minutes."""
MILES: Units = {
    "miles": Fraction(1),
    "km": 1 / _MILE,
    "thousand_miles": Fraction(1000),
    "thousand_km": 1000 / _MILE,
}
"""Distances, in miles."""
YEARS: Units = {"years": Fraction(1), "months": Fraction(1, 12)}
"""Spans of time, in years."""


def megabytes(gigabyte: int = GIGABYTE) -> Units:
    """Return the units of amounts of data, in megabytes of 1,048,576 bytes; `gigabyte` is the megabytes of a GB.

    Examples
    --------
    >>> megabytes()["MB_decimal"], megabytes(1000)["GB"]
    (Fraction(15625, 16384), Fraction(1000, 1))
    """
    return {
        "MB": Fraction(1),
        "kB": Fraction(1, 1024),
        "bytes": Fraction(1, _MEBIBYTE),
        "GB": Fraction(gigabyte),
        "kB_decimal": Fraction(1000, _MEBIBYTE),
        "MB_decimal": Fraction(10**6, _MEBIBYTE),
        "GB_decimal": Fraction(10**9, _MEBIBYTE),
    }


def money(currency: str, *, a_year: bool = False) -> Units:
    """Return the units of an amount of money; no other currency is among them, since rates change by the day.

    Parameters
    ----------
    currency : str
        What one of ours is called, such as `dollars`.
    a_year : bool
        Whether the amount is one a year.

    Examples
    --------
    >>> money("euro", a_year=True)["euro_a_month"]
    Fraction(12, 1)
    """
    units = {currency: Fraction(1), "cents": Fraction(1, 100), f"thousand_{currency}": Fraction(1000)}
    return {**units, **({f"{currency}_a_month": Fraction(12)} if a_year else {})}


def count_of(things: str) -> Units:
    """Return the units of a number of things: there is one.

    Examples
    --------
    >>> count_of("messages")
    {'messages': Fraction(1, 1)}
    """
    return {things: Fraction(1)}
