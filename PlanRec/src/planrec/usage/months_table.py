"""Usage months as read: the table, and the account of every row that went into it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables import Reading, RowReport
from common_utils.tables.checks import strictly_ascending
from common_utils.tables.report import MOST_LISTED
from planrec.billing import Catalogue
from planrec.billing.detailed_plan import HELD_DETAILED
from planrec.columns import CURRENT_PLAN, KEY, MONTH, OPTIONAL, REQUIRED, SUBSCRIBER, USAGE
from planrec.months import MONTH_PATTERN, month_index, month_indices, month_text
from planrec.usage.last_month import first_month, last_month
from planrec.usage.plan_names import spelt_otherwise, with_nearest

__all__ = [
    "DETAILED_PLAN",
    "MOST_NAMED",
    "UNKNOWN_PLAN",
    "CampaignTables",
    "UsageData",
    "asked_until",
    "beyond",
    "gap_notes",
    "late_months",
    "summarise",
    "until_last",
    "usage_months",
    "with_known_plans",
    "with_late",
    "withheld",
]

UNKNOWN_PLAN = f"{CURRENT_PLAN}: not in the rate card, taken as unknown"
DETAILED_PLAN = HELD_DETAILED
SPELT = f"{CURRENT_PLAN}: letter case, blanks or dashes taken as the plan's"
MOST_NAMED = 5
"""Plans that an account names, of those that are not in the rate card."""
_GAP = 12  # months


@dataclass(frozen=True)
class CampaignTables:
    """What an operator recorded of its campaign.

    Attributes
    ----------
    offers : DataFrame
        One row per selected subscriber and month, as `simulator.simulation.Simulation.offers`.
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
    lost : DataFrame or None
        Subscriber and month of rejected rows, as text.
    """

    months: pd.DataFrame
    reports: tuple[RowReport, ...]
    source: str
    notes: tuple[str, ...] = ()
    campaign: CampaignTables | None = None
    lost: pd.DataFrame | None = None


def withheld(months: pd.DataFrame, lost: pd.DataFrame, *, as_of: int) -> tuple[pd.DataFrame, int]:
    """Leave out subscribers whose last usable month lies before one that was rejected: no answer may rest on it.

    Parameters
    ----------
    months : DataFrame
        Usage months kept.
    lost : DataFrame
        Subscriber and month of rejected rows, as text.
    as_of : int
        Month index; what lies later is not looked at.

    Returns
    -------
    tuple of DataFrame and int
        The months of all others, and how many subscribers are refused, those without any usable month among them.

    Examples
    --------
    >>> months = pd.DataFrame({"subscriber_id": ["a", "b"], "month": ["2025-01", "2025-03"]})
    >>> lost = pd.DataFrame({"subscriber_id": ["a", "b", "c"], "month": ["2025-02", "2025-01", "2025-13"]})
    >>> rest, refused = withheld(months, lost, as_of=24302)
    >>> rest["subscriber_id"].tolist(), refused
    (['b'], 2)
    """
    named = lost[lost[SUBSCRIBER] != ""]
    if named.empty:
        return months, 0
    # A month that cannot be read may be the latest.
    shaped = named[MONTH].str.fullmatch(MONTH_PATTERN)
    latest = (
        named[MONTH]
        .where(shaped, month_text(as_of))
        .groupby(named[SUBSCRIBER])
        .agg(lambda texts: max((t for t in texts if t <= month_text(as_of)), default=""))
    )
    latest = latest[latest != ""]
    usable = months[months[MONTH] <= month_text(as_of)].groupby(SUBSCRIBER)[MONTH].max()
    kept = usable.reindex(latest.index).fillna("").to_numpy(dtype=object)
    unreadable = set(named.loc[~shaped, SUBSCRIBER])
    refused = [
        who
        for who, month, last in zip(latest.index, latest.to_numpy(dtype=object), kept, strict=True)
        if month > last or who in unreadable
    ]
    return months[~months[SUBSCRIBER].isin(refused)].reset_index(drop=True), len(refused)


def until_last(data: UsageData, until: int | None = None, *, reading: Reading | None = None) -> UsageData:
    """Set aside the months after the last one that counts and before the first, by the account of the first table.

    Parameters
    ----------
    data : UsageData
    until : int, optional
        Month index of that month; else `last_month` finds it.
    reading : Reading, optional
        Its accounts take the new account, so that an error later shows it, too.

    Examples
    --------
    >>> months = pd.DataFrame({"subscriber_id": ["a", "a"], "month": ["2025-10", "2099-01"]})
    >>> data = until_last(UsageData(months, (RowReport("usage", read=2, kept=2),), "an example"))
    >>> data.months["month"].tolist(), data.reports[0].set_aside
    (['2025-10'], {'after 2025-10, the last month that counts': 1})
    """
    counts = data.months.groupby(MONTH)[SUBSCRIBER].nunique()
    subscribers = {month_index(str(month)): int(n) for month, n in counts.items()}
    last = month_text(last_month(subscribers, int(data.months[SUBSCRIBER].nunique()), until=until))
    first = month_text(first_month(subscribers))
    late, early = data.months[MONTH] > last, data.months[MONTH] < first
    if not (late | early).any():
        return data
    found = {f"after {last}, the last month that counts": late, f"before {first}, the first month that counts": early}
    aside = {why: int(where.sum()) for why, where in found.items() if where.any()}
    months = usage_months(data.months[~(late | early)])
    return _told(replace(data, months=months, reports=(data.reports[0].after(aside), *data.reports[1:])), reading)


def asked_until(data: UsageData, as_of: int, *, reading: Reading | None = None) -> UsageData:
    """Return the same with the months after the one asked for counted as set aside; answers do not look at them.

    Parameters
    ----------
    data : UsageData
    as_of : int
        Month index.
    reading : Reading, optional
        As `until_last`.
    """
    return _told(replace(data, reports=(beyond(data.reports[0], data.months, as_of), *data.reports[1:])), reading)


def _told(data: UsageData, reading: Reading | None) -> UsageData:
    if reading is not None:
        reading.accounts.update(data.reports[0])
    return data


def beyond(report: RowReport, months: pd.DataFrame, as_of: int) -> RowReport:
    """Return an account in which the months after `--as-of` are set aside.

    Examples
    --------
    >>> beyond(RowReport("usage", read=1, kept=1), pd.DataFrame({"month": ["2025-02"]}), 24300).set_aside
    {'after 2025-01, the month of --as-of': 1}
    """
    return with_late(report, late_months(months, as_of), as_of)


def late_months(months: pd.DataFrame, as_of: int) -> int:
    """Return how many months lie after the one asked for, a month index."""
    return int((months[MONTH] > month_text(as_of)).sum())


def with_late(report: RowReport, late: int, as_of: int) -> RowReport:
    """Return an account in which so many months are set aside because they lie after the one asked for."""
    return report.after({f"after {month_text(as_of)}, the month of --as-of": late}) if late else report


def gap_notes(months: pd.DataFrame) -> tuple[str, ...]:
    """Return a note where a subscriber's months lie more than a year apart: some clock may have begun anew.

    Parameters
    ----------
    months : DataFrame
        Sorted by subscriber and month.

    Examples
    --------
    >>> gap_notes(pd.DataFrame({"subscriber_id": ["a", "a"], "month": ["1970-01", "2025-01"]}))
    ("month: more than 12 months without any between some subscribers' months; is a date wrong?",)
    """
    codes, texts = months[MONTH].factorize()
    index = month_indices(texts)[codes]
    who = months[SUBSCRIBER].array
    apart = np.flatnonzero(index[1:] - index[:-1] > _GAP)
    if not any(who[place] == who[place + 1] for place in apart):
        return ()
    return (f"{MONTH}: more than {_GAP} months without any between some subscribers' months; is a date wrong?",)


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
        raise DataError("usage months: none is left; see the reasons rows were rejected for.")
    known = [c for c in (*REQUIRED, *OPTIONAL) if c in frame.columns]
    further = [c for c in frame.columns if c not in known]
    months = frame[[*known, *further]]
    # Large files mostly come sorted, and looking costs a tenth of sorting.
    if strictly_ascending(months, KEY):
        return months.reset_index(drop=True)
    return months.sort_values(list(KEY), ignore_index=True)


def with_known_plans(
    months: pd.DataFrame,
    report: RowReport,
    catalogue: Catalogue,
    *,
    keep: bool = False,
    rows: NDArray[np.int64] | None = None,
) -> tuple[pd.DataFrame, RowReport]:
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
    keep : bool
        Whether other values stay in the frame, for a caller that counts subscribers; the account is the same.
    rows : int64 array, optional
        Number of each row in the file, so that the account can name the first.

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
    held = months[CURRENT_PLAN]
    spelt = spelt_otherwise(held, catalogue)
    if spelt:
        changed = held.isin(list(spelt))
        months, held = months.assign(**{CURRENT_PLAN: held.replace(spelt)}), held.replace(spelt)
        report = replace(report, repaired={**report.repaired, SPELT: int(changed.sum())})
    unknown = held.notna() & ~held.isin(catalogue.plan_ids)
    if not unknown.any():
        return months, report
    detailed = held.isin(catalogue.detailed_ids)
    for which, why, said in (
        (unknown & ~detailed, UNKNOWN_PLAN, "not in the rate card"),
        (detailed, DETAILED_PLAN, "in the rate card, but three totals of a month do not price it"),
    ):
        if which.any():
            named = sorted(held[which].unique())[:MOST_NAMED]
            note = f"{CURRENT_PLAN} {said}: {', '.join(with_nearest(plan, catalogue) for plan in named)}"
            listed = {} if rows is None else {why: tuple(np.sort(rows[which.to_numpy()])[:MOST_LISTED].tolist())}
            report = replace(
                report,
                repaired={**report.repaired, why: int(which.sum())},
                notes=(*report.notes, note),
                rows={**report.rows, **listed},
            )
    return (months if keep else months.assign(**{CURRENT_PLAN: held.mask(unknown)})), report


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
        rows += [(f"rows of {report.table}", f"set aside: {why}", n) for why, n in report.set_aside.items()]
    return [{"section": section, "figure": figure, "value": value} for section, figure, value in rows]
