from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from common_utils.errors import DataError
from common_utils.evaluation import expected_calibration_error
from common_utils.evaluation.binary import (
    best_f1_threshold,
    binary_figures,
    calibrated_ece,
    expected_f1_threshold,
    paired_differences,
)

RNG = np.random.default_rng(4)
P = np.round(RNG.random(300), 2)  # ties on purpose
Y = (RNG.random(300) < P).astype(int)
SAID = P >= 0.4


def _figures(**given):
    return binary_figures(Y, P, SAID, n_resamples=60, rng=np.random.default_rng(0), **given)


def test_figures_are_scikit_learn_s() -> None:
    found = {name: value["estimate"] for name, value in _figures().items()}
    assert found["auc"] == pytest.approx(sk.roc_auc_score(Y, P))
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(Y, P))
    assert found["f1"] == pytest.approx(sk.f1_score(Y, SAID))
    assert found["precision"] == pytest.approx(sk.precision_score(Y, SAID))
    assert found["recall"] == pytest.approx(sk.recall_score(Y, SAID))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(Y, SAID))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(Y, P))
    assert found["ece"] == pytest.approx(expected_calibration_error(P, Y))


def test_every_interval_holds_its_estimate() -> None:
    for name, value in _figures().items():
        assert value["low"] <= value["estimate"] <= value["high"], name


def test_intervals_by_group_are_wider_where_groups_repeat_rows() -> None:
    y, p, said = (np.tile(values, 4) for values in (Y, P, SAID))
    owners = np.tile(np.arange(len(Y)), 4)
    alone = binary_figures(y, p, said, n_resamples=80, rng=np.random.default_rng(0))["auc"]
    grouped = binary_figures(y, p, said, n_resamples=80, rng=np.random.default_rng(0), groups=owners)["auc"]
    assert grouped["high"] - grouped["low"] > 1.4 * (alone["high"] - alone["low"])


def test_rounds_are_averaged() -> None:
    other = np.clip(P + RNG.normal(scale=0.2, size=300), 0, 1)
    both = binary_figures(
        Y, np.stack([P, other]), np.stack([SAID, other > 0.4]), n_resamples=50, rng=np.random.default_rng(0)
    )
    single = binary_figures(Y, other, other > 0.4, n_resamples=50, rng=np.random.default_rng(0))
    assert both["auc"]["estimate"] == pytest.approx((_figures()["auc"]["estimate"] + single["auc"]["estimate"]) / 2)


def test_a_model_does_not_differ_from_itself() -> None:
    found = paired_differences(Y, (P, SAID), (P, SAID), n_resamples=50, rng=np.random.default_rng(0))
    assert set(found) == {"auc", "average_precision", "f1", "brier", "log_loss", "ece"}
    assert all(value == {"estimate": 0, "low": 0, "high": 0, "se": 0} for value in found.values())


def test_a_perfect_model_has_a_calibration_error_that_falls_with_the_rows() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(20_000)
    draws = [expected_calibration_error(p[:300], rng.random(300) < p[:300]) for _ in range(300)]
    small = calibrated_ece(p[:300], n_draws=300, rng=rng)
    assert small["estimate"] == pytest.approx(np.mean(draws), rel=0.06)
    assert small["low"] < small["estimate"] < small["high"]
    large = calibrated_ece(p, n_draws=60, rng=rng)
    assert large["estimate"] == pytest.approx(small["estimate"] * np.sqrt(300 / 20_000), rel=0.15)


def test_the_calibration_error_stands_beside_that_of_a_perfect_model() -> None:
    found = _figures()
    assert found["ece_if_perfect"] == calibrated_ece(P, n_draws=60, rng=np.random.default_rng(0).spawn(1)[0])


def test_paired_calibration_errors_lie_around_their_difference() -> None:
    # resampled rows repeat, which lifts the error of the good model more than that of the bad one
    rng = np.random.default_rng(1)
    p = rng.random(2000)
    y = (rng.random(2000) < p).astype(int)
    bad = np.clip(p + 0.1, 0, 1)
    found = paired_differences(y, (p, p > 0.5), (bad, bad > 0.5), n_resamples=400, rng=rng)["ece"]
    assert (found["low"] + found["high"]) / 2 == pytest.approx(found["estimate"], abs=0.2 * found["se"])


def test_paired_intervals_tell_a_better_model() -> None:
    noise = np.clip(P + RNG.normal(scale=0.4, size=300), 0, 1)
    found = paired_differences(Y, (P, SAID), (noise, noise > 0.4), n_resamples=200, rng=np.random.default_rng(0))
    assert found["auc"]["low"] > 0
    assert found["brier"]["high"] < 0


@pytest.mark.parametrize(
    ("p", "y", "threshold"),
    [
        pytest.param([0.2, 0.8], [0, 1], 0.5, id="between-two-values"),
        pytest.param([0.5, 0.5, 0.1], [1, 0, 0], 0.3, id="equal-values-stay-together"),
        pytest.param([0.2, 0.4], [1, 1], 0.1, id="everyone"),
    ],
)
def test_best_f1_threshold_by_hand(p: list[float], y: list[int], threshold: float) -> None:
    assert best_f1_threshold(p, y) == pytest.approx(threshold)


@settings(deadline=None)  # a busy machine is not a fault
@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40).filter(lambda r: any(y for _, y in r))
)
@example([(0.0, False), (5e-324, True)])
def test_no_threshold_has_a_larger_f1(rows: list[tuple[float, bool]]) -> None:
    p, y = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=int)
    best = sk.f1_score(y, p >= best_f1_threshold(p, y), zero_division=0)
    assert all(sk.f1_score(y, p >= other, zero_division=0) <= best + 1e-12 for other in p)


@pytest.mark.parametrize(
    ("y", "p", "said", "message"),
    [
        pytest.param([0, 0], [0.1, 0.2], [True, False], "both 0 and 1", id="one-outcome"),
        pytest.param([0, 1], [0.1, 1.2], [True, False], "outside", id="no-probability"),
        pytest.param([0, 1], [0.1], [True], "one per row", id="lengths"),
    ],
)
def test_what_cannot_be_measured_is_refused(y, p, said, message: str) -> None:
    with pytest.raises(DataError, match=message):
        binary_figures(y, p, said, n_resamples=50, rng=np.random.default_rng(0))


def test_a_threshold_without_an_outcome_is_refused() -> None:
    with pytest.raises(DataError, match="F1 is not defined"):
        best_f1_threshold([0.5], [0])


def test_expected_f1_threshold_is_half_of_the_f1_it_reaches() -> None:
    p = np.random.default_rng(0).beta(1, 4, 20_000)
    threshold = expected_f1_threshold(p)
    called = p >= threshold
    assert threshold == pytest.approx(p[called].sum() / (called.sum() + p.sum()), abs=0.001)
