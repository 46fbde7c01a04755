from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from tests.datasets.cases import take, usage
from typer.testing import CliRunner

from common_utils.bundle import write_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.command_line.lifecycle.release import release_app
from common_utils.command_line.lifecycle.snapshots import add_snapshots, data_group
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import PortfolioError

Run = Callable[..., tuple[int, str]]


def _taken(store: SnapshotStore, *_: object) -> Snapshot:
    return take(store)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "artifacts").mkdir()
    return tmp_path / "artifacts"


@pytest.fixture
def run(root: Path) -> Run:
    """Run a command; return its exit code and what it printed, or the error's own code and text."""
    app, data = typer.Typer(), data_group()
    add_snapshots(data, lambda _, __: (root, INTEGRITY_ONLY), _taken)
    app.add_typer(data)
    app.add_typer(release_app(lambda _, __: (root, INTEGRITY_ONLY)), name="release")

    def call(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, PortfolioError):
            return result.exception.exit_code, result.output + str(result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return call


def test_a_snapshot_is_taken_listed_and_verified(run: Run, root: Path) -> None:
    code, text = run("data", "snapshot")
    digest = SnapshotStore.beside(root).names()[0]
    assert (code, text) == (0, f"{digest}\n")
    assert run("data", "snapshot") == (0, f"{digest}\n")
    assert [row["rows"] for row in json.loads(run("data", "list", "--json")[1])] == [5]
    assert digest in run("data", "list")[1]
    assert "whole" in run("data", "verify")[1]


def test_a_flipped_byte_is_found_and_leaves_with_3(run: Run, root: Path) -> None:
    run("data", "snapshot")
    store = SnapshotStore.beside(root)
    path = store.path_of(store.read(store.names()[0]).files[1])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    code, text = run("data", "verify")
    assert (code, "usage has another content" in text) == (3, True)


def test_the_list_shows_what_is_missing_or_cannot_be_read(run: Run, root: Path) -> None:
    store = SnapshotStore.beside(root)
    whole, gone, bad = (take(store, usage((f"S{n}", "2025-01", 1.0))).digest for n in range(3))
    own = {file.sha256 for file in store.read(gone).files} - {file.sha256 for file in store.read(whole).files}
    (store.folder / "objects" / own.pop()).unlink()
    (store.folder / f"{bad}.json").write_text("{}")
    code, text = run("data", "list", "--json")
    assert code == 0
    rows = json.loads(text)
    assert [(row["snapshot"], row["state"]) for row in rows] == [
        (whole, "not verified"),
        (gone, "missing"),
        (bad, "damaged"),
    ]
    assert {name for name, value in rows[2].items() if value is None} == {*rows[0]} - {"snapshot", "state"}
    assert run("data", "list")[0] == 0
    (store.folder / f"{bad}.json").unlink()
    code, text = run("data", "verify")
    assert (code, "usage is missing" in text) == (3, True)


def test_a_bundle_on_withdrawn_data_says_so(run: Run, root: Path) -> None:
    store = SnapshotStore.beside(root)
    taken, other = take(store), take(store, usage(("S9", "2025-01", 1.0)))
    version = write_bundle(root, info={"snapshot": taken.digest}, write=lambda f: f.joinpath("n").touch()).version
    assert json.loads(run("release", "list", "--json")[1])[0]["data"] == "there"
    store.withdraw(taken.digest, why="a subject was forgotten", child=other.digest)
    assert json.loads(run("release", "list", "--json")[1])[0]["data"] == "withdrawn"
    rows = json.loads(run("data", "verify", "--json")[1])
    assert [row["state"] for row in rows if row["name"] == version] == ["withdrawn"]
    assert "a subject was forgotten" in run("data", "verify")[1]


def test_two_snapshots_are_compared(run: Run, root: Path) -> None:
    store = SnapshotStore.beside(root)
    old, new = take(store).digest, take(store, usage(("S9", "2025-01", 1.0))).digest
    rows = json.loads(run("data", "diff", old[:12], new, "--json")[1])
    assert {"table": "usage", "what": "rows", "before": 3, "after": 1} in rows
    assert run("data", "diff", old[:12], "zz")[0] == 3
    assert "rows" in run("data", "diff", old, new)[1]
