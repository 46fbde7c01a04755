"""What the run of a study holds: means with intervals over operators, and each operator for pairing."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from common_utils.tracking.figures import figures_of
from planrec.config import PlanRecConfig
from planrec.study.measure import Measured
from planrec.study.pooled import Study
from planrec.study.promises import promises
from planrec.study.recorded import operator_figures, study_metrics
from tests.study.test_promises import kept


def _study(*values: float) -> Study:
    measured = [Measured({"known.ece": value, "launch.ece": float("nan")}, {}) for value in values]
    return Study({"logit": measured}, tuple(range(len(values))), None, None, "EUR", {}, "`mine.yaml`", 1000)


def test_a_figure_is_the_mean_over_operators_with_students_interval() -> None:
    found = figures_of(study_metrics(_study(0.1, 0.2, 0.3), ()))
    # by hand: sd .1 of three, t of 2 degrees of freedom 4.302653
    half = 4.302653 * 0.1 / math.sqrt(3)
    figure = found["logit.known.ece"]
    assert (figure.value, figure.low, figure.high) == pytest.approx((0.2, 0.2 - half, 0.2 + half))
    assert "logit.launch.ece" not in found
    assert figures_of(study_metrics(_study(0.1), ()))["logit.known.ece"].low is None


def test_promises_are_counted_by_how_they_were_reached() -> None:
    lines = promises(kept())
    counted = {name.partition(".")[2]: figure.value for name, figure in _promised(lines).items()}
    assert counted["no"] == 0
    assert counted["goal"] == sum(line.reached == "goal" for line in lines) > 0
    assert counted["must"] == sum(line.reached == "must" for line in lines)


def _promised(lines):  # type: ignore[no-untyped-def]
    found = figures_of(study_metrics(_study(0.1), lines))
    return {name: figure for name, figure in found.items() if name.startswith("promises.")}


def test_operators_are_paired_only_with_the_same_ones(settings: PlanRecConfig, project_folder: Path) -> None:
    found = operator_figures(_study(0.1, 0.2), settings, project_folder)
    assert (found.figures, found.test_over_train) == ({"logit.known.ece": (0.1, 0.2)}, 0)
    assert operator_figures(_study(0.3, 0.4), settings, project_folder).of == found.of
    other = settings.model_copy(update={"simulator": settings.simulator.model_copy(update={"subscribers": 999})})
    assert operator_figures(_study(0.1, 0.2), other, project_folder).of != found.of
    assert operator_figures(_study(0.1, 0.2, 0.3), settings, project_folder).of != found.of
