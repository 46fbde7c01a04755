from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import record_facts
from planrec.months import month_index
from planrec.rules import Facts, Known
from planrec.rules.facts import facts_of

OCTOBER = month_index("2025-10")


def test_what_is_left_out_is_not_known() -> None:
    facts = Facts.of(OCTOBER, np.array([0, -1]))
    assert np.isnan([facts.age, facts.contract_months_left, facts.contacts_90d]).all()
    assert facts.consent.tolist() == facts.holdout.tolist() == [Known.UNKNOWN, Known.UNKNOWN]


def test_a_change_takes_effect_in_the_month_after_unless_told() -> None:
    assert Facts.of(OCTOBER, np.array([0])).change_month.tolist() == [OCTOBER + 1]
    assert Facts.of(OCTOBER, np.array([0]), change_month=OCTOBER).change_month.tolist() == [OCTOBER]


def test_facts_refuse_a_column_of_another_length() -> None:
    with pytest.raises(DataError, match=r"facts: age has not one value for each of 2 subscriber\(s\)"):
        Facts.of(OCTOBER, np.array([0, 1]), age=[30.0])


def test_rows_takes_a_slice_or_positions() -> None:
    facts = Facts.of(OCTOBER, np.array([4, 5, 6]), age=[20.0, 30.0, 40.0])
    assert facts.rows(slice(1, 3)).age.tolist() == [30.0, 40.0]
    assert facts.rows(np.array([2, 0])).current.tolist() == [6, 4]


def test_a_table_without_further_columns_knows_only_the_plan() -> None:
    facts = facts_of({"month": np.array(["2025-10"], dtype=object)}, np.array([3]), as_of=OCTOBER)
    assert facts.change_month.tolist() == [OCTOBER + 1]
    assert np.isnan(facts.contract_months_left).all()
    assert facts.consent.tolist() == [Known.UNKNOWN]


@pytest.mark.parametrize(
    ("month", "left", "expected"),
    [
        pytest.param("2025-10", 2.0, 2.0, id="as-of-month"),
        pytest.param("2025-09", 2.0, 1.0, id="a-month-ago"),
        pytest.param("2025-08", 2.0, 0.0, id="just-run-out"),
        pytest.param("2025-01", 2.0, 0.0, id="long-run-out"),
    ],
)
def test_a_contract_of_an_earlier_month_has_run_on_since(month: str, left: float, expected: float) -> None:
    columns = {"month": np.array([month], dtype=object), "contract_months_left": np.array([left])}
    assert facts_of(columns, np.array([3]), as_of=OCTOBER).contract_months_left.tolist() == [expected]


@pytest.mark.parametrize(
    ("month", "megabytes", "used"),
    [
        pytest.param("2025-10", 1.0, True, id="something"),
        pytest.param("2025-10", 0.0, False, id="nothing"),
        pytest.param("2025-10", np.nan, False, id="not-recorded"),
        pytest.param("2025-09", 1.0, False, id="a-month-ago"),
    ],
)
def test_who_used_nothing_in_the_month_asked_about_may_be_gone(month: str, megabytes: float, used: bool) -> None:
    columns = {"month": np.array([month], dtype=object), "minutes_1": np.zeros(1), "megabytes_1": np.array([megabytes])}
    assert facts_of(columns, np.array([3]), as_of=OCTOBER).used.tolist() == [used]
    record = SubscriberRecord([UsageMonth(month_index(month), 0.0, 0.0, megabytes)])
    assert record_facts(record, month=OCTOBER, current=3).used.tolist() == [used]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(np.array([True, False, None], dtype=object), id="bool"),
        pytest.param(np.array([1.0, 0.0, np.nan]), id="number"),
        pytest.param(np.array(["True", " false", ""], dtype=object), id="text"),
        pytest.param(np.array(["YES", "no", "nan"], dtype=object), id="words"),
    ],
)
def test_answers_are_read_however_they_are_written(column: np.ndarray) -> None:  # type: ignore[type-arg]
    columns = {"month": np.array(["2025-10"] * 3, dtype=object), "consent": column, "holdout": column[::-1]}
    facts = facts_of(columns, np.array([0, 0, 0]), as_of=OCTOBER)
    assert facts.consent.tolist() == [Known.YES, Known.NO, Known.UNKNOWN]
    assert facts.holdout.tolist() == [Known.UNKNOWN, Known.NO, Known.YES]


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        pytest.param("contacts_90d", ["often"], "contacts_90d: holds something that is not a number", id="text"),
    ],
)
def test_what_cannot_be_read_is_refused_without_its_value(name: str, column: list[object], said: str) -> None:
    columns = {"month": np.array(["2025-10"], dtype=object), name: np.array(column, dtype=object)}
    with pytest.raises(DataError, match=said) as caught:
        facts_of(columns, np.array([0]), as_of=OCTOBER)
    assert str(column[0]) not in str(caught.value)


def test_odd_facts_are_unknown_and_a_contract_below_0_ran_out() -> None:
    odd: dict[str, list[object]] = {"consent": ["perhaps"], "contacts_90d": [-1.0], "contract_months_left": [-2.0]}
    columns = {name: np.array(values, dtype=object) for name, values in odd.items()}
    facts = facts_of({"month": np.array(["2025-10"], dtype=object), **columns}, np.array([0]), as_of=OCTOBER)
    assert facts.consent.tolist() == [-1]
    assert np.isnan(facts.contacts_90d).tolist() == [True]
    assert facts.contract_months_left.tolist() == [0.0]


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_nothing_and_part_of_a_month_are_known(value: float) -> None:
    columns = {name: np.array([value]) for name in ("contacts_90d", "contract_months_left")}
    facts = facts_of({"month": np.array(["2025-10"], dtype=object), **columns}, np.array([0]), as_of=OCTOBER)
    assert facts.contacts_90d.tolist() == [value]
    assert facts.contract_months_left.tolist() == [value]
