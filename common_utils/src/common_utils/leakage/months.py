"""Columns of dates, in whatever form, as month numbers that can be compared and counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["month_numbers"]

_DATE_TEXT = r"\d{4}-(0[1-9]|1[0-2])(-\d{2}([ T].*)?)?"


def month_numbers(column: pd.Series) -> NDArray[np.float64] | None:
    """Return the months of a column that holds months or dates.

    Parameters
    ----------
    column : Series of shape (n,)
        Dates, periods, or text that begins `YYYY-MM`.

    Returns
    -------
    float64 array of shape (n,) or None
        Twelve times the year plus the month, 1 to 12; NaN where missing. None for a column that holds anything else.

    Examples
    --------
    >>> month_numbers(pd.Series(["2025-01", "2025-03-31", None])).tolist()
    [24301.0, 24303.0, nan]
    >>> month_numbers(pd.Series([202501])) is None
    True
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        if pd.api.types.is_numeric_dtype(column.dtype):
            return None
        text = column.dropna().astype("string")
        if text.empty or not text.str.fullmatch(_DATE_TEXT).all():
            return None
        text = column.astype("string").str[:7]
        return (pd.to_numeric(text.str[:4]) * 12 + pd.to_numeric(text.str[5:7])).to_numpy(np.float64, na_value=np.nan)
    return (column.dt.year * 12 + column.dt.month).to_numpy(np.float64, na_value=np.nan)
