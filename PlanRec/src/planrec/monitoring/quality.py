"""Is a month of usage sane: the checks of `common_utils.monitoring.quality.checks`, on what PlanRec's tables hold."""

from __future__ import annotations

from calendar import monthrange
from datetime import date

import numpy as np
import pandas as pd

from common_utils.monitoring.findings import Finding
from common_utils.monitoring.profiles.counting import profile_like
from common_utils.monitoring.profiles.profile import CategoryCounts, Profile
from common_utils.monitoring.quality.checks import (
    check_freshness,
    check_impossible,
    check_missing,
    check_repeated,
    check_row_count,
    check_subjects,
    check_unknown,
)
from common_utils.monitoring.quality.own_median import check_own_median
from planrec.billing import Catalogue
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, MONTH, MOST, MOST_USED, SUBSCRIBER, TENURE, USAGE
from planrec.months import month_index, month_text

__all__ = ["quality_findings"]

_MOST_MONTHS = 13  # a year and the month itself: what is usual of a longer past is another world's
_MOST_DAYS = 31  # how old the newest month's last day may be
_FACTS = (AGE, TENURE, CONTRACT_LEFT)


def quality_findings(
    months: pd.DataFrame, month: int, as_of: date, *, card: Catalogue, now: Profile, before: Profile
) -> list[Finding]:
    """Return every check of quality of a month.

    Parameters
    ----------
    months : DataFrame
        Usage months; up to a year before `month` says what is usual.
    month : int
        Month index.
    as_of : date
        The day it is looked at.
    card : Catalogue
        The rate card in force.
    now, before : Profile
        Of the month and of the one before, on one reference.
    """
    since = month_text(month)
    asked = [month_text(month - back) for back in reversed(range(_MOST_MONTHS))]
    there = set(months[MONTH].unique())
    periods = [name for name in asked if name in there]
    found = [_freshness(months, as_of), *_panels(months, periods), *_of_the_month(months, since, month_text(month - 1))]
    found += check_missing(now, before, since=since)
    found += [one for one in check_unknown(now, before, since=since) if one.feature != CURRENT_PLAN]
    found += _strange_plans(months, card, since, month_text(month - 1))
    subjects = [months.loc[months[MONTH] == name, SUBSCRIBER].to_numpy(dtype=str) for name in periods]
    counts = [len(one) for one in subjects]
    found.append(check_row_count(counts[-1], counts[:-1], since=since))
    return found + check_subjects(subjects, since=since)


def _freshness(months: pd.DataFrame, as_of: date) -> Finding:
    newest = month_index(months[MONTH].max())
    year, number = newest // 12, newest % 12 + 1
    last_day = date(year, number, monthrange(year, number)[1])
    return check_freshness(min(last_day, as_of), as_of, most_days=_MOST_DAYS)


def _panels(months: pd.DataFrame, periods: list[str]) -> list[Finding]:
    """Each subscriber against their own past, service by service; a month only partly lived through is no month."""
    known = months[months[MONTH].isin(periods)]
    found: list[Finding] = []
    for service in USAGE:
        wide = known.pivot_table(index=SUBSCRIBER, columns=MONTH, values=service, aggfunc="first", observed=True)
        values = wide.reindex(columns=periods).to_numpy(dtype=np.float64)
        found += check_own_median(values, feature=service, periods=periods)
    return found


def _of_the_month(months: pd.DataFrame, since: str, earlier: str) -> list[Finding]:
    now, before = months[months[MONTH] == since], months[months[MONTH] == earlier]
    found: list[Finding] = []
    both = [name for name in (*USAGE, *_FACTS, CURRENT_PLAN) if name in now and name in before and len(before)]
    for name, most in {**MOST_USED, **MOST}.items():
        if name in now and now[name].notna().any():
            values = now[name].to_numpy(dtype=np.float64)
            found.append(check_impossible(values, low=0, high=most, feature=name, since=since))
    said = [check_repeated(_values(now[name]), _values(before[name]), feature=name, since=since) for name in both]
    return found + said


def _strange_plans(months: pd.DataFrame, card: Catalogue, since: str, earlier: str) -> list[Finding]:
    """Whether more subscribers than before hold a plan that is not in the card in force; a launched plan is in it."""
    if CURRENT_PLAN not in months:
        return []
    known = Profile(0, 0, (), categories={CURRENT_PLAN: CategoryCounts(dict.fromkeys(card.plan_ids, 0), 0, 0, 0)})
    now, before = (
        profile_like(known, {CURRENT_PLAN: _values(months.loc[months[MONTH] == name, CURRENT_PLAN])})
        for name in (since, earlier)
    )
    return check_unknown(now, before, since=since)


def _values(column: pd.Series) -> np.ndarray:
    if column.dtype.kind in "iufb":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.astype(object).to_numpy()
