"""The last word on an outcome counts, whichever way and order it comes in; the same said again adds nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from tests.decision_log.cases import KEYS, START_MS, days, decide, recorder

from common_utils.decision_log.exports import stats
from common_utils.decision_log.outcome_files import OutcomeReport, keep_outcomes, read_outcome_table
from common_utils.decision_log.outcomes import Said, record
from common_utils.decision_log.recorder import Recorder
from common_utils.decision_log.shipper import Shipper
from common_utils.decision_log.store.database import StoreUnavailableError
from common_utils.decision_log.store.store import Store, open_store
from common_utils.tables import Reading

DAY = pd.Timestamp(START_MS, unit="ms").strftime("%Y-%m-%d")
NEXT = pd.Timestamp(days(1), unit="ms").strftime("%Y-%m-%d")


class _Row(NamedTuple):
    event_id: str
    value: str
    date: str = DAY
    kind: str = "plan_taken"


@pytest.fixture
def event(store: Store, tmp_path: Path) -> str:
    at = recorder(tmp_path / "journal")
    made = decide(at, "n", "S1")
    Shipper(at.journal.folder, store).round()
    return made


def _value(store: Store, event: str) -> object:
    return json.loads(next(iter(store.database.rows("SELECT value_json FROM outcomes WHERE event = ?", (event,))))[0])


def _read(store: Store, folder: Path, rows: Sequence[_Row]) -> OutcomeReport:
    path = folder / "outcomes.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return keep_outcomes(read_outcome_table(path, Reading()), store, KEYS, "demo", reading=Reading())


def _corrections(store: Store) -> int:
    return stats(store)["outcomes"]["plan_taken"]["corrections"]


@pytest.mark.parametrize("said", ["a", "ab", "aba", "abab", "abca", "aab", "abb"])
def test_the_last_line_of_a_file_counts_and_the_file_again_adds_nothing(
    store: Store, event: str, tmp_path: Path, said: str
) -> None:
    rows = [_Row(event, value) for value in said]
    first = _read(store, tmp_path, rows)
    assert _value(store, event) == said[-1]
    assert first.counts["new"] == 1
    before = _corrections(store)
    assert before == sum(one != other for one, other in itertools.pairwise(said))
    assert _read(store, tmp_path, rows).counts == {"again": len(said)}
    assert (_value(store, event), _corrections(store)) == (said[-1], before)


@pytest.mark.parametrize("said", ["aba", "abab", "abcb"])
@pytest.mark.parametrize("date", [DAY, NEXT])
def test_the_last_file_counts(store: Store, event: str, tmp_path: Path, said: str, date: str) -> None:
    for value in said:
        _read(store, tmp_path, [_Row(event, value, date)])
        assert _value(store, event) == value
        assert _read(store, tmp_path, [_Row(event, value, date)]).counts == {"again": 1}
    assert _corrections(store) == len(said) - 1


def test_a_corrected_date_is_a_correction_and_can_be_taken_back(store: Store, event: str, tmp_path: Path) -> None:
    verdicts = [list(_read(store, tmp_path, [_Row(event, "a", date)]).counts) for date in (NEXT, DAY, NEXT)]
    assert verdicts == [["new"], ["corrected"], ["corrected"]]


def test_ten_files_add_up_in_their_order_and_once(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path / "journal")
    events = [decide(at, f"n{i}", f"S{i}") for i in range(30)]
    Shipper(at.journal.folder, store).round()
    files = [[_Row(event, f"plan-{number}") for event in events[2 * number :]] for number in range(10)]
    for rows in files:
        _read(store, tmp_path, rows)
        assert _read(store, tmp_path, rows).counts == {"again": len(rows)}
    assert store.count("outcomes") == 30
    assert [_value(store, event) for event in events] == [f"plan-{min(i // 2, 9)}" for i in range(30)]


def _tell(at: Recorder, event: str, values: str) -> list[bytes]:
    told = {"kind": "plan_taken", "at_ms": days(1), "period": "", "event": event}
    return [at.outcome({**told, "value": value}) for value in values]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_what_a_service_was_told_last_counts_in_whatever_order_it_is_shipped(
    store: Store, event: str, tmp_path: Path, order: tuple[int, ...]
) -> None:
    lines = _tell(recorder(tmp_path / "told"), event, "aba")  # by a clock that stands still
    for place in order:
        at = recorder(tmp_path / str(place))
        at.keep_now(lines[place])
        Shipper(at.journal.folder, store, clock=lambda: days(2) * 1_000_000).round()
    assert _value(store, event) == "a"


def test_a_journal_that_is_shipped_again_takes_nothing_back(store: Store, event: str, tmp_path: Path) -> None:
    at = recorder(tmp_path / "told")
    lines = _tell(at, event, "aba")
    for again in range(3):
        at.keep_now(b"".join(lines))
        Shipper(at.journal.folder, store, clock=lambda: days(2) * 1_000_000).round()
        assert (_value(store, event), store.count("waiting")) == ("a", 0), again
        assert _corrections(store) in {1, 2}
    assert _corrections(store) == 1  # what waits is told as last said


def test_the_last_word_waits_for_the_decision(store: Store, tmp_path: Path) -> None:
    at = recorder(tmp_path)
    at.keep_now(b"".join(_tell(at, at.event("crm", "n"), "aba")))
    shipper = Shipper(tmp_path, store, clock=lambda: days(2) * 1_000_000)
    shipper.round()
    event = decide(at, "n", "S1")
    shipper.round()
    assert _value(store, event) == "a"


def test_what_was_told_before_what_is_known_is_no_correction(store: Store, event: str) -> None:
    said = [Said("accepted", value, days(1), event) for value in (True, False)]
    assert record(store, said[0], told_ns=20) == "new"
    assert record(store, said[1], told_ns=10) == "told before what is known"
    assert record(store, said[0], told_ns=30) == "again"
    assert record(store, said[1], told_ns=25) == "told before what is known"
    assert record(store, said[1], told_ns=31) == "corrected"


def test_a_row_names_its_decision_once(store: Store, event: str, tmp_path: Path) -> None:
    path = tmp_path / "outcomes.csv"
    rows = [(event, ""), (event, "S1"), ("", ""), ("", " Se\u0301\u200b1 "), (event, "S2")]
    decide(at := recorder(tmp_path / "journal"), "m", "S\u00e91")
    Shipper(at.journal.folder, store).round()
    frame = pd.DataFrame(rows, columns=["event_id", "subject"])
    frame.assign(kind="accepted", value="yes", date=DAY).to_csv(path, index=False)
    reading = Reading()
    report = keep_outcomes(read_outcome_table(path, reading), store, KEYS, "demo", reading=reading)
    assert report.counts == {"new": 2, "give event_id or subject, and not both": 3}
    assert reading.accounts.rejects()["row"].tolist() == [2, 3, 5]


def test_a_full_disk_of_the_store_keeps_all_of_a_file_or_nothing(tmp_path: Path) -> None:
    store = open_store("sqlite:///log.db", tmp_path)
    at = recorder(tmp_path / "journal")
    rows = [_Row(decide(at, f"n{i}", f"S{i}"), "x" * 60) for i in range(600)]
    shipper = Shipper(at.journal.folder, store)

    def limit(pages: int) -> None:
        (held,) = next(iter(store.database.rows("PRAGMA page_count")))
        list(store.database.rows(f"PRAGMA max_page_count = {held + pages}"))

    limit(5)
    with pytest.raises(StoreUnavailableError, match="look at its disk"):
        shipper.round()
    assert store.count("decisions") == 0
    limit(1000)
    assert shipper.round().loaded.new == 600
    limit(2)
    with pytest.raises(StoreUnavailableError, match="look at its disk"):
        _read(store, tmp_path, rows)
    assert store.count("outcomes") == 0
    limit(1000)
    assert _read(store, tmp_path, rows).counts == {"new": 600}
    store.close()
