"""Who may take which plan by the rate card alone: what is on sale, and to which ages; and the code of every rule.

Choice sets are these plans and the current one. What else an operator asks for stands in `rules/apply.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import lru_cache

import numpy as np

from common_utils.array_types import BoolArray, FloatArray, IntArray
from planrec.billing import Catalogue

__all__ = ["ExclusionCode", "exclusions", "has_code", "without_detail"]


class ExclusionCode(IntEnum):
    """Why a plan is not offered, or why the answer is "stay"; the name is the reason code shown outside.

    Examples
    --------
    >>> ExclusionCode(6).name, ExclusionCode.CONTRACT_BINDS.meaning
    ('CONTRACT_BINDS', 'the contract of the current plan still binds')
    """

    NONE = 0
    NOT_YET_ON_SALE = 1
    NO_LONGER_SOLD = 2
    BELOW_MINIMUM_AGE = 3
    ABOVE_MAXIMUM_AGE = 4
    AGE_UNKNOWN = 5
    CONTRACT_BINDS = 6
    CONTRACT_UNKNOWN = 7
    NOT_OFFERED = 8
    HELD_OUT = 9
    HOLDOUT_UNKNOWN = 10
    NO_CONSENT = 11
    CONSENT_UNKNOWN = 12
    CONTACT_CAP = 13
    CONTACTS_UNKNOWN = 14
    BELOW_MINIMUM_GAIN = 15
    CURRENT_PLAN_UNKNOWN = 16
    DECLINED = 17
    UNCERTAIN_GAIN = 18
    NO_USAGE = 19
    CHURN_MAY_RISE = 20
    MAY_BE_HELD = 21
    NEEDS_USAGE_DETAIL = 22
    NOT_SOLD = 23

    @property
    def meaning(self) -> str:
        """The code in words, as the end of a sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    ExclusionCode.NONE: "nothing stands against it",
    ExclusionCode.NOT_YET_ON_SALE: "the plan is not on sale yet",
    ExclusionCode.NO_LONGER_SOLD: "the plan is no longer sold",
    ExclusionCode.BELOW_MINIMUM_AGE: "the subscriber is younger than the plan asks",
    ExclusionCode.ABOVE_MAXIMUM_AGE: "the subscriber is older than the plan asks",
    ExclusionCode.AGE_UNKNOWN: "the plan asks for an age, and it is not known",
    ExclusionCode.CONTRACT_BINDS: "the contract of the current plan still binds",
    ExclusionCode.CONTRACT_UNKNOWN: "it is not known whether a contract still binds",
    ExclusionCode.NOT_OFFERED: "the rule file takes the plan out",
    ExclusionCode.HELD_OUT: "the subscriber is in the permanent hold-out",
    ExclusionCode.HOLDOUT_UNKNOWN: "it is not known whether the subscriber is in the hold-out",
    ExclusionCode.NO_CONSENT: "the subscriber does not consent to offers",
    ExclusionCode.CONSENT_UNKNOWN: "it is not known whether the subscriber consents to offers",
    ExclusionCode.CONTACT_CAP: "the subscriber was contacted as often as is allowed in 90 days",
    ExclusionCode.CONTACTS_UNKNOWN: "it is not known how often the subscriber was contacted in 90 days",
    ExclusionCode.BELOW_MINIMUM_GAIN: "no other plan open to the subscriber gains enough",
    ExclusionCode.CURRENT_PLAN_UNKNOWN: "the plan held is not known, so an offer has nothing to be compared with",
    ExclusionCode.DECLINED: "the subscriber does not want the plan",
    ExclusionCode.UNCERTAIN_GAIN: "another plan is cheaper on average, but the saving differs too much from month to "
    "month to rely on",
    ExclusionCode.NO_USAGE: "the subscriber used nothing in the month asked about, and may be gone",
    ExclusionCode.CHURN_MAY_RISE: "the offer could make the subscriber likelier to leave",
    ExclusionCode.MAY_BE_HELD: "the plan held is not in the rate card, and of all plans the best one has the nearest "
    "name: it may be the plan held",
    ExclusionCode.NEEDS_USAGE_DETAIL: "the plan needs the time, place or kind of single uses, which three "
    "totals of a month do not tell",
    ExclusionCode.NOT_SOLD: "the plan does not sell all that the subscriber used",
}


def without_detail(catalogue: Catalogue) -> dict[str, str]:
    """Return the code of each plan of the rate card that usage months cannot price."""
    return {plan.plan_id: ExclusionCode.NEEDS_USAGE_DETAIL.name for plan in catalogue.detailed}


def has_code(codes: IntArray, wanted: Iterable[ExclusionCode]) -> BoolArray:
    """Return where a code is one of some; what isin of NumPy says, in half the time.

    Examples
    --------
    >>> has_code(np.array([[0, 6, 7]]), (ExclusionCode.CONTRACT_BINDS, ExclusionCode.CONTRACT_UNKNOWN)).tolist()
    [[False, True, True]]
    """
    return _truths(tuple(wanted)).take(codes)


@lru_cache
def _truths(wanted: tuple[ExclusionCode, ...]) -> BoolArray:
    truths = np.zeros(len(ExclusionCode), dtype=np.bool_)
    truths[list(wanted)] = True
    return truths


def exclusions(catalogue: Catalogue, month: int | IntArray, current: IntArray, age: FloatArray) -> IntArray:
    """Return why each plan may not be taken; the current plan is never excluded.

    Parameters
    ----------
    catalogue : Catalogue
    month : int or int64 array of shape (n,)
        Month index at which a plan must be on sale.
    current : int64 array of shape (n,)
        Index of the plan held, -1 where unknown.
    age : float64 array of shape (n,)
        Years, NaN where unknown; completed years count, so that 27.5 is 27.

    Returns
    -------
    int64 array of shape (n, n_plans)
        `ExclusionCode`.

    Examples
    --------
    >>> from planrec.months import month_index
    >>> codes = exclusions(card, month_index("2025-12"), np.array([-1]), np.array([40.0]))[0]
    >>> {p: ExclusionCode(c).name for p, c in zip(card.plan_ids, codes) if c}
    {'flex-5': 'NO_LONGER_SOLD', 'young-10': 'ABOVE_MAXIMUM_AGE', 'senior-talk': 'BELOW_MINIMUM_AGE'}
    """
    if isinstance(month, np.ndarray) and len(month) and month.min() == month.max():
        month = int(month[0])  # as in any batch: then one row says what is on sale for all
    sale = catalogue.sale_state(month)
    of_sale = np.where(sale < 0, ExclusionCode.NOT_YET_ON_SALE, np.where(sale > 0, ExclusionCode.NO_LONGER_SOLD, 0))
    codes = np.empty((len(current), len(catalogue.plans)), dtype=np.int64)
    codes[:] = of_sale
    youngest, oldest = catalogue.age_limits
    limited = np.flatnonzero(np.isfinite(youngest) | np.isfinite(oldest))
    if len(limited):  # of most cards only a few plans
        years = np.floor(age)[:, None]
        of_age = np.select(
            [np.isnan(years), years < youngest[limited], years > oldest[limited]],
            [ExclusionCode.AGE_UNKNOWN, ExclusionCode.BELOW_MINIMUM_AGE, ExclusionCode.ABOVE_MAXIMUM_AGE],
            default=ExclusionCode.NONE,
        )
        sold = codes[:, limited]
        codes[:, limited] = np.where(sold == ExclusionCode.NONE, of_age, sold)
    held = np.flatnonzero(current >= 0)
    codes[held, current[held]] = ExclusionCode.NONE
    return codes
