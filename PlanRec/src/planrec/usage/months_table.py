"""Usage months as read: the table, and the account of every row that went into it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches

import pandas as pd

from common_utils.errors import DataError
from common_utils.tables import RowReport
from common_utils.tables.checks import strictly_ascending
from planrec.billing import Catalogue
from planrec.columns import CURRENT_PLAN, KEY, MONTH, OPTIONAL, REQUIRED, SUBSCRIBER, USAGE
from planrec.months import MONTH_PATTERN, month_index, month_text
from planrec.usage.last_month import last_month

__all__ = [
    "UNKNOWN_PLAN",
    "CampaignTables",
    "UsageData",
    "answerable",
    "summarise",
    "until_last",
    "usage_months",
    "with_known_plans",
    "withheld",
]

UNKNOWN_PLAN = f"{CURRENT_PLAN}: not in the rate card, taken as unknown"
SPELT = f"{CURRENT_PLAN}: letter case, blanks or dashes taken as the plan's"
_MOST_NAMED = 5


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


def answerable(data: UsageData, *, as_of: int) -> tuple[pd.DataFrame, int]:
    """Return the months of subscribers who may be answered, and how many others there are, by `withheld`."""
    return (data.months, 0) if data.lost is None else withheld(data.months, data.lost, as_of=as_of)


def until_last(data: UsageData, until: int | None = None) -> UsageData:
    """Set aside the months after the last one that counts, and say so in the account of the first table.

    Parameters
    ----------
    data : UsageData
    until : int, optional
        Month index of that month; else `last_month` finds it.

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
    late = data.months[MONTH] > last
    if not late.any():
        return data
    aside = {f"after {last}, the last month that counts": int(late.sum())}
    months = usage_months(data.months[~late])
    return replace(data, months=months, reports=(data.reports[0].after(aside), *data.reports[1:]))


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
    months: pd.DataFrame, report: RowReport, catalogue: Catalogue, *, keep: bool = False
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
        Whether other values stay, for a caller that counts them.

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
    spelt = _spelt_otherwise(held, catalogue)
    if spelt:
        changed = held.isin(list(spelt))
        months, held = months.assign(**{CURRENT_PLAN: held.replace(spelt)}), held.replace(spelt)
        report = replace(report, repaired={**report.repaired, SPELT: int(changed.sum())})
    unknown = held.notna() & ~held.isin(catalogue.plan_ids)
    if not unknown.any():
        return months, report
    named = sorted(held[unknown].unique())[:_MOST_NAMED]
    note = f"{CURRENT_PLAN} not in the rate card: {', '.join(_with_nearest(plan, catalogue) for plan in named)}"
    if keep:
        return months, replace(report, notes=(*report.notes, note))
    repaired = {**report.repaired, UNKNOWN_PLAN: int(unknown.sum())}
    known = held.mask(unknown)
    return months.assign(**{CURRENT_PLAN: known}), replace(report, repaired=repaired, notes=(*report.notes, note))


def _spelt_otherwise(held: pd.Series, catalogue: Catalogue) -> dict[str, str]:
    """Return the values that differ from a plan's id or name in letter case, blanks and dashes alone."""
    known: dict[str, set[str]] = {}
    for plan in catalogue.plans:
        for word in (plan.plan_id, plan.name):
            known.setdefault(_letters(word), set()).add(plan.plan_id)
    foreign = [str(value) for value in held.dropna().unique() if value not in catalogue.plan_ids]
    found = {value: known.get(_letters(value), set()) for value in foreign}
    return {value: next(iter(plans)) for value, plans in found.items() if len(plans) == 1}


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, word.casefold()))


def _with_nearest(plan: str, catalogue: Catalogue) -> str:
    near = get_close_matches(plan, catalogue.plan_ids, n=1)
    return f"{plan!r} (nearest: {near[0]!r})" if near else repr(plan)


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
