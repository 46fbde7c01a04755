"""A subject's rights: all that is held is shown, forgotten everywhere, objected to; each act leaves a line."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TypedDict

import pandas as pd
import pytest
from tests.decision_log.cases import KEYS, START_MS, days, decide, recorder

from common_utils.decision_log import privacy
from common_utils.decision_log.exports import DecisionSelection, export
from common_utils.decision_log.journal.lines import Decision
from common_utils.decision_log.journal.segments import segments
from common_utils.decision_log.keys import Key, KeyRing
from common_utils.decision_log.outcomes import Said, record
from common_utils.decision_log.privacy import Office
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import Loaded, Store, open_store
from common_utils.errors import DataError


class _By(TypedDict):
    who: str
    why: str


BY: _By = {"who": "ana", "why": "asked in letter 17"}


def _journal_subjects(folder: Path) -> list[str | None]:
    read = (part for segment in segments(folder) for part in segment.read())
    return [entry.subject for part in read for entry in part.entries if isinstance(entry, Decision)]


def _held(store: Store) -> list[str]:
    return [one["subject"] for one in store.decisions()]


def test_show_says_in_words_all_that_is_held(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    event = decide(at, "n1", "S1", groups=b'{"age_band":"25-34"}')
    decide(at, "n2", "S2")
    Shipper(tmp_path, store).round()
    record(store, Said("accepted", True, days(1), event), told_ns=1)
    decide(at, "n3", "S1")
    said = Office(store, KEYS, "demo", tmp_path).show("S1", **BY)
    assert "1 decision(s) in the store, 1 not shipped yet" in said
    for text in (event, "age_band 25-34", '"prediction": "surf"', "outcome accepted: true", "No objection"):
        assert text in said
    assert "S1" not in said.replace("S1 ", "")


def test_an_event_two_subjects_share_shows_and_forgets_each_one_s_answer_alone(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for subject, plan in (("S1", b"surf"), ("S2", b"ultra"), ("S1", b"smart")):
        decide(at, "same", subject, answer=b'{"prediction":"%b"}' % plan)
    Shipper(tmp_path, store).round()
    office = Office(store, KEYS, "demo", tmp_path)
    first, second = office.show("S1", **BY), office.show("S2", **BY)
    assert [plan for plan in ("surf", "ultra", "smart") if plan in first] == ["surf", "smart"]
    assert [plan for plan in ("surf", "ultra", "smart") if plan in second] == ["ultra"]
    assert "0 decision(s) in the store, 0 not shipped yet" in second
    assert office.forget("S2", **BY).counts["conflicts"] == 1
    assert "ultra" not in office.show("S2", **BY)
    assert "smart" in office.show("S1", **BY)
    assert office.forget("S1", **BY).counts["conflicts"] == 1
    assert store.count("conflicts") == store.count("decisions") == 0


def test_forget_leaves_nothing_anywhere(open_log: Callable[[], Store], tmp_path: Path) -> None:
    store = open_log()
    at = recorder(tmp_path)
    events = [decide(at, f"n{i}", f"S{i % 3}") for i in range(9)]
    Shipper(tmp_path, store).round()
    for event in events:
        record(store, Said("accepted", True, days(1), event), told_ns=1)
    decide(at, "later", "S1")
    at.keep_now(at.outcome({"kind": "left", "value": True, "at_ms": days(1), "period": "", "subject": "S1"}))
    out = tmp_path / "out.csv"
    export(store, DecisionSelection(), out)
    name = KEYS.subject("demo", "S1")
    done = Office(store, KEYS, "demo", tmp_path).forget("S1", **BY)
    assert done.counts["decisions"] == 3
    assert done.counts["outcomes"] == 3
    assert done.counts["exports"] == 1
    assert done.counts["journal"] >= 2
    assert not out.exists()
    assert name not in _held(store)
    assert len(_held(store)) == 6
    assert name not in _journal_subjects(tmp_path)
    assert all(name.encode() not in segment.path.read_bytes() for segment in segments(tmp_path))
    assert store.count("outcomes") == 6
    assert "0 decision(s) in the store, 0 not" in Office(store, KEYS, "demo", tmp_path).show("S1", **BY)


def test_forget_reaches_what_was_logged_under_an_older_key(store: Store, tmp_path: Path) -> None:
    old, new = Key("k1", b"1" * 32), Key("k2", b"2" * 32)
    decide(recorder(tmp_path, keys=KeyRing((old,))), "n1", "S1")
    decide(recorder(tmp_path, keys=KeyRing((new, old))), "n2", "S1")
    Shipper(tmp_path, store).round()
    assert Office(store, KeyRing((new, old)), "demo", tmp_path).forget("S1", **BY).counts["decisions"] == 2


def test_another_hosts_journal_does_not_bring_it_back_but_new_entries_count(store: Store, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    decide(recorder(there), "old", "S1")
    Office(store, KEYS, "demo", here).forget("S1", **BY)
    decide(recorder(there, at_ms=days(10_000)), "new", "S1")
    assert Shipper(there, store).round().loaded == Loaded(new=1, erased=1)


def test_an_objection_reaches_the_services_file_and_is_withdrawn(store: Store, tmp_path: Path) -> None:
    office = Office(store, KEYS, "demo", tmp_path / "journal")
    office.object("S1", **BY)
    at = recorder(tmp_path / "elsewhere")
    Shipper(at.journal.folder, store).round()
    assert recorder(tmp_path / "journal").objects("S1")
    assert recorder(at.journal.folder).objects("S1")
    assert not recorder(at.journal.folder).objects("S2")
    decide(recorder(at.journal.folder), "n", "S1", groups=b'{"age_band":"25-34"}', propensity=0.5)
    Shipper(at.journal.folder, store).round()
    (one,) = store.decisions()
    assert (one["subject"], one["groups"], one["propensity"]) == (None, {}, None)
    office.object("S1", withdraw=True, **BY)
    Shipper(at.journal.folder, store).round()
    assert not recorder(at.journal.folder).objects("S1")


def test_retain_deletes_what_is_too_old(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = decide(recorder(tmp_path), "old", "S1")
    young = decide(recorder(tmp_path, at_ms=days(300)), "young", "S1")
    Shipper(tmp_path, store).round()
    record(store, Said("accepted", True, days(1), old), told_ns=START_MS)
    monkeypatch.setattr(privacy, "_now", lambda: days(401))
    office = Office(store, KEYS, "demo", tmp_path)
    assert office.retain(400, **BY).counts == {"decisions": 1, "journal": 1, "exports": 0}
    assert [one["event"] for one in store.decisions()] == [young]
    assert store.count("outcomes") == 0


def test_each_act_leaves_who_when_and_why_without_the_name(store: Store, tmp_path: Path) -> None:
    office = Office(store, KEYS, "demo", tmp_path)
    office.show("S-secret", **BY)
    office.object("S-secret", **BY)
    office.forget("S-secret", **BY)
    rows = list(store.database.rows("SELECT who, what, why, about, at_ms FROM audit ORDER BY at_ms"))
    assert sorted(row[1] for row in rows) == ["forget", "object", "show"]
    assert {row[0] for row in rows} == {"ana"}
    assert all(row[4] > START_MS for row in rows)
    assert "S-secret" not in str(rows)


class _Cache:
    def held(self, subjects: Sequence[str]) -> list[str]:
        return [f"one answer under {subjects[0][:2]}"]

    def forget(self, subjects: Sequence[str]) -> int:
        return len(subjects)


def test_stores_that_register_are_reached(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "_HOLDERS", {})
    privacy.register("cache", _Cache())
    office = Office(store, KEYS, "demo", tmp_path)
    assert "cache: one answer under k1" in office.show("S1", **BY)
    assert office.forget("S1", **BY).counts["cache"] == 1


def test_exports_of_another_host_are_named(store: Store, tmp_path: Path) -> None:
    with store.database.transaction():
        store.database.add("exports", ("path", "host", "at_ms", "oldest_ms"), [("/srv/log.csv", "elsewhere", 1, 1)])
    done = Office(store, KEYS, "demo", tmp_path).forget("S1", **BY)
    assert done.out_of_reach == ("elsewhere:/srv/log.csv",)


def test_canaries_are_nowhere(open_log: Callable[[], Store], tmp_path: Path) -> None:
    """1,000 subjects and keys that could be found again: none is in journal, store, export or audit."""
    store = open_log()
    at = recorder(tmp_path / "journal")
    canaries = [f"canary{secrets.token_hex(8)}" for _ in range(1000)]
    for canary in canaries:
        event = at.event("crm", f"key-{canary}")
        line = at.line(at.fixed("/p", "m", "v"), event, answer=b"{}", asked=canary.encode(), subject=canary)
        at.keep_now(line)
    at.keep_now(at.outcome({"kind": "left", "value": True, "at_ms": days(1), "period": "", "subject": canaries[0]}))
    journal = b"".join(segment.path.read_bytes() for segment in segments(tmp_path / "journal"))
    Shipper(tmp_path / "journal", store).round()
    Office(store, KEYS, "demo", tmp_path / "journal").forget(canaries[1], **BY)
    export(store, DecisionSelection(), tmp_path / "log.csv")
    tables = ("decisions", "outcomes", "waiting", "erased", "audit", "exports", "facts")
    queries = [f"SELECT * FROM {table}" for table in tables]  # noqa: S608
    rows = [str(row) for query in queries for row in store.database.rows(query)]
    written = journal.decode() + "".join(rows) + (tmp_path / "log.csv").read_text()
    assert "canary" not in written
    assert len(pd.read_csv(tmp_path / "log.csv")) == 999


def test_what_is_forgotten_leaves_no_bytes_in_the_file(tmp_path: Path) -> None:
    store = open_store("sqlite:///log.db", tmp_path)
    at = recorder(tmp_path / "journal")
    answer = b'{"prediction":"a-plan-of-one-person"}'
    for i in range(300):
        decide(at, f"n{i}", f"S{i}", answer if i == 150 else b'{"prediction":"surf"}')
    at.close()
    Shipper(at.journal.folder, store).round()
    Office(store, KEYS, "demo", at.journal.folder).forget("S150", **BY)
    store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"a-plan-of-one-person" not in written
    assert b'{"prediction":"surf"}' in written


def test_show_and_forget_reach_what_waits(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    unshipped = decide(at, "n1", "S1")
    told = {"kind": "left", "value": True, "at_ms": days(1), "period": ""}
    at.keep_now(at.outcome({**told, "subject": "S1"}) + at.outcome({**told, "event": unshipped}))
    office = Office(store, KEYS, "demo", tmp_path)
    assert office.show("S1", **BY).count("outcome in this host's journal: left true") == 2
    assert office.forget("S1", **BY).counts["journal"] == 3
    at.keep_now(at.outcome({**told, "subject": "S2"}) + at.outcome({**told, "event": "elsewhere"}))
    Shipper(tmp_path, store, clock=lambda: days(2) * 1_000_000).round()
    assert office.show("S2", **BY).count("outcome waits for its decision: left true") == 1
    assert office.forget("S2", **BY).counts["waiting"] == 1
    assert store.count("waiting") == 1


def test_an_outcome_told_before_the_erasure_does_not_come_back(store: Store, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    told = {"kind": "left", "value": True, "at_ms": days(1), "period": "", "subject": "S1"}
    old, new = recorder(there), recorder(there, at_ms=days(10_000))
    old.keep_now(old.outcome(told))
    Office(store, KEYS, "demo", here).forget("S1", **BY)
    Shipper(there, store, clock=lambda: days(2) * 1_000_000).round()
    assert store.count("waiting") == 0
    new.keep_now(new.outcome(told))
    Shipper(there, store, clock=lambda: days(2) * 1_000_000).round()
    assert store.count("waiting") == 1


def test_retention_reaches_exports_that_hold_what_is_too_old(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(recorder(tmp_path), "old", "S1")
    decide(recorder(tmp_path, at_ms=days(300)), "young", "S2")
    Shipper(tmp_path, store).round()
    both, young, gone = (tmp_path / name for name in ("both.json", "young.json", "gone.json"))
    export(store, DecisionSelection(), both)
    export(store, DecisionSelection(), gone)
    gone.unlink()
    export(store, DecisionSelection(mode="none"), tmp_path / "nobody.json")
    monkeypatch.setattr("common_utils.decision_log.exports._now", lambda: days(399))
    export(store, DecisionSelection(since=date(2025, 12, 1)), young)
    export(store, DecisionSelection(mode="none"), tmp_path / "nobody.json")
    columns = ("path", "host", "at_ms", "oldest_ms")
    with store.database.transaction():
        rows = [(f"/srv/{oldest}.csv", "elsewhere", 1, days(oldest)) for oldest in (0, 399)]
        store.database.add("exports", columns, [*rows, (str(young), "elsewhere", 1, days(399))])
    monkeypatch.setattr(privacy, "_now", lambda: days(401))
    done = Office(store, KEYS, "demo", tmp_path).retain(400, **BY)
    assert done.counts["exports"] == 1
    assert done.out_of_reach == ("elsewhere:/srv/0.csv",)
    assert not both.exists()
    assert young.exists()
    assert "NOT deleted, on another host: elsewhere:/srv/0.csv; delete it there" in done.lines()
    assert store.count("exports") == 5


def test_an_export_that_was_not_finished_counts_as_one_of_any_age(store: Store, tmp_path: Path) -> None:
    decide(recorder(tmp_path), "n", "S1")
    Shipper(tmp_path, store).round()
    (tmp_path / "log.json").mkdir()  # nothing can be written there
    with pytest.raises(DataError):
        export(store, DecisionSelection(), tmp_path / "log.json")
    (tmp_path / "log.json").rmdir()
    assert list(store.database.rows("SELECT oldest_ms FROM exports")) in ([(0,)], [[0]])
    Office(store, KEYS, "demo", tmp_path).retain(10_000, **BY)
    assert store.count("exports") == 0


def test_who_is_forgotten_takes_no_other_one_s_answer_along(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    for subject, plan in (("S1", b"surf"), ("S2", b"ultra")):
        decide(at, "same", subject, answer=b'{"prediction":"%b"}' % plan)
    Shipper(tmp_path, store).round()
    office = Office(store, KEYS, "demo", tmp_path)
    assert office.forget("S1", **BY).counts["conflicts"] == 0
    assert "ultra" in office.show("S2", **BY)
    office.retain(1, **BY)  # it was made long ago, and ends though its event's first answer is gone
    assert store.count("conflicts") == 0


def test_a_retry_that_is_not_shipped_is_shown_once_and_another_answer_too(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    decide(at, "n1", "S1")
    Shipper(tmp_path, store).round()
    for answer in (b'{"prediction":"surf"}', b'{"prediction":"ultra"}', b'{"prediction":"ultra"}'):
        decide(at, "n1", "S1", answer=answer)
    said = Office(store, KEYS, "demo", tmp_path).show("S1", **BY)
    assert "1 decision(s) in the store, 1 not shipped yet" in said
    assert (said.count("surf"), said.count("ultra")) == (1, 1)


def test_an_export_that_cannot_be_deleted_is_told_and_tried_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(recorder(tmp_path), "n1", "S1")
    Shipper(tmp_path, store).round()
    path = tmp_path / "log.csv"
    export(store, DecisionSelection(), path)
    office = Office(store, KEYS, "demo", tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        done = office.forget("S1", **BY)
    assert (done.left, done.counts["decisions"]) == ((f"{path.resolve()} (Permission denied)",), 1)
    assert f"NOT deleted: {path.resolve()} (Permission denied)" in "".join(done.lines())
    assert [row[0] for row in store.database.rows("SELECT what FROM audit")] == ["forget"]
    again = office.forget("S1", **BY)
    assert (again.counts["exports"], again.left, path.exists()) == (1, (), False)
