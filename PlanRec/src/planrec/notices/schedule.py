"""Who is due a best-tariff notice: 10 to 40 days before the end of a contract, and yearly once free.

A notice is information the law asks for, no marketing: consent and contact caps have no say in it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray, IntArray
from planrec.months import RECENT_MONTHS, is_recent

__all__ = ["DAYS_BEFORE_END", "OF_CELLS", "Held", "NoticeKind", "NoticeOutcome", "contract_ends", "outcomes"]

NoticeKind = Literal["end-of-contract", "yearly"]

DAYS_BEFORE_END = (10, 40)  # both included; Ofcom's end-of-contract notifications, in force since 2020-02-15
_YEAR = 12
_LONGEST = 1200  # months; more than any contract, and far from where dates end

DateArray = NDArray[np.datetime64]


class NoticeOutcome(IntEnum):
    """What becomes of a subscriber in a run; `word` is used outside."""

    END_OF_CONTRACT = 0
    YEARLY = 1
    KIND_NOT_ASKED = 2
    ALREADY_SENT = 3
    CONTRACT_ENDS_TOO_SOON = 4
    CONTRACT_ENDS_LATER = 5
    NOT_DUE_YET = 6
    TENURE_UNKNOWN = 7
    CONTRACT_UNKNOWN = 8
    PLAN_UNKNOWN = 9
    NO_RECENT_MONTH = 10
    NO_MONTH = 11
    MONTH_REJECTED = 12
    CELLS_MISSING = 13
    USE_NOT_SOLD = 14

    @property
    def word(self) -> str:
        """The word used outside.

        Examples
        --------
        >>> NoticeOutcome.NOT_DUE_YET.word
        'not-due-yet'
        """
        return self.name.lower().replace("_", "-")


OF_CELLS = (NoticeOutcome.CELLS_MISSING, NoticeOutcome.USE_NOT_SOLD)
"""What becomes of subscribers who are due and hold a full plan whose bills their cells do not say."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of n subscribers from their last whole usage month and from earlier notices.

    Attributes
    ----------
    last_month : int64 array of shape (n,)
        Month index.
    plan_known : bool array of shape (n,)
        Whether the plan held stands in the rate card.
    contract_left : float64 array of shape (n,)
        Months the plan binds beyond that month, NaN where unknown; part of a month binds for the whole of it.
    tenure : float64 array of shape (n,)
        Months since the first one, which has 0; NaN where unknown.
    last_sent : datetime64[D] array of shape (n,)
        Date of the latest notice of either kind, NaT where there is none.
    end_announced : datetime64[D] array of shape (n,)
        The latest contract end a notice was sent for, NaT where there is none.
    """

    last_month: IntArray
    plan_known: NDArray[np.bool_]
    contract_left: FloatArray
    tenure: FloatArray
    last_sent: DateArray
    end_announced: DateArray


def contract_ends(last_month: IntArray, contract_left: FloatArray) -> DateArray:
    """Return the last day each contract binds.

    Parameters
    ----------
    last_month : int64 array of shape (n,)
        Month index.
    contract_left : float64 array of shape (n,)
        Months the plan binds beyond that month, >= 0, NaN where unknown.

    Returns
    -------
    datetime64[D] array of shape (n,)
        Last day of the month `contract_left` after `last_month`; NaT where unknown.

    Examples
    --------
    >>> contract_ends(np.array([24310, 24310]), np.array([1.0, np.nan])).tolist()  # 24310 is 2025-11
    [datetime.date(2025, 12, 31), None]
    """
    left = np.ceil(np.minimum(np.nan_to_num(contract_left), _LONGEST)).astype(np.int64)
    first_days: DateArray = (last_month + left + 1 - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    ends: DateArray = first_days - np.timedelta64(1, "D")
    ends[np.isnan(contract_left)] = np.datetime64("NaT", "D")
    return ends


def outcomes(
    held: Held,
    as_of: date,
    *,
    kinds: Collection[NoticeKind],
    with_log: bool,
    recent_months: int = RECENT_MONTHS,
) -> IntArray:
    """Return what becomes of each subscriber; everyone is in exactly one class.

    Bound on the day of the run: a notice where the contract ends 10 to 40 days later and that end was not announced
    before. Free on that day: a notice where none of either kind was sent in the last 12 months. With a log of earlier
    notices that is looked up, and somebody without an entry is due once 12 months a subscriber, or if that is
    unknown. Without a log it is the month in which the subscriber has been there for whole years.

    Parameters
    ----------
    held : Held
    as_of : date
        Day of the run.
    kinds : collection of {"end-of-contract", "yearly"}
        The notices asked for.
    with_log : bool
        Whether `held` knows of earlier notices.
    recent_months : int
        How many months before the month of the run the last whole month may be one of.

    Returns
    -------
    int64 array of shape (n,)
        `NoticeOutcome`; never `NO_MONTH` or `MONTH_REJECTED`, whose subscribers have no row here, nor `OF_CELLS`, which
        bills tell.

    Examples
    --------
    >>> none = np.full(2, np.datetime64("NaT", "D"))
    >>> held = Held(np.full(2, 24310), np.full(2, True), np.array([1.0, 0.0]), np.array([20.0, 23.0]), none, none)
    >>> codes = outcomes(held, date(2025, 12, 1), kinds=("end-of-contract", "yearly"), with_log=False)
    >>> [NoticeOutcome(code).name for code in codes]
    ['END_OF_CONTRACT', 'YEARLY']
    """
    today = np.datetime64(as_of, "D")
    month = as_of.year * 12 + as_of.month - 1
    ends = contract_ends(held.last_month, held.contract_left)
    days = np.where(np.isnat(ends), np.timedelta64(0, "D"), ends - today).astype(np.int64)
    bound = (held.contract_left > 0) & (days >= 0)
    first, last = DAYS_BEFORE_END
    codes = np.select(
        [
            ~is_recent(held.last_month, month - 1, recent_months),
            ~held.plan_known,
            np.isnan(held.contract_left),
            bound & (days > last),
            bound & (held.end_announced == ends),
            bound & (days < first),
            bound,
        ],
        [
            NoticeOutcome.NO_RECENT_MONTH,
            NoticeOutcome.PLAN_UNKNOWN,
            NoticeOutcome.CONTRACT_UNKNOWN,
            NoticeOutcome.CONTRACT_ENDS_LATER,
            NoticeOutcome.ALREADY_SENT,
            NoticeOutcome.CONTRACT_ENDS_TOO_SOON,
            NoticeOutcome.END_OF_CONTRACT,
        ],
        default=_yearly(held, as_of, month, with_log=with_log),
    ).astype(np.int64)
    asked = {"end-of-contract": NoticeOutcome.END_OF_CONTRACT, "yearly": NoticeOutcome.YEARLY}
    unasked = [int(code) for kind, code in asked.items() if kind not in kinds]
    codes[np.isin(codes, unasked)] = NoticeOutcome.KIND_NOT_ASKED
    return codes


def _yearly(held: Held, as_of: date, month: int, *, with_log: bool) -> IntArray:
    """Return the outcome of subscribers that no contract binds."""
    tenure = np.floor(held.tenure) + (month - held.last_month)
    if not with_log:
        due = (tenure > 0) & (tenure % _YEAR == 0)
        return np.select(
            [np.isnan(tenure), due],
            [NoticeOutcome.TENURE_UNKNOWN, NoticeOutcome.YEARLY],
            default=NoticeOutcome.NOT_DUE_YET,
        ).astype(np.int64)
    never = np.isnat(held.last_sent)
    recent = held.last_sent > np.datetime64(_a_year_before(as_of), "D")  # false where there is none
    return np.select(
        [recent, never & (tenure < _YEAR)],
        [NoticeOutcome.ALREADY_SENT, NoticeOutcome.NOT_DUE_YET],
        default=NoticeOutcome.YEARLY,
    ).astype(np.int64)


def _a_year_before(day: date) -> date:
    leap = day.month == 2 and day.day == 29
    return day.replace(year=day.year - 1, day=28 if leap else day.day)
