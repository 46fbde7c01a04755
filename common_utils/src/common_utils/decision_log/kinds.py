"""Kinds of outcome: what a value may be, and how long after the decision it can be judged. Light to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeGuard

__all__ = ["DAY_MS", "KINDS", "OutcomeKind", "check_value", "mature_before"]

DAY_MS = 86_400_000
_THREE_MONTHS = 92
_LONGEST_TEXT = 64
_MOST_CENTS = 1e12


@dataclass(frozen=True, slots=True)
class OutcomeKind:
    """A kind of outcome.

    Attributes
    ----------
    value : {"yes or no", "text", "cents", "signed cents"}
    mature_days : int
        Days after the decision before which it is not judged.
    monthly : bool
        Whether a decision has one for each month; of another kind it has one, however a row's month is filled.
    """

    value: Literal["yes or no", "text", "cents", "signed cents"]
    mature_days: int
    monthly: bool = False


KINDS: Mapping[str, OutcomeKind] = {
    "accepted": OutcomeKind("yes or no", 0),
    "plan_taken": OutcomeKind("text", 0),
    "bill_paid": OutcomeKind("cents", _THREE_MONTHS, monthly=True),
    "left": OutcomeKind("yes or no", _THREE_MONTHS),
    "complaint": OutcomeKind("yes or no", _THREE_MONTHS),
    "saving": OutcomeKind("signed cents", _THREE_MONTHS),
    "worse_off": OutcomeKind("yes or no", _THREE_MONTHS),
}
"""What can come of a decision; `saving` and `worse_off` are against the plan held before, over three months."""


def check_value(kind: str, value: object) -> str | None:
    """Return what is wrong with a value of a kind, None where nothing is.

    Examples
    --------
    >>> check_value("accepted", True), check_value("bill_paid", -1.0)
    (None, 'bill_paid is in cents: give a plain number, 0 or more')
    >>> check_value("bill_paid", 12.99)
    'bill_paid is in whole cents: 12.99 is written 1299'
    >>> check_value("mood", "good")
    'no such kind; known: accepted, plan_taken, bill_paid, left, complaint, saving, worse_off'
    """
    known = KINDS.get(kind)
    if known is None:
        return f"no such kind; known: {', '.join(KINDS)}"
    match known.value:
        case "yes or no":
            return None if isinstance(value, bool) else f"{kind} is true or false"
        case "text":
            fits = isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT and value.isprintable()
            return None if fits else f"{kind} is text of 1 to {_LONGEST_TEXT} characters"
        case "cents":
            if _is_cents(value, 0) and float(value) % 1:
                return f"{kind} is in whole cents: 12.99 is written 1299"
            return None if _is_cents(value, 0) else f"{kind} is in cents: give a plain number, 0 or more"
        case "signed cents":
            return None if _is_cents(value, -_MOST_CENTS) else f"{kind} is in cents: give a plain number"


def _is_cents(value: object, least: float) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= _MOST_CENTS


def mature_before(kind: str, now_ms: int) -> int:
    """Return when decisions must have been made for an outcome of a kind to be judged now, milliseconds.

    Examples
    --------
    >>> mature_before("accepted", 1000), mature_before("left", 92 * DAY_MS)
    (1000, 0)
    """
    return now_ms - KINDS[kind].mature_days * DAY_MS
