"""One event, one answer about one subject: what is no retry is a counted conflict; who objected leaves no outcome."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.decision_log.cases import KEYS, days, decide, recorder

from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.outcomes import Said, record
from common_utils.decision_log.privacy import Office
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import Store

K1, K2, K3 = (Key(f"k{i}", bytes([48 + i]) * 32) for i in (1, 2, 3))
RINGS = [KeyRing((K1,)), KeyRing((K2, K1)), KeyRing((K3, K2, K1))]


@pytest.mark.parametrize("at_once", [True, False], ids=["one round", "two rounds"])
@pytest.mark.parametrize("first", RINGS, ids=lambda ring: ring.current.name)
@pytest.mark.parametrize("second", RINGS, ids=lambda ring: ring.current.name)
def test_another_subject_is_a_conflict_and_a_retry_is_none_whatever_key_is_in_use(
    store: Store, tmp_path: Path, first: KeyRing, second: KeyRing, *, at_once: bool
) -> None:
    shipper, conflicts = Shipper(tmp_path, store), 0
    for keys, subject in ((first, "S1"), (second, "S1"), (second, "S2"), (first, "S2"), (second, "S1")):
        decide(recorder(tmp_path, keys=keys), "order-17", subject)
        conflicts += 0 if at_once else shipper.round().loaded.conflicts
    conflicts += shipper.round().loaded.conflicts
    assert conflicts == store.count("conflicts") == 1
    assert store.count("decisions") == 1
    office = Office(store, RINGS[2], "demo", tmp_path)
    by = {"who": "ana", "why": "letter 1"}
    assert "a further answer to event" in office.show("S2", **by)
    assert office.forget("S2", **by).counts["conflicts"] == 1
    assert "1 decision(s) in the store" in office.show("S1", **by)


def test_who_is_not_named_is_no_conflict(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for subject in ("S1", None, "S1"):
        decide(at, "order-17", subject)
    assert Shipper(tmp_path, store).round().loaded.conflicts == 0


def test_two_clients_with_one_key_are_two_events(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for client in ("crm", "shop"):
        line = at.line(at.fixed("/p", "m", "v"), at.event(client, "key:order-17"), answer=b"{}", asked=b"{}")
        assert at.keep_now(line)
    assert Shipper(tmp_path, store).round().loaded.new == 2


@pytest.mark.parametrize("by_event", [True, False], ids=["by event", "by subject"])
def test_what_comes_of_a_decision_made_after_the_objection_is_not_kept(
    store: Store, tmp_path: Path, *, by_event: bool
) -> None:
    office = Office(store, KEYS, "demo", tmp_path)
    office.object("S1", who="ana", why="letter 3")
    event = decide(recorder(tmp_path), "n", " S1 ", groups=b'{"age_band":"25-34"}', propensity=0.5)
    other = decide(recorder(tmp_path), "o", "S2")
    at = recorder(tmp_path)
    named = {"event": event} if by_event else {"subject": "S1"}
    at.keep_now(at.outcome({"kind": "accepted", "value": True, "at_ms": days(1), "period": "", **named}))
    Shipper(tmp_path, store, clock=lambda: days(2) * 1_000_000).round()
    (one,) = (one for one in store.decisions() if one["event"] == event)
    assert (one["subject"], one["groups"], one["propensity"]) == (None, {}, None)
    assert store.count("outcomes") == store.count("waiting") == 0
    said = [Said("accepted", True, days(1), e) for e in (event, other)]
    assert [record(store, one, told_ns=1) for one in said] == ["objected", "new"]


def test_who_objected_is_not_told_by_the_lines_of_the_journal(store: Store, tmp_path: Path) -> None:
    rings = RINGS[2]
    Office(store, rings, "demo", tmp_path).object("S1", who="ana", why="letter 3")
    at = recorder(tmp_path, keys=rings)
    line = at.line(at.fixed("/p", "m", "v"), at.event("crm", "n"), answer=b"{}", asked=b"{}", subject="S1")
    forms = [form.partition(".")[2] for form in rings.subjects("demo", "S1")]
    assert not any(form[:8].encode() in line for form in forms)


@pytest.mark.parametrize("form", [" S\u00e91", "Se\u0301\u200b1\n", "\u00a0S\u00ad\u00e91\ufeff"], ids=ascii)
def test_each_form_of_a_subject_is_the_same_one(store: Store, tmp_path: Path, form: str) -> None:
    at = recorder(tmp_path)
    event = decide(at, "n", form)
    at.keep_now(at.outcome({"kind": "left", "value": True, "at_ms": days(1), "period": "", "subject": f"{form} "}))
    Shipper(tmp_path, store, clock=lambda: days(2) * 1_000_000).round()
    assert [one["subject"] for one in store.decisions()] == [KEYS.subject("demo", "S\u00e91")]
    assert store.count("outcomes") == 1
    Office(store, KEYS, "demo", tmp_path).object(f"\u2003{form}", who="ana", why="letter 3")
    assert recorder(tmp_path).objects("S\u00e91")
    assert Office(store, KEYS, "demo", tmp_path).forget(form, who="ana", why="letter 4").counts["decisions"] == 1
    assert event
