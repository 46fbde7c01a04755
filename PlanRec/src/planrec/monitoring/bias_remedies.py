"""Root causes and remedies of bias: which features tell an age band, and what a group's threshold would have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from common_utils.errors import DataError
from common_utils.evaluation import Interval
from common_utils.monitoring.bias.proxies import Proxy, proxies
from planrec.billing import Catalogue
from planrec.columns import AGE, MONTH
from planrec.decisions import columns_of, latest_rows
from planrec.decisions.groups import age_band
from planrec.features import DecisionFeatures
from planrec.months import month_index

__all__ = ["ThresholdCost", "age_proxies", "threshold_cost"]


def age_proxies(
    months: pd.DataFrame, catalogue: Catalogue, history_months: int, *, rng: np.random.Generator
) -> tuple[list[Proxy], list[str]]:
    """Return how well each feature of the choice model tells each age band, and the bands too small to tell.

    Parameters
    ----------
    months : DataFrame
        Usage months, sorted by subscriber and month, with `age`.
    catalogue : Catalogue
    history_months : int
    rng : numpy.random.Generator

    Raises
    ------
    DataError
        If nobody's age is known.
    """
    rows = latest_rows(months, as_of=month_index(str(months[MONTH].max())), history_months=history_months)
    if AGE not in rows or not rows[AGE].notna().any():
        raise DataError(
            "age: the table knows nobody's age, so no feature can be held against it. Add the column `age`."
        )
    columns = columns_of(rows)
    features = DecisionFeatures(catalogue, history_months=history_months).fit(columns)
    matrix = features.transform(columns)
    named = {name: matrix[:, place] for place, name in enumerate(features.feature_names_out_)}
    return proxies(named, np.array([age_band(age) for age in rows[AGE]]), rng=rng)


@dataclass(frozen=True)
class ThresholdCost:
    """What a threshold for one group's offers would have cost.

    Attributes
    ----------
    group : str
    least_cents : int
    offers, dropped : int
        Of the group, with an outcome; those that would not have been made.
    all_offers : int
        Of everybody, with an outcome.
    cost_cents : Interval
        Accepted saving lost, cents a month per offer of everybody.
    """

    group: str
    least_cents: int
    offers: int
    dropped: int
    all_offers: int
    cost_cents: Interval

    def words(self) -> str:
        """Say it in plain English."""
        cost = self.cost_cents
        return (
            f"{self.group}, no offer below {self.least_cents} cents: {self.dropped:,} of {self.offers:,} offers with "
            f"an outcome would not have been made. It costs {cost.estimate:z.2f} [{cost.low:z.2f}, {cost.high:z.2f}] "
            f"cents of accepted saving a month per offer, over all {self.all_offers:,} offers.\nThe log cannot say "
            "what a lower threshold brings: offers that were not made have no outcome."
        )


def threshold_cost(rows: Sequence[Mapping[str, Any]], name: str, value: str, least_cents: int) -> ThresholdCost:
    """Return what not making one group's offers below a value would have cost, on the offers that were made.

    Parameters
    ----------
    rows : sequence of mapping
        Of an export, with outcomes.
    name, value : str
        Group, such as `age_band` and `65-74`.
    least_cents : int
        Cents of the objective a month.

    Raises
    ------
    DataError
        If no offer of the group has an outcome.
    """
    offers = [row for row in rows if row.get("mode") == "offer" and row.get("accepted") is not None]
    made = [(row, row["answer"]["plans"][0]) for row in offers if row["answer"].get("advice") == "switch"]
    mine = np.array([row["groups"].get(name) == value for row, _ in made], dtype=np.bool_)
    if not mine.any():
        raise DataError(
            f"{name}={value}: no offer of this group has the outcome `accepted`. Read outcomes first, or name a group "
            "that `bias report` shows."
        )
    values = np.array([float(plan["offer_value_cents"]) for _, plan in made])
    brought = np.array([float(plan["saving_cents"]) * (row["accepted"] in (True, 1)) for row, plan in made])
    dropped = mine & (values < least_cents)
    lost = np.where(dropped, brought, 0.0)
    half = 1.96 * float(lost.std(ddof=1)) / np.sqrt(len(lost)) if len(lost) > 1 else 0.0
    mean = float(lost.mean())
    return ThresholdCost(
        f"{name}={value}",
        least_cents,
        int(mine.sum()),
        int(dropped.sum()),
        len(made),
        Interval(mean, mean - float(half), mean + float(half)),
    )
