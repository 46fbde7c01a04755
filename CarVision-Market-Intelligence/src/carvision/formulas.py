"""Features computed from others: arrays in, arrays out, written once for the table and for one record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from carvision.columns import MODEL, ODOMETER, YEAR
from carvision.vehicles import NEW_PRICE
from common_utils.array_types import FloatArray
from common_utils.table_project.names import name_codes

__all__ = ["ADS_YEAR", "INPUTS", "age_years", "miles_per_year", "new_price"]


ADS_YEAR = 2019.0
"""The ads were posted from May 2018 to April 2019; ages count from here, a fixed year, so that no date is a feature."""


def new_price(model: FloatArray, known: Sequence[str]) -> FloatArray:
    """Return what a model cost new, in thousand dollars; NaN for a model that is not known, or whose price is not.

    Parameters
    ----------
    model : float64 array of shape (n,)
        Codes: places in `known`.
    known : sequence of str
        Models that training knew.

    Examples
    --------
    >>> new_price(np.array([0.0, 1.0, np.nan]), ("ford f-150", "tatra 603")).tolist()
    [28.0, nan, nan]
    """
    there = ~np.isnan(model)
    prices = np.full(len(model), np.nan)
    prices[there] = _new_prices(tuple(known))[model[there].astype(np.int64)]
    return prices


@lru_cache(maxsize=64)
def _new_prices(known: tuple[str, ...]) -> FloatArray:
    listed = np.array([*NEW_PRICE.values(), np.nan])
    places = name_codes(np.array(known, dtype=object), tuple(NEW_PRICE))
    return listed[np.where(np.isnan(places), len(NEW_PRICE), places).astype(np.int64)]


def age_years(year: FloatArray) -> FloatArray:
    """Return the age of a car when the ads were posted, in years, at least 0; NaN where the year is unknown.

    Examples
    --------
    >>> age_years(np.array([2009.0, 2020.0, np.nan])).tolist()
    [10.0, 0.0, nan]
    """
    return np.maximum(ADS_YEAR - year, 0.0)


def miles_per_year(year: FloatArray, odometer: FloatArray) -> FloatArray:
    """Return miles driven per year, the first year counting half: 150,000 miles are many for 5 years, few for 25.

    Examples
    --------
    >>> miles_per_year(np.array([2009.0, np.nan]), np.array([105_000.0, 5.0])).tolist()
    [10000.0, nan]
    """
    return odometer / (age_years(year) + 0.5)


INPUTS = {new_price: (MODEL,), miles_per_year: (YEAR, ODOMETER)}
"""The columns each formula takes; a category stands for its code."""
