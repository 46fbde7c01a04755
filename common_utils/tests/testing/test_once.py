from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common_utils.testing.once import fill_once

Worker = Callable[..., Path]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """A call of `fill_once` as in a worker of pytest-xdist; returns the worker's folder."""

    def fill(number: int, make: Callable[[Path], object], name: str = "bundle") -> Path:
        base = tmp_path / f"popen-gw{number}"
        folder = base / f"{name}0"
        folder.mkdir(parents=True)
        factory = SimpleNamespace(getbasetemp=lambda: base)
        request: Any = SimpleNamespace(config=SimpleNamespace(workerinput={}), getfixturevalue=lambda _: factory)
        fill_once(folder, make, request, name=name)
        return folder

    return fill


def _bundle(folder: Path) -> None:
    (folder / "v1").mkdir()
    (folder / "v1" / "model").write_text("weights")
    (folder / "current").symlink_to("v1")


def test_every_worker_gets_a_copy_of_what_the_first_has_made(worker: Worker) -> None:
    one, two = worker(0, _bundle), worker(1, lambda _: pytest.fail("made again"))
    assert (one / "current").readlink() == (two / "current").readlink() == Path("v1")
    (one / "current" / "model").write_text("broken by a test")
    assert (two / "current" / "model").read_text() == "weights"


def test_another_name_is_another_thing(worker: Worker) -> None:
    worker(0, _bundle)
    other = worker(1, lambda folder: (folder / "card.md").touch(), name="card")
    assert [path.name for path in other.iterdir()] == ["card.md"]


def test_workers_wait_for_the_one_that_makes_it(worker: Worker) -> None:
    started, made = threading.Barrier(3), []

    def make(folder: Path) -> None:
        made.append(folder)
        _bundle(folder)

    def run(number: int) -> None:
        started.wait()
        worker(number, make)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_was_left_half_done_is_made_anew(worker: Worker) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        worker(0, fail)
    assert sorted(path.name for path in worker(1, _bundle).iterdir()) == ["current", "v1"]


def test_one_process_makes_it_in_place(tmp_path: Path) -> None:
    request: Any = SimpleNamespace(config=SimpleNamespace())
    fill_once(tmp_path, _bundle, request, name="bundle")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "v1"]
