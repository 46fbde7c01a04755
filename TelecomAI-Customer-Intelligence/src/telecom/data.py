"""The table of usage months: its schema, and a generator of synthetic rows with the same columns and ranges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from common_utils.table_project.samples import bounded_normal, happened
from common_utils.units import factors as units
from telecom.columns import CALLS, IS_ULTRA, MEGABYTES, MESSAGES, MINUTES
from telecom.tariffs import SMART

__all__ = ["RANGES", "UNITS", "USUAL", "record_schema", "sample_months", "usage_schema"]

RANGES = {CALLS: (0, 20_000), MINUTES: (0, 44_640), MESSAGES: (0, 100_000), MEGABYTES: (0, 10_000_000)}
"""What each number may be in a month: calls, minutes (31 days have 44,640), messages, megabytes."""
UNITS = {
    CALLS: units.count_of("calls"),
    MINUTES: units.MINUTES,
    MESSAGES: units.count_of("messages"),
    MEGABYTES: units.megabytes(),
}
"""What each number may be written in; a GB is of 1,024 MB, as in the public table."""
USUAL = {MINUTES: (10, 2_000), MEGABYTES: (100, 1_000_000)}
"""Between which bounds the median of a table lies; a table far beyond them is in another unit."""

_ULTRA_RATE = 0.306
_MONTHS_EACH = 6.5


def usage_schema() -> pandera.DataFrameSchema:
    """Return the schema of the training file.

    Examples
    --------
    >>> list(usage_schema().columns)
    ['calls', 'minutes', 'messages', 'mb_used', 'is_ultra']
    """
    target = {IS_ULTRA: pandera.Column(int, pandera.Check.isin([0, 1], error="neither 0 nor 1"))}
    return pandera.DataFrameSchema({**_features(), **target})


def record_schema() -> pandera.DataFrameSchema:
    """Return the schema of months to answer for: no target.

    Examples
    --------
    >>> "is_ultra" in record_schema().columns
    False
    """
    return pandera.DataFrameSchema(_features())


def _features() -> dict[str, pandera.Column]:
    return {
        name: pandera.Column(
            float,
            pandera.Check.in_range(low, high, error=f"not between {low:,} and {high:,}"),
            metadata={"units": UNITS[name]} | ({"usual": USUAL[name]} if name in USUAL else {}),
        )
        for name, (low, high) in RANGES.items()
    }


def sample_months(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return synthetic months of usage with the public table's columns, ranges and rough shares.

    As in the table, a person has about 6.5 months that resemble each other, one plan in all of them, and no id. The
    chance of Ultra rises with the bill on Smart, and is even for very light and very heavy months, so that training has
    something to find. No figure measured on it says anything about an operator.

    Parameters
    ----------
    n_rows : int
    rng : Generator

    Returns
    -------
    DataFrame
        With the columns of `usage_schema`.

    Examples
    --------
    >>> sample = sample_months(2000, np.random.default_rng(0))
    >>> bool(0.25 < sample["is_ultra"].mean() < 0.36)
    True
    """
    n_people = max(2, round(n_rows / _MONTHS_EACH))
    minutes = bounded_normal(rng, n_people, mean=440, sd=200, low=0, high=1500)
    messages = np.where(rng.random(n_people) < 0.15, 0.0, np.floor(rng.gamma(1.6, 27.0, n_people)))
    megabytes = bounded_normal(rng, n_people, mean=17_200, sd=6_500, low=0, high=45_000)
    extremes = np.abs(minutes - 440) / 200
    log_odds = 1.4 * (SMART.bill(minutes, messages, megabytes) / 1000) + 0.8 * extremes
    ultra = happened(rng, log_odds, rate=_ULTRA_RATE)
    owner = rng.permutation(np.arange(n_rows) % n_people)
    talked = np.round(minutes[owner] * np.exp(rng.normal(0, 0.2, n_rows)), 2)
    return pd.DataFrame(
        {
            CALLS: np.ceil(talked / 7.0),
            MINUTES: talked,
            MESSAGES: rng.poisson(messages[owner]).astype(np.float64),
            MEGABYTES: np.round(megabytes[owner] * np.exp(rng.normal(0, 0.2, n_rows)), 2),
            IS_ULTRA: ultra[owner],
        }
    )
