from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from common_utils.errors import DataError
from common_utils.leakage.power import column_power, group_folds

N, K = 2000, 4


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def target() -> np.ndarray:
    return _rng(1).choice(K, N, p=[0.4, 0.3, 0.2, 0.1])


@pytest.fixture(scope="module")
def folds() -> np.ndarray:
    return group_folds(None, N, _rng(2))


def test_folds_keep_groups_together_and_have_similar_sizes() -> None:
    groups = pd.Series([f"s-{number // 4}" for number in range(N)])
    folds = group_folds(groups, N, _rng())
    assert pd.Series(folds).groupby(groups).nunique().max() == 1
    assert np.bincount(folds).min() >= 0.9 * N / 5


def test_folds_are_fewer_for_fewer_groups_and_missing_ones_are_a_group() -> None:
    assert sorted(set(group_folds(pd.Series(["a", None, "a", None]), 4, _rng()).tolist())) == [0, 1]
    with pytest.raises(DataError, match=r"1 group\(s\): a leak audit tries columns on unseen groups"):
        group_folds(pd.Series(["a", "a"]), 2, _rng())
    with pytest.raises(DataError, match=r"0 group\(s\)"):
        group_folds(None, 0, _rng())


def test_skill_kappa_and_auc_by_hand() -> None:
    # two groups of 100; the flag is right for 90 of 100 rows of each class
    y = np.tile(np.repeat([0, 1], 50), 2)
    flag = y.copy()
    flag[np.r_[0:5, 50:55, 100:105, 150:155]] ^= 1
    power = column_power(pd.Series(flag), y, np.repeat([0, 1], 100))
    assert power.skill == pytest.approx(0.8)
    assert power.kappa == pytest.approx(0.8)
    assert power.auc == pytest.approx(0.9)
    assert (power.predicted == flag).all()
    assert power.tells_all


def test_a_class_with_few_rows_says_nothing_about_a_column() -> None:
    y = np.r_[np.tile([0, 1], 250), np.full(9, 2), [2]]
    folds = group_folds(None, 510, _rng())
    assert not column_power(pd.Series(y[:509] == 2), y[:509], folds[:509]).strong
    assert column_power(pd.Series(y == 2), y, folds).tells_one_class


def _copy(y: np.ndarray, share: float) -> np.ndarray:
    drawn = _rng(5).integers(0, K, N)
    return np.where(_rng(6).random(N) < share, drawn, y)


