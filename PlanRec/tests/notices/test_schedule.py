"""Who is due a notice, checked against a calendar."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from planrec.months import month_index
from planrec.notices.schedule import Held, NoticeKind, NoticeOutcome, contract_ends, outcomes

BOTH: tuple[NoticeKind, ...] = ("end-of-contract", "yearly")


def held(
    *,
    last_month: str = "2025-10",
    left: float = 2.0,
    tenure: float = 20.0,
    known: bool = True,
    sent: str = "NaT",
    announced: str = "NaT",
) -> Held:
    return Held(
        np.array([month_index(last_month)]),
        np.array([known]),
        np.array([left]),
        np.array([tenure]),
        np.array([sent], dtype="datetime64[D]"),
        np.array([announced], dtype="datetime64[D]"),
    )


def outcome(one: Held, as_of: str, *, kinds: tuple[NoticeKind, ...] = BOTH, with_log: bool = False) -> str:
    return NoticeOutcome(int(outcomes(one, date.fromisoformat(as_of), kinds=kinds, with_log=with_log)[0])).name


@pytest.mark.parametrize(
    ("left", "end"),
    [
        pytest.param(0.0, "2024-01-31", id="free-at-the-end-of-the-month"),
        pytest.param(1.0, "2024-02-29", id="leap-february"),
        pytest.param(0.5, "2024-02-29", id="part-of-a-month-binds-for-the-whole"),
        pytest.param(1e300, "2124-01-31", id="never-past-the-calendar"),
        pytest.param(np.nan, "NaT", id="unknown"),
    ],
)
def test_contract_ends_on_the_last_day_of_a_month(left: float, end: str) -> None:
    found = contract_ends(np.array([month_index("2024-01")]), np.array([left]))
    assert str(found[0]) == end


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        pytest.param("2025-11-20", "CONTRACT_ENDS_LATER", id="41-days"),
        pytest.param("2025-11-21", "END_OF_CONTRACT", id="40-days"),
        pytest.param("2025-12-21", "END_OF_CONTRACT", id="10-days"),
        pytest.param("2025-12-22", "CONTRACT_ENDS_TOO_SOON", id="9-days"),
        pytest.param("2025-12-31", "CONTRACT_ENDS_TOO_SOON", id="last-day-still-binds"),
    ],
)
def test_end_of_contract_notice_goes_out_10_to_40_days_before(as_of: str, expected: str) -> None:
    assert outcome(held(), as_of) == expected  # bound to 2025-12-31


def test_contract_that_ended_since_the_last_month_binds_no_longer() -> None:
    assert outcome(held(last_month="2025-11", left=1.0, tenure=22.0), "2026-01-01") == "YEARLY"


def test_end_that_was_announced_is_not_announced_again() -> None:
    assert outcome(held(announced="2025-12-31"), "2025-12-01", with_log=True) == "ALREADY_SENT"
    assert outcome(held(announced="2024-12-31"), "2025-12-01", with_log=True) == "END_OF_CONTRACT"


@pytest.mark.parametrize(
    ("tenure", "expected"),
    [
        pytest.param(22.0, "YEARLY", id="24-months-in-the-month-of-the-run"),
        pytest.param(21.0, "NOT_DUE_YET", id="23-months"),
        pytest.param(21.5, "NOT_DUE_YET", id="23-whole-months"),
        pytest.param(22.5, "YEARLY", id="24-whole-months"),
        pytest.param(-2.0, "NOT_DUE_YET", id="0-months-is-no-anniversary"),
        pytest.param(np.nan, "TENURE_UNKNOWN", id="unknown"),
    ],
)
def test_without_a_log_the_yearly_notice_goes_out_in_the_month_of_the_anniversary(tenure: float, expected: str) -> None:
    assert outcome(held(left=0.0, tenure=tenure), "2025-12-15") == expected


@pytest.mark.parametrize(
    ("sent", "tenure", "expected"),
    [
        pytest.param("2024-12-15", 21.0, "YEARLY", id="12-months-ago"),
        pytest.param("2024-12-16", 21.0, "ALREADY_SENT", id="a-day-less"),
        pytest.param("NaT", 9.0, "NOT_DUE_YET", id="never-and-a-subscriber-for-11-months"),
        pytest.param("NaT", 10.0, "YEARLY", id="never-and-a-subscriber-for-12-months"),
        pytest.param("NaT", np.nan, "YEARLY", id="never-and-nobody-knows-since-when"),
    ],
)
def test_with_a_log_the_yearly_notice_goes_out_12_months_after_the_last(
    sent: str, tenure: float, expected: str
) -> None:
    assert outcome(held(left=0.0, tenure=tenure, sent=sent), "2025-12-15", with_log=True) == expected


def test_a_year_before_a_leap_day_is_the_28th() -> None:
    one = held(last_month="2024-01", left=0.0, sent="2023-02-28")
    assert outcome(one, "2024-02-29", with_log=True) == "YEARLY"


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(held(last_month="2025-09"), "NO_RECENT_MONTH", id="gone-for-three-months"),
        pytest.param(held(known=False), "PLAN_UNKNOWN", id="plan-not-in-the-rate-card"),
        pytest.param(held(left=np.nan), "CONTRACT_UNKNOWN", id="contract-unknown"),
    ],
)
def test_subscribers_without_a_notice_have_a_reason(one: Held, expected: str) -> None:
    assert outcome(one, "2025-12-01") == expected


def test_kinds_that_are_not_asked_for_are_counted_apart() -> None:
    assert outcome(held(), "2025-12-01", kinds=("yearly",)) == "KIND_NOT_ASKED"
    assert outcome(held(left=0.0, tenure=22.0), "2025-12-01", kinds=("end-of-contract",)) == "KIND_NOT_ASKED"


def test_every_outcome_has_a_number_of_its_own() -> None:
    assert [code.value for code in NoticeOutcome] == list(range(15))


def test_every_subscriber_has_the_outcome_of_their_own_row() -> None:
    one, other = held(), held(left=0.0, tenure=22.0)
    names = ("last_month", "plan_known", "contract_left", "tenure", "last_sent", "end_announced")
    both = Held(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))
    codes = outcomes(both, date(2025, 12, 1), kinds=BOTH, with_log=False)
    assert [NoticeOutcome(code).name for code in codes] == ["END_OF_CONTRACT", "YEARLY"]
