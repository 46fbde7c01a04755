"""What a check of live data says: one finding a check and feature, in four levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

__all__ = ["LEVELS", "Finding", "Level", "blocks_retraining", "worst"]

Level: TypeAlias = Literal["ok", "insufficient", "notice", "alarm"]

LEVELS: tuple[Level, ...] = ("ok", "insufficient", "notice", "alarm")
"""From good to bad: `insufficient` is never `ok`, and never hides a notice."""

_NOTHING: Level = "insufficient"


@dataclass(frozen=True)
class Finding:
    """What one check says of one feature in one period; no value of a person.

    Attributes
    ----------
    check : str
        The check's name, such as `own_median_below_hundredth`.
    feature : str
        The feature's name as users know it; empty where the check is of the whole table.
    level : {"ok", "insufficient", "notice", "alarm"}
    value : float or None
        What was measured, in the unit the sentence says; None where nothing could be measured.
    usual : float or None
        What it usually is, in the same unit; None where there is no "usual".
    since : str or None
        The period (`2025-10`, `2025-10-03`) in which it began, as far as the check knows.
    count : int
        Subjects or rows the finding rests on (the check's docstring says which).
    sentence : str
        Plain English, for the report: what, by how much, what to do.
    blocks_retraining : bool
        Whether a model must not learn from this data until somebody has looked: alarms of quality do.

    Examples
    --------
    >>> Finding("missing", "age", "ok", .01, .01, None, 3_400, "age: 1 % missing, as usual.").level
    'ok'
    """

    check: str
    feature: str
    level: Level
    value: float | None
    usual: float | None
    since: str | None
    count: int
    sentence: str
    blocks_retraining: bool = False

    def to_dict(self) -> dict[str, str | float | int | bool | None]:
        """Return the fields by name, as JSON writes them."""
        return asdict(self)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level among findings; `insufficient` where there are none: no data is never "ok".

    Examples
    --------
    >>> worst([])
    'insufficient'
    >>> fine = Finding("missing", "age", "ok", .01, .01, None, 3_400, "age: 1 % missing, as usual.")
    >>> worst([fine, Finding("rows", "", "alarm", 0, 3_400, "2025-10", 0, "No rows at all.")])
    'alarm'
    """
    levels: list[Level] = [finding.level for finding in findings]
    return max(levels or [_NOTHING], key=LEVELS.index)


def blocks_retraining(findings: Iterable[Finding]) -> bool:
    """Say whether a model must not learn from this data until somebody has looked.

    Examples
    --------
    >>> blocks_retraining([Finding("rows", "", "alarm", 0, 3_400, "2025-10", 0, "No rows.", blocks_retraining=True)])
    True
    """
    return any(finding.blocks_retraining for finding in findings)
