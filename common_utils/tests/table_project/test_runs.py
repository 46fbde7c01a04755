"""A training is a run, whatever becomes of it and of the server that mirrors runs; `runs` and `lifecycle` show it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.table_project.cases import TASK

from common_utils.bundle import open_bundle
from common_utils.bundle.names import is_plain_name
from common_utils.testing.tracking.ailing_servers import AILMENTS, ailing_server
from common_utils.testing.tracking.mlflow_server import fake_mlflow
from common_utils.tracking.store import RunStore

PERSON = "CANARY-4711"


def _words(folder: Path, name: str, url: str) -> tuple[str, ...]:
    kept = ("--set", f"tracking.folder={folder / name}", "--set", f"tracking.url={url}")
    return (*kept, "--set", f"training.artifacts={folder / 'artifacts'}")


def test_no_training_waits_for_a_server_and_each_leaves_one_in_the_outbox(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The same bundle comes of it, byte for byte, and nobody connects to the server."""
    with ailing_server("dead") as first:
        port = int(first.uri.rpartition(":")[2])
    digests = set()
    for ailment in AILMENTS:
        with ailing_server(ailment, port) as server:
            words = _words(tmp_path, "runs", server.uri)  # one folder: it is part of the settings, and so of the bundle
            code, _, err = run("train", *words)
            assert code == 0, err
            assert server.connections == 0
            bundle = open_bundle(tmp_path / "artifacts")
            digests.add(bundle.version.rpartition("-")[2])
            assert is_plain_name(bundle.version)
    store = RunStore(tmp_path / "runs")
    assert len(digests) == 1
    assert len(store.posted()) == len(store.names()) == len(AILMENTS)
    with ailing_server("fails", port) as server:  # the count of connections does fire, at a sync
        code, _, err = run("lifecycle", "sync", *words)
        assert (code, "500 error" in err) == (1, True)
        assert server.connections == 1
    assert len(store.posted()) == len(AILMENTS)


def test_what_is_mirrored_holds_no_subject_and_a_failed_training_is_a_run(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    cars = TASK.sample(400, np.random.default_rng(1))
    cars["model"] = [f"{PERSON}-{number}" for number in cars["model"]]
    cars.to_csv(tmp_path / "cars.csv", index=False)
    cars.assign(price=PERSON).to_csv(tmp_path / "wrong.csv", index=False)
    with fake_mlflow() as server:
        words = _words(tmp_path, "runs", server.uri)
        assert run("train", "--data", str(tmp_path / "cars.csv"), *words)[0] == 0
        assert run("train", "--data", str(tmp_path / "wrong.csv"), *words)[0] == 3
        code, out, err = run("lifecycle", "sync", *words)
        assert (code, "2 run(s) mirrored" in out, "champion: " in out) == (0, True, True), err
        assert sorted(one["status"] for one in server.runs.values()) == ["FAILED", "FINISHED"]
        assert len(server.models["pricedemo"]["versions"]) == 1
        names = {path.rpartition("/")[2] for path in server.files}
    assert names == {"model_card.md", "price.png"}
    kept = [path.read_text("utf-8") for path in (tmp_path / "runs").rglob("*.json")]
    assert len(kept) == 2
    assert PERSON not in "".join((*server.heard, *kept))
    rows = json.loads(run("runs", "list", "--json", *words)[1])
    assert [(row["state"], row["error"]) for row in rows] == [("done", ""), ("failed", "DataError")]


@pytest.mark.parametrize("url", ["ftp://h", "http://u:secret@h"])
def test_an_address_that_cannot_be_used_stops_the_run(run, url: str) -> None:  # type: ignore[no-untyped-def]
    code, _, err = run("train", "--set", f"tracking.url={url}")
    assert code == 2
    assert "tracking.url" in err
    assert "secret" not in err
