"""Columns no model may see: each holds, in the row of a month, what belongs to the month after.

That is how leaks happen: an export joined on the wrong month, or written after the decision. A decision row carries the
columns of the month before, so each of these tells the plan that was taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from planrec.billing import Catalogue, Usage, rate
from planrec.columns import CURRENT_PLAN, MEGABYTES, SUBSCRIBER, USAGE
from planrec.simulator.config import Leak

__all__ = ["with_leaks"]


def with_leaks(months: pd.DataFrame, catalogue: Catalogue, leaks: Sequence[Leak]) -> pd.DataFrame:
    """Return usage months with leaking columns.

    Parameters
    ----------
    months : DataFrame
        Usage months sorted by subscriber and month; not modified.
    catalogue : Catalogue
    leaks : sequence of str
        `monthly_charge` and `overage_fee` (currency, of the month after), `next_month_usage` (megabytes),
        `plan_discount_code` (text, one for each plan), `retention_call` (1 where the plan changes), `account_ref` (a
        number whose leading digits are the plan's position).

    Returns
    -------
    DataFrame
        The columns of `months` and one for each leak, missing in a subscriber's last month.

    Examples
    --------
    >>> with_leaks(pd.DataFrame({"subscriber_id": ["a"]}), Catalogue("1", "EUR", None, ()), ()).columns.tolist()
    ['subscriber_id']
    """
    if not leaks:
        return months
    who = months[SUBSCRIBER].to_numpy()
    follows = np.flatnonzero(who[:-1] == who[1:])
    after = months.iloc[follows + 1]
    plan = np.array([catalogue.index(p) for p in after[CURRENT_PLAN]], dtype=np.int64)
    bills = rate(Usage.of(*(after[service] for service in USAGE)), catalogue)
    rows = np.arange(len(after))
    total, fee = bills.total_cents[rows, plan] / 100, bills.fee_cents[rows, plan] / 100
    values: dict[Leak, np.ndarray] = {
        "monthly_charge": total,
        "overage_fee": np.round(total - fee, 2),
        "next_month_usage": after[MEGABYTES].to_numpy(),
        "plan_discount_code": np.array([f"DISC-{p:02d}" for p in plan], dtype=object),
        "retention_call": (after[CURRENT_PLAN].to_numpy() != months[CURRENT_PLAN].to_numpy()[follows]).astype(float),
        "account_ref": (plan + 1) * 10_000_000.0 + follows,
    }
    leaking = {leak: pd.Series(values[leak], index=follows).reindex(range(len(months))) for leak in leaks}
    return months.assign(**{name: column.to_numpy() for name, column in leaking.items()})
