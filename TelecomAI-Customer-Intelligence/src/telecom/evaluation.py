"""What an analyst asks: does the plan held cost least, and how does the model fare by the bill on Smart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from common_utils.array_types import BoolArray, FloatArray
from common_utils.evaluation import segment_table
from telecom.columns import MEGABYTES, MESSAGES, MINUTES
from telecom.formulas import smart_bill, ultra_bill

__all__ = ["BANDS", "agreement", "bill_band_table", "bill_bands"]


BANDS = ("550: the fee alone", "551 to 1,000", "1,001 to 1,950", "more than 1,950")
"""Bills on Smart, roubles; 1,950 is Ultra's fee."""


def agreement(rows: pd.DataFrame, ultra: ArrayLike) -> list[dict[str, Any]]:
    """Return how often the plan held was the dearer one for the month, and what that cost.

    Parameters
    ----------
    rows : DataFrame of shape (n, m)
        With minutes, messages and megabytes.
    ultra : array-like of shape (n,)
        1 where the month was on Ultra.

    Returns
    -------
    list of dict
        For Smart, Ultra and both: plan, months, dearer (share of months in which the other plan costs less), overpaid
        (roubles a month, mean over all months), overpaid_share (of what was paid). A plan without holders is left out.

    Examples
    --------
    >>> rows = pd.DataFrame({"minutes": [0.0, 0.0], "messages": [0.0, 0.0], "mb_used": [0.0, 0.0]})
    >>> [(row["plan"], row["dearer"], row["overpaid"]) for row in agreement(rows, [0, 1])]
    [('Smart', 0.0, 0.0), ('Ultra', 1.0, 1400.0), ('both', 0.5, 700.0)]
    """
    on_ultra = np.asarray(ultra) == 1
    smart, ultra_ = _bills(rows)
    paid = np.where(on_ultra, ultra_, smart)
    overpaid = paid - np.minimum(smart, ultra_)
    parts = {"Smart": ~on_ultra, "Ultra": on_ultra, "both": np.ones(len(rows), dtype=np.bool_)}
    return [
        {
            "plan": plan,
            "months": int(chosen.sum()),
            "dearer": float((overpaid[chosen] > 0).mean()),
            "overpaid": float(overpaid[chosen].mean()),
            "overpaid_share": float(overpaid[chosen].sum() / paid[chosen].sum()),
        }
        for plan, chosen in parts.items()
        if chosen.any()
    ]


def bill_bands(rows: pd.DataFrame) -> NDArray[np.str_]:
    """Return the band of each month's bill on Smart, one of `BANDS`.

    Examples
    --------
    >>> rows = pd.DataFrame({"minutes": [0.0, 500.0], "messages": [0.0, 0.0], "mb_used": [0.0, 20 * 1024.0]})
    >>> bill_bands(rows).tolist()
    ['550: the fee alone', '1,001 to 1,950']
    """
    smart, _ = _bills(rows)
    return np.array(BANDS)[np.digitize(smart, [550, 1000, 1950], right=True)]


def bill_band_table(
    rows: pd.DataFrame,
    probability: FloatArray,
    decided: BoolArray,
    outcome: NDArray[np.int64],
    *,
    n_resamples: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Return how the model fares by what a month would cost on Smart.

    Parameters
    ----------
    rows : DataFrame of shape (n, m)
    probability : float64 array of shape (n_rounds, n)
        Of Ultra, out of fold.
    decided : bool array of shape (n_rounds, n)
    outcome : int64 array of shape (n,)
    n_resamples, seed : int

    Returns
    -------
    list of dict
        segment, n, held (share on Ultra), predicted (mean probability), called (share called Ultra), right (share of
        months whose plan was named); all but the first two with intervals by row; bands of fewer than two
        months are left out.

    Examples
    --------
    >>> rows = pd.DataFrame({"minutes": [0.0, 0.0], "messages": [0.0, 0.0], "mb_used": [0.0, 0.0]})
    >>> p, said = np.array([[0.25, 0.25]]), np.array([[False, False]])
    >>> row, = bill_band_table(rows, p, said, np.array([0, 1]), n_resamples=50, seed=0)
    >>> row["n"], row["held"]["estimate"], row["predicted"]["estimate"], row["right"]["estimate"]
    (2, 0.5, 0.25, 0.5)
    """
    held = outcome.astype(np.float64)
    values = {
        "held": held,
        "predicted": probability.mean(axis=0),
        "called": decided.mean(axis=0),
        "right": (decided == (outcome == 1)).mean(axis=0),
    }
    table = segment_table(values, bill_bands(rows), n_resamples=n_resamples, rng=np.random.default_rng(seed))
    return sorted(table, key=lambda row: BANDS.index(row["segment"]))


def _bills(rows: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    used = [rows[name].to_numpy(dtype=np.float64) for name in (MINUTES, MESSAGES, MEGABYTES)]
    return smart_bill(*used), ultra_bill(*used)
