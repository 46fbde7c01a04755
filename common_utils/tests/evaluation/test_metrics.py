from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, f1_score, log_loss, roc_auc_score

import common_utils.evaluation.metrics
from common_utils.errors import DataError
from common_utils.evaluation import (
    classification_metrics,
    expected_calibration_error,
    metric_intervals,
    reliability_table,
)

NAMES = ["accuracy", "f1_macro", "auc_ovr", "log_loss", "brier", "ece", "hit_at_3", "ndcg_at_5"]


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def _calibrated(n: int, k: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and classes drawn from them."""
    rng = _rng(seed)
    p = np.exp(rng.normal(size=(n, k)))
    p /= p.sum(axis=1, keepdims=True)
    return (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(max=k - 1), p


# three classes, four rows, every figure by hand
Y = [0, 1, 2, 2]
P = [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.2, 0.5, 0.3]]


def test_metrics_by_hand() -> None:
    found = classification_metrics(Y, P, ["a", "b", "c"])
    assert list(found) == NAMES
    assert found["accuracy"] == 0.5
    # predicted a, a, c, b: f1 of a 2/3, of b 0, of c 2/3
    assert found["f1_macro"] == pytest.approx(4 / 9)
    # a: .7 beats all three; b: .3 beats .2 and .1, loses to .5 -> 2/3; c: .8 and .3 beat .1 and .2
    assert found["auc_ovr"] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert found["log_loss"] == pytest.approx(-(math.log(0.7) + 2 * math.log(0.3) + math.log(0.8)) / 4)
    # half of .09+.04+.01, .25+.49+.04, .01+.01+.04, .04+.25+.49
    assert found["brier"] == pytest.approx((0.14 + 0.78 + 0.06 + 0.78) / 8)
    # confidences .5 (two rows, both wrong), .7 right, .8 right
    assert found["ece"] == pytest.approx((2 * 0.5 + 0.3 + 0.2) / 4)
    assert found["hit_at_3"] == 1.0
    # ranks 1, 2, 1, 2
    assert found["ndcg_at_5"] == pytest.approx((2 + 2 / math.log2(3)) / 4)


@pytest.mark.parametrize("k", [3, 7])
def test_metrics_agree_with_scikit_learn(k: int) -> None:
    y, p = _calibrated(500, k)
    p = p.round(2)  # equal scores
    p[:, 0] += 1 - p.sum(axis=1)
    p = p.clip(min=0)
    p /= p.sum(axis=1, keepdims=True)
    found = classification_metrics(y, p, range(k))
    assert found["auc_ovr"] == pytest.approx(roc_auc_score(y, p, multi_class="ovr"))
    assert found["f1_macro"] == pytest.approx(f1_score(y, p.argmax(axis=1), average="macro"))
    assert found["brier"] == pytest.approx(brier_score_loss(y, p, labels=range(k)) / 2)
    if (p[np.arange(500), y] > 0).all():
        assert found["log_loss"] == pytest.approx(log_loss(y, p, labels=range(k)))


def test_two_classes_give_the_usual_auc_and_brier_score() -> None:
    y, p = _calibrated(400, 2)
    found = classification_metrics(y, p, ["stays", "leaves"])
    assert found["auc_ovr"] == pytest.approx(roc_auc_score(y, p[:, 1]))
    assert found["brier"] == pytest.approx(brier_score_loss(y, p[:, 1]))


def test_auc_is_none_when_a_class_does_not_occur() -> None:
    found = classification_metrics([0, 1, 1], [[0.5, 0.3, 0.2]] * 3, ["a", "b", "c"])
    assert found["auc_ovr"] is None
    # b and a occur or are predicted; c is neither, as scikit-learn counts
    assert found["f1_macro"] == pytest.approx(f1_score([0, 1, 1], [0, 0, 0], average="macro"))
    assert all(value is not None and math.isfinite(value) for name, value in found.items() if name != "auc_ovr")


def test_a_certain_mistake_costs_much_but_not_infinitely() -> None:
    loss = classification_metrics([0, 1], [[0.0, 1.0], [0.0, 1.0]], ["a", "b"])["log_loss"]
    assert loss is not None
    assert 300 < loss < 400


def test_calibration_error_by_hand() -> None:
    # two bins of two: .1 and .3 against rate 1/2; .6 and .8 against rate 1
    assert expected_calibration_error([0.1, 0.3, 0.6, 0.8], [0, 1, 1, 1], bins=2) == pytest.approx((0.3 + 0.3) / 2)


def test_calibration_error_keeps_equal_probabilities_together_whatever_their_order() -> None:
    # a constant forecast equal to the rate is calibrated, however rows are sorted
    assert expected_calibration_error([0.5] * 20, [1] * 10 + [0] * 10) == pytest.approx(0)
    p, happened = _rng().integers(0, 5, 200) / 5, _rng(1).integers(0, 2, 200)
    order = _rng(2).permutation(200)
    assert expected_calibration_error(p, happened) == pytest.approx(
        expected_calibration_error(p[order], happened[order])
    )


def test_reliability_table_bins_have_equal_mass_and_explain_the_error() -> None:
    p = _rng().random(1000)
    happened = _rng(1).random(1000) < p**2
    table = reliability_table(p, happened)
    assert [row["n"] for row in table] == [100] * 10
    gaps = [row["n"] * abs(row["observed"] - row["predicted"]) for row in table]
    assert sum(gaps) / 1000 == pytest.approx(expected_calibration_error(p, happened))
    assert table[0]["predicted"] < 0.1 < 0.9 < table[-1]["predicted"]


def test_reliability_table_leaves_out_empty_bins() -> None:
    assert reliability_table([0.5, 0.5], [True, False]) == [{"n": 2, "predicted": 0.5, "observed": 0.5}]


def test_intervals_have_the_estimates_of_the_metrics_inside() -> None:
    y, p = _calibrated(600, 4)
    groups = np.arange(600) // 3
    metrics = classification_metrics(y, p, range(4))
    intervals = metric_intervals(y, p, groups, n_resamples=100, rng=_rng())
    assert list(intervals) == NAMES
    for name, interval in intervals.items():
        assert interval.estimate == metrics[name]
        assert interval.low <= interval.estimate <= interval.high
        assert math.isfinite(interval.low + interval.high)
    assert intervals == metric_intervals(y, p, groups, n_resamples=100, rng=_rng())


def test_each_resample_counts_what_scikit_learn_counts_on_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = _calibrated(200, 3)
    rows = _rng(5).integers(0, 200, 200)
    drawn = np.bincount(rows, minlength=200).astype(float)
    monkeypatch.setattr(common_utils.evaluation.metrics, "resampled_weights", lambda *_: iter([drawn]))
    intervals = metric_intervals(y, p, n_resamples=1, rng=_rng())
    expected = classification_metrics(y[rows], p[rows], range(3))
    for name, interval in intervals.items():
        if name != "ece":  # moved by its bias
            assert interval.low == interval.high == pytest.approx(expected[name])


def test_intervals_by_group_are_wider_than_by_row_when_rows_repeat() -> None:
    y, p = _calibrated(100, 3)
    y, p, groups = np.repeat(y, 10), np.repeat(p, 10, axis=0), np.repeat(np.arange(100), 10)
    grouped = metric_intervals(y, p, groups, n_resamples=100, rng=_rng())
    rows = metric_intervals(y, p, n_resamples=100, rng=_rng())
    for name in ("accuracy", "f1_macro", "auc_ovr", "log_loss", "brier", "ndcg_at_5"):
        assert grouped[name].high - grouped[name].low > 2 * (rows[name].high - rows[name].low)


def test_auc_interval_covers_the_true_auc() -> None:
    # scores N(1, 1) against N(0, 1): AUC = Phi(1 / sqrt 2) = 0.7602
    covered = 0
    for seed in range(100):
        rng = _rng(seed)
        y = np.repeat([0, 1], 60)
        score = 1 / (1 + np.exp(-rng.normal(size=120) - y))
        interval = metric_intervals(y, np.c_[1 - score, score], n_resamples=100, rng=rng)["auc_ovr"]
        covered += interval.low <= 0.7602 <= interval.high
    assert 88 <= covered <= 99


def test_auc_interval_is_left_out_when_a_class_is_missing_or_too_rare() -> None:
    p = np.full((40, 3), 1 / 3)
    y = np.arange(40) % 2
    assert "auc_ovr" not in metric_intervals(y, p, n_resamples=20, rng=_rng())
    # class 2 sits in one of 40 groups: about a third of the resamples lack it, the interval stands
    y[0] = 2
    assert "auc_ovr" in metric_intervals(y, p, n_resamples=200, rng=_rng())
    # three classes in one subscriber each of five: all are drawn in a quarter of the resamples
    groups, y, p = np.arange(40) % 5, np.repeat([0, 1, 2, 3], [37, 1, 1, 1]), np.full((40, 4), 1 / 4)
    assert "auc_ovr" not in metric_intervals(y, p, groups, n_resamples=200, rng=_rng())


def test_calibration_interval_lies_around_its_estimate() -> None:
    y, p = _calibrated(3000, 3)
    interval = metric_intervals(y, p, n_resamples=100, rng=_rng())["ece"]
    assert 0 <= interval.low < interval.estimate < interval.high < 0.06


@pytest.mark.parametrize(
    ("y", "p", "classes", "match"),
    [
        pytest.param([0], [[0.5, 0.6]], "ab", "does not sum to 1", id="sum"),
        pytest.param([0], [[1.5, -0.5]], "ab", r"outside \[0, 1\]", id="range"),
        pytest.param([0], [[math.nan, 1.0]], "ab", r"outside \[0, 1\]", id="nan"),
        pytest.param([0], [[0.5, 0.5]], "abc", "2 columns of probabilities for 3 classes", id="classes"),
        pytest.param([0], [[1.0]], "a", "one class only", id="one-class"),
        pytest.param([2], [[0.5, 0.5]], "ab", r"not whole numbers in \[0, 2\)", id="code"),
        pytest.param([0, 1], [[0.5, 0.5]], "ab", "one row of scores per code", id="length"),
    ],
)
def test_unusable_predictions_are_refused(y: list[int], p: list[list[float]], classes: str, match: str) -> None:
    with pytest.raises(DataError, match=match):
        classification_metrics(y, p, list(classes))


@pytest.mark.parametrize(
    ("p", "happened", "match"),
    [
        pytest.param([], [], "one outcome per probability", id="empty"),
        pytest.param([0.5], [0, 1], "one outcome per probability", id="length"),
        pytest.param([1.5], [1], r"outside \[0, 1\]", id="range"),
        pytest.param([0.5], [2], "neither 0 nor 1", id="outcome"),
    ],
)
def test_unusable_calibration_input_is_refused(p: list[float], happened: list[int], match: str) -> None:
    for function in (expected_calibration_error, reliability_table):
        with pytest.raises(DataError, match=match):
            function(p, happened)
