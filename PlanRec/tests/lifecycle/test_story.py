"""The story of the next bundle, short: from a drift to its challenger, and from a slipped unit to none."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.slow
def test_a_drift_brings_a_challenger_and_a_slipped_unit_brings_none(
    project_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(project_folder / "scripts")
    story: Any = import_module("lifecycle_story").tell(tmp_path, decisions=200)
    assert story.wrong == []
