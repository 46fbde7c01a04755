"""What the rules say of the plans depends on few things of a subscriber, so each case is judged once.

`planrec.rules.apply_rules` judges it; no rule is restated here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from common_utils.array_types import IntArray
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import record_facts
from planrec.rules import ExclusionCode, Rules, apply_rules, exclusions

__all__ = ["AdviceCases", "OfferCases", "RuledOffer"]

Kept = TypeVar("Kept")

_AT_HAND = 4096  # months, ages, plans held and contracts whose case need not be looked for


class _Intervals:
    """Between which months and ages nothing changes for anybody.

    Parameters
    ----------
    catalogue : Catalogue
    """

    def __init__(self, catalogue: Catalogue) -> None:
        first, last = catalogue.sale_windows
        self._sales: list[int] = sorted({*first.tolist(), *(last + 1).tolist()})
        youngest, oldest = catalogue.age_limits
        self._ages: list[float] = sorted({*youngest.tolist(), *oldest.tolist()})

    def of(self, change_month: int, age: float | None) -> tuple[int, int, int]:
        """Return which month and age lie in; completed years count, as in `rules.codes.exclusions`."""
        ages, years = self._ages, None if age is None else age // 1
        low, high = (-1, -1) if years is None else (bisect_left(ages, years), bisect_right(ages, years))
        return bisect_right(self._sales, change_month), low, high


class AdviceCases(Generic[Kept]):
    """Codes of the plans in the mode advice, or what follows from them.

    Parameters
    ----------
    rules : Rules
    catalogue : Catalogue
    kept : callable
        Returns what is kept of a case, of its int64 array of shape (n_plans,) of `ExclusionCode`.

    Attributes
    ----------
    of : callable
        Returns what is kept of a case: month index in which a change takes effect, age or None, index of the plan held
        (-1 where unknown), and whether a contract binds.

    Examples
    --------
    >>> from planrec.rules import built_in_rules
    >>> cases = AdviceCases(built_in_rules(), megaline, lambda codes: codes.tolist())
    >>> cases.of(24216, None, 1, False), cases.of(24216, None, 1, True)[1]
    ([0, 0], 0)
    """

    def __init__(self, rules: Rules, catalogue: Catalogue, kept: Callable[[IntArray], Kept]) -> None:
        self._rules, self._catalogue, self._kept = rules, catalogue, kept
        self._intervals = _Intervals(catalogue)
        self._found: dict[tuple[int, int, int, int, bool], Kept] = {}
        self.of = lru_cache(_AT_HAND)(self._of)

    def _of(self, change_month: int, age: float | None, current: int, binds: bool) -> Kept:  # noqa: FBT001 - by position
        key = (*self._intervals.of(change_month, age), current, binds)
        if key not in self._found:
            record = SubscriberRecord((), age=age, contract_months_left=1.0 if binds else None)
            facts = record_facts(record, month=change_month - 1, current=current)
            self._found[key] = self._kept(apply_rules(self._rules, self._catalogue, facts, "advice").codes[0])
        return self._found[key]


class RuledOffer(NamedTuple):
    """What the rules say of offers to somebody.

    Attributes
    ----------
    codes : list of int
        `ExclusionCode` by plan.
    barred : int
        Why no offer may be made at all; NONE where one may be.
    on_sale : list of bool
        Plans that anybody of this age may take, without the one held.
    """

    codes: list[int]
    barred: int
    on_sale: list[bool]


class OfferCases:
    """Codes of the plans in the mode "offer".

    Parameters
    ----------
    rules : Rules
    catalogue : Catalogue
    """

    def __init__(self, rules: Rules, catalogue: Catalogue) -> None:
        self._rules, self._catalogue = rules, catalogue
        self._intervals = _Intervals(catalogue)
        self._found: dict[tuple[object, ...], RuledOffer] = {}

    def of(self, record: SubscriberRecord, month: int, current: int) -> RuledOffer:
        """Return the case of a subscriber.

        Parameters
        ----------
        record : SubscriberRecord
        month : int
            Month index of the answer.
        current : int
            Index of the plan held, -1 where unknown.
        """
        left = record.contract_months_left
        key = (
            *self._intervals.of(month + 1, record.age),
            *(current, None if left is None else left > 0, record.consent, record.contacts_90d, record.holdout),
            any(used.month == month and max(used[1:]) > 0 for used in record.months),
        )
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _AT_HAND:
                self._found.clear()
            facts = record_facts(record, month=month, current=current)
            verdict = apply_rules(self._rules, self._catalogue, facts, "offer")
            on_sale = exclusions(self._catalogue, facts.change_month, facts.current, facts.age)[0] == ExclusionCode.NONE
            if current >= 0:
                on_sale[current] = False
            codes: list[int] = verdict.codes[0].tolist()
            found = self._found[key] = RuledOffer(codes, int(verdict.barred[0]), on_sale.tolist())
        return found
