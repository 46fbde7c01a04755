from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError, LeakageError
from common_utils.splits import (
    Fold,
    assert_apart,
    group_holdout,
    grouped_folds,
    grouped_stratified_folds,
    stratified_folds,
    time_holdout,
)

people_and_classes = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=20, max_size=80)


def _same(one: list[Fold], other: list[Fold]) -> bool:
    return all(
        np.array_equal(a, b) for pair, twin in zip(one, other, strict=True) for a, b in zip(pair, twin, strict=True)
    )


@settings(deadline=None, max_examples=40)
@given(rows=people_and_classes, n_splits=st.integers(2, 4), seed=st.integers(0, 99))
def test_folds_hold_every_row_once_and_no_group_twice(rows: list[tuple[int, int]], n_splits: int, seed: int):
    groups, y = (np.array(column) for column in zip(*rows, strict=True))
    try:
        folds = grouped_stratified_folds(y, groups, n_splits=n_splits, seed=seed)
    except DataError:
        assume(False)
    assert len(folds) == n_splits
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(rows)))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(len(rows)))
        assert set(groups[train]).isdisjoint(groups[test])
        assert_apart(groups, train, test)
        assert set(y[train]) == set(y)
    assert _same(folds, grouped_stratified_folds(y, groups, n_splits=n_splits, seed=seed))


def test_folds_keep_the_shares_of_the_classes():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(300), 4)
    y = np.where(rng.random(1200) < 0.2, "rare", "common")
    for _, test in grouped_stratified_folds(y, groups, n_splits=5, seed=1):
        assert abs((y[test] == "rare").mean() - (y == "rare").mean()) < 0.02


def test_folds_differ_between_seeds():
    y, groups = np.tile([0, 1], 50), np.repeat(np.arange(50), 2)
    one, other = (grouped_stratified_folds(y, groups, n_splits=5, seed=seed) for seed in (1, 2))
    assert not _same(one, other)


def test_folds_take_text_and_series():
    y = pd.Series(["surf", "ultimate"] * 6)
    groups = pd.Series([f"s{number // 2}" for number in range(12)])
    folds = grouped_stratified_folds(y, groups, n_splits=3, seed=0)
    assert [len(test) for _, test in folds] == [4, 4, 4]


@pytest.mark.parametrize(
    ("y", "groups", "n_splits", "message"),
    [
        pytest.param([1, 1, 1], [1, 2, 3], 2, r"y holds 1 class\(es\), 2 are needed", id="one-class"),
        pytest.param(
            [0, 1, 0, 1], [1, 1, 2, 2], 3, r"3 folds need .* 2 groups .* Use at most 2 folds", id="few-groups"
        ),
        pytest.param([0, 0, 0, 1, 1], [1, 2, 3, 4, 4], 2, r"rarest class is in 1\.", id="class-in-one-group"),
        pytest.param([0, 1], [1, 2], 1, "at least 2 folds", id="one-fold"),
        pytest.param([], [], 2, r"y: one value per row is needed, not an array of shape \(0,\)", id="no-rows"),
        pytest.param([[0, 1]], [1], 2, r"of shape \(1, 2\)", id="two-dimensions"),
        pytest.param([0, 1, 0], [1, 2], 2, r"differ in length: \[3, 2\]", id="lengths"),
        pytest.param([0, float("nan")], [1, 2], 2, r"y: 1 value\(s\) are missing", id="missing-class"),
        pytest.param([0, 1], ["a", None], 2, r"groups: 1 value\(s\) are missing", id="missing-group"),
        pytest.param([0, 1], [pd.NA, "a"], 2, r"groups: 1 value\(s\) are missing", id="missing-group-of-pandas"),
    ],
)
def test_folds_that_cannot_be_made_are_refused(y: list[Any], groups: list[Any], n_splits: int, message: str):
    with pytest.raises(DataError, match=message):
        grouped_stratified_folds(y, groups, n_splits=n_splits, seed=0)


def test_a_class_that_falls_into_one_fold_is_refused(monkeypatch: pytest.MonkeyPatch):
    class Unlucky:
        def __init__(self, **_: object) -> None: ...

        def split(self, *_: object) -> list[Fold]:
            return [(np.array([0, 1]), np.array([2, 3])), (np.array([2, 3]), np.array([0, 1]))]

    monkeypatch.setattr("sklearn.model_selection.StratifiedGroupKFold", Unlucky)
    with pytest.raises(DataError, match="some class falls into one fold as a whole"):
        grouped_stratified_folds([0, 0, 1, 1], [1, 2, 3, 4], n_splits=2, seed=0)


