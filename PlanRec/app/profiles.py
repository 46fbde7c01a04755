"""What the service counts of the subscribers it was asked about; see `common_utils.monitoring.profiles.live`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from common_utils.monitoring.profiles.live import LiveProfiles, SeenRows
from planrec.config import PlanRecConfig
from planrec.decisions import SubscriberRecord
from planrec.decisions.watched import watched_columns

if TYPE_CHECKING:
    from app.live import LivePlanRec

__all__ = ["NO_SCORE", "SeenProfiles"]

NO_SCORE = float("nan")

_Asked = tuple[SubscriberRecord, str | None]


class SeenProfiles:
    """One for predictions, whose score is the chance of the plan expected, and one for advice and offers."""

    def __init__(self) -> None:
        self.predict: LiveProfiles[LivePlanRec] = LiveProfiles("predict", _predicted)
        self.recommend: LiveProfiles[LivePlanRec] = LiveProfiles("recommend", _advised)

    def started(self, config: PlanRecConfig, project: Path) -> Callable[[], None]:
        """Begin to count where the settings say so; return what ends it."""
        ends = [profiles.started(config.monitoring, project) for profiles in (self.predict, self.recommend)]

        def end() -> None:
            for each in ends:
                each()

        return end


def _predicted(asked: Sequence[_Asked], scores: Sequence[float]) -> SeenRows:
    columns = watched_columns([record for record, _ in asked])
    return SeenRows(columns, np.array(scores, dtype=np.float64), [subject for _, subject in asked])


def _advised(asked: Sequence[_Asked], _: Sequence[float]) -> SeenRows:
    return SeenRows(watched_columns([record for record, _ in asked]), None, [subject for _, subject in asked])
