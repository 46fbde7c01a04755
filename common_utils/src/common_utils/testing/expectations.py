"""An assertion for checks that other packages' tests run: Python's -O does not remove it."""

from __future__ import annotations

__all__ = ["expect"]


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
