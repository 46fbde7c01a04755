"""What a study tells the record of its run: each figure over the operators, and of each operator for pairing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from common_utils.array_types import FloatArray
from common_utils.bundle import fingerprint_bytes
from common_utils.config import resolve_path
from common_utils.tracking.run import FoldFigures
from planrec.config import PlanRecConfig
from planrec.study.pooled import Study
from planrec.study.promises import Promise

__all__ = ["operator_figures", "study_metrics"]

_LEVEL = 0.95


def study_metrics(study: Study, lines: Sequence[Promise]) -> dict[str, object]:
    """Return how many promises were reached how, and the mean of each figure over the operators of a process.

    Parameters
    ----------
    study : Study
    lines : sequence of Promise

    Returns
    -------
    dict
        As `common_utils.tracking.figures.figures_of` takes it; intervals are 95 % ones of Student's t over operators.
    """
    reached = Counter(line.reached.lower() for line in lines)
    return {
        "promises": {name: reached[name] for name in ("goal", "must", "no")},
        **{
            process: {name: _interval(values) for name, values in _figures(study, process)}
            for process in study.operators
        },
    }


def operator_figures(study: Study, config: PlanRecConfig, project: Path) -> FoldFigures:
    """Return the figures of each operator, with the digest of what was simulated.

    Two studies of the same operators can be paired, operator by operator; the code that simulates does not count.

    Parameters
    ----------
    study : Study
    config : PlanRecConfig
        The study's.
    project : Path
        Folder that the rate card's path counts from.
    """
    asked = {
        "simulator": config.simulator.model_dump(mode="json"),
        "subscribers": study.subscribers,
        "seeds": study.seeds,
        "first_test_month": config.evaluation.study.first_test_month,
        "plans": fingerprint_bytes(resolve_path(project, config.data.simulator.plans).read_bytes()),
    }
    values = {
        f"{process}.{name}": tuple(found.tolist())
        for process in study.operators
        for name, found in _figures(study, process)
    }
    digest = fingerprint_bytes(json.dumps(asked, sort_keys=True).encode())
    return FoldFigures(of=digest, test_over_train=0, figures=values)


def _figures(study: Study, process: str) -> Iterator[tuple[str, FloatArray]]:
    """Yield the figures that every operator of a process has."""
    for name in study.operators[process][0].figures:
        if study.has(process, name) and np.isfinite(values := study.values(process, name)).all():
            yield name, values


def _interval(values: FloatArray) -> dict[str, float]:
    mean, count = float(values.mean()), len(values)
    if count < 2:
        return {"estimate": mean}
    half = float(student.ppf((1 + _LEVEL) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return {"estimate": mean, "low": mean - half, "high": mean + half} if isfinite(half) else {"estimate": mean}