@settings(deadline=None, max_examples=60)
@given(
    groups=st.lists(st.integers(0, 40), min_size=2, max_size=60),
    more=st.lists(st.integers(0, 80), max_size=20),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**32 - 1),
)
def test_holdout_keeps_groups_whole_and_where_they_were(groups: list[int], more: list[int], share: float, seed: int):
    try:
        train, test = group_holdout(groups, share=share, seed=seed)
        after = group_holdout([*more, *groups], share=share, seed=seed)
    except DataError:
        assume(False)
    assert sorted([*train, *test]) == list(range(len(groups)))
    assert_apart(groups, train, test)
    tested = {groups[row] for row in test}
    tested_after = {[*more, *groups][row] for row in after[1]}
    assert tested == tested_after & set(groups)


def test_holdout_meets_its_share_on_average():
    _, test = group_holdout(np.arange(20_000), share=0.2, seed=3)
    assert abs(len(test) / 20_000 - 0.2) < 0.01


def test_holdout_does_not_depend_on_type_or_process():
    numbers, texts = np.arange(100), np.arange(100).astype(str)
    one, other = (group_holdout(groups, share=0.3, seed=1)[1].tolist() for groups in (numbers, texts))
    assert one == other
    code = (
        "from common_utils.splits import group_holdout; print(group_holdout(range(100), share=0.3, seed=1)[1].tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "99"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(one)


def test_holdout_of_another_seed_is_independent():
    one, other = (set(group_holdout(range(1000), share=0.5, seed=seed)[1].tolist()) for seed in (1, 2))
    assert 180 < len(one & other) < 320


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_holdout_refuses_shares_outside_0_and_1(share: float):
    with pytest.raises(DataError, match="share: a number between 0 and 1 is needed"):
        group_holdout([1, 2], share=share, seed=0)


def test_holdout_with_an_empty_side_is_refused():
    with pytest.raises(DataError, match=r"all 1 group\(s\) fall on one side"):
        group_holdout([7, 7], share=0.5, seed=0)


@settings(deadline=None, max_examples=60)
@given(months=st.lists(st.integers(0, 24), min_size=2, max_size=40), first=st.integers(1, 24))
def test_time_holdout_lets_no_month_cross(months: list[int], first: int):
    assume(min(months) < first <= max(months))
    train, test = time_holdout(months, first_test_month=first)
    values = np.array(months)
    assert values[train].max() < first <= values[test].min()
    assert sorted([*train, *test]) == list(range(len(months)))


@pytest.mark.parametrize("first", [1, 99])
def test_time_holdout_with_an_empty_side_is_refused(first: int):
    with pytest.raises(DataError, match=f"no row is on one side of month {first}"):
        time_holdout([1, 2, 3], first_test_month=first)


@pytest.mark.parametrize("months", [["2026-01", "2026-02"], [1.0, 2.0]])
def test_time_holdout_needs_integers(months: list[Any]):
    with pytest.raises(DataError, match="months: integers are needed"):
        time_holdout(months, first_test_month=2)


def test_assert_apart_counts_and_names_nobody():
    with pytest.raises(LeakageError, match="2 of 3 groups have rows on both sides") as caught:
        assert_apart(["ann", "bob", "cid", "ann", "bob"], [0, 1], [2, 3, 4])
    assert "ann" not in str(caught.value)


def test_import_needs_no_scikit_learn():
    code = "import sys, common_utils.splits; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_stratified_folds_keep_shares_and_cover_every_row_once() -> None:
    y = [0] * 40 + [1] * 10
    folds = stratified_folds(y, n_splits=5, seed=1)
    assert sorted(row for _, test in folds for row in test.tolist()) == list(range(50))
    assert all(np.asarray(y)[test].sum() == 2 for _, test in folds)
    assert [test.tolist() for _, test in folds] == [t.tolist() for _, t in stratified_folds(y, n_splits=5, seed=1)]


def test_grouped_folds_keep_groups_whole_and_cover_every_row_once() -> None:
    groups = ["a", "b", "a", "c", "d", "b"]
    folds = grouped_folds(groups, n_splits=2, seed=1)
    assert sorted(row for _, test in folds for row in test.tolist()) == list(range(6))
    for train, test in folds:
        assert_apart(groups, train, test)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: stratified_folds([0, 1], n_splits=1, seed=0), "at least 2 folds", id="one-fold"),
        pytest.param(lambda: stratified_folds([1, 1], n_splits=2, seed=0), "2 are needed to learn", id="one-class"),
        pytest.param(lambda: stratified_folds([0, 0, 1], n_splits=2, seed=0), "the rarest has 1", id="rare-class"),
        pytest.param(lambda: grouped_folds(["a", "b"], n_splits=1, seed=0), "at least 2 folds", id="one-group-fold"),
        pytest.param(lambda: grouped_folds(["a", "a"], n_splits=2, seed=0), "there are 1", id="one-group"),
    ],
)
def test_folds_of_rows_or_groups_that_cannot_be_made_are_refused(make, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()
