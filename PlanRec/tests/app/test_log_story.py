"""The story of the decision log, short, on a real service: what was decided, killed, told, judged and forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from common_utils.bundle import Bundle


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_left(bundle: Bundle, project_folder: Path) -> None:
    words = ("--bundle", bundle.path, "--decisions", 240, "--kills", 2, "--seed", 3)
    command = [sys.executable, project_folder / "scripts" / "decision_story.py", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        pytest.fail(done.stderr[-2000:])
    story = json.loads(done.stdout)
    assert story["wrong"] == []
    assert story["killed"] == {"service": 1, "shipper": 1}
    assert story["decisions acknowledged"] == 240
    assert story["in the log"] == 240
    assert story["names in the clear"] == {}
    assert story["decisions of the forgotten"] > 0
    assert story["effective sample size"] > 30
