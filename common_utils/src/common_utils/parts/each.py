"""The same work for a few items on all cores: folds, seeds, studies. The answers are those of one core, bit by bit."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Generic, TypeVar

from threadpoolctl import threadpool_limits

from common_utils.parts.cores import chosen_workers
from common_utils.parts.pool import answered_in_order

__all__ = ["on_all_cores"]

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_ENDED = (
    "a process ended before it had answered: it was killed, or memory ran out. Nothing was written; run again with "
    "more memory free, or on one core (taskset -c 0)."
)


def on_all_cores(work: Callable[[_Item], _Answer], items: Sequence[_Item]) -> Generator[_Answer]:
    """Yield what work gives for each item, in their order; the next items are worked on meanwhile.

    Each core that affinity and control groups allow has a process, a copy of this one, as long as memory allows 0.6 GB
    for each. A process does not share its part out again. With one core, or one item, the work is done here. Native
    code has one thread, here as there, so that the number of cores changes no bit.

    Parameters
    ----------
    work : callable
        What it gives depends on its item alone, and can be pickled; what it changes is lost.
    items : sequence
        Can be pickled.

    Raises
    ------
    DataError
        If a process ends before it has answered. Errors of `work` are raised as they are.

    Examples
    --------
    >>> list(on_all_cores(abs, [-3, -1, -2]))
    [3, 1, 2]
    """
    count = 1 if _Alone.inside else chosen_workers(None, len(items)).count
    if count == 1:
        for item in items:
            with threadpool_limits(1):
                answer = work(item)
            yield answer
    else:
        yield from answered_in_order(_Alone(work), items, count, ended=_ENDED)


class _Alone(Generic[_Item, _Answer]):
    """Work in a process that has a core to itself."""

    inside = False

    def __init__(self, work: Callable[[_Item], _Answer]) -> None:
        self._work = work

    def __call__(self, item: _Item) -> _Answer:
        _Alone.inside = True  # of this process, which does nothing else
        # A copy of a process has none of its threads: OpenMP would wait for them for ever.
        with threadpool_limits(1):
            return self._work(item)
