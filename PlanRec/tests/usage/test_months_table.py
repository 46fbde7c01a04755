from __future__ import annotations

import pandas as pd
import pytest

from common_utils.errors import DataError
from common_utils.tables import RowReport
from planrec.billing import Catalogue
from planrec.usage.months_table import UNKNOWN_PLAN, UsageData, summarise, usage_months, with_known_plans

MONTHS = pd.DataFrame(
    {
        "subscriber_id": ["a", "a", "b", "b"],
        "month": ["2025-01", "2025-02", "2025-02", "2025-03"],
        "minutes": [10.0, 30.0, 0.0, 100.0],
        "messages": [0.0, 0.0, 0.0, 8.0],
        "megabytes": [1.0, 2.0, 0.0, 3.0],
        "current_plan": ["surf", "surf", "ultimate", None],
    }
)


def test_usage_months_sorts_and_puts_known_columns_first() -> None:
    shuffled = MONTHS.iloc[[3, 1, 0, 2]][list(MONTHS.columns[::-1])].assign(region="north")
    pd.testing.assert_frame_equal(usage_months(shuffled), MONTHS.assign(region="north"))


def test_usage_months_refuses_nothing() -> None:
    with pytest.raises(DataError, match="none is left"):
        usage_months(MONTHS.head(0))


def test_summarise_counts_what_is_there() -> None:
    report = RowReport("usage months", 6, 4, {"month: whitespace trimmed": 1}, {"minutes: missing": 2})
    rows = summarise(UsageData(MONTHS, (report,), "hand-made"))
    found = {(str(r["section"]), str(r["figure"])): r["value"] for r in rows}
    assert found[("table", "subscribers")] == 2
    assert found[("table", "months")] == 4
    assert (found[("table", "first month")], found[("table", "last month")]) == ("2025-01", "2025-03")
    assert found[("table", "months without usage")] == 1
    assert (found[("minutes", "mean")], found[("minutes", "median")]) == (35.0, 20.0)
    assert found[("megabytes", "p95")] == pytest.approx(2.85)
    assert found[("share of months", "surf")] == 0.5
    assert found[("share of months", "(unknown)")] == 0.25
    assert found[("rows of usage months", "read")] == 6
    assert found[("rows of usage months", "repaired: month: whitespace trimmed")] == 1
    assert found[("rows of usage months", "rejected: minutes: missing")] == 2


def test_summarise_without_plans_has_no_shares() -> None:
    rows = summarise(UsageData(MONTHS.drop(columns="current_plan"), (), "hand-made"))
    assert "share of months" not in {r["section"] for r in rows}


def test_a_plan_in_no_rate_card_is_unknown_and_counted_while_the_usage_stays(megaline: Catalogue) -> None:
    months = MONTHS.assign(current_plan=["surf", "gone", "ultimate", None])
    before = months.copy(deep=True)
    report = RowReport("usage months", 4, 4, {"minutes: decimal comma": 2})
    known, account = with_known_plans(months, report, megaline)
    pd.testing.assert_frame_equal(months, before)
    assert known["current_plan"].isna().tolist() == [False, True, False, True]
    pd.testing.assert_frame_equal(known.drop(columns="current_plan"), months.drop(columns="current_plan"))
    assert account.repaired == {"minutes: decimal comma": 2, UNKNOWN_PLAN: 1}
    assert account.kept == 4


@pytest.mark.parametrize(
    "months", [pytest.param(MONTHS, id="all-known"), pytest.param(MONTHS.drop(columns="current_plan"), id="no-plans")]
)
def test_known_plans_leave_table_and_account_alone(megaline: Catalogue, months: pd.DataFrame) -> None:
    report = RowReport("usage months", 4, 4)
    known, account = with_known_plans(months, report, megaline)
    pd.testing.assert_frame_equal(known, months)
    assert account == report
