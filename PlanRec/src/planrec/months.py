"""Calendar months as integers, so that the core can subtract and compare them.

A month is `year * 12 + (month - 1)`; its text form is `YYYY-MM`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from common_utils.errors import DataError

__all__ = [
    "MONTH_PATTERN",
    "RECENT_MONTHS",
    "USAGE_MONTH_PATTERN",
    "is_recent",
    "month_index",
    "month_indices",
    "month_text",
]

MONTH_PATTERN = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
USAGE_MONTH_PATTERN = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$"
"""A month of a request: the years that tables may have, too (`common_utils.tables.month_column`)."""
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


RECENT_MONTHS = 2  # the setting features.recent_months, unless told


def is_recent(last: int | NDArray[np.int64], asked: int, recent_months: int = RECENT_MONTHS) -> NDArray[np.bool_]:
    """Tell whether a last usage month is recent enough to answer from; one rule for commands and services.

    Parameters
    ----------
    last : int or int64 array of shape (n,)
        Month index of the last usage month.
    asked : int
        Month index of the last month that may be looked at; the change comes in the month after it.
    recent_months : int
        How many months up to `asked` the last usage month may be one of, >= 1.

    Examples
    --------
    >>> is_recent(np.array([24309, 24308, 24307]), 24309).tolist()
    [True, True, False]
    """
    return np.asarray(asked - np.asarray(last, dtype=np.int64) < recent_months)


@lru_cache(maxsize=4096)
def month_index(text: str) -> int:
    """Return the integer of a month.

    Parameters
    ----------
    text : str
        `YYYY-MM`, month 01 to 12.

    Returns
    -------
    int
        `year * 12 + (month - 1)`.

    Raises
    ------
    DataError
        If the text is not such a month.

    Examples
    --------
    >>> month_index("2018-12") - month_index("2018-01")
    11
    """
    match = _MONTH.fullmatch(text)
    if match is None:
        raise DataError("a month is not of the form YYYY-MM with month 01 to 12; correct it and run again.")
    return int(match[1]) * 12 + int(match[2]) - 1


def month_text(index: int) -> str:
    """Return the `YYYY-MM` of a month's integer.

    Examples
    --------
    >>> month_text(month_index("2018-12") + 1)
    '2019-01'
    """
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def month_indices(texts: Iterable[str]) -> NDArray[np.int64]:
    """Return the integers of many months; each distinct text is read once.

    Returns
    -------
    int64 array of shape (n,)

    Raises
    ------
    DataError
        If one of them is not a month.

    Examples
    --------
    >>> month_indices(["2018-01", "2018-03"]).tolist()
    [24216, 24218]
    """
    written = list(texts)
    seen = {text: month_index(text) for text in dict.fromkeys(written)}
    return np.array([seen[text] for text in written], dtype=np.int64)
