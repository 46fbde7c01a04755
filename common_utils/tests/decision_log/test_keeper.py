"""The quick way into the log writes what the recorder's small steps write, and loses no answer either."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic_core import from_json
from tests.decision_log.cases import KEYS, recorder

from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keeper import Asking
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.objections import write_objections
from common_utils.decision_log.recorder import Recorder

ANSWER = b'{"prediction":"surf"}'
KEPT = b'{"plan":"surf"}'
GROUPS = b'{"age_band":"25-34"}'


def asking(name: str = "key:order-17", client: str | None = "crm") -> Asking:
    scope = {} if client is None else {"client_name": client}
    return cast("Asking", SimpleNamespace(scope=scope, name=name, begun=0.0, body=b'{"usage":[]}'))


def kept(at: Recorder, request: Asking, subject: str | None, groups: bytes = GROUPS) -> dict[str, Any]:
    said = at.keeper(at.fixed("/predict", "choice", "v1", "r1", "c1"))(request, ANSWER, subject, groups, KEPT)
    return from_json(said if isinstance(said, bytes) else asyncio.run(_awaited(said)))


async def _awaited(said: Awaitable[bytes]) -> bytes:
    return await said


def entries(folder: Path) -> list[Decision]:
    parts = (part for segment in segments(folder) for part in segment.read())
    return [without_time(entry) for part in parts for entry in part.entries if isinstance(entry, Decision)]


def without_time(entry: Decision) -> Decision:
    assert entry.milliseconds > 0
    return entry._replace(milliseconds=0.0)


@pytest.mark.parametrize("to_disk", [False, True], ids=["process", "disk"])
@pytest.mark.parametrize("client", [None, "crm"])
@pytest.mark.parametrize("subject", [None, "S1", " S1\u200b ", "Zoë 7", "objects"])
def test_the_quick_way_says_what_the_small_steps_say(
    tmp_path: Path, subject: str | None, client: str | None, *, to_disk: bool
) -> None:
    keys = KeyRing((Key("k2", b"2" * 32), *KEYS.keys))
    at = recorder(tmp_path, keys=keys, to_disk=to_disk)
    write_objections(tmp_path, [keys.subjects("demo", "objects")[1]])  # under an older key
    request = asking(client=client)
    event = at.event(client or "", request.name)
    line = at.line(
        at.fixed("/predict", "choice", "v1", "r1", "c1"),
        event,
        answer=KEPT,
        asked=request.body,
        subject=subject,
        milliseconds=1.0,
        groups=GROUPS,
    )
    assert at.keep_now(line)
    assert kept(at, request, subject) == {"prediction": "surf", "event_id": event}
    at.close()
    slow, quick = entries(tmp_path)
    assert quick == slow
    assert (quick.subject is None) == (subject in {None, "objects"})


@pytest.mark.parametrize("to_disk", [False, True], ids=["process", "disk"])
def test_a_journal_that_takes_nothing_takes_no_answer_away(tmp_path: Path, *, to_disk: bool) -> None:
    (tmp_path / "file").write_text("")
    at = recorder(tmp_path / "file" / "journal", to_disk=to_disk)
    assert kept(at, asking(), "S1") == {"prediction": "surf", "unlogged": True}
    assert at.unlogged["unwritable"] == 1


def test_an_answer_waits_for_the_disk_and_says_where_that_fails(tmp_path: Path) -> None:
    def fail(_: int) -> None:
        raise OSError

    at = recorder(tmp_path, to_disk=True, sync=fail)
    assert kept(at, asking(), "S1") == {"prediction": "surf", "unlogged": True}
    assert at.unlogged["slow"] == 1
