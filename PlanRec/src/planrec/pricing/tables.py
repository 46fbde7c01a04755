"""What-if answers and draft scores as tables: for files, and for a terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd

from common_utils.evaluation import FEW_GROUPS, Interval
from planrec.pricing.draft import DraftScore
from planrec.reporting.tables import amount_text

__all__ = ["demand_rows", "demand_table", "span"]


def demand_table(score: DraftScore) -> pd.DataFrame:
    """Return a row for each plan of the draft; intervals 95 %, demand in subscribers, revenue in cents a month.

    Examples
    --------
    >>> from planrec.pricing.draft import PlanDemand
    >>> none = Interval(0.0, 0.0, 0.0)
    >>> plan = PlanDemand("surf", False, 3, 3.0, 3.0, none, 0.0, 0.0, 6000, 6000)
    >>> demand_table(DraftScore((plan,), 24216, 3, 0, 0, none, none)).columns.tolist()[:5]
    ['plan_id', 'new', 'held', 'demand_current', 'demand_draft']
    """
    return pd.DataFrame(
        [
            {
                "plan_id": plan.plan_id,
                "new": plan.new,
                "held": plan.held,
                "demand_current": plan.current,
                "demand_draft": plan.draft,
                "change": plan.change.estimate,
                "change_low": np.nan if _few(score) else plan.change.low,
                "change_high": np.nan if _few(score) else plan.change.high,
                "new_from_holders": plan.from_holders,
                "share_of_new": plan.share_of_new,
                "revenue_current_cents": plan.current_revenue_cents,
                "revenue_draft_cents": plan.draft_revenue_cents,
            }
            for plan in score.plans
        ]
    )


def demand_rows(score: DraftScore) -> list[dict[str, str]]:
    """Return a score by plan as text; revenue in currency.

    Examples
    --------
    >>> from planrec.pricing.draft import PlanDemand
    >>> plan = PlanDemand("surf", False, 3, 3.0, 2.0, Interval(-1.0, -1.5, -0.5), 1.0, 1.0, 6000, 4000)
    >>> rows = demand_rows(DraftScore((plan,), 24216, 30, 0, 0, Interval(1.0, 0.5, 1.5), Interval(0.0, 0.0, 0.0)))
    >>> rows[0]["change"], rows[0]["share of new"], rows[0]["revenue change"]
    ('-1 [-2, 0]', '100 %', '-20.00')
    """
    return [
        {
            "plan": plan.plan_id + (" (new)" if plan.new else ""),
            "held": f"{plan.held:,}",
            "demand now": f"{plan.current:z,.0f}",
            "demand draft": f"{plan.draft:z,.0f}",
            "change": span(plan.change, few=_few(score)),
            "new from holders": f"{plan.from_holders:z,.0f}",
            "share of new": "" if np.isnan(plan.share_of_new) else f"{plan.share_of_new:z.0%}".replace("%", " %"),
            "revenue change": amount_text((plan.draft_revenue_cents - plan.current_revenue_cents) / 100),
        }
        for plan in score.plans
    ]


def _few(score: DraftScore) -> bool:
    """Return whether there are too few subscribers for an interval."""
    return score.subscribers < FEW_GROUPS


def span(interval: Interval, *, unit: float = 1.0, decimals: int = 0, few: bool = False) -> str:
    """Return an interval in units, or its estimate and "too few".

    Examples
    --------
    >>> span(Interval(123456.0, 120000.0, 130000.0), unit=100)
    '1,235 [1,200, 1,300]'
    >>> span(Interval(123456.0, 120000.0, 130000.0), unit=100, decimals=2, few=True)
    '1,234.56 (too few)'
    """
    if few:
        return f"{interval.estimate / unit:z,.{decimals}f} (too few)"
    low, high = interval.low / unit, interval.high / unit
    return f"{interval.estimate / unit:z,.{decimals}f} [{low:z,.{decimals}f}, {high:z,.{decimals}f}]"