NAMES = np.array(["smart", "ultra", "surf", "basic"])
LEAKS = {
    "value": lambda y: pd.Series(NAMES[y]),
    "category": lambda y: pd.Series(NAMES[y], dtype="category"),
    "quarter-noise": lambda y: pd.Series(_copy(y, 0.25)),
    "boolean-for-one-class": lambda y: pd.Series(y == 3),
    "missing-for-one-class": lambda y: pd.Series(np.where(y == 3, np.nan, 1.0)),
    "nullable-integer": lambda y: pd.Series(y, dtype="Int64").mask(pd.Series(y == 2)),
    "fee-and-overage": lambda y: pd.Series(y * 10 + np.where(_rng().random(N) < 0.5, 0, _rng(3).gamma(1, 2, N))),
    "target-plus-noise": lambda y: pd.Series(y + _rng().normal(0, 0.25, N)),
    "many-codes-per-class": lambda y: pd.Series([f"D{n}" for n in (y * 100 + _rng().integers(0, 40, N)) * 37 % 401]),
    "id-by-prefix": lambda y: pd.Series([f"{NAMES[c][:2]}-{n}" for n, c in enumerate(y)]),
    "id-by-suffix": lambda y: pd.Series([f"{n}-{NAMES[c]}" for n, c in enumerate(y)]),
    "id-by-length": lambda y: pd.Series([f"{n:0{6 + c}d}" for n, c in enumerate(y)]),
    "id-sorted-by-target": lambda y: pd.Series(np.argsort(np.argsort(y, kind="stable"), kind="stable") + 10_000),
    "id-by-remainder": lambda y: pd.Series(_rng().permutation(N) * K + y),
    "text-id-by-remainder": lambda y: pd.Series([f"S-{n}" for n in _rng().permutation(N) * K + y]),
    "price-endings": lambda y: pd.Series(_rng().integers(5, 300, N) + np.array([0.99, 0.5, 0.25, 0.0])[y]),
    "date": lambda y: pd.Series(np.datetime64("2018-01-01") + (y * 30 + _rng().integers(0, 29, N)).astype("m8[D]")),
    "period": lambda y: pd.Series(pd.PeriodIndex.from_ordinals(570 + y, freq="M")),
    "date-only-for-one-class": lambda y: pd.Series(np.datetime64("2018-05-01", "s")).repeat(N).where(y == 2),
    "python-objects": lambda y: pd.Series([(int(c),) for c in y], dtype=object),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_a_column_that_gives_the_target_away_is_strong(name: str, target: np.ndarray, folds: np.ndarray) -> None:
    assert column_power(LEAKS[name](target), target, folds).strong


HONEST = {
    "constant": lambda _: pd.Series(np.ones(N)),
    "all-missing": lambda _: pd.Series(np.full(N, np.nan)),
    "no-text-at-all": lambda _: pd.Series([None] * N, dtype="str"),
    "random": lambda _: pd.Series(_rng().normal(size=N)),
    "random-integers": lambda _: pd.Series(_rng().integers(0, 10**9, N)),
    "random-text": lambda _: pd.Series([f"{n:x}" for n in _rng().integers(0, 10**12, N)]),
    "infinite": lambda _: pd.Series(np.where(_rng().random(N) < 0.1, np.inf, _rng().normal(size=N))),
    "row-number": lambda _: pd.Series(np.arange(N)),
    "half-right": lambda y: pd.Series(_copy(y, 0.5)),
    "usage": lambda y: pd.Series(np.exp(0.8 * y + _rng().normal(0, 1.0, N))),
    "usage-that-follows-the-plan": lambda y: pd.Series(y + _rng().normal(0, 0.6, N)),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_column_is_not_strong(name: str, target: np.ndarray, folds: np.ndarray) -> None:
    assert not column_power(HONEST[name](target), target, folds).strong


@pytest.mark.parametrize("rate", [0.03, 0.2, 0.5])
@pytest.mark.parametrize("share", [0.6, 0.7, 0.9])
def test_a_flag_on_part_of_the_positives_is_strong(rate: float, share: float) -> None:
    rng = _rng(int(100 * rate + 10 * share))
    y = (rng.random(4000) < rate).astype(int)
    flag = (y == 1) & (rng.random(4000) < share)
    noisy = flag | (rng.random(4000) < 0.02 * rate)
    for column in (pd.Series(flag), pd.Series(np.where(flag, "closed", "open")), pd.Series(noisy)):
        power = column_power(column, y, group_folds(None, 4000, rng))
        assert power.strong
        assert power.class_code == 1


def test_a_flag_on_part_of_one_class_of_many_is_strong(target: np.ndarray, folds: np.ndarray) -> None:
    flag = (target == 2) & (_rng(3).random(N) < 0.6)
    power = column_power(pd.Series(flag), target, folds)
    assert (power.flags_surely, power.class_code) == (True, 2)
    assert power.flagged_share == pytest.approx(0.6, abs=0.05)
    assert power.precision == 1


def test_a_flag_on_few_of_the_positives_or_often_wrong_is_not_strong() -> None:
    rng = _rng(8)
    y = (rng.random(4000) < 0.2).astype(int)
    folds = group_folds(None, 4000, rng)
    few = (y == 1) & (rng.random(4000) < 0.3)
    wrong = np.where(rng.random(4000) < 0.5, y == 1, rng.random(4000) < 0.05)
    assert not column_power(pd.Series(few), y, folds).strong
    assert not column_power(pd.Series(wrong), y, folds).strong


def test_heavy_usage_may_tell_a_rare_plan_well_without_being_accused() -> None:
    # 5 % hold "unlimited", nearly all of them heavy users, yet most heavy users hold another plan: AUC above .95
    rng = _rng()
    usage = rng.normal(size=20_000)
    y = (rng.random(20_000) < 0.55 / (1 + np.exp(-6 * (usage - 1.4)))).astype(int)
    power = column_power(pd.Series(usage), y, group_folds(None, 20_000, rng))
    assert power.auc > 0.93
    assert not power.strong


def test_values_of_one_group_only_are_no_evidence() -> None:
    # each subscriber keeps a plan, so the id fits the rows; it says nothing of subscribers not seen
    y = np.repeat(_rng().integers(0, K, 200), 10)
    ids = pd.Series(np.repeat(_rng(1).permutation(200), 10))
    assert column_power(ids, y, group_folds(None, 2000, _rng())).strong
    assert not column_power(ids, y, group_folds(ids, 2000, _rng())).strong


def test_the_column_is_not_modified(target: np.ndarray, folds: np.ndarray) -> None:
    column = pd.Series(NAMES[target], dtype="category")
    before = column.copy(deep=True)
    column_power(column, target, folds)
    pd.testing.assert_series_equal(column, before)
