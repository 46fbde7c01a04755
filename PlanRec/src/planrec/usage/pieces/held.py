"""Plans held that are not in the rate card: what was done about them, block by block, and said of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from common_utils.array_types import IntArray
from common_utils.tables import RowReport
from common_utils.tables.report import MOST_LISTED
from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN
from planrec.usage.months_table import MOST_NAMED, with_known_plans
from planrec.usage.plan_names import spelt_otherwise
from planrec.usage.read import USAGE_TABLE

__all__ = ["HeldPlans", "with_held_plans"]


@dataclass(frozen=True, slots=True)
class HeldPlans:
    """What became of plans held that are not in the rate card; that of blocks adds up.

    Attributes
    ----------
    repaired : mapping of str to int
        What was done -> months.
    rows : mapping of str to tuple of int
        What was done -> numbers of the first rows.
    unknown, detailed : tuple of str
        The first names that are not in the rate card, and of plans that three totals of a month do not price, in their
        order: as many as the account of a table names.

    Examples
    --------
    >>> months = [pd.DataFrame({"current_plan": plans}) for plans in (["surf", "ghost"], ["SURF", "other"])]
    >>> first, second = (with_held_plans(some, megaline, keep=False)[1] for some in months)
    >>> print((first + second).told(RowReport("usage", read=4, kept=4), megaline).summary())
    usage: 4 rows read, 4 kept, 0 rejected
      repaired: current_plan: not in the rate card, taken as unknown (2)
      repaired: current_plan: letter case, blanks or dashes taken as the plan's (1)
      note: current_plan not in the rate card: 'ghost', 'other'
    """

    repaired: Mapping[str, int] = field(default_factory=dict[str, int])
    rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    unknown: tuple[str, ...] = ()
    detailed: tuple[str, ...] = ()

    def __add__(self, other: HeldPlans) -> HeldPlans:
        listed = {
            why: tuple(sorted((*self.rows.get(why, ()), *other.rows.get(why, ())))[:MOST_LISTED])
            for why in (*self.rows, *other.rows)
        }
        return HeldPlans(
            dict(Counter(self.repaired) + Counter(other.repaired)),
            listed,
            _first((*self.unknown, *other.unknown)),
            _first((*self.detailed, *other.detailed)),
        )

    def told(self, report: RowReport, catalogue: Catalogue | None) -> RowReport:
        """Return the account of a table with it."""
        if catalogue is None:
            return report
        names = pd.DataFrame({CURRENT_PLAN: pd.Series([*self.unknown, *self.detailed], dtype="str")})
        said = with_known_plans(names, RowReport(USAGE_TABLE, len(names), len(names)), catalogue)[1].notes
        return replace(
            report,
            repaired={**report.repaired, **self.repaired},
            notes=(*report.notes, *said),
            rows={**report.rows, **self.rows},
        )


def with_held_plans(
    months: pd.DataFrame, catalogue: Catalogue | None, *, keep: bool, rows: IntArray | None = None
) -> tuple[pd.DataFrame, HeldPlans]:
    """Return the months of a block with the plans that are known, and what was done; as `with_known_plans`."""
    if catalogue is None or CURRENT_PLAN not in months:
        return months, HeldPlans()
    held = months[CURRENT_PLAN].drop_duplicates()
    foreign = held[held.notna() & ~held.isin(catalogue.plan_ids)]
    foreign = foreign[~foreign.isin(list(spelt_otherwise(foreign, catalogue)))]
    detailed = foreign.isin(catalogue.detailed_ids)
    report = RowReport(USAGE_TABLE, len(months), len(months))
    months, report = with_known_plans(months, report, catalogue, keep=keep, rows=rows)
    unknown = _first(foreign[~detailed])
    return months, HeldPlans(report.repaired, report.rows, unknown, _first(foreign[detailed]))


def _first(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names))[:MOST_NAMED])
