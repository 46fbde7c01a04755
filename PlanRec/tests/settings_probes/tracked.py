"""Settings of runs: where they lie, whether a mirror is to have them, and how long it is waited for."""

from __future__ import annotations

import os
from pathlib import Path

from settings_probes.lab import Lab

from common_utils.tracking.mlflow_door import opened
from common_utils.tracking.store import RunStore
from planrec.training import recorded_training

__all__ = ["mirrored", "runs_kept", "waited"]

_NOBODY = "http://127.0.0.1:9"


def runs_kept(lab: Lab) -> tuple[object, object]:
    """Which folders hold a run."""
    return _kept(lab, "usual"), _kept(lab, "other")


def mirrored(lab: Lab) -> tuple[object, object]:
    """How many runs wait for a mirror."""
    usual, other = lab.folder / "no-url", lab.folder / "url"
    _recorded(lab, usual)
    _recorded(lab, other, f"tracking.url={_NOBODY}")
    return len(RunStore(usual).posted()), len(RunStore(other).posted())


def waited(lab: Lab) -> tuple[object, object]:
    """What MLflow's client is told of the longest wait for one answer."""
    return _told(lab, 10), _told(lab, 1)


def _recorded(lab: Lab, folder: Path, *overrides: str) -> None:
    with recorded_training(lab.config(f"tracking.folder={folder}", *overrides), lab.project):
        pass


def _kept(lab: Lab, name: str) -> list[str]:
    _recorded(lab, lab.folder / name)
    return [one for one in ("usual", "other") if (lab.folder / one).exists() and RunStore(lab.folder / one).names()]


def _told(lab: Lab, seconds: int) -> str:
    config = lab.config(f"tracking.url={_NOBODY}", f"tracking.timeout_seconds={seconds}").tracking
    with opened(config, lab.project):
        return os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"]
