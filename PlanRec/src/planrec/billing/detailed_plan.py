"""A plan that minutes, messages and megabytes of a month cannot price, and what it would need."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HELD_DETAILED", "DetailedPlan"]

HELD_DETAILED = "current_plan: NEEDS_USAGE_DETAIL, taken as unknown"  # who holds such a plan, in accounts and notes


@dataclass(frozen=True)
class DetailedPlan:
    """A plan of a rate card that minutes, messages and megabytes of a month cannot price.

    Attributes
    ----------
    plan_id : str
    name : str
    needs : tuple of str
        What must be known of single uses, with the key that asks for it.
    items : tuple of str
        Line items that a bill on it may have, in the order of the card.
    """

    plan_id: str
    name: str
    needs: tuple[str, ...]
    items: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """Why the plan is left out and what would be needed, in a sentence."""
        return (
            f"plan {self.plan_id} is left out (NEEDS_USAGE_DETAIL): three totals of a month do not price it. It needs "
            f"{'; '.join(self.needs)}. Export single calls, messages and sessions and use `planrec bill --card`."
        )
