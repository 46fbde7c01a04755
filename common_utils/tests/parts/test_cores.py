"""How many processes a run may start, by what the kernel says."""

from __future__ import annotations

from pathlib import Path

import pytest

from common_utils.parts.cores import allowed_bytes, allowed_cores, chosen_workers


def groups(folder: Path, **said: str) -> tuple[Path, Path]:
    """Lay down control groups: `pod__cpu_max="150000 100000"` is the file pod/cpu.max."""
    for name, text in said.items():
        path = folder / name.replace("__", "/").replace("_max", ".max")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    own = folder / "own"
    own.write_text("0::/pod/job\n")
    return folder, own


@pytest.mark.parametrize(
    ("said", "cores"),
    [
        pytest.param({"pod__job__cpu_max": "150000 100000"}, 1, id="one-and-a-half-is-one"),
        pytest.param({"pod__cpu_max": "50000 100000"}, 1, id="half-a-core-still-answers"),
        pytest.param({"pod__cpu_max": "max 100000"}, 8, id="no-limit"),
        pytest.param({"pod__cpu_max": "300000 100000", "pod__job__cpu_max": "max 100000"}, 3, id="group-around-it"),
    ],
)
def test_cores_are_those_of_affinity_and_of_every_group_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, str], cores: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert allowed_cores(*groups(tmp_path, **said)) == cores


def test_memory_is_that_of_the_narrowest_group(tmp_path: Path) -> None:
    assert allowed_bytes(*groups(tmp_path, pod__memory_max="900000000", pod__job__memory_max="max")) == 900_000_000


def test_limits_of_the_first_version_of_control_groups_hold_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    for controller, files in {
        "cpu": {"cpu.cfs_quota_us": 250_000, "cpu.cfs_period_us": 100_000},
        "memory": {"memory.limit_in_bytes": 1_000_000_000},
    }.items():
        (tmp_path / controller / "pod").mkdir(parents=True)
        for name, value in files.items():
            (tmp_path / controller / "pod" / name).write_text(f"{value}\n")
    own = tmp_path / "own"
    own.write_text("4:memory:/pod\n3:cpu,cpuacct:/pod\n")
    (tmp_path / "memory" / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    assert (allowed_cores(tmp_path, own), allowed_bytes(tmp_path, own)) == (2, 1_000_000_000)


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert allowed_cores(tmp_path, tmp_path / "none") == allowed_cores(tmp_path / "none", tmp_path / "none") >= 1


@pytest.mark.parametrize(
    ("asked", "blocks", "memory", "words"),
    [
        pytest.param(3, 1, 1, "workers: 3 (as --workers says)", id="asked"),
        pytest.param(None, 9, 9_000_000_000, "workers: 4 (4 cores)", id="cores"),
        pytest.param(None, 9, 1_300_000_000, "workers: 2 (4 cores; 1.3 GB of memory at 0.6 GB each)", id="memory"),
        pytest.param(None, 9, 1, "workers: 1 (4 cores; 0.0 GB of memory at 0.6 GB each)", id="one-at-least"),
        pytest.param(None, 2, 9_000_000_000, "workers: 2 (4 cores; 2 blocks of rows)", id="blocks"),
        pytest.param(None, 0, 9_000_000_000, "workers: 1 (4 cores; few rows)", id="few-rows"),
    ],
)
def test_workers_are_chosen_and_the_reason_is_told(asked: int | None, blocks: int, memory: int, words: str) -> None:
    assert chosen_workers(asked, blocks, cores=4, memory=memory).words == words
