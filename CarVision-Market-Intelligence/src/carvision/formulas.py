"""Features computed from others: arrays in, arrays out, written once for the table and for one record."""

from __future__ import annotations

import numpy as np

from carvision.columns import CATEGORIES, MODEL, ODOMETER, YEAR
from carvision.vehicles import NEW_PRICE
from common_utils.array_types import FloatArray

__all__ = ["ADS_YEAR", "INPUTS", "age_years", "miles_per_year", "new_price"]


ADS_YEAR = 2019.0
"""The ads were posted from May 2018 to April 2019; ages count from here, a fixed year, so that no date is a feature."""

_BY_CODE = np.array([NEW_PRICE[name] for name in CATEGORIES[MODEL]])


def new_price(model: FloatArray) -> FloatArray:
    """Return what a model cost new, in thousand dollars, by its code; NaN for a model that is not known.

    Examples
    --------
    >>> ford = float(CATEGORIES[MODEL].index("ford f-150"))
    >>> new_price(np.array([ford, np.nan])).tolist()
    [28.0, nan]
    """
    known = ~np.isnan(model)
    prices = np.full(len(model), np.nan)
    prices[known] = _BY_CODE[model[known].astype(np.int64)]
    return prices


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
