"""Why to train again, and what forbids it: from the record of monitoring and two digests, without a file or a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal, TypeAlias

from common_utils.monitoring.day import MonitorDay
from common_utils.monitoring.findings import Finding

__all__ = ["ReasonKind", "RetrainReason", "blocked_by", "reasons_to_train"]

ReasonKind: TypeAlias = Literal["schedule", "drift", "performance", "rate_card", "rules", "other_alarm"]

_MOST_NAMED = 5


@dataclass(frozen=True)
class RetrainReason:
    """Why a new bundle is trained.

    Attributes
    ----------
    kind : {"schedule", "drift", "performance", "rate_card", "rules", "other_alarm"}
    sentence : str
        Plain English, with the figures it rests on.

    Examples
    --------
    >>> RetrainReason("schedule", "30 days since 2025-10-01.").to_dict()["kind"]
    'schedule'
    """

    kind: ReasonKind
    sentence: str

    def to_dict(self) -> dict[str, str]:
        """Return both fields by name."""
        return asdict(self)


def reasons_to_train(
    as_of: date,
    *,
    trained: date,
    every_days: int,
    day: MonitorDay,
    live: Mapping[str, str],
    now: Mapping[str, str],
) -> tuple[RetrainReason, ...]:
    """Return every reason that holds on a day; empty where none does.

    Parameters
    ----------
    as_of : date
    trained : date
        The day of the last training.
    every_days : int
        Days after which time alone is a reason, >= 1.
    day : MonitorDay
        What monitoring found on that day.
    live, now : mapping of str to str
        Digests by name, `rate_card` and `rules`, of the live bundle and of the settings; others are not compared.

    Examples
    --------
    >>> quiet = MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, ())
    >>> asked = {"trained": date(2025, 10, 20), "every_days": 30, "day": quiet}
    >>> reasons_to_train(date(2025, 11, 1), **asked, live={}, now={})
    ()
    >>> [r.kind for r in reasons_to_train(date(2025, 11, 20), **asked, live={"rules": "a"}, now={"rules": "b"})]
    ['rules', 'schedule']
    """
    found: list[RetrainReason] = []
    by_kind: dict[ReasonKind, list[Finding]] = {}
    for finding in day.at("alarm"):
        by_kind.setdefault(_kind_of(finding), []).append(finding)
    changed = {name for name in ("rate_card", "rules") if live.get(name) != now.get(name)}
    for kind, findings in by_kind.items():
        if kind not in changed:
            found.append(RetrainReason(kind, _told(findings)))
    if "rate_card" in changed:
        found.append(RetrainReason("rate_card", "The rate card of the settings is not the live bundle's."))
    if "rules" in changed:
        found.append(RetrainReason("rules", "The rules of the settings are not the live bundle's."))
    since = (as_of - trained).days
    if since >= every_days:
        found.append(
            RetrainReason("schedule", f"{since} days since the last training on {trained}; due after {every_days}.")
        )
    return tuple(found)


def blocked_by(days: Sequence[MonitorDay], *, accepted: Sequence[str] = ()) -> dict[str, tuple[Finding, ...]]:
    """Return the periods whose data must not be learnt, each with the findings that say so.

    Parameters
    ----------
    days : sequence of MonitorDay
        The oldest first. Of a period looked at on several days the last day counts: data that was repaired and looked
        at again blocks no longer.
    accepted : sequence of str
        Periods that somebody has looked at and takes as they are.

    Examples
    --------
    >>> slip = Finding("missing", "age", "alarm", .9, .1, None, 400, "age: 90 % missing.", blocks_retraining=True)
    >>> day = MonitorDay("demo", "v1", "2025-11-01", "2025-10", "0" * 64, (slip,))
    >>> list(blocked_by([day])), blocked_by([day], accepted=["2025-10"])
    (['2025-10'], {})
    """
    last = {day.period: day for day in days}
    return {
        period: tuple(finding for finding in day.findings if finding.blocks_retraining)
        for period, day in last.items()
        if day.blocks_retraining and period not in accepted
    }


def _kind_of(finding: Finding) -> ReasonKind:
    if finding.check.startswith(("drift_", "lasting_")):
        return "drift"
    if finding.check == "late_labels":
        return "performance"
    return "rate_card" if finding.check.startswith("card_") else "other_alarm"


def _told(findings: Sequence[Finding]) -> str:
    more = f" And {len(findings) - _MOST_NAMED} more." if len(findings) > _MOST_NAMED else ""
    return " ".join(finding.sentence for finding in findings[:_MOST_NAMED]) + more
