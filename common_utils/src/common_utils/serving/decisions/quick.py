"""The quick way into the log for a route that answers one subject at once; see `common_utils.decision_log.keeper`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from common_utils.serving.decisions.events import LogPlace, Sink
from common_utils.serving.request_id import Caller, caller

__all__ = ["QuickLog"]

Live = TypeVar("Live")
_Keeper = Callable[[Caller, bytes, str | None, bytes, bytes], bytes | Awaitable[bytes]]


class QuickLog(Generic[Sink, Live]):
    """Logs the answers of one route.

    Parameters
    ----------
    log : LogPlace
    make : callable
        From the log and the live model to what logs answers, such as `Recorder.keeper`; called when either changes.

    Examples
    --------
    >>> QuickLog(LogPlace(), lambda sink, live: None)("v1", b"{}", None)
    b'{}'
    """

    def __init__(self, log: LogPlace[Sink], make: Callable[[Sink, Live], Any]) -> None:
        self._log = log
        self._make = make
        self._sink: Sink | None = None
        self._live: Live | None = None
        self._keep: _Keeper | None = None

    def __call__(
        self,
        live: Live,
        answer: bytes,
        subject: str | None,
        groups: bytes = b"{}",
        kept: Callable[[], bytes] | None = None,
    ) -> bytes | Awaitable[bytes]:
        """Return an answer with what became of its entry, to be awaited where that waits for a disk.

        The entry holds what `kept` returns, or the answer as it is sent.
        """
        asking, log = caller.get(), self._log
        sink = log.sink
        if sink is None or asking is None:
            return answer
        keep = self._keep
        if keep is None or live is not self._live or sink is not self._sink:
            keep = self._keep = self._make(sink, live)
            self._sink, self._live = sink, live
        log.written += 1
        return keep(asking, answer, subject, groups, answer if kept is None else kept())
