"""The mirror: exactly one run and one version of each of ours, however often and wherever a sync breaks off."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.tracking.cases import NAME, a_run

from common_utils.bundle import Bundle, fingerprint_file, write_bundle
from common_utils.bundle.durable import exclusive
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.errors import ArtifactError, ConfigError, MirrorError
from common_utils.releases import promote
from common_utils.releases.author import Author
from common_utils.testing.tracking.ailing_servers import ailing_server
from common_utils.testing.tracking.mlflow_server import FakeMlflow, fake_mlflow
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.run import BundleOf, RunFigure
from common_utils.tracking.store import RunStore
from common_utils.tracking.sync import Synced, sync_runs

LATER = "20261130T000000000000Z-00000002"


class Place:
    """A project's folder with a bundle that is live and the run it came of, and a server."""

    def __init__(self, folder: Path, server: FakeMlflow) -> None:
        self.folder, self.server = folder, server
        self.store = RunStore(folder / "runs")
        self.artifacts = folder / "artifacts"
        self.bundle = self.made("a")
        self.run = self.trained(NAME, self.bundle)

    def made(self, content: str) -> Bundle:
        def write(folder: Path) -> None:
            (folder / "a").write_text(content, encoding="utf-8")

        made = write_bundle(self.artifacts, info={}, write=write)
        promote(self.artifacts, made.version, author=Author("ana", "a test"))
        return made

    def trained(self, name: str, bundle: Bundle) -> str:
        """Keep the run of a bundle, with a card and a picture, and post it."""
        files = {"model_card.md": b"# Card\n", "regret.png": b"png"}
        of = BundleOf(version=bundle.version, manifest_sha256=sha(bundle), root=str(self.artifacts))
        kept = {file: self.store.keep_file(name, file, content) for file, content in files.items()}
        self.store.write(a_run(name, bundle=of, files=kept))
        self.store.post(name)
        return name

    def sync(self, *, every: bool = False, **settings: Any) -> Synced:
        config = TrackingConfig(**{"url": self.server.uri, **settings})
        return sync_runs(config, "demo", self.folder, self.artifacts, INTEGRITY_ONLY, every=every)

    def versions(self) -> list[dict[str, Any]]:
        return list(self.server.models["demo"]["versions"].values())


def sha(bundle: Bundle) -> str:
    return fingerprint_file(bundle.path / "manifest.json")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with fake_mlflow() as server:
        yield Place(tmp_path, server)


def test_a_run_goes_with_figures_settings_files_and_its_bundle(place: Place) -> None:
    done = place.sync()
    assert (done.runs, done.running, done.refused, place.store.posted()) == ((NAME,), (), (), [])
    ((id_, run),) = place.server.runs.items()
    assert (run["status"], run["tags"]["portfolio.run"]) == ("FINISHED", NAME)
    assert run["tags"]["mlflow.source.git.commit"] == "a" * 40
    assert run["params"] == {"training.seed": "42"}
    values = {name: {value for _, _, value in points} for name, points in run["metrics"].items()}
    assert values == {
        "auc": {0.8},
        "auc.low": {0.7},
        "auc.high": {0.9},
        "rows": {900},
        "by_fold.auc": {0.7, 0.8, 0.9},
        "cost.wall_seconds": {90},
        "cost.cpu_seconds": {100},
        "cost.peak_megabytes": {512},
    }
    assert {step for _, step, _ in run["metrics"]["by_fold.auc"]} == {0, 1, 2}
    assert place.server.files == {
        f"1/{id_}/artifacts/model_card.md": b"# Card\n",
        f"1/{id_}/artifacts/figures/regret.png": b"png",
    }
    (version,) = place.versions()
    assert version["tags"] == {"bundle_version": place.bundle.version, "manifest_sha256": sha(place.bundle)}
    assert (version["source"], version["run"]) == (f"bundle://demo/{place.bundle.version}", id_)
    assert [(one.name, one.version, one.before, one.now) for one in done.aliases] == [
        ("champion", place.bundle.version, None, "1"),
        ("challenger", None, None, None),
    ]


