from __future__ import annotations

import io
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from common_utils.boosting.classifier import BoostedClassifier, new_booster
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.forests import forest_of, forest_scores

RNG = np.random.default_rng(1)
X = RNG.normal(size=(600, 3))
Y = (RNG.random(600) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(int)
SMALL = ForestConfig(kind="hist", iterations=15, leaves=6)


@pytest.mark.parametrize("kind", ["catboost", "lightgbm", "hist"])
def test_every_kind_learns_and_answers_with_probabilities(kind: str) -> None:
    member = ForestConfig.model_validate({"kind": kind, "iterations": 20, "depth": 3, "leaves": 6})
    model = BoostedClassifier([member], calibration_folds=2).fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.corrcoef(p[:, 1], X[:, 0])[0, 1] > 0.7
    np.testing.assert_array_equal(model.predict(X), (p[:, 1] > 0.5).astype(int))


def test_members_and_seeds_are_averaged_in_log_odds() -> None:
    catboost = ForestConfig(iterations=5, depth=2, seeds=2)
    model = BoostedClassifier([SMALL, catboost], calibration_folds=2, seed=3).fit(X, Y)
    members = [new_booster(SMALL, seed=3), new_booster(catboost, seed=3), new_booster(catboost, seed=4)]
    mean = np.mean([forest_scores(forest_of(member.fit(X, Y)), X) for member in members], axis=0)
    np.testing.assert_allclose(model.decision_function(X), model.slope_ * mean + model.intercept_, atol=1e-12)


def test_out_of_fold_probabilities_are_of_forests_that_did_not_see_the_row() -> None:
    noise = RNG.integers(0, 2, len(X))
    model = BoostedClassifier([ForestConfig(kind="hist", iterations=60)], calibration_folds=4).fit(X, noise)
    seen = np.corrcoef(forest_scores(model.forest_, X), noise)[0, 1]
    unseen = np.corrcoef(model.out_of_fold_, noise)[0, 1]
    assert seen > 0.5
    assert abs(unseen) < 0.2


def test_the_sigmoid_calibrates_an_overfitted_forest() -> None:
    model = BoostedClassifier([ForestConfig(kind="hist", iterations=80, learning_rate=0.3)], calibration_folds=4)
    model.fit(X, Y)
    assert 0 < model.slope_ < 0.8
    assert model.out_of_fold_.mean() == pytest.approx(Y.mean(), abs=0.01)


def test_contributions_add_up_to_the_log_odds() -> None:
    model = BoostedClassifier([SMALL], calibration_folds=2).fit(X, Y)
    base, parts = model.contributions(X)
    np.testing.assert_allclose(base + parts.sum(axis=1), model.decision_function(X), atol=1e-12)


def test_three_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="two classes are needed, y holds 3"):
        BoostedClassifier([SMALL]).fit(X, np.arange(len(X)) % 3)


def test_unfitted_says_so() -> None:
    with pytest.raises(NotFittedError):
        BoostedClassifier([SMALL]).predict_proba(X)


def test_a_saved_model_opens_without_the_libraries_that_grew_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model = BoostedClassifier([ForestConfig(iterations=5)], calibration_folds=2).fit(X, Y)
    stream = io.BytesIO()
    joblib.dump(model, stream)
    (tmp_path / "model.joblib").write_bytes(stream.getvalue())
    code = (
        "import sys\n"
        "for name in ('catboost', 'lightgbm', 'pandas'): sys.modules[name] = None\n"
        "import joblib, numpy as np\n"
        f"model = joblib.load({str(tmp_path / 'model.joblib')!r})\n"
        "print(model.predict_proba(np.zeros((1, 3)))[0, 1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(model.predict_proba(np.zeros((1, 3)))[0, 1])
