"""Runs are found by name, and what is damaged is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tracking.cases import NAME, a_run

from common_utils.errors import ConfigError, DataError
from common_utils.tracking.run import RunRecord
from common_utils.tracking.store import RunStore

LATER = "20261130T000000000000Z-00000002"


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    store = RunStore(tmp_path / "runs")
    for run in (a_run(), a_run(LATER)):
        store.write(run)
    return store


def test_a_run_is_found_by_its_name_how_it_begins_or_as_the_latest(store: RunStore) -> None:
    assert store.find(NAME) == a_run()
    assert store.find("20261129").run == NAME
    assert store.find("latest").run == LATER


@pytest.mark.parametrize(
    ("asked", "why"), [("2026", "2 runs begin so"), ("x", "there is no such run"), ("", "there is no such run")]
)
def test_a_name_that_means_none_or_several_is_refused(store: RunStore, asked: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        store.find(asked)


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"format": 2}', b"\xff"])
def test_a_damaged_run_is_told_and_the_others_are_shown(store: RunStore, damage: bytes) -> None:
    (store.folder / NAME / "run.json").write_bytes(damage)
    found = dict(store.every())
    assert isinstance(found[NAME], DataError)
    assert "cannot be read as a run" in str(found[NAME])
    assert isinstance(found[LATER], RunRecord)


def test_a_file_that_was_changed_is_not_the_runs(store: RunStore) -> None:
    kept = store.keep_file(NAME, "card.md", b"card")
    run = a_run(files={"card.md": kept})
    assert store.file(run, "card.md").read_bytes() == b"card"
    (store.folder / NAME / "card.md").write_bytes(b"other")
    with pytest.raises(DataError, match="is not the file that the run wrote"):
        store.file(run, "card.md")
    (store.folder / NAME / "card.md").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        store.file(run, "card.md")


def test_the_outbox_holds_a_run_until_it_is_delivered(store: RunStore) -> None:
    store.post(LATER)
    store.post(NAME)
    store.post(NAME)
    assert store.posted() == [NAME, LATER]
    store.delivered(NAME)
    store.delivered(NAME)
    assert store.posted() == [LATER]
