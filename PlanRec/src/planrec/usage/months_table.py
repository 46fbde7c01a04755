"""Usage months as read: the table, and the account of every row that went into it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.tables.checks import strictly_ascending
from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN, KEY, MONTH, OPTIONAL, REQUIRED, SUBSCRIBER, USAGE

__all__ = ["UNKNOWN_PLAN", "CampaignTables", "UsageData", "summarise", "usage_months", "with_known_plans"]

UNKNOWN_PLAN = f"{CURRENT_PLAN}: not in the rate card, taken as unknown"


@dataclass(frozen=True)
class CampaignTables:
    """What an operator recorded of its campaign.

    Attributes
    ----------
    offers : DataFrame
        One row per selected subscriber and month, as `simulate.Simulation.offers`.
    subscribers : DataFrame
        `subscriber_id`, `churn_date`, `holdout`.
    """

    offers: pd.DataFrame
    subscribers: pd.DataFrame


@dataclass(frozen=True)
class UsageData:
    """Usage months with their origin.

    Attributes
    ----------
    months : DataFrame
        One row per subscriber and month, sorted by both, index 0 .. n-1; the columns of `planrec.columns`.
    reports : tuple of RowReport
        One per table read: every row kept, repaired or rejected with a reason.
    source : str
        What was read, for people.
    notes : tuple of str
        What a reader of figures should know about these months.
    campaign : CampaignTables or None
        Where the source has a log of offers.
    """

    months: pd.DataFrame
    reports: tuple[RowReport, ...]
    source: str
    notes: tuple[str, ...] = ()
    campaign: CampaignTables | None = None


def usage_months(frame: pd.DataFrame) -> pd.DataFrame:
    """Return usage months in their one form: known columns first, sorted by subscriber and month.

    Parameters
    ----------
    frame : DataFrame
        The required columns, any optional and further ones, at most one row per subscriber and month.

    Raises
    ------
    DataError
        If there is no row.

    Examples
    --------
    >>> rows = {"month": ["2025-02", "2025-01"], "subscriber_id": ["a", "a"], "megabytes": [1.0, 2.0]}
    >>> usage_months(pd.DataFrame(rows | {"minutes": [3.0, 4.0], "messages": [0.0, 0.0]})).columns.tolist()
    ['subscriber_id', 'month', 'minutes', 'messages', 'megabytes']
    """
    if not len(frame):
        raise DataError("usage months: none is left; see the reasons rows were rejected for with `planrec data`.")
    known = [c for c in (*REQUIRED, *OPTIONAL) if c in frame.columns]
    further = [c for c in frame.columns if c not in known]
    months = frame[[*known, *further]]
    # Large files mostly come sorted, and looking costs a tenth of sorting.
    if strictly_ascending(months, KEY):
        return months.reset_index(drop=True)
    return months.sort_values(list(KEY), ignore_index=True)


def with_known_plans(months: pd.DataFrame, report: RowReport, catalogue: Catalogue) -> tuple[pd.DataFrame, RowReport]:
    """Take plans that are in no rate card as unknown, and say for how many rows.

    The usage of such a month is as good as any: it can be billed on every plan. What was held is not known.

    Parameters
    ----------
    months : DataFrame
        The rows that were kept; not modified.
    report : RowReport
        Their account.
    catalogue : Catalogue
        Every plan of it is known, on sale or not.

    Returns
    -------
    tuple of DataFrame and RowReport
        `current_plan` missing where it was unknown, each such row counted as repaired.

    Examples
    --------
    >>> months = pd.DataFrame({"current_plan": ["surf", "ghost", None]})
    >>> known, report = with_known_plans(months, RowReport("usage", read=3, kept=3), megaline)
    >>> known["current_plan"].isna().tolist(), report.repaired
    ([False, True, True], {'current_plan: not in the rate card, taken as unknown': 1})
    """
    if CURRENT_PLAN not in months.columns:
        return months, report
    unknown = months[CURRENT_PLAN].notna() & ~months[CURRENT_PLAN].isin(catalogue.plan_ids)
    if not unknown.any():
        return months, report
    repaired = {**report.repaired, UNKNOWN_PLAN: int(unknown.sum())}
    known = months[CURRENT_PLAN].mask(unknown)
    return months.assign(**{CURRENT_PLAN: known}), replace(report, repaired=repaired)


def summarise(data: UsageData) -> list[dict[str, str | float]]:
    """Return what a table of usage months holds, one figure per row.

    Parameters
    ----------
    data : UsageData

    Returns
    -------
    list of dict
        `section`, `figure`, `value`: counts, usage per service (of all months), share of months per plan, and the
        account of the rows of each table read.

    Examples
    --------
    >>> row = {"subscriber_id": ["a"], "month": ["2025-01"], "minutes": [3.0], "messages": [0.0], "megabytes": [1.5]}
    >>> for line in summarise(UsageData(pd.DataFrame(row), (), "an example"))[:4]:
    ...     print(line["figure"], line["value"])
    subscribers 1
    months 1
    first month 2025-01
    last month 2025-01
    """
    months = data.months
    rows: list[tuple[str, str, str | float]] = [
        ("table", "subscribers", int(months[SUBSCRIBER].nunique())),
        ("table", "months", len(months)),
        ("table", "first month", str(months[MONTH].min())),
        ("table", "last month", str(months[MONTH].max())),
        ("table", "months without usage", int((months[list(USAGE)] == 0).all(axis=1).sum())),
    ]
    for service in USAGE:
        used = months[service]
        figures = {"mean": used.mean(), "median": used.median(), "p95": used.quantile(0.95)}
        rows += [(service, name, round(float(value), 2)) for name, value in figures.items()]
    if CURRENT_PLAN in months.columns:
        shares = months[CURRENT_PLAN].fillna("(unknown)").value_counts(normalize=True)
        rows += [("share of months", str(plan), round(float(share), 4)) for plan, share in shares.items()]
    for report in data.reports:
        rows += [(f"rows of {report.table}", "read", report.read), (f"rows of {report.table}", "kept", report.kept)]
        rows += [(f"rows of {report.table}", f"repaired: {why}", n) for why, n in report.repaired.items()]
        rows += [(f"rows of {report.table}", f"rejected: {why}", n) for why, n in report.rejected.items()]
    return [{"section": section, "figure": figure, "value": value} for section, figure, value in rows]
