"""A plan that minutes, messages and megabytes of a month cannot price, and what it would need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HELD_DETAILED", "DetailedPlan", "left_out_remark"]

_MOST_TOLD = 3

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
    of_cells : tuple of str
        Where cells of usage are at hand: why they do not price it either.
    """

    plan_id: str
    name: str
    needs: tuple[str, ...]
    items: tuple[str, ...] = ()
    of_cells: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """Why the plan is left out and what would be needed, in a sentence."""
        if self.of_cells:
            return left_out_remark(self.plan_id, self.of_cells)
        return (
            f"plan {self.plan_id} is left out (NEEDS_USAGE_DETAIL): three totals of a month do not price it. It needs "
            f"{'; '.join(self.needs)}. Export single calls, messages and sessions and use `planrec bill --card`; the "
            "cells that it writes are taken by `recommend`, `what-if` and `notices` with --cells."
        )


def left_out_remark(plan: str, reasons: Sequence[str]) -> str:
    """Return in a sentence why sums by cell do not price a plan.

    Examples
    --------
    >>> left_out_remark("a", ["plans.a.passes[0]: a pass is bought by the first use"])
    'plan a is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it. plans.a.passes[0]: a pass is bought by the \
first use. Its events are needed: `planrec bill --events`.'
    """
    more = f"; and {len(reasons) - _MOST_TOLD} more" if len(reasons) > _MOST_TOLD else ""
    return (
        f"plan {plan} is left out (NEEDS_USAGE_DETAIL): sums by cell do not price it. "
        f"{'; '.join(reasons[:_MOST_TOLD])}{more}. Its events are needed: `planrec bill --events`."
    )
