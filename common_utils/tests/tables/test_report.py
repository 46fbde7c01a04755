from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from common_utils.tables import RowReport, merged_report
from common_utils.tables.report import Ledger


@pytest.mark.parametrize(
    ("read", "kept", "repaired", "rejected"),
    [
        pytest.param(3, 2, {}, {}, id="one-row-lost"),
        pytest.param(3, 3, {}, {"x": 1}, id="one-row-too-many"),
        pytest.param(1, -1, {}, {"x": 2}, id="negative"),
        pytest.param(1, 1, {"x": -1}, {}, id="negative-repair"),
    ],
)
def test_report_refuses_figures_that_do_not_add_up(
    read: int, kept: int, repaired: dict[str, int], rejected: dict[str, int]
):
    with pytest.raises(DataError, match="t: rows are not accounted for"):
        RowReport("t", read=read, kept=kept, repaired=repaired, rejected=rejected)


def test_report_refuses_repairs_of_rows_it_does_not_have():
    with pytest.raises(DataError, match="t: more rows repaired than kept"):
        RowReport("t", read=2, kept=1, repaired={"x": 2}, rejected={"y": 1})


def test_summary_lists_the_most_frequent_reason_first():
    report = RowReport("t", read=6, kept=2, repaired={"b": 2, "a": 2}, rejected={"x": 1, "y": 3})
    assert report.summary().splitlines() == [
        "t: 6 rows read, 2 kept, 4 rejected",
        "  repaired: a (2)",
        "  repaired: b (2)",
        "  rejected: y (3)",
        "  rejected: x (1)",
    ]
    assert report.to_dict()["rejected"] == {"x": 1, "y": 3}


def test_repairs_of_rejected_rows_do_not_count():
    ledger = Ledger(np.arange(1, 4))
    ledger.repair(np.array([True, True, False]), "trimmed")
    ledger.repair(np.array([True, False, False]), "other")
    ledger.reject_at(np.array([0]), "bad")
    report = ledger.report("t", {4: "short"}, ("delimiter ;",))
    assert report == RowReport("t", 4, 2, {"delimiter ;": 2, "trimmed": 1}, {"bad": 1, "short": 1})


masks = st.lists(st.lists(st.booleans(), min_size=6, max_size=6), max_size=5)


@settings(deadline=None, max_examples=60)
@given(rejects=masks, repairs=masks)
def test_every_row_is_kept_or_rejected_once(rejects: list[list[bool]], repairs: list[list[bool]]):
    ledger = Ledger(np.arange(1, 7))
    for place, (lost, mended) in enumerate(zip(rejects, repairs, strict=False)):
        ledger.reject(np.array(lost), f"reason {place}")
        ledger.repair(np.array(mended), f"repair {place}")
    report = ledger.report("t", {}, ())
    assert report.read == 6
    assert report.kept == ledger.kept.sum()
    assert sorted(ledger.reasons()) == (np.flatnonzero(~ledger.kept) + 1).tolist()


def test_reports_of_pieces_add_up():
    first = RowReport("usage", read=3, kept=2, repaired={"trimmed": 1}, rejected={"duplicate row": 1})
    second = RowReport("usage", read=2, kept=1, repaired={"trimmed": 1}, rejected={"minutes: missing": 1})
    expected = RowReport("usage", 5, 3, {"trimmed": 2}, {"duplicate row": 1, "minutes: missing": 1})
    assert merged_report([first, second]) == expected
