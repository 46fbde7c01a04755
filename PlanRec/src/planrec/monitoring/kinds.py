"""Which kinds of subscribers moved most: by age, by how much data they use, by plan; never a single person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planrec.columns import AGE, CURRENT_PLAN, MEGABYTES, MESSAGES, MINUTES, MONTH, SUBSCRIBER, USAGE
from planrec.decisions.groups import age_band
from planrec.months import month_text

__all__ = ["FEWEST", "MovedKind", "moved_kinds"]

FEWEST = 20
"""Subscribers of a kind that is spoken of; fewer could be known by it."""
_BACK = 3  # months of which a subscriber's own median is taken
_TIERS = ("little data", "some data", "much data")
_ADDED = {MINUTES: 10.0, MESSAGES: 5.0, MEGABYTES: 100.0}  # so that a month without usage has a ratio


@dataclass(frozen=True)
class MovedKind:
    """A kind of subscribers and how it moved.

    Attributes
    ----------
    name : str
        Such as `25-34, much data, on smart`.
    subscribers : int
        At least `FEWEST`.
    service : str
        The one that moved most.
    change : float
        Mean change against the subscribers' own medians of three months: .5 is half as much again.
    """

    name: str
    subscribers: int
    service: str
    change: float

    def words(self) -> str:
        """Return the kind in a sentence.

        Examples
        --------
        >>> MovedKind("25-34, much data", 312, "megabytes", 0.48).words()
        '25-34, much data (312 subscribers): megabytes +48 % against their own median of three months.'
        """
        moved = f"{self.service} {100 * self.change:+z.0f} %"
        return f"{self.name} ({self.subscribers:,} subscribers): {moved} against their own median of three months."


def moved_kinds(months: pd.DataFrame, month: int, *, most: int = 3) -> list[MovedKind]:
    """Return the kinds that moved most, the most surely moved first.

    Parameters
    ----------
    months : DataFrame
        Usage months; those of `month` and of the three before count, of subscribers who have all four.
    month : int
        Month index.
    most : int
        Kinds returned at most.

    Returns
    -------
    list of MovedKind
        Ordered by the mean change divided by its standard error; the mean is that of logarithms, so that one huge
        month does not make a kind.

    Examples
    --------
    >>> usual = [(f"S{i}", f"2025-0{m}", 100.0, 10.0, 1000.0) for i in range(40) for m in range(1, 4)]
    >>> rows = usual + [(f"S{i}", "2025-04", 100.0, 10.0, 2000.0) for i in range(40)]
    >>> table = pd.DataFrame(rows, columns=["subscriber_id", "month", "minutes", "messages", "megabytes"])
    >>> [(kind.name, kind.subscribers, kind.service) for kind in moved_kinds(table, 24303)]
    [('little data', 40, 'megabytes')]
    """
    people = _panel(months, month)
    found: list[tuple[float, MovedKind]] = []
    for name, rows in people.groupby("kind", sort=True):
        if len(rows) < FEWEST:
            continue
        means = {service: float(rows[f"moved_{service}"].mean()) for service in USAGE}
        errors = {service: float(rows[f"moved_{service}"].std(ddof=1)) / len(rows) ** 0.5 for service in USAGE}
        sureness = {service: abs(means[service]) / max(errors[service], 1e-3) for service in USAGE}
        service = max(USAGE, key=lambda one: sureness[one])
        found.append((sureness[service], MovedKind(str(name), len(rows), service, float(np.expm1(means[service])))))
    found.sort(key=lambda one: -one[0])
    return [kind for _, kind in found[:most]]


def _panel(months: pd.DataFrame, month: int) -> pd.DataFrame:
    """Return one row for each subscriber with four months: the kind, and the logarithm of how each service moved."""
    wanted = [month_text(month - back) for back in range(_BACK + 1)]
    known = months[months[MONTH].isin(wanted)]
    medians = known[known[MONTH] != wanted[0]].groupby(SUBSCRIBER, observed=True)
    whole = medians.size() == _BACK
    usual = medians[list(USAGE)].median()[whole]
    now = known[known[MONTH] == wanted[0]].set_index(SUBSCRIBER)
    there = usual.index.intersection(now.index)
    usual, now = usual.loc[there], now.loc[there]
    panel = pd.DataFrame(index=there)
    for service, added in _ADDED.items():
        panel[f"moved_{service}"] = np.log((now[service] + added) / (usual[service] + added))
    panel["kind"] = _kinds(now, usual[MEGABYTES].to_numpy(dtype=np.float64))
    return panel


def _kinds(now: pd.DataFrame, megabytes: np.ndarray) -> pd.Series:
    cuts = np.unique(np.quantile(megabytes, [1 / 3, 2 / 3])) if len(megabytes) else np.array([])
    names = [_TIERS[at] for at in np.searchsorted(cuts, megabytes, side="left")]
    if AGE in now and now[AGE].notna().any():
        names = [f"{age_band(age)}, {tier}" for age, tier in zip(now[AGE].tolist(), names, strict=True)]
    if CURRENT_PLAN in now and now[CURRENT_PLAN].notna().any():
        held = [plan if isinstance(plan, str) else "an unknown plan" for plan in now[CURRENT_PLAN].tolist()]
        names = [f"{name}, on {plan}" for name, plan in zip(names, held, strict=True)]
    return pd.Series(names, index=now.index, dtype=object)
