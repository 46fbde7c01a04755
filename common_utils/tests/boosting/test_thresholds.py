from __future__ import annotations

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from common_utils.boosting.thresholds import ThresholdClassifier
from common_utils.evaluation.binary import best_f1_threshold

X = np.arange(12, dtype=float)[:, None]
Y = np.array([0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 1, 1])


class Remembering(DummyClassifier):
    """Keeps out-of-fold probabilities, as a calibrated model does."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y)
        self.out_of_fold_ = np.linspace(0, 1, len(y))
        return self


def test_rules_see_the_probabilities_a_classifier_keeps() -> None:
    seen: dict[str, np.ndarray] = {}

    def rule(p, y):
        seen["p"], seen["y"] = p, y
        return 0.25

    model = ThresholdClassifier(Remembering(), {"rule": rule}, chosen="rule").fit(X, Y)
    np.testing.assert_array_equal(seen["p"], np.linspace(0, 1, 12))
    np.testing.assert_array_equal(seen["y"], Y)
    assert model.thresholds_ == {"rule": 0.25}


def test_rules_see_inner_out_of_fold_probabilities_otherwise() -> None:
    seen: list[np.ndarray] = []
    rules = {"f1": best_f1_threshold, "look": lambda p, _: float(seen.append(p) or 0.5)}
    model = ThresholdClassifier(LogisticRegression(), rules, chosen="f1", folds=2).fit(X, Y)
    assert not np.allclose(seen[0], model.predict_proba(X)[:, 1])
    assert set(model.thresholds_) == {"f1", "look"}


def test_predict_uses_the_chosen_rule() -> None:
    rules = {"never": lambda *_: 2.0, "always": lambda *_: 0.0}
    model = ThresholdClassifier(LogisticRegression(), rules, chosen="never", folds=2).fit(X, np.where(Y, "yes", "no"))
    assert set(model.predict(X)) == {"no"}
    assert model.decide(X, "always").all()


def test_three_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="y holds 3"):
        ThresholdClassifier(LogisticRegression(), {}, chosen="").fit(X, np.arange(12) % 3)
