"""The story of the decision log, short, on a real service: what was decided, killed, told, judged and forgotten."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from common_utils.bundle import Bundle


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_left(
    bundle: Bundle, project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project_folder / "scripts")
    tell: Any = import_module("decision_story").tell
    story = tell(bundle.path, tmp_path / "story", decisions=240, kills=2, seed=3)
    assert story.wrong == []
    assert story.killed == {"service": 1, "shipper": 1}
    assert story.figures["decisions acknowledged"] == 240
    assert story.figures["in the log"] == 240
    assert story.figures["names in the clear"] == {}
    assert story.figures["decisions of the forgotten"] > 0
    assert story.figures["effective sample size"] > 30
