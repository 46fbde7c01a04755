"""What the rules say of the plans depends on few things of a subscriber, so each case is judged once.

`planrec.rules.apply_rules` judges it; no rule is restated here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

from common_utils.array_types import IntArray
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import record_facts
from planrec.rules import Rules, apply_rules

__all__ = ["AdviceCases"]

Kept = TypeVar("Kept")

_AT_HAND = 4096  # months, ages, plans held and contracts whose case need not be looked for


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
        first, last = catalogue.sale_windows
        self._sales: list[int] = sorted({*first.tolist(), *(last + 1).tolist()})
        youngest, oldest = catalogue.age_limits
        self._ages: list[float] = sorted({*youngest.tolist(), *oldest.tolist()})
        self._found: dict[tuple[int, int, int, int, bool], Kept] = {}
        self.of = lru_cache(_AT_HAND)(self._of)

    def _of(self, change_month: int, age: float | None, current: int, binds: bool) -> Kept:  # noqa: FBT001 - by position
        ages = self._ages
        years = None if age is None else age // 1  # completed ones, as `rules.codes.exclusions` counts them
        low, high = (-1, -1) if years is None else (bisect_left(ages, years), bisect_right(ages, years))
        key = (bisect_right(self._sales, change_month), low, high, current, binds)
        if key not in self._found:
            record = SubscriberRecord((), age=age, contract_months_left=1.0 if binds else None)
            facts = record_facts(record, month=change_month - 1, current=current)
            self._found[key] = self._kept(apply_rules(self._rules, self._catalogue, facts, "advice").codes[0])
        return self._found[key]