def test_a_repeated_sync_makes_nothing_new(place: Place) -> None:
    place.sync()
    place.store.post(NAME)
    done = place.sync(every=True)
    assert (len(place.server.runs), len(place.versions())) == (1, 1)
    assert (done.aliases[0].before, done.aliases[0].now) == ("1", "1")
    metrics = next(iter(place.server.runs.values()))["metrics"]
    assert all(len(points) == (3 if name.startswith("by_fold") else 1) for name, points in metrics.items())


def test_a_sync_that_breaks_off_anywhere_goes_on(tmp_path: Path) -> None:
    """Each request in turn is answered 500, undone or done; the next sync ends with one run and one version."""
    number = 0
    while True:
        number += 1
        when = "before" if number % 3 == 0 else "after"  # of what creates something, an answer that is lost is worse
        with fake_mlflow() as server:
            place = Place(tmp_path / str(number), server)
            server.fail = lambda asked, at=number, how=when: how if asked == at else None
            try:
                place.sync()
            except MirrorError:
                broke = True
            else:
                broke = False
            server.fail = lambda _: None
            place.sync()
            ((_, run),) = server.runs.items()
            assert run["status"] == "FINISHED"
            assert len(server.files) == 2
            assert len(run["metrics"]) == 8
            assert len(place.versions()) == 1
            assert server.alias("demo", "champion") == place.bundle.version
            assert place.store.posted() == []
        if not broke:
            break
    assert number > 12  # so many requests were broken, one by one


def test_what_a_lost_answer_doubled_is_one_again(place: Place) -> None:
    place.sync()
    ((id_, run),) = place.server.runs.items()
    place.server.runs["0" * 32] = {**run, "tags": {"portfolio.run": NAME}}
    model = place.server.models["demo"]
    model["versions"]["2"] = dict(model["versions"]["1"])
    place.sync(every=True)
    assert (list(place.server.runs), list(model["versions"])) == ([id_], ["1"])


def test_the_aliases_follow_our_pointers_and_say_what_changed(place: Place) -> None:
    place.sync()
    second = place.made("b")
    (place.artifacts / "challenger").symlink_to(place.bundle.version)
    done = place.sync()  # nothing is posted, and the bundle has no run: pointers count all the same
    assert [(one.before, one.now) for one in done.aliases] == [("1", "2"), (None, "1")]
    assert place.server.alias("demo", "champion") == second.version
    assert place.server.alias("demo", "challenger") == place.bundle.version
    (place.artifacts / "challenger").unlink()
    done = place.sync()
    assert [(one.before, one.now) for one in done.aliases] == [("2", "2"), ("1", None)]
    assert place.server.alias("demo", "challenger") is None


def test_a_damaged_bundle_gets_no_alias(place: Place) -> None:
    (place.bundle.path / "a").chmod(0o644)
    (place.bundle.path / "a").write_text("x", encoding="utf-8")
    with pytest.raises(ArtifactError, match="another sha256"):
        place.sync()
    assert place.store.posted() == []
    assert place.server.models["demo"]["aliases"] == {}


def test_runs_that_go_on_wait_lost_ones_are_killed_and_damaged_ones_are_told(place: Place) -> None:
    running = a_run(LATER, state="running", host=socket.gethostname(), process=os.getpid(), cost=None)
    place.store.write(running)
    place.store.post(LATER)
    damaged = "20261130T000000000000Z-00000003"
    place.store.post(damaged)
    done = place.sync()
    assert (done.runs, done.running) == ((NAME,), (LATER,))
    assert "there is no such run" in done.refused[0]
    assert place.store.posted() == [LATER, damaged]
    gone = 2**22 + 1  # above the largest process number
    place.store.write(running.model_copy(update={"process": gone}))
    assert place.sync().runs == (LATER,)
    assert sorted(run["status"] for run in place.server.runs.values()) == ["FINISHED", "KILLED"]


