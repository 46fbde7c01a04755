"""The table of bank customers: its schema, and a generator of synthetic rows with the same columns and ranges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandera.pandas as pandera

from bankchurn.columns import (
    ACTIVE,
    AGE,
    BALANCE,
    CARD,
    CATEGORIES,
    CUSTOMER,
    EXITED,
    GENDER,
    GEOGRAPHY,
    PRODUCTS,
    ROW_NUMBER,
    SALARY,
    SCORE,
    SURNAME,
    TENURE,
)
from common_utils.table_project.samples import bounded_normal, category, happened, with_missing
from common_utils.tables import id_column
from common_utils.units import factors as units

__all__ = ["RANGES", "UNITS", "USUAL", "churn_schema", "record_schema", "sample_customers"]

RANGES = {
    SCORE: (300, 900),
    AGE: (18, 110),
    TENURE: (0, 80),
    BALANCE: (0, 100_000_000),
    PRODUCTS: (1, 10),
    CARD: (0, 1),
    ACTIVE: (0, 1),
    SALARY: (0, 100_000_000),
}
"""What each number may be: points, years, years with the bank, euro, count, 0/1, 0/1, euro a year."""
UNITS = {
    AGE: units.YEARS,
    TENURE: units.YEARS,
    BALANCE: units.money("euro"),
    SALARY: units.money("euro", a_year=True),
}
"""What each number may be written in; those that are not here have no unit."""
USUAL = {BALANCE: (1_000, 10_000_000), SALARY: (1_000, 1_000_000)}
"""Between which bounds the median of a table lies; a table far beyond them is in another unit."""

_EXIT_RATE = 0.2
_MISSING_TENURE = 0.09


def churn_schema() -> pandera.DataFrameSchema:
    """Return the schema of the training file.

    Examples
    --------
    >>> churn_schema().columns["Tenure"].nullable
    True
    """
    target = {EXITED: pandera.Column(int, pandera.Check.isin([0, 1], error="neither 0 nor 1"))}
    identifiers = {
        ROW_NUMBER: _unused(),
        CUSTOMER: id_column(),
        SURNAME: _unused(),
    }
    return pandera.DataFrameSchema({**identifiers, **_features(), **target}, unique=[CUSTOMER])


def record_schema() -> pandera.DataFrameSchema:
    """Return the schema of customers to answer for: no target, the id only where there is one, and then once.

    Examples
    --------
    >>> "Exited" in record_schema().columns
    False
    """
    return pandera.DataFrameSchema({CUSTOMER: id_column(required=False, unique=True), **_features()})


def _unused() -> pandera.Column:
    """Return an optional column: no value in it rejects a row."""
    return pandera.Column(str, required=False, nullable=True, metadata={"soft": True})


def _features() -> dict[str, pandera.Column]:
    columns = {
        name: pandera.Column(
            float,
            pandera.Check.in_range(low, high, error=f"not between {low:,} and {high:,}"),
            nullable=name == TENURE,
            metadata={"units": UNITS.get(name, {})} | ({"usual": USUAL[name]} if name in USUAL else {}),
        )
        for name, (low, high) in RANGES.items()
    }
    known = {
        name: pandera.Column(str, pandera.Check.isin(values, error=f"none of {', '.join(values)}"))
        for name, values in CATEGORIES.items()
    }
    return {**columns, **known}


def sample_customers(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return synthetic customers with the public table's columns, ranges and rough shares.

    The chance of leaving follows a formula of its own (age around 50, inactivity, Germany, women, one product or more
    than two), so that training has something to find. No figure measured on it says anything about a bank.

    Parameters
    ----------
    n_rows : int
    rng : Generator

    Returns
    -------
    DataFrame
        With the columns of `churn_schema` except surnames, which need not be invented.

    Examples
    --------
    >>> sample = sample_customers(1000, np.random.default_rng(0))
    >>> bool(0.15 < sample["Exited"].mean() < 0.25), bool(sample["Tenure"].isna().any())
    (True, True)
    """
    geography = category(rng, n_rows, {"France": 0.5, "Germany": 0.25, "Spain": 0.25})
    gender = category(rng, n_rows, {"Female": 0.45, "Male": 0.55})
    age = bounded_normal(rng, n_rows, mean=39, sd=10.5, low=18, high=92)
    balance = bounded_normal(rng, n_rows, mean=120_000, sd=30_000, low=3_000, high=250_000, decimals=2)
    balance = np.where((geography != "Germany") & (rng.random(n_rows) < 0.48), 0.0, balance)
    products = category(rng, n_rows, {"1": 0.508, "2": 0.459, "3": 0.027, "4": 0.006}).astype(np.float64)
    active = (rng.random(n_rows) < 0.515).astype(np.float64)
    log_odds = (
        3.2 * np.exp(-(((age - 52) / 13) ** 2))
        - 1.1 * active
        + 0.8 * (geography == "Germany")
        + 0.5 * (gender == "Female")
        + np.select([products == 1, products == 2], [0.9, -0.6], 2.5)
    )
    return pd.DataFrame(
        {
            ROW_NUMBER: [str(number) for number in range(1, n_rows + 1)],
            CUSTOMER: [f"S{number:07d}" for number in range(1, n_rows + 1)],
            SCORE: bounded_normal(rng, n_rows, mean=650, sd=97, low=350, high=850),
            GEOGRAPHY: geography,
            GENDER: gender,
            AGE: age,
            TENURE: with_missing(rng, rng.integers(0, 11, n_rows).astype(np.float64), _MISSING_TENURE),
            BALANCE: balance,
            PRODUCTS: products,
            CARD: (rng.random(n_rows) < 0.705).astype(np.float64),
            ACTIVE: active,
            SALARY: np.round(rng.uniform(12, 200_000, n_rows), 2),
            EXITED: happened(rng, log_odds, rate=_EXIT_RATE),
        }
    ).astype({ROW_NUMBER: "str", CUSTOMER: "str", GEOGRAPHY: "str", GENDER: "str"})
