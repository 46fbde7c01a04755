"""What the ads say of the market: depreciation, days listed, and who asks more or less than the model expects.

Everything is a summary of at least `LEAST` ads; no single ad leaves this module.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from carvision.columns import CONDITION, DAYS, MODEL, PRICE, TYPE, YEAR
from carvision.evaluation import AGE_BANDS, PRICE_BANDS, bands
from carvision.formulas import age_years
from common_utils.array_types import FloatArray

__all__ = ["LEAST", "days_table", "depreciation_table", "market_summary", "position_table", "positions"]


LEAST = 20
"""Ads a line needs."""
_MOST_MODELS = 25
_OLDEST = 20.0


def market_summary(rows: pd.DataFrame, low: FloatArray, predicted: FloatArray, high: FloatArray) -> dict[str, Any]:
    """Return every market table of some ads and their out-of-fold prices.

    Parameters
    ----------
    rows : DataFrame of shape (n, m)
        As `data.ad_schema`; without `days_listed` the days are left out.
    low, predicted, high : float64 array of shape (n,)
        By models that did not see the ad.

    Returns
    -------
    dict
        depreciation, ages, days, positions: lists of dict; ads, median_price: numbers.
    """
    asked = positions(rows[PRICE].to_numpy(), low, high)
    segments = {
        "type": rows[TYPE].to_numpy(),
        "condition": rows[CONDITION].to_numpy(),
        "age, years": bands(age_years(rows[YEAR].to_numpy()), AGE_BANDS),
        "price": bands(rows[PRICE].to_numpy(), PRICE_BANDS, unit="$"),
    }
    days = rows[DAYS].to_numpy(dtype=np.float64) if DAYS in rows.columns else np.full(len(rows), np.nan)
    return {
        "ads": len(rows),
        "median_price": float(rows[PRICE].median()),
        "depreciation": depreciation_table(rows),
        "ages": _by_age(rows),
        "days": [
            {"by": by, **row} for by, labels in {"asked": asked, **segments}.items() for row in days_table(labels, days)
        ],
        "positions": [
            {"by": by, **row}
            for by, labels in segments.items()
            for row in position_table(labels, asked, rows[PRICE].to_numpy(), predicted)
        ],
    }


def positions(price: FloatArray, low: FloatArray, high: FloatArray) -> NDArray[np.str_]:
    """Return where an ad stands to the model's interval.

    Examples
    --------
    >>> positions(np.array([5.0, 15.0, 25.0]), np.full(3, 10.0), np.full(3, 20.0)).tolist()
    ['below its interval', 'inside', 'above its interval']
    """
    return np.select([price < low, price > high], ["below its interval", "above its interval"], "inside")


def depreciation_table(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what the most frequent models lose in a year, by a line through the logarithms of their prices.

    Parameters
    ----------
    rows : DataFrame of shape (n, m)
        Ads without a year, or older than 20 years (whose prices rise again), are left out.

    Returns
    -------
    list of dict
        model, n, yearly_loss (share), at_2, at_5, at_10 (dollars on the line); the slowest first.

    Examples
    --------
    >>> ages = np.tile(np.arange(1.0, 11.0), 3)
    >>> ads = pd.DataFrame({"model": "x", "model_year": 2019 - ages, "price": 20_000 * 0.9**ages})
    >>> [(row["model"], row["n"], round(row["yearly_loss"], 3)) for row in depreciation_table(ads)]
    [('x', 30, 0.1)]
    """
    age = age_years(rows[YEAR].to_numpy())
    known = ~np.isnan(age) & (age <= _OLDEST)
    table: list[dict[str, Any]] = []
    for model in rows.loc[known, MODEL].value_counts().index[:_MOST_MODELS]:
        of_model = known & (rows[MODEL] == model).to_numpy()
        ages = age[of_model]
        if of_model.sum() < LEAST or ages.min() == ages.max():
            continue
        slope, start = np.polyfit(ages, np.log(rows[PRICE].to_numpy()[of_model]), 1)
        line = {f"at_{years}": float(np.exp(start + slope * years)) for years in (2, 5, 10)}
        table.append({"model": str(model), "n": int(of_model.sum()), "yearly_loss": float(1 - np.exp(slope)), **line})
    return sorted(table, key=lambda row: row["yearly_loss"])


def _by_age(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Quartiles of the price by body type and year of age."""
    age, kinds, price = age_years(rows[YEAR].to_numpy()), rows[TYPE].to_numpy(), rows[PRICE].to_numpy()
    table: list[dict[str, Any]] = []
    for kind in sorted(set(kinds.tolist())):
        for years in np.arange(_OLDEST + 1):
            inside = price[(kinds == kind) & (age == years)]
            if len(inside) >= LEAST:
                low, middle, high = np.quantile(inside, [0.25, 0.5, 0.75]).tolist()
                line = {"q25": low, "median": middle, "q75": high}
                table.append({"type": str(kind), "age": float(years), "n": len(inside), **line})
    return table


def days_table(labels: NDArray[Any], days: FloatArray) -> list[dict[str, Any]]:
    """Return how long ads of each segment were listed.

    Returns
    -------
    list of dict
        segment, n, median, share_over_60 (of the ads, more than 60 days).

    Examples
    --------
    >>> days_table(np.repeat(["a", "b"], [20, 19]), np.full(39, 70.0))
    [{'segment': 'a', 'n': 20, 'median': 70.0, 'share_over_60': 1.0}]
    """
    table: list[dict[str, Any]] = []
    for label in sorted(set(labels.tolist())):
        inside = days[(labels == label) & ~np.isnan(days)]
        if len(inside) >= LEAST:
            over = float((inside > 60).mean())
            table.append(
                {"segment": label, "n": len(inside), "median": float(np.median(inside)), "share_over_60": over}
            )
    return table


def position_table(
    labels: NDArray[Any], asked: NDArray[np.str_], price: FloatArray, predicted: FloatArray
) -> list[dict[str, Any]]:
    """Return which share of each segment asks more or less than its interval, and how far off the middle is.

    Returns
    -------
    list of dict
        segment, n, below, above (shares), middle (median of price / prediction - 1).

    Examples
    --------
    >>> asked = np.repeat(["inside", "above its interval"], 10)
    >>> position_table(np.repeat("a", 20), asked, np.full(20, 110.0), np.full(20, 100.0))[0]["above"]
    0.5
    """
    table: list[dict[str, Any]] = []
    for label in sorted(set(labels.tolist())):
        inside = labels == label
        if inside.sum() >= LEAST:
            table.append(
                {
                    "segment": label,
                    "n": int(inside.sum()),
                    "below": float((asked[inside] == "below its interval").mean()),
                    "above": float((asked[inside] == "above its interval").mean()),
                    "middle": float(np.median(price[inside] / predicted[inside]) - 1),
                }
            )
    return table
