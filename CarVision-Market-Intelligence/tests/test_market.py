from __future__ import annotations

import numpy as np
import pandas as pd

from carvision.data import sample_ads
from carvision.market import LEAST, days_table, depreciation_table, market_summary, position_table
from common_utils.table_project.cards import markdown


def _summary(ads: pd.DataFrame):
    price = ads["price"].to_numpy()
    return market_summary(ads, price * 0.8, price * 1.1, price * 1.2)


def test_no_line_is_of_fewer_ads_than_the_least() -> None:
    found = _summary(sample_ads(3000, np.random.default_rng(0)))
    for table in ("depreciation", "ages", "days", "positions"):
        assert found[table]
        assert min(row["n"] for row in found[table]) >= LEAST


def test_a_model_that_keeps_its_price_comes_first() -> None:
    ages = np.tile(np.arange(1.0, 11.0), 4)
    slow = pd.DataFrame({"model": "slow", "model_year": 2019 - ages, "price": 20_000 * 0.95**ages})
    fast = pd.DataFrame({"model": "fast", "model_year": 2019 - ages, "price": 20_000 * 0.8**ages})
    table = depreciation_table(pd.concat([fast, slow]))
    assert [(row["model"], round(row["yearly_loss"], 3)) for row in table] == [("slow", 0.05), ("fast", 0.2)]
    assert round(table[0]["at_2"]) == 18_050


def test_a_model_of_one_age_has_no_line() -> None:
    ads = pd.DataFrame({"model": "x", "model_year": [2010.0] * 30, "price": [9000.0] * 30})
    assert depreciation_table(ads) == []


def test_ads_without_days_have_no_days_table() -> None:
    found = _summary(sample_ads(600, np.random.default_rng(0)).drop(columns="days_listed"))
    assert found["days"] == []
    assert markdown([]) == markdown(found["days"])


def test_small_segments_are_left_out() -> None:
    labels = np.repeat(["a", "b"], [LEAST, LEAST - 1])
    ones = np.ones(len(labels))
    assert [row["segment"] for row in days_table(labels, ones)] == ["a"]
    assert [row["segment"] for row in position_table(labels, np.repeat("inside", len(labels)), ones, ones)] == ["a"]
