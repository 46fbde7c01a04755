"""Decisions whose outcome is known, for a day's verdict: what is judged against the card, and what is only shown.

A figure the card has no counterpart of is shown and says nothing of the day's level; so does an estimate, unless there
is nothing else: then the day is `insufficient`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from common_utils.decision_log.exports import joined
from common_utils.evaluation import Interval
from common_utils.monitoring.findings import Finding
from common_utils.monitoring.late_labels import EarlyEstimate, LateFigure

if TYPE_CHECKING:
    from common_utils.decision_log.desk import Desk

__all__ = ["Matured", "card_figures", "decided_until", "matured", "rows_digest"]


@dataclass(frozen=True)
class Matured:
    """What outcomes say on a day: findings for the verdict, and sentences that are shown and not judged."""

    findings: tuple[Finding, ...] = ()
    shown: tuple[str, ...] = ()


def decided_until(log: Desk, as_of: date) -> list[dict[str, Any]]:
    """Return the decisions made before a day (UTC), with what had matured on it."""
    now = int(datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC).timestamp() * 1000)
    with closing(log.open_store()) as store:
        return list(joined(store, log.selection(None, as_of), now_ms=now))


def rows_digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what tells decisions and outcomes from others: a corrected outcome is looked at anew.

    Examples
    --------
    >>> rows_digest([{"left": True}]) == rows_digest([{"left": False}])
    False
    """
    digest = sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def card_figures(figures: Mapping[str, Any], names: Sequence[str]) -> dict[tuple[str, str], Interval]:
    """Return those of a card's figures that are intervals, as `late_labels.judge` takes them.

    Examples
    --------
    >>> card_figures({"auc": {"estimate": 0.8, "low": 0.7, "high": 0.9}, "mae": 5.0}, ["auc", "mae"])
    {('auc', ''): Interval(estimate=0.8, low=0.7, high=0.9, level=0.95)}
    """
    found = {name: figures.get(name) for name in names}
    return {
        (name, ""): Interval(value["estimate"], value["low"], value["high"])
        for name, value in found.items()
        if isinstance(value, Mapping) and {"estimate", "low", "high"} <= value.keys()
    }


def matured(judged: Sequence[LateFigure], estimates: Sequence[EarlyEstimate], decisions: int) -> Matured:
    """Return what joins a day's findings, and what is only shown.

    Parameters
    ----------
    judged : sequence of LateFigure
        Of `late_labels.judge`.
    estimates : sequence of EarlyEstimate
        Of the decisions whose outcome is not known yet.
    decisions : int
        How many these are.

    Examples
    --------
    >>> guess = EarlyEstimate("share", 0.2, "the score is calibrated")
    >>> [one.level for one in matured([], [guess], 300).findings]
    ['insufficient', 'insufficient']
    """
    against = [one.finding() for one in judged if one.card is not None and one.found is not None]
    shown = [one.sentence() for one in judged if one.card is None and one.found is not None]
    lacking = [one.finding() for one in judged if one.found is None and not one.segment and one.card is not None]
    guesses = [guess.finding(decisions) for guess in estimates]
    if against:
        return Matured(tuple(against), (*shown, *(guess.sentence for guess in guesses)))
    nothing = Finding(
        "late_labels", "", "insufficient", None, None, None, decisions,
        f"Of {decisions:,} decisions no outcome that the card has a figure for is mature.",
    )  # fmt: skip
    return Matured((*(lacking or [nothing]), *guesses), tuple(shown))
