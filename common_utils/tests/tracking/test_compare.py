"""Two runs: settings first, figures paired where the folds are the same rows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tracking.cases import NAME, a_run

from common_utils.tracking.compare import Differs, compare_runs
from common_utils.tracking.run import CodeOf, FoldFigures, RunFigure

LATER = "20261130T000000000000Z-00000002"


def _folds(*values: float, of: str = "f1", ratio: float = 0.25) -> FoldFigures:
    return FoldFigures(of=of, test_over_train=ratio, figures={"auc": values})


def test_what_differs_is_said_and_nothing_else() -> None:
    second = a_run(
        LATER,
        settings={"training.seed": "7", "new.key": "1"},
        code=CodeOf(git_commit="b" * 40, python="3.12.1", libraries={"numpy": "2.1"}),
        snapshot="ab",
    )
    found = compare_runs(a_run(), second)
    assert found.settings == (Differs("new.key", "", "1"), Differs("training.seed", "42", "7"))
    assert found.facts == (
        Differs("commit", "a" * 40, "b" * 40),
        Differs("library numpy", "2.0", "2.1"),
        Differs("snapshot", "", "ab"),
    )


def test_the_paired_difference_is_students_with_the_overlap_of_folds_counted() -> None:
    found = compare_runs(a_run(), a_run(LATER, folds=_folds(0.8, 0.9, 1.0)))
    (pair,) = found.paired
    assert (pair.figure, pair.folds, pair.seen) == ("auc", 3, "higher")
    assert (pair.first, pair.second) == (pytest.approx(0.8), pytest.approx(0.9))
    # by hand: differences of .1 each, no spread
    assert (pair.difference.low, pair.difference.high) == (pytest.approx(0.1), pytest.approx(0.1))
    found = compare_runs(a_run(), a_run(LATER, folds=_folds(0.8, 0.8, 0.8)))
    (pair,) = found.paired
    # differences .1, 0, -.1: sd .1, error .1 * sqrt(1/3 + 1/4), 2 degrees of freedom: t = 4.302653
    half = 4.302653 * 0.1 * math.sqrt(1 / 3 + 0.25)
    assert pair.difference.estimate == pytest.approx(0, abs=1e-12)
    assert (pair.difference.low, pair.difference.high) == (pytest.approx(-half), pytest.approx(half))
    assert pair.seen == "no difference seen"
    assert compare_runs(a_run(), a_run(LATER, folds=_folds(0.6, 0.7, 0.8))).paired[0].seen == "lower"


@pytest.mark.parametrize(
    ("folds", "why"),
    [
        (None, "one of them has no figures by fold"),
        (_folds(0.7, 0.8, 0.9, of="f2"), "their folds hold other rows"),
        (_folds(0.7, 0.8), "they share no figure of two folds"),
        (FoldFigures(of="f1", test_over_train=0, figures={"f1": (1, 2, 3)}), "they share no figure of two folds"),
    ],
)
def test_other_folds_are_not_paired_and_the_reason_is_said(folds: FoldFigures | None, why: str) -> None:
    found = compare_runs(a_run(), a_run(LATER, folds=folds))
    assert (found.paired, found.unpaired) == ((), why)
    assert [one.figure for one in found.beside] == ["auc", "rows"]


def test_figures_that_only_one_has_are_not_put_side_by_side() -> None:
    found = compare_runs(a_run(), a_run(LATER, figures={"rows": RunFigure(value=1), "other": RunFigure(value=2)}))
    assert [(one.figure, one.first.value, one.second.value) for one in found.beside] == [("rows", 900, 1)]


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=8),
    st.floats(0, 1),
)
def test_turning_the_runs_round_turns_the_difference_round(pairs: list[tuple[float, float]], ratio: float) -> None:
    first, second = (_folds(*values, ratio=ratio) for values in zip(*pairs, strict=True))
    there = compare_runs(a_run(folds=first), a_run(LATER, folds=second)).paired[0].difference
    back = compare_runs(a_run(folds=second), a_run(LATER, folds=first)).paired[0].difference
    assert (there.estimate, there.low, there.high) == pytest.approx((-back.estimate, -back.high, -back.low))


def test_a_run_differs_from_itself_in_nothing() -> None:
    found = compare_runs(a_run(), a_run())
    assert (found.settings, found.facts, found.first) == ((), (), NAME)
    assert found.paired[0].seen == "no difference seen"
    assert found.to_dict()["unpaired"] == ""
