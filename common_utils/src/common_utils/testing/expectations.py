"""An assertion for checks that other packages' tests run: Python's -O does not remove it."""

from __future__ import annotations

from typing import Any

__all__ = ["expect", "without_event"]


def expect(holds: bool, what: str) -> None:  # noqa: FBT001 - as an assertion reads
    """Raise AssertionError with `what` unless it holds.

    Examples
    --------
    >>> expect(1 + 1 == 3, "1 + 1 is 2")
    Traceback (most recent call last):
    AssertionError: 1 + 1 is 2
    """
    if not holds:
        raise AssertionError(what)


def without_event(answer: Any) -> Any:
    """Return an answer without the name of its event, as each asking has another; whatever is no object as it is.

    Examples
    --------
    >>> without_event({"prediction": "surf", "event_id": "00ff"})
    {'prediction': 'surf'}
    """
    if not isinstance(answer, dict):
        return answer
    return {name: value for name, value in answer.items() if name not in ("event_id", "unlogged")}
