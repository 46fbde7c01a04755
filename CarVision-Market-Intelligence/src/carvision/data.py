"""The table of ads: its schema, its cars, and a generator of synthetic ads with the same columns and defects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pandera.pandas as pandera
from numpy.typing import NDArray

from carvision.columns import (
    CATEGORIES,
    CONDITION,
    CYLINDERS,
    DATE,
    DAYS,
    FOUR_WHEEL,
    FUEL,
    MODEL,
    ODOMETER,
    PAINT,
    PRICE,
    RANGES,
    TRANSMISSION,
    TYPE,
    YEAR,
)
from carvision.config import CleaningConfig
from carvision.formulas import ADS_YEAR
from carvision.vehicles import NEW_PRICE
from common_utils.array_types import BoolArray
from common_utils.table_project.samples import bounded_normal, category, with_missing
from common_utils.units import factors as units

__all__ = ["UNITS", "USUAL", "ad_schema", "car_keys", "cleaning_rules", "complete_ads", "record_schema", "sample_ads"]


UNITS = {PRICE: units.money("dollars"), ODOMETER: units.MILES}
"""What each number may be written in; those that are not here have no unit."""
USUAL = {PRICE: (1_000, 200_000), ODOMETER: (1_000, 400_000)}
"""Between which bounds the median of a table lies; a table far beyond them is in another unit."""

_ABSENT = "?"
_REPOSTED, _ABSURD = 0.15, 0.02


def ad_schema() -> pandera.DataFrameSchema:
    """Return the schema of the training file: wide bounds, since the cleaning rules count what they remove.

    Examples
    --------
    >>> ad_schema().columns["odometer"].nullable
    True
    """
    wide = {PRICE: (0, 1e7), YEAR: (1900, 2030), ODOMETER: (0, 1e7), CYLINDERS: RANGES[CYLINDERS]}
    dates = {
        DATE: pandera.Column(str, required=False, nullable=True, metadata={"soft": True}),
        DAYS: pandera.Column(
            float, pandera.Check.ge(0, error="negative"), required=False, nullable=True, metadata={"soft": True}
        ),
    }
    numbers = {name: _number(name, *bounds, nullable=name != PRICE) for name, bounds in wide.items()}
    four_wheel = _number(FOUR_WHEEL, 0, 1, nullable=True)
    return pandera.DataFrameSchema({**numbers, FOUR_WHEEL: four_wheel, **_texts(), **dates})


def record_schema() -> pandera.DataFrameSchema:
    """Return the schema of cars to price: no target, no dates; a year or odometer that no such car has is unknown.

    Examples
    --------
    >>> "price" in record_schema().columns, "days_listed" in record_schema().columns
    (False, False)
    """
    numbers = {name: _number(name, low, high, nullable=True) for name, (low, high) in RANGES.items()}
    return pandera.DataFrameSchema({**numbers, **_texts()})


def _number(name: str, low: float, high: float, *, nullable: bool) -> pandera.Column:
    bounds = pandera.Check.in_range(low, high, error=f"not between {low:.0f} and {high:.0f}")
    metadata: dict[str, object] = {"units": UNITS.get(name, {}), "soft": nullable}
    if name in USUAL:
        metadata["usual"] = USUAL[name]
    if name == FOUR_WHEEL:
        metadata["unknown"] = "taken as empty, which means no four-wheel drive"
    return pandera.Column(float, bounds, nullable=nullable, metadata=metadata)


def _texts() -> dict[str, pandera.Column]:
    columns = {MODEL: pandera.Column(str, pandera.Check.str_length(1, 80, error="not 1 to 80 characters"))}
    for name, values in CATEGORIES.items():
        if name != MODEL:
            known = pandera.Check.isin(values, error=f"none of {', '.join(values)}")
            metadata = {"words": values, "soft": name == PAINT}
            columns[name] = pandera.Column(str, known, nullable=name == PAINT, metadata=metadata)
    return columns


def cleaning_rules(frame: pd.DataFrame, cleaning: CleaningConfig) -> dict[str, BoolArray]:
    """Return which ads each rule removes; an unknown year or odometer breaks no rule.

    Parameters
    ----------
    frame : DataFrame of shape (n, m)
    cleaning : CleaningConfig

    Returns
    -------
    dict of str to bool array of shape (n,)

    Examples
    --------
    >>> ads = pd.DataFrame({"price": [1.0, 5000.0], "model_year": [2010.0, np.nan], "odometer": [9.0, np.nan]})
    >>> {rule: hits.tolist() for rule, hits in cleaning_rules(ads, CleaningConfig()).items() if hits.any()}
    {'price at most 1,000': [True, False]}
    """
    price, year, miles = (frame[name].to_numpy(dtype=np.float64) for name in (PRICE, YEAR, ODOMETER))
    return {
        f"price at most {cleaning.price_above:,.0f}": price <= cleaning.price_above,
        f"price {cleaning.price_below:,.0f} or more": price >= cleaning.price_below,
        f"model_year before {cleaning.year_from}": year < cleaning.year_from,
        f"odometer at most {cleaning.odometer_above:,.0f}": miles <= cleaning.odometer_above,
        f"odometer {cleaning.odometer_below:,.0f} or more": miles >= cleaning.odometer_below,
    }


def complete_ads(frame: pd.DataFrame) -> BoolArray:
    """Return which ads say both year and odometer: the rows that public figures are measured on.

    Examples
    --------
    >>> complete_ads(pd.DataFrame({"model_year": [2010.0, np.nan], "odometer": [1.0, 2.0]})).tolist()
    [True, False]
    """
    return (frame[YEAR].notna() & frame[ODOMETER].notna()).to_numpy()


def car_keys(frame: pd.DataFrame) -> NDArray[np.object_]:
    """Return which car each ad is of: ads with one key are one car, posted again, and no split parts them.

    Model, year and odometer tell a car. An ad that leaves year or odometer out joins the first complete ad it agrees
    with in everything else that is known, price, condition and type among it; otherwise it joins its own likes.

    Parameters
    ----------
    frame : DataFrame of shape (n, m)
        With price, model, model_year, odometer, condition and type.

    Returns
    -------
    object array of shape (n,)

    Examples
    --------
    >>> ads = pd.DataFrame({"price": [9000.0] * 3, "model": ["x"] * 3, "model_year": [2010.0, np.nan, 2011.0],
    ...     "odometer": [5.0, 5.0, 5.0], "condition": ["good"] * 3, "type": ["SUV"] * 3})
    >>> keys = car_keys(ads)
    >>> bool(keys[0] == keys[1]), bool(keys[0] == keys[2])
    (True, False)
    """
    keys = _joined(frame, (MODEL, YEAR, ODOMETER))
    complete = complete_ads(frame)
    answer = keys.where(pd.Series(complete, index=frame.index), _joined(frame, (MODEL, YEAR, ODOMETER, PRICE)))
    for absent, known in ((YEAR, ODOMETER), (ODOMETER, YEAR)):
        alike = _joined(frame, (MODEL, known, PRICE, CONDITION, TYPE))
        twins = pd.Series(keys[complete].to_numpy(), index=alike[complete].to_numpy())
        lacking = (frame[absent].isna() & frame[known].notna()).to_numpy()
        found = alike[lacking].map(twins[~twins.index.duplicated()]).astype(object)  # of no twin at all: numbers
        answer[lacking] = found.fillna(answer[lacking])
    return answer.to_numpy(dtype=object)


def _joined(frame: pd.DataFrame, names: tuple[str, ...]) -> pd.Series[str]:
    parts = [frame[name].astype("object").where(frame[name].notna(), _ABSENT).astype(str) for name in names]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "|" + part
    return joined


def sample_ads(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return synthetic ads with the public table's columns, ranges and defects, re-posts among them.

    Prices follow a formula of its own: the price new falls with age and miles, and moves with condition and drive. No
    figure measured on it says anything about a market.

    Parameters
    ----------
    n_rows : int
    rng : Generator

    Returns
    -------
    DataFrame
        With the columns of `ad_schema`.

    Examples
    --------
    >>> ads = sample_ads(1000, np.random.default_rng(0))
    >>> bool(ads["odometer"].isna().any()), bool((ads["price"] <= 1000).any()), bool(ads["paint_color"].isna().any())
    (True, True, True)
    """
    cars = _cars(n_rows, rng)
    posted_again = rng.random(n_rows) < _REPOSTED
    source = np.where(posted_again, rng.integers(0, n_rows, n_rows), np.arange(n_rows))
    ads = cars.iloc[source].reset_index(drop=True)
    ads[PRICE] = np.where(rng.random(n_rows) < _ABSURD, 1.0, ads[PRICE])
    day = pd.Timestamp("2018-05-01") + pd.to_timedelta(rng.integers(0, 354, n_rows), unit="D")
    ads[DATE] = pd.Series(day.strftime("%Y-%m-%d"), dtype="str")
    ads[DAYS] = np.round(rng.gamma(2.0, 20.0, n_rows))
    for name, share in ((YEAR, 0.07), (ODOMETER, 0.15), (CYLINDERS, 0.1)):
        ads[name] = with_missing(rng, ads[name].to_numpy(), share)
    ads[PAINT] = ads[PAINT].where(rng.random(n_rows) >= 0.18)
    return ads


