"""`--wide`: an option of every command that shows tables."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Annotated, Any

import typer

__all__ = ["is_wide", "shows_tables"]

_Wide = Annotated[bool, typer.Option("--wide", help="Show each table in one piece, intervals included.")]
_wide: ContextVar[bool] = ContextVar("tables in one piece", default=False)


def is_wide() -> bool:
    """Return whether the running command shows each table in one piece.

    Examples
    --------
    >>> is_wide()
    False
    """
    return _wide.get()


def shows_tables(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option `--wide`.

    Examples
    --------
    >>> @shows_tables
    ... def show(*, wide_enough: bool = True) -> None: ...
    >>> list(inspect.signature(show).parameters)
    ['wide_enough', 'wide']
    """
    own = inspect.signature(command, eval_str=True).parameters.values()
    added = inspect.Parameter("wide", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Wide)
    parameters = [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), added]

    @wraps(command)
    def run(*, wide: bool = False, **named: Any) -> None:
        token = _wide.set(wide)
        try:
            command(**named)
        finally:
            _wide.reset(token)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del run.__wrapped__  # type: ignore[attr-defined] - its signature is not that of the options
    return run
