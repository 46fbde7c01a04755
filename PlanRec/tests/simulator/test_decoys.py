from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planrec.billing import Catalogue
from planrec.simulator.decoys import with_legitimate_columns

MONTHS = pd.DataFrame(
    {
        "subscriber_id": ["a", "a", "a", "b"],
        "month": ["2025-01", "2025-02", "2025-03", "2025-01"],
        "minutes": [510.0, 0, 0, 400],
        "messages": [0.0, 0, 0, 0],
        "megabytes": [10000.0, 20000, 0, 15000],
        "current_plan": ["surf", "surf", "ultimate", "surf"],
    }
)


@pytest.fixture
def table(megaline: Catalogue) -> pd.DataFrame:
    return with_legitimate_columns(MONTHS, megaline, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        pytest.param("charge", [20.3, 70, 70, 20], id="bill"),
        pytest.param("overage", [0.3, 50, 0, 0], id="its-overage"),
        pytest.param("plan_fee", [20, 20, 70, 20], id="fee"),
        pytest.param("unused_megabytes", [5360, 0, 30720, 360], id="headroom"),
        pytest.param("bill_shock", [False, True, False, False], id="shock"),
        pytest.param("charge_average", [20.3, 45.15, 53.433333, 20], id="average-so-far"),
        pytest.param("megabytes_average", [10000, 15000, 10000, 15000], id="usage-so-far"),
        pytest.param("plan_months", [0, 1, 0, 0], id="months-on-the-plan"),
        pytest.param("plan_changes", [0, 0, 1, 0], id="changes-so-far"),
    ],
)
def test_columns_hold_what_their_own_month_knows(table: pd.DataFrame, column: str, expected: list[float]) -> None:
    assert table[column].tolist() == pytest.approx(expected)


def test_text_columns_name_plan_and_past(table: pd.DataFrame) -> None:
    assert table["previous_plan"].fillna("none").tolist() == ["none", "surf", "surf", "none"]
    assert table["tariff_code"].tolist() == ["T000", "T000", "T037", "T000"]
    assert table["value_segment"].tolist() == ["both", "surfs", "surfs", "both"]
    assert table["perks"].tolist() == [""] * 4


def test_traits_never_change_and_the_months_stay_as_they_were(table: pd.DataFrame) -> None:
    traits = ["region", "device_class", "account_number", "consent"]
    assert (table.groupby("subscriber_id")[traits].nunique() == 1).all(axis=None)
    assert table["account_number"].nunique() == 2
    pd.testing.assert_frame_equal(table[MONTHS.columns], MONTHS)
    assert "charge" not in MONTHS.columns


def test_a_complaint_foretells_a_change_but_does_not_tell_it(megaline: Catalogue) -> None:
    n = 4000
    plans = np.where(np.random.default_rng(0).random(n) < 0.5, "surf", "ultimate")
    months = pd.concat([MONTHS.iloc[[0]]] * n, ignore_index=True).assign(current_plan=plans)
    table = with_legitimate_columns(months, megaline, np.random.default_rng(1))
    changes = np.append(plans[1:] != plans[:-1], False)
    assert table.loc[changes, "complained"].mean() == pytest.approx(0.25, abs=0.04)
    assert table.loc[~changes, "complained"].mean() == pytest.approx(0.05, abs=0.02)
    assert table.loc[changes, "tariff_page_visits"].mean() == pytest.approx(2.0, abs=0.15)