def test_a_run_whose_file_was_changed_stays_and_the_others_go_on(place: Place) -> None:
    (place.store.folder / NAME / "regret.png").write_bytes(b"other")
    place.store.write(a_run(LATER, figures={"auc": RunFigure(value=0.1)}))
    place.store.post(LATER)
    done = place.sync()
    assert done.runs == (LATER,)
    assert "is not the file that the run wrote" in done.refused[0]


def test_more_settings_and_figures_than_one_request_takes(place: Place) -> None:
    figures = {f"f{number}": RunFigure(value=number) for number in range(1200)}
    settings = {f"s{number}": str(number) for number in range(130)} | {"long": "x" * 7000}
    place.store.write(a_run(LATER, figures=figures, settings=settings))
    place.store.post(LATER)
    place.sync()
    run = next(run for run in place.server.runs.values() if run["tags"]["portfolio.run"] == LATER)
    assert (len(run["metrics"]), len(run["params"])) == (1200 + 4, 131)
    assert run["params"]["long"].startswith("sha256 ")


def test_a_server_that_hangs_is_waited_for_as_long_as_told(place: Place) -> None:
    with ailing_server("hangs") as server:
        began = time.monotonic()
        with pytest.raises(MirrorError, match="Nothing is lost"):
            place.sync(url=server.uri, timeout_seconds=1)
        assert server.connections == 1
        assert time.monotonic() - began < 30
    assert place.store.posted() == [NAME]


def test_a_dead_server_is_told_at_once_and_asked_once(place: Place) -> None:
    before = dict(os.environ)
    with ailing_server("dead") as server, pytest.raises(MirrorError, match=rf"{server.uri}: .*refused.*run it again"):
        place.sync(url=server.uri)
    assert place.store.posted() == [NAME]
    assert dict(os.environ) == before
    place.server.fail = lambda _: "before"
    with pytest.raises(MirrorError, match="500 error responses"):
        place.sync()
    assert place.server.asked == 1


@pytest.mark.parametrize("url", ["sqlite:///{}/mlflow.db", "postgresql+psycopg://127.0.0.1:9/runs"])
def test_a_database_that_cannot_be_opened_is_told_at_once(
    place: Place, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("mlflow.store.db.utils.time.sleep", slept.append)
    (place.folder / "mlflow.db").mkdir()
    with pytest.raises(MirrorError, match=r"mlflow\.db: .*unable to open|127\.0\.0\.1:9/runs: .*refused"):
        place.sync(url=url.format(place.folder))
    assert not slept
    assert place.store.posted() == [NAME]


def test_a_database_without_its_driver_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'psycopg2'", name="psycopg2")

    monkeypatch.setattr("sqlalchemy.create_engine", missing)
    with pytest.raises(ConfigError, match=r"postgresql://h/runs: psycopg2 is not installed; install it, or correct"):
        place.sync(url="postgresql://h/runs")


def test_a_folder_of_ours_that_cannot_be_written_is_not_called_the_mirror_s_fault(place: Place) -> None:
    (place.folder / "runs" / ".sync.lock").mkdir()
    with pytest.raises(MirrorError, match=r"^\S+/runs/\.sync\.lock: Is a directory\. Nothing is lost"):
        place.sync()


def test_without_a_url_there_is_no_mirror(place: Place) -> None:
    with pytest.raises(ConfigError, match=r"tracking\.url is empty"):
        place.sync(url="")


@pytest.mark.parametrize("url", ["http://u:secret@h", "postgresql://h/d?password=secret"])
def test_an_address_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        TrackingConfig(url=url)
    assert "secret" not in str(refused.value.__cause__)


def test_two_syncs_take_turns(place: Place) -> None:
    done = threading.Event()

    def sync() -> None:
        place.sync()
        done.set()

    (place.folder / "runs").mkdir(exist_ok=True)
    other = threading.Thread(target=sync, daemon=True)
    with exclusive(place.folder / "runs" / ".sync.lock"):
        other.start()
        assert not done.wait(1.0)
        assert not place.server.runs
    assert done.wait(30)
    assert len(place.server.runs) == 1
    other.join(timeout=30)
