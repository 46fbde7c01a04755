"""Outcomes: joined once, corrected, late, early, unmatched; nothing is judged before it is mature."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tests.decision_log.cases import KEYS, START_MS, days, decide, recorder

from common_utils.decision_log.exports import DecisionSelection, export, joined, stats
from common_utils.decision_log.kinds import KINDS, check_value
from common_utils.decision_log.outcome_files import keep_outcomes, read_outcome_table
from common_utils.decision_log.outcomes import Said, record, settle
from common_utils.decision_log.privacy import Office
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.store import Store
from common_utils.errors import ConfigError, DataError
from common_utils.tables import Reading


@pytest.fixture
def event(store: Store, tmp_path: Path) -> str:
    """A decision about S1, and one about somebody else."""
    at = recorder(tmp_path / "journal")
    decide(at, "other", "S2")
    made = decide(at, "n", "S1")
    Shipper(at.journal.folder, store).round()
    return made


def _said(event: str | None, *, value: bool = True, day: float = 3, subject: str | None = None) -> Said:
    return Said("accepted", value, days(day), event, KEYS.subjects("demo", subject) if subject else ())


def test_an_outcome_is_joined_by_event_or_by_subject_and_date(store: Store, event: str) -> None:
    assert record(store, _said(event), told_ns=1) == "new"
    assert record(store, _said(event), told_ns=2) == "again"
    assert record(store, _said(None, subject="S1"), told_ns=3) == "again"
    assert record(store, _said(None, subject="S2"), told_ns=3) == "new"
    assert store.count("outcomes") == 2


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        pytest.param(_said("nobody"), "no such event", id="unknown"),
        pytest.param(_said(None, subject="S9"), "no decision in the window", id="stranger"),
        pytest.param(_said(None, subject="S1", day=121), "no decision in the window", id="window"),
        pytest.param(_said(None, subject="S1", day=-2), "no decision in the window", id="before"),
    ],
)
def test_what_has_no_decision_is_said(store: Store, event: str, said: Said, verdict: str) -> None:
    assert record(store, said, told_ns=1) == verdict
    assert store.count("outcomes") == 0


def test_late_and_early_ones_are_not_kept(store: Store, event: str) -> None:
    assert record(store, _said(event, day=121), told_ns=1) == "late"
    assert record(store, _said(event, day=-2), told_ns=1) == "early"
    assert record(store, _said(event, day=121), told_ns=1, window_days=200) == "new"


def test_an_outcome_told_before_its_decision_came_waits_for_it(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    told = {"kind": "accepted", "value": True, "at_ms": days(1), "period": ""}
    at.keep_now(at.outcome({**told, "event": at.event("crm", "n")}) + at.outcome({**told, "subject": "S1"}))
    shipper = Shipper(tmp_path, store, clock=lambda: days(2) * 1_000_000)
    assert shipper.round().outcomes == 2
    assert stats(store)["outcomes_waiting"] == {"no decision in the window": 1, "no such event": 1}
    decide(at, "n", "S1")
    shipper.round()
    assert store.count("outcomes") == 1
    assert store.count("waiting") == 0
    assert settle(store, now_ms=days(2)) == {}


def test_nothing_is_judged_before_it_is_mature(store: Store, event: str) -> None:
    record(store, _said(event), told_ns=1)
    record(store, Said("left", True, days(20), event), told_ns=1)
    record(store, Said("bill_paid", 1000.0, days(40), event, period="2025-11"), told_ns=1)
    record(store, Said("bill_paid", 2000.0, days(70), event, period="2025-12"), told_ns=1)
    chosen = DecisionSelection(event=event)
    (early,) = joined(store, chosen, now_ms=days(91))
    assert (early["accepted"], early["left"], early["bill_paid"], early["complaint"]) == (True, None, None, None)
    (ripe,) = joined(store, chosen, now_ms=days(92))
    assert (ripe["left"], ripe["bill_paid"]) == (True, 1500.0)


def test_a_file_is_accounted_for_row_by_row(store: Store, event: str, tmp_path: Path) -> None:
    date = pd.Timestamp(START_MS, unit="ms").strftime("%Y-%m-%d")
    rows = [
        (event, "", "accepted", "yes", date),
        ("", "S1", "bill_paid", "1299", date),
        ("gone", "", "accepted", "true", date),
        (event, "", "mood", "good", date),
        (event, "", "left", "maybe", date),
        ("", "", "left", "0", date),
        (event, "", "accepted", "1.0", "no date"),
        ("", "S" * 65, "left", "0", date),
    ]
    path = tmp_path / "outcomes.csv"
    pd.DataFrame(rows, columns=["event_id", "subject", "kind", "value", "date"]).to_csv(path, index=False)
    reading = Reading()
    first = keep_outcomes(read_outcome_table(path, reading), store, KEYS, "demo", reading=reading)
    assert (first.rows, sum(first.counts.values()), first.counts["new"]) == (8, 8, 2)
    refused = reading.accounts.rejects().set_index("row")["reason"]
    assert sorted(refused.index) == [3, 4, 5, 6, 7, 8]
    assert refused[4] == "kind: none of accepted, plan_taken, bill_paid, left, complaint, saving, worse_off"
    assert refused[8] == "subject: not 1 to 64 characters"
    assert not refused.str.contains(r"\w\(|\[").any()  # words, and no expression of the library that checks
    assert refused[3] == "no such event"
    assert refused[5] == "value: left is true or false"
    assert reading.accounts.reports[0].rejected["no such event"] == 1
    again = keep_outcomes(read_outcome_table(path, Reading()), store, KEYS, "demo", reading=Reading())
    assert (again.counts["again"], again.counts.get("new")) == (2, None)
    assert store.count("outcomes") == 2


def test_a_file_without_a_decision_to_join_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text("kind,value,date\naccepted,1,2025-11-01\n")
    with pytest.raises(DataError, match="neither event_id nor subject"):
        read_outcome_table(path, Reading())


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_an_export_holds_decisions_and_outcomes(store: Store, event: str, tmp_path: Path, ending: str) -> None:
    record(store, _said(event), told_ns=1)
    path = tmp_path / f"log.{ending}"
    assert export(store, DecisionSelection(mode="choice"), path) == 2
    read: dict[str, Callable[..., pd.DataFrame]] = {
        "csv": pd.read_csv,
        "parquet": pd.read_parquet,
        "json": pd.read_json,
    }
    frame = read[ending](path, **({"lines": True} if ending == "json" else {}))
    assert frame.set_index("event").loc[event, "accepted"] in (True, "True")
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.count("exports") == 1


def test_an_export_of_another_kind_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.parquet, \.csv or \.json"):
        export(store, DecisionSelection(), tmp_path / "log.xlsx")


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.csv")
    return folder / "pipe.csv"


def test_an_export_into_a_pipe_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can reach"):
        export(store, DecisionSelection(), _pipe(tmp_path))
    assert store.count("exports") == 0


def test_an_export_keeps_pieces_together(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = recorder(tmp_path / "journal")
    events = [decide(at, f"n{i}", f"S{i}", groups=b'{"age_band":"18-24"}') for i in range(25)]
    Shipper(at.journal.folder, store).round()
    for event in events[::5]:
        record(store, _said(event), told_ns=1)
    monkeypatch.setattr("common_utils.decision_log.exports._PIECE", 4)
    monkeypatch.setattr("common_utils.decision_log.store.store._PAGE", 3)
    monkeypatch.setattr("common_utils.decision_log.store.store._PIECE", 2)
    path = tmp_path / "log.parquet"
    assert export(store, DecisionSelection(), path) == 25
    frame = pd.read_parquet(path).set_index("event")
    assert sorted(frame.index) == sorted(events)
    assert frame["accepted"].notna().sum() == 5
    assert json.loads(frame["groups"].iloc[0]) == {"age_band": "18-24"}


def test_what_comes_of_a_subject_who_objected_is_not_kept(store: Store, event: str, tmp_path: Path) -> None:
    Office(store, KEYS, "demo", tmp_path / "journal").object("S1", who="ana", why="letter 3")
    assert record(store, _said(event), told_ns=1) == "objected"
    assert record(store, _said(None, subject="S1"), told_ns=1) == "objected"
    assert record(store, _said(None, subject="S2"), told_ns=1) == "new"


def test_what_waited_longer_than_the_window_is_dropped(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    at.keep_now(at.outcome({"kind": "left", "value": True, "at_ms": days(1), "period": "", "event": "nobody"}))
    Shipper(tmp_path, store, clock=lambda: days(119) * 1_000_000).round()
    assert store.count("waiting") == 1
    assert settle(store, now_ms=days(121)) == {"no such event": 1}
    assert store.count("waiting") == 0


@pytest.mark.parametrize(
    ("kind", "value", "fine"),
    [
        ("accepted", True, True),
        ("accepted", 1, False),
        ("plan_taken", "surf", True),
        ("plan_taken", "x" * 65, False),
        ("bill_paid", 0.0, True),
        ("bill_paid", -0.01, False),
        ("bill_paid", float("nan"), False),
        ("saving", -500.0, True),
        ("saving", True, False),
        ("worse_off", False, True),
    ],
)
def test_a_value_fits_its_kind(kind: str, value: object, *, fine: bool) -> None:
    assert (check_value(kind, value) is None) == fine


def test_only_what_can_be_judged_at_once_is_mature_at_once() -> None:
    assert {name for name, kind in KINDS.items() if not kind.mature_days} == {"accepted", "plan_taken"}
    assert {kind.mature_days for kind in KINDS.values()} == {0, 92}


def test_a_month_parts_bills_alone(store: Store, event: str) -> None:
    """Else an older word of another month would stay beside the last one."""
    said = [Said("accepted", value, days(1), event, period=month) for value, month in ((False, "2025-11"), (True, ""))]
    assert [record(store, one, told_ns=at) for at, one in enumerate(said)] == ["new", "corrected"]
    (found,) = joined(store, DecisionSelection(event=event))
    assert (found["accepted"], store.count("outcomes")) == (True, 1)


def test_a_bill_in_another_unit_or_form_is_refused_with_the_form(store: Store) -> None:
    assert check_value("bill_paid", 12.99) == "bill_paid is in whole cents: 12.99 is written 1299"
    assert check_value("bill_paid", "1,299") == "bill_paid is in cents: give a plain number, 0 or more"
    assert check_value("saving", -33.3) is None
