"""A traceback that can be logged: where it broke, never the values it broke on."""

from __future__ import annotations

import traceback
from pathlib import PurePath

from common_utils.errors import PortfolioError

__all__ = ["redacted_traceback"]

_DEEPEST_CHAIN = 5
_FRAMES = 20


def redacted_traceback(error: BaseException) -> str:
    """Return the frames of an error and of its causes, without foreign messages and without source lines.

    A foreign message may quote the request (`ValueError: could not convert string to float: 'Ann'`); our own
    errors promise not to, so theirs are kept.

    Parameters
    ----------
    error : BaseException
        As caught; its `__cause__` or `__context__` are followed, five at most.

    Returns
    -------
    str
        One line per error and per frame (file name, line, function), innermost cause last.

    Examples
    --------
    >>> try:
    ...     float("Ann")
    ... except ValueError as error:
    ...     print(redacted_traceback(error).splitlines()[0])
    ValueError
    """
    lines: list[str] = []
    current: BaseException | None = error
    for _ in range(_DEEPEST_CHAIN):
        if current is None:
            break
        message = f": {current}" if isinstance(current, PortfolioError) else ""
        lines.append(f"{type(current).__name__}{message}")
        frames = traceback.extract_tb(current.__traceback__)[-_FRAMES:]
        lines += [f"  {PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        current = current.__cause__ or current.__context__
    return "\n".join(lines)
