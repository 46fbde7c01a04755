"""What came of the records that a project on one table answered, against the figures of the bundle's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.monitoring.bias.decided import outcome_values, row_subjects
from common_utils.monitoring.late_labels import Figure, auc, calibration_error, estimated, judge, mean_of
from common_utils.monitoring.matured import Matured, card_figures, matured
from common_utils.table_project.task import TableTask

__all__ = ["look_at_records"]


def look_at_records(
    task: TableTask[Any], rows: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any], *, rng: np.random.Generator
) -> Matured:
    """Return what matured outcomes say, of all and by each declared group.

    Parameters
    ----------
    task : TableTask
        Its `outcome` is the kind that tells what the target became.
    rows : sequence of mapping
        Of `common_utils.monitoring.matured.decided_until`.
    metrics : mapping
        The bundle's; counterparts are the figures of its cross-validation.
    rng : numpy.random.Generator
    """
    if not rows or not task.outcome:
        return matured([], [], len(rows))
    score = np.array([_number(row["answer"].get(task.score_column)) for row in rows])
    became = _became(task, rows)
    known = ~np.isnan(became) & ~np.isnan(score)
    figures = _figures(task, rows, score, became)
    card = card_figures(metrics.get("cross_validation", {}), [one.name for one in figures])
    subjects = row_subjects(rows)
    late = judge(figures, subjects, card, rng=rng)
    for name in task.coarse_groups:
        labels = np.array([str(row["groups"].get(name, "unknown")) for row in rows])
        late += [one for one in judge(figures, subjects, {}, segments=labels, rng=rng) if one.segment]
    waiting = ~np.isnan(score) & ~known
    guesses = estimated(score[waiting]) if task.is_class and waiting.any() else []
    return matured(late, guesses, int(waiting.sum()))


def _figures(
    task: TableTask[Any], rows: Sequence[Mapping[str, Any]], score: FloatArray, became: FloatArray
) -> list[Figure]:
    known = ~np.isnan(score)
    if task.is_class:
        return [auc("auc", score, became, known), calibration_error("ece", score, became, known)]
    low, high = (np.array([_number(row["answer"].get(end)) for row in rows]) for end in ("low", "high"))
    inside = np.where(np.isnan(low) | np.isnan(became), np.nan, (low <= became) & (became <= high))
    return [mean_of("mae", np.abs(score - became), known, "less"), mean_of("coverage", inside, known, "more")]


def _became(task: TableTask[Any], rows: Sequence[Mapping[str, Any]]) -> FloatArray:
    """Return 1 or 0 of a class, an amount in the table's unit where outcomes are cents; NaN where it is not known."""
    if task.outcome == "plan_taken":
        taken = [row.get("plan_taken") for row in rows]
        yes = getattr(task, "yes", None)
        return np.array([np.nan if plan is None else float(plan == yes) for plan in taken])
    values = outcome_values(rows, task.outcome)
    return values if task.is_class else values / 100


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan
