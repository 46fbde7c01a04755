"""The decision log of a project on one table, as a report on bias asks: who is marked, and what came of it.

Compared are records of about the same score, for what a score says is what the project may act on. A group that is
marked less at the same score has another threshold; one that has more of the event at the same score is underrated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from common_utils.config import resolve_path
from common_utils.decision_log.desk import Desk
from common_utils.errors import ConfigError
from common_utils.monitoring.bias.decided import Decided, Describe, Done, outcome_values
from common_utils.monitoring.bias.desk import BiasDesk
from common_utils.releases.config import load_trust
from common_utils.table_project.config import TableProjectConfig
from common_utils.table_project.task import TableTask

__all__ = ["describe_records", "table_bias_desk"]

Settings = TypeVar("Settings", bound=TableProjectConfig)


def describe_records(task: TableTask[Any]) -> Describe:
    """Return what makes of entries what a report asks.

    Parameters
    ----------
    task : TableTask
        Its `yes` is what a record is marked as; its `coarse_groups` are the attributes.
    """
    yes, score = getattr(task, "yes", None), task.score_column

    def describe(rows: Sequence[Mapping[str, Any]]) -> Decided:
        marked = np.array([float(row["answer"].get("prediction") == yes) for row in rows])
        scores = np.array([_number(row["answer"].get(score)) for row in rows])
        done = [Done(f"marked as {yes!r}", ~np.isnan(scores), marked, "less")] if yes is not None else []
        for kind, name, harm in _OUTCOMES:
            values = outcome_values(rows, kind)
            done.append(Done(name, ~np.isnan(values), values, harm))
        groups = {name: _labels(rows, name) for name in task.coarse_groups}
        return Decided(groups, scores, tuple(done), f"the same {score}", parts=20, latest=True)

    return describe


_OUTCOMES: tuple[tuple[str, str, Any], ...] = (
    ("left", "left", "more"),
    ("accepted", "accepted", "less"),
    ("complaint", "complaint", "more"),
    ("worse_off", "worse off", "more"),
)


def table_bias_desk(task: TableTask[Settings], config: Settings, folder: Path) -> BiasDesk:
    """Return what the commands of a project work with.

    Raises
    ------
    ConfigError
        If the project declares no coarse groups.
    """
    if not task.coarse_groups:
        raise ConfigError(
            f"{task.spec.name}: declares no coarse groups, so its log tells none apart; "
            "`coarse_groups` of the task names columns."
        )
    return BiasDesk(
        Desk(config.decisions, task.spec.name, folder, config.data.table),
        resolve_path(folder, config.monitoring.folder),
        resolve_path(folder, config.training.artifacts),
        load_trust(config.releases, folder),
        describe_records(task),
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def _labels(rows: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.str_]:
    return np.array([str(row["groups"].get(name, "")) for row in rows], dtype=np.str_)
