"""Where `lifecycle status` looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.decision_log.desk import Desk

__all__ = ["LifecyclePlaces"]


@dataclass(frozen=True)
class LifecyclePlaces:
    """Where the page looks.

    Attributes
    ----------
    artifacts : Path
        Root of the bundles.
    trust : Trust
    monitoring : Path
        Folder of monitoring.
    log : Desk
        Of the decision log.
    retraining : Path
        Folder of retraining, `lifecycle.folder`.
    runs : Path
        Folder of runs and of their outbox, `tracking.folder`.
    accepted : tuple of str
        Periods whose quality alarm somebody has looked at, `lifecycle.accept_periods`.
    """

    artifacts: Path
    trust: Trust
    monitoring: Path
    log: Desk
    retraining: Path
    runs: Path
    accepted: tuple[str, ...] = ()

    @property
    def gates(self) -> tuple[Path, ...]:
        """Folders in which a report that the record names by its digest may lie."""
        return (self.retraining, self.monitoring)