def _cars(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    # A few models are frequent, as in the table: those of the middle of the price list.
    model = category(rng, n_rows, {name: 1 / (1 + abs(new - 28)) for name, new in NEW_PRICE.items()})
    new = np.array([NEW_PRICE[str(name)] for name in model])
    year = np.clip(np.round(ADS_YEAR - rng.gamma(2.6, 3.4, n_rows)), 1985, 2019)
    age = ADS_YEAR - year
    miles = np.maximum(np.round((age + 0.5) * bounded_normal(rng, n_rows, mean=11_500, sd=3_500, low=500, high=3e4)), 1)
    condition = category(
        rng, n_rows, dict(zip(CATEGORIES[CONDITION], (0.01, 0.04, 0.38, 0.46, 0.1, 0.01), strict=True))
    )
    step = np.array([CATEGORIES[CONDITION].index(str(name)) for name in condition])
    four = rng.random(n_rows) < 0.5
    log_price = np.log(1000 * new) - 0.09 * age - miles / 400_000 + 0.07 * (step - 3) + 0.08 * four
    price = np.round(np.exp(log_price + rng.normal(0, 0.2, n_rows)), -2) + 100
    return pd.DataFrame(
        {
            PRICE: np.clip(price, 1_100, 300_000),
            YEAR: year,
            MODEL: model,
            CONDITION: condition,
            CYLINDERS: np.select([new < 24, new < 33], [4.0, 6.0], 8.0),
            FUEL: category(rng, n_rows, {"gas": 0.92, "diesel": 0.07, "hybrid": 0.01}),
            ODOMETER: miles,
            TRANSMISSION: category(rng, n_rows, {"automatic": 0.91, "manual": 0.06, "other": 0.03}),
            TYPE: category(rng, n_rows, {**_even(TYPE), "SUV": 9.0, "truck": 9.0, "sedan": 9.0}),
            PAINT: category(rng, n_rows, _even(PAINT)),
            FOUR_WHEEL: np.where(four, 1.0, np.nan),
        }
    ).astype(dict.fromkeys(CATEGORIES, "str"))


def _even(name: str) -> Mapping[str, float]:
    return dict.fromkeys(CATEGORIES[name], 1.0)
