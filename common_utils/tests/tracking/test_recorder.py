"""A run is written down as it begins and as it ends, however it ends, and never ends the work itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common_utils.bundle import write_bundle
from common_utils.tracking.config import TrackingConfig
from common_utils.tracking.recorder import recorded_run
from common_utils.tracking.run import FoldFigures, RunRecord
from common_utils.tracking.store import RunStore, is_lost

GIVEN: dict[str, Any] = {"project": "demo", "kind": "training", "settings": TrackingConfig(), "libraries": ["numpy"]}
MIRRORED = TrackingConfig(url="http://127.0.0.1:9")


def _only(folder: Path) -> RunRecord:
    store = RunStore(folder / "runs")
    assert len(store.names()) == 1
    return store.find("latest")


def test_a_training_is_kept_with_what_it_was_given_reached_and_took(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        (folder / "model_card.md").write_text("# Card\n", encoding="utf-8")
        (folder / "regret.png").write_bytes(b"png")

    folds = FoldFigures(of="f", test_over_train=0.5, figures={"auc": (0.7, 0.9)})
    with recorded_run(TrackingConfig(), tmp_path, **GIVEN) as run:
        assert _only(tmp_path).state == "running"
        run.reached({"auc": {"estimate": 0.8, "low": 0.7, "high": 0.9}}, headline="auc", folds=folds)
        bundle = write_bundle(tmp_path / "artifacts", info={"snapshot": "ab", "data_fingerprint": "cd"}, write=write)
        run.wrote(bundle, ("regret.png", "not_drawn.png"))
    kept = _only(tmp_path)
    assert (kept.state, kept.error, kept.headline) == ("done", "", "auc")
    assert (kept.snapshot, kept.data_fingerprint) == ("ab", "cd")
    assert kept.bundle is not None
    assert (kept.bundle.version, kept.bundle.root) == (bundle.version, str(bundle.path.parent))
    assert (str(kept.figures["auc"]), kept.folds) == ("0.8 [0.7, 0.9]", folds)
    assert kept.settings == {"folder": '"runs"', "url": '""', "timeout_seconds": "10"}
    assert kept.code.libraries.keys() == {"numpy"}
    assert kept.cost is not None
    assert kept.cost.wall_seconds >= 0
    assert kept.cost.peak_megabytes > 10
    store = RunStore(tmp_path / "runs")
    assert {name: store.file(kept, name).read_bytes() for name in kept.files} == {
        "model_card.md": b"# Card\n",
        "regret.png": b"png",
    }
    assert store.posted() == []  # files only


def test_a_bundle_that_names_no_snapshot_leaves_it_empty(tmp_path: Path) -> None:
    with recorded_run(TrackingConfig(), tmp_path, **GIVEN) as run:
        run.wrote(write_bundle(tmp_path / "artifacts", info={}, write=lambda f: f.joinpath("a").touch()), ())
    assert (_only(tmp_path).snapshot, _only(tmp_path).data_fingerprint) == ("", "")


@pytest.mark.parametrize("error", [ValueError("subscriber S-1 has no plan"), KeyboardInterrupt()])
def test_a_failed_run_is_recorded_as_failed_without_the_words_of_its_error(
    tmp_path: Path, error: BaseException
) -> None:
    def work() -> None:
        with recorded_run(MIRRORED, tmp_path, **GIVEN) as run:
            run.reached({"auc": 0.5}, headline="never measured")
            raise error

    with pytest.raises(type(error)):
        work()
    kept = _only(tmp_path)
    assert (kept.state, kept.error, kept.headline) == ("failed", type(error).__name__, "")
    assert kept.figures["auc"].value == 0.5
    assert RunStore(tmp_path / "runs").posted() == [kept.run]
    assert "S-1" not in (tmp_path / "runs" / kept.run / "run.json").read_text(encoding="utf-8")


def test_a_killed_run_is_seen_to_be_lost(tmp_path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path\n"
        "from common_utils.tracking.config import TrackingConfig as C\n"
        "from common_utils.tracking.recorder import recorded_run\n"
        f"with recorded_run(C(), Path({str(tmp_path)!r}), project='d', kind='study', settings=C(), libraries=[]):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    kept = _only(tmp_path)
    assert kept.state == "running"
    assert is_lost(kept)
    assert not is_lost(kept.model_copy(update={"host": "elsewhere"}))
    assert not is_lost(kept.model_copy(update={"process": os.getpid()}))
    assert not is_lost(kept.model_copy(update={"process": 1}))
    assert kept.host == socket.gethostname()


def test_what_cannot_be_written_is_a_warning_and_the_work_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").write_text("a file where the folder belongs", encoding="utf-8")
    with recorded_run(MIRRORED, tmp_path, **GIVEN) as run:
        run.keep({"a.txt": b"a"})
        done = True
    assert done
    assert "the run is not recorded" in caplog.text
    assert "Set tracking.folder" in caplog.text


def test_a_record_is_plain_json_without_numbers_that_json_lacks(tmp_path: Path) -> None:
    with recorded_run(TrackingConfig(), tmp_path, **GIVEN) as run:
        run.reached({"auc": float("nan"), "rows": 3})
    path = tmp_path / "runs" / _only(tmp_path).run / "run.json"

    def refuse(constant: str) -> None:
        pytest.fail(constant)

    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert (found["format"], found["figures"]) == (1, {"rows": {"value": 3.0, "low": None, "high": None}})
