from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from telecom.evaluation import BANDS, agreement, bill_band_table, bill_bands
from telecom.figures import FIGURES, write_figures

# Three months of no use, and one of 25 GB, which costs 550 + 10 * 200 = 2,550 on Smart and 1,950 on Ultra.
ROWS = pd.DataFrame(
    {"minutes": [0.0, 0.0, 0.0, 0.0], "messages": [0.0, 0.0, 0.0, 0.0], "mb_used": [0.0, 0.0, 0.0, 25 * 1024.0]}
)


def test_agreement_counts_months_on_the_dearer_plan_and_what_they_cost() -> None:
    by_plan = {row["plan"]: row for row in agreement(ROWS, [0, 0, 1, 0])}
    assert {plan: row["months"] for plan, row in by_plan.items()} == {"Smart": 3, "Ultra": 1, "both": 4}
    assert by_plan["Smart"]["dearer"] == pytest.approx(1 / 3)
    assert by_plan["Smart"]["overpaid"] == pytest.approx(600 / 3)
    assert by_plan["Ultra"]["overpaid"] == 1400
    assert by_plan["both"]["overpaid_share"] == pytest.approx(2000 / (550 + 550 + 1950 + 2550))


def test_agreement_leaves_out_a_plan_that_nobody_holds() -> None:
    assert [row["plan"] for row in agreement(ROWS, [0, 0, 0, 0])] == ["Smart", "both"]


@pytest.mark.parametrize(
    ("megabytes", "band"),
    [
        pytest.param(15 * 1024.0, BANDS[0], id="allowance-exactly-used"),
        pytest.param(15 * 1024.0 + 1, BANDS[1], id="one-gigabyte-more"),
        pytest.param(18 * 1024.0, BANDS[2], id="1150"),
        pytest.param(22 * 1024.0, BANDS[2], id="1950-is-ultra-s-fee"),
        pytest.param(22 * 1024.0 + 1, BANDS[3], id="more-than-ultra-s-fee"),
    ],
)
def test_a_month_is_in_the_band_of_its_bill_on_smart(megabytes: float, band: str) -> None:
    rows = pd.DataFrame({"minutes": [0.0], "messages": [0.0], "mb_used": [megabytes]})
    assert bill_bands(rows).tolist() == [band]


def test_bands_stand_in_the_order_of_the_bill_and_average_rounds() -> None:
    rows = pd.concat([ROWS, ROWS.iloc[[3]]], ignore_index=True)
    p = np.array([[0.1, 0.1, 0.4, 0.9, 0.9], [0.1, 0.1, 0.8, 0.7, 0.7]])
    table = bill_band_table(rows, p, p >= 0.5, np.array([0, 0, 1, 1, 1]), n_resamples=50, seed=1)
    assert [row["segment"] for row in table] == [BANDS[0], BANDS[3]]
    assert table[0]["predicted"]["estimate"] == pytest.approx((0.1 + 0.1 + 0.6) / 3)
    assert table[0]["called"]["estimate"] == pytest.approx(0.5 / 3)
    assert table[0]["right"]["estimate"] == pytest.approx(2.5 / 3)


def test_a_band_of_one_month_has_no_interval_and_is_left_out(tmp_path: Path) -> None:
    p = np.array([[0.1, 0.2, 0.3, 0.9]])
    bands = bill_band_table(ROWS, p, p >= 0.5, np.array([0, 1, 0, 1]), n_resamples=50, seed=1)
    assert [row["segment"] for row in bands] == [BANDS[0]]
    metrics = {"bands": bands, "reliability": [{"n": 4, "predicted": 0.375, "observed": 0.5}]}
    write_figures(tmp_path, metrics)
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in FIGURES)
