"""Counts of subscribers that deserve a word, of a batch run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from planrec.months import month_text
from planrec.rules import ExclusionCode

__all__ = ["NOT_RECENT", "NO_CELLS", "NO_PLAN", "Tally"]

NO_PLAN = "subscriber(s) may take no plan of the rate card: not predicted"
NO_CELLS = (
    "lack cells of a month, or have cells that contradict its minutes, messages and megabytes: plans that cells price "
    "are left out for them (NEEDS_USAGE_DETAIL)"
)
NOT_RECENT = "subscriber(s) have no recent month (features.recent_months): not answered"

_COUNTED = ("subscribers", "too_late", "foreign_plan", "stale", "uncovered")
_CLOSED = "closed "


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of subscribers that deserve a word; the `counts` of pieces add up.

    Attributes
    ----------
    subscribers, too_late, foreign_plan, stale : int
        All; those with no usage month up to the one asked for; those that hold a plan which the rate card does not
        price; those whose last usage month is not recent.
    closed : mapping of int to int
        `ExclusionCode` -> those that may take no plan for that reason (`rules.closed_reasons`).
    uncovered : int
        Those whose cells do not cover the months known.
    """

    subscribers: int = 0
    too_late: int = 0
    foreign_plan: int = 0
    stale: int = 0
    closed: Mapping[int, int] = field(default_factory=dict)
    uncovered: int = 0

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Tally:
        """Return the tally of `counts`, or of a sum of them.

        Examples
        --------
        >>> Tally.of(Tally(2, too_late=1).counts + Tally(1, closed={1: 1}).counts)
        Tally(subscribers=3, too_late=1, foreign_plan=0, stale=0, closed={1: 1}, uncovered=0)
        """
        closed = {int(name.removeprefix(_CLOSED)): n for name, n in counts.items() if name.startswith(_CLOSED) and n}
        found = {name: counts.get(name, 0) for name in _COUNTED}
        return cls(**found, closed=closed)

    @property
    def counts(self) -> Counter[str]:
        """The same as counts by name, which add up and fit JSON."""
        counts = {name: getattr(self, name) for name in _COUNTED}
        return Counter({**counts, **{f"{_CLOSED}{code}": n for code, n in self.closed.items()}})

    @property
    def answered(self) -> int:
        """Subscribers with at least one ranked plan."""
        return self.subscribers - self.too_late - self.stale - sum(self.closed.values())

    def remarks(self, as_of: int) -> list[str]:
        """Return a line for each count that is not 0.

        Parameters
        ----------
        as_of : int
            Month index asked for.

        Examples
        --------
        >>> Tally(2, too_late=1).remarks(24216)
        ['1 subscriber(s) have no usage month up to 2018-01: not answered']
        """
        lines = (
            (self.too_late, f"have no usage month up to {month_text(as_of)}: not answered"),
            (self.stale, NOT_RECENT.removeprefix("subscriber(s) ")),
            *((count, f"may take no plan, {_named(code)}: a row without a plan") for code, count in self._closed()),
            (self.foreign_plan, "hold a plan that the rate card does not price: saving left empty"),
            (self.uncovered, NO_CELLS),
        )
        return [f"{count:,} subscriber(s) {text}" for count, text in lines if count]

    def why_closed(self) -> str:
        """Return in a line how many may take no plan, by reason; empty where there is nobody."""
        return "; ".join(f"{count:,} subscriber(s) {_named(code)}" for code, count in self._closed())

    def _closed(self) -> list[tuple[int, int]]:
        return sorted(self.closed.items(), key=lambda one: (-one[1], one[0]))


def _named(code: int) -> str:
    return f"{ExclusionCode(code).name} ({ExclusionCode(code).meaning})"
