"""The fault scripts that attack the service, scaled down; what they look for is found where it is planted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common_utils.bundle import Bundle

FAULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "faults"


def attack(script: str, artifacts: Path, *options: str) -> tuple[int, str]:
    command = [sys.executable, str(FAULTS / script), "--bundle", str(artifacts), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_no_request_makes_the_service_fail_or_repeat_what_was_sent(bundle: Bundle, artifacts: Path) -> None:
    code, said = attack("hostile_requests.py", artifacts, "--canaries", "300", "--names", "6")
    assert code == 0, said
    assert "echoes in the log" in said


@pytest.mark.slow
def test_bad_neighbours_restarts_and_swaps_lose_nothing(bundle: Bundle, artifacts: Path) -> None:
    scaled = ["--restarts", "2", "--sockets", "20", "--seconds", "1", "--predictions", "4000", "--swaps", "4"]
    code, said = attack("hard_service.py", artifacts, *scaled)
    assert code == 0, said


@pytest.mark.slow
def test_floods_of_members_cost_less_than_valid_batches(bundle: Bundle, artifacts: Path) -> None:
    # Waits beside valid batches are 10 ms, and so is the noise of a run this short; at full size 1.5 holds.
    code, said = attack("floods.py", artifacts, "--rounds", "2", "--times", "5", "--most", "4")
    assert code == 0, said
    code, said = attack("floods.py", artifacts, "--control")
    assert code == 1, said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin") is None, reason="needs haproxy")
def test_restarts_behind_a_balancer_lose_nothing_of_clients_that_do_not_retry(bundle: Bundle, artifacts: Path) -> None:
    code, said = attack("drain.py", artifacts, "--restarts", "2", "--requests", "1000")
    assert code == 0, said


@pytest.mark.slow
def test_a_service_without_a_model_lives_and_is_not_ready(bundle: Bundle, artifacts: Path) -> None:
    code, said = attack("not_ready.py", artifacts)
    assert code == 0, said
    code, said = attack("not_ready.py", artifacts, "--control")
    assert code == 1, said
    assert "BROKEN" in said


@pytest.mark.slow
def test_a_planted_leak_is_found_out(bundle: Bundle, artifacts: Path) -> None:
    code, said = attack("hard_service.py", artifacts, "--control", "--predictions", "4000", "--swaps", "2")
    assert code == 1, said
    assert "memory grown per 10,000 predictions, MB" in said
    assert said.count("BROKEN") == 1


def test_an_echo_a_fault_and_a_strange_status_are_counted() -> None:
    program = (
        "from hostile_requests import Watch\n"
        "from types import SimpleNamespace\n"
        "watch = Watch({'paths': {'/predict': {'post': {'responses': {'200': {}, '422': {}}}}}})\n"
        "for status, said in ((500, b''), (418, b''), (422, b'CANARY'), (200, b'CANARY')):\n"
        "    served = SimpleNamespace(ask=lambda *_: (status, said, {}))\n"
        "    watch.ask(served, 'POST', '/predict', b'', 'CANARY')\n"
        "print(watch.asked, watch.faults, watch.undocumented, watch.echoes)\n"
    )
    # The scripts find each other in their own folder, as when one of them is run.
    environment = {**os.environ, "PYTHONPATH": str(FAULTS)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4", "1", "2", "1"]


def test_make_faults_runs_every_script() -> None:
    listed = (FAULTS / "run_all.py").read_text(encoding="utf-8")
    scripts = [path.name for path in FAULTS.glob("*.py") if "return finish(" in path.read_text(encoding="utf-8")]
    assert len(scripts) >= 7
    assert [name for name in scripts if f'"{name}": ' not in listed] == []
