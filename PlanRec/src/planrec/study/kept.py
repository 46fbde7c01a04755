"""Figures of operators kept in a folder, so that a study that was interrupted goes on where it stopped.

A file is found again only by the same settings, rate card, rules, seed and code: its name is their digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import common_utils
import planrec
from common_utils.bundle import fingerprint_bytes
from common_utils.config import dump_config, resolve_path
from common_utils.errors import ArtifactError
from common_utils.outputs import write_text
from planrec.config import PlanRecConfig
from planrec.rules import rules_file
from planrec.study.measure import Measured

__all__ = ["kept_or_measured", "study_digest"]


def study_digest(config: PlanRecConfig, project: Path) -> str:
    """Return the sha256 of what the figures of an operator depend on, but for its process and seed.

    Parameters
    ----------
    config : PlanRecConfig
        The seeds of the study do not count: each operator is one of its own.
    project : Path
        Folder that the paths of the settings count from.
    """
    study = config.evaluation.study.model_copy(update={"seeds": (0, 1)})
    evaluation = config.evaluation.model_copy(update={"study": study})
    parts = [
        dump_config(config.model_copy(update={"evaluation": evaluation})).encode(),
        resolve_path(project, config.data.simulator.plans).read_bytes(),
        rules_file(config.rules, project),
    ]
    for package in (common_utils, planrec):
        folder = Path(package.__path__[0])
        parts += [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    return fingerprint_bytes(b"".join(fingerprint_bytes(part).encode() for part in parts))


def kept_or_measured(
    folder: Path | None, digest: str, process: str, seed: int, measure: Callable[[], Measured]
) -> Measured:
    """Return an operator's figures from the folder, or measure and keep them.

    Parameters
    ----------
    folder : Path or None
        None: nothing is kept.
    digest : str
        Of `study_digest`.
    process : str
    seed : int
    measure : callable

    Raises
    ------
    ArtifactError
        If a kept file cannot be read.
    """
    if folder is None:
        return measure()
    path = folder / f"{digest[:16]}-{process}-{seed}.json"
    if path.is_file():
        return _read(path)
    measured = measure()
    write_text(path, json.dumps({"figures": measured.figures, "losses": measured.losses}) + "\n")
    return measured


def _read(path: Path) -> Measured:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Measured(
            {name: float(value) for name, value in found["figures"].items()},
            {name: [float(loss) for loss in losses] for name, losses in found["losses"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"kept figures {path}: cannot be read ({type(error).__name__}); remove the file, and its operator is "
            "measured again."
        ) from error
