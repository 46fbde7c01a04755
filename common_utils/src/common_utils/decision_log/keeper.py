"""The quick way into the log, for a route that answers at once: keys, line, write and answer in one call.

Between other work each call of a function and each look-up costs several times what it costs in a loop of its own. So
all that the answers of one route and one live model share is bound here once, and the two HMACs are spelled out.
`Recorder` says the same in small steps; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any, Protocol, TypeAlias

from common_utils.decision_log.journal.journal import Journal
from common_utils.decision_log.journal.lines import MARK_DIGITS, MARK_SIGN, OBJECTED, Fixed, decision_line
from common_utils.decision_log.keys import KeyRing, begun_keyed, begun_mac
from common_utils.decision_log.objections import Objections
from common_utils.identifiers import cleaned_id

__all__ = ["Asking", "Keeper", "keeper"]


class Asking(Protocol):
    """A request that is answered; `common_utils.serving.request_id.Caller` is one."""

    @property
    def scope(self) -> Mapping[str, Any]:
        """With the name of the API key as `client_name`."""
        ...

    @property
    def name(self) -> str:
        """What makes a retry the same event."""
        ...

    @property
    def begun(self) -> float:
        """`perf_counter` at its arrival."""
        ...

    @property
    def body(self) -> bytes:
        """As it came."""
        ...


Keeper: TypeAlias = Callable[[Asking, bytes, str | None, bytes, bytes], bytes | Awaitable[bytes]]
"""From request, answer, subject, groups and what is kept to the answer with its event id, or with `unlogged`."""


def keeper(
    fixed: Fixed,
    keys: KeyRing,
    journal: Journal,
    objections: Objections,
    objects: Callable[[str], bool],
    clock: Callable[[], int],
) -> Keeper:
    """Return what logs the answers of one route and one live model.

    Parameters
    ----------
    fixed : Fixed
    keys : KeyRing
    journal : Journal
        Where it waits for a disk, the answer is to be awaited.
    objections : Objections
    objects : callable
        Says of a subject whether it objected.
    clock : callable
        Nanoseconds since 1970.
    """
    event_inner, event_outer = begun_mac(keys.event_secret)
    inner, subject_outer = begun_mac(keys.current.secret)
    of_project, project, naming = inner(), f"{fixed.project}|".encode(), keys.naming_mac
    of_project.update(project)
    subject_inner, content = of_project.copy, begun_keyed(keys.current.content_secret)
    key, append, now, waits = f"{keys.current.name}.", journal.append, objections.clock, journal.to_disk

    def keep(
        asking: Asking, answer: bytes, subject: str | None, groups: bytes, kept: bytes
    ) -> bytes | Awaitable[bytes]:
        digest, outer = event_inner(), event_outer()
        digest.update(f"{asking.scope.get('client_name', '')}\0{asking.name}".encode())
        outer.update(digest.digest())
        event = outer.hexdigest()[:32]
        named = None
        if subject is not None:
            if (objections.held or now() > objections.look_at) and objects(subject):
                groups, named = b"{}", MARK_SIGN + OBJECTED
            else:
                subject = cleaned_id(subject)
                digest, outer = subject_inner(), subject_outer()
                digest.update(subject.encode())
                outer.update(digest.digest())
                named = key + outer.hexdigest()[:32]
                if naming is not None:
                    named += MARK_SIGN + naming(project + subject.encode())[:MARK_DIGITS]
        asked = content()
        asked.update(asking.body)
        milliseconds = (perf_counter() - asking.begun) * 1000
        at_ms, question = clock() // 1_000_000, key + asked.hexdigest()
        if not append(decision_line(fixed, event, at_ms, named, milliseconds, None, groups, question, kept)):
            return answer[:-1] + b',"unlogged":true}'
        sent = b'%b,"event_id":"%b"}' % (answer[:-1], event.encode())
        return _synced(journal, sent, answer) if waits else sent

    return keep


async def _synced(journal: Journal, sent: bytes, answer: bytes) -> bytes:
    """Return what is sent once the disk has the line, or what is sent where the disk fails."""
    return sent if await journal.synced() else answer[:-1] + b',"unlogged":true}'
