"""`planrec data`: alone the summary it always was; with a further word it names and proves what is learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common_utils.bundle import Bundle
from common_utils.datasets.store import SnapshotStore
from planrec.billing import load_catalogue
from planrec.config import PlanRecConfig
from planrec.data import load_usage
from planrec.training import take_snapshot
from tests.commands.cases import USAGE

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "usage.csv"
    path.write_text(USAGE, encoding="utf-8")
    return path


def test_data_alone_is_the_summary_it_always_was(run, table, capsys) -> None:  # type: ignore[no-untyped-def]
    assert run("data", "--data-source", "table", "--data", table) == 0
    said = capsys.readouterr()
    assert "Usage months" in said.out
    assert run("data", "--help") == 0
    assert "Check a table and summarise it" in capsys.readouterr().out
    assert run("data", "nonsense") == 2


def test_the_table_is_named_proven_and_found_damaged(run, table, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    root = ("--artifacts", tmp_path / "artifacts")
    words = ("data", "snapshot", "--set", "data.source=table", "--data", table, *root)
    assert run(*words) == 0
    digest = capsys.readouterr().out.strip()
    lines = USAGE.splitlines(keepends=True)
    table.write_text("".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")  # the same rows in another order
    assert run(*words) == 0
    assert capsys.readouterr().out.strip() == digest
    assert run("data", "list", "--json", *root) == 0
    assert [row["rows"] for row in json.loads(capsys.readouterr().out)] == [4]
    assert run("data", "verify", *root) == 0
    store = SnapshotStore.beside(tmp_path / "artifacts")
    path = store.path_of(store.read(digest).files[0])
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert run("data", "verify", *root) == 3
    assert "usage_months has another content" in capsys.readouterr().err


def test_a_table_that_still_holds_a_forgotten_subscriber_is_not_taken(run, table, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    root = tmp_path / "artifacts"
    log = ("--set", f"decisions.url=sqlite:///{tmp_path}/log.db", "--set", f"decisions.key_file={tmp_path}/keys")
    log += ("--set", f"training.artifacts={root}", "--set", f"decisions.journal={tmp_path}/journal")
    assert run("decisions", "rotate-key", *log) == 0
    assert run("decisions", "forget", "--subject", "a", "--why", "letter 18", *log) == 0
    assert "tables you keep are not reached" in capsys.readouterr().err
    words = ("data", "snapshot", "--set", "data.source=table", "--data", table, *log)
    assert run(*words) == 3
    assert "still holds 1 subject(s) who were forgotten" in capsys.readouterr().err
    lines = USAGE.splitlines(keepends=True)
    table.write_text("".join(line for line in lines if not line.startswith("a,")), encoding="utf-8")
    assert run(*words) == 0


def test_a_bundle_and_its_card_name_the_data_and_the_same_data_has_the_same_name(
    settings: PlanRecConfig, bundle: Bundle, tmp_path: Path
) -> None:
    data = load_usage(settings, load_catalogue(PROJECT / settings.data.chosen().plans), PROJECT)
    store = SnapshotStore(tmp_path / "artifacts-data")
    assert take_snapshot(store, data).digest == bundle.snapshot
    assert store.state_of(bundle, hashed=True) == "proven"
    assert bundle.snapshot in bundle.read_bytes("model_card.md").decode()
