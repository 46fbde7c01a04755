"""Recorded months and the bills they say to expect, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.outlook import SERVICES, Outlook, bill_outlook, history_of, share_above
from planrec.outlook.history import history_columns

# Two plans, three months of one subscriber; the third month is not known.
TOTALS = np.array([[[1000, 2000], [4000, 2000], [9900, 9999]]])
KNOWN = np.array([[True, True, False]])


def columns(n_months: int, **changed: list[float]) -> dict[str, np.ndarray]:
    """Two subscribers who use 10, 20 ... of everything, the same each month."""
    return {name: np.array(changed.get(name, [10.0, 20.0])) for name in history_columns(n_months)}


def test_history_has_a_column_for_every_service_and_month() -> None:
    assert history_columns(2) == ("minutes_1", "minutes_2", "messages_1", "messages_2", "megabytes_1", "megabytes_2")
    found = history_of(columns(2, megabytes_2=[7.0, 8.0]), 2)
    assert found.usage.minutes.tolist() == [[10, 10], [20, 20]]
    assert found.usage.megabytes.tolist() == [[10, 7], [20, 8]]
    assert found.known.all()


@pytest.mark.parametrize("service", SERVICES)
def test_a_month_with_some_services_only_is_refused_and_counted(service: str) -> None:
    torn = columns(2, **{f"{service}_2": [10.0, np.nan]})
    with pytest.raises(DataError, match=r"1 month\(s\) have some services but not all"):
        history_of(torn, 2)


def test_a_month_without_any_service_is_not_known() -> None:
    found = history_of(columns(2, **{f"{service}_2": [np.nan, 20.0] for service in SERVICES}), 2)
    assert found.known.tolist() == [[True, False], [True, True]]
    assert found.usage.messages.tolist() == [[10, 0], [20, 20]]


def test_a_missing_column_is_named() -> None:
    short = columns(1)
    with pytest.raises(DataError, match=r"missing column\(s\) \['minutes_2', 'messages_2', 'megabytes_2'\]"):
        history_of(short, 2)


def test_mean_and_spread_are_those_of_the_months_known() -> None:
    found = bill_outlook(TOTALS, KNOWN)
    assert found.mean_cents.tolist() == [[2500, 2000]]
    assert found.spread_cents.tolist() == [[1500, 0]]  # of the months themselves, not of a sample of them
    assert bill_outlook(TOTALS[:, :2], KNOWN[:, :2]).spread_cents.tolist() == [[1500, 0]]


def test_without_a_month_nothing_is_expected() -> None:
    found = bill_outlook(TOTALS, np.zeros((1, 3), dtype=np.bool_))
    assert np.isnan(found.mean_cents).all()
    assert np.isnan(found.spread_cents).all()


def test_a_risk_weight_adds_so_many_standard_deviations() -> None:
    outlook = Outlook(np.array([[2500.0, 2000.0]]), np.array([[1500.0, 10.0]]))
    assert outlook.adjusted(0.5).tolist() == [[3250, 2005]]
    assert outlook.adjusted(0.0).tolist() == [[2500, 2000]]


def test_a_month_counts_as_dearer_only_where_it_costs_more() -> None:
    assert share_above(TOTALS, KNOWN, np.array([1])).tolist() == [[0.5, 0.0]]
    assert share_above(TOTALS, KNOWN, np.array([0])).tolist() == [[0.0, 0.5]]
    same = np.array([[[1000, 1000], [1000, 1001]]])
    assert share_above(same, np.ones((1, 2), dtype=np.bool_), np.array([0])).tolist() == [[0.0, 0.5]]


def test_the_share_of_dearer_months_is_unknown_without_a_plan_or_a_month() -> None:
    both = np.concatenate([TOTALS, TOTALS])
    known = np.concatenate([KNOWN, np.zeros((1, 3), dtype=np.bool_)])
    assert np.isnan(share_above(both, known, np.array([-1, 0]))).all()
