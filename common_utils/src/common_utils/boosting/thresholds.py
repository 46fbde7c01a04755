"""A yes-or-no classifier with its thresholds: chosen on probabilities of rows the model did not see, inside `fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from common_utils.array_types import FloatArray
from common_utils.splits import stratified_folds

__all__ = ["ThresholdClassifier", "ThresholdRule"]

ThresholdRule = Callable[[FloatArray, NDArray[np.int64]], float]
"""From probabilities of yes and outcomes (0, 1) to a threshold: at or above it is yes."""


class ThresholdClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of two classes that says yes by a threshold of its own.

    Parameters
    ----------
    classifier : classifier
        With `predict_proba`. Where it keeps `out_of_fold_` probabilities of its training rows, those are used, else
        inner folds make them.
    rules : mapping of str to ThresholdRule
        Each chooses a threshold.
    chosen : str
        The rule whose threshold `predict` uses.
    folds : int
        Inner folds, >= 2.
    seed : int

    Attributes
    ----------
    classifier_ : classifier
        Fitted on all rows.
    classes_ : array of shape (2,)
        The second is yes.
    thresholds_ : dict of str to float
        By rule.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> half = ThresholdClassifier(LogisticRegression(), {"half": lambda p, y: 0.5}, chosen="half", folds=2)
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> half.fit(X, np.array(["no", "no", "yes", "yes"])).predict(X).tolist()
    ['no', 'no', 'yes', 'yes']
    """

    def __init__(
        self, classifier: Any, rules: Mapping[str, ThresholdRule], *, chosen: str, folds: int = 4, seed: int = 42
    ) -> None:
        self.classifier = classifier
        self.rules = rules
        self.chosen = chosen
        self.folds = folds
        self.seed = seed

    def fit(self, X: FloatArray, y: NDArray[Any]) -> ThresholdClassifier:
        """Fit the classifier, and choose every threshold on out-of-fold probabilities.

        Raises
        ------
        ValueError
            If there are not exactly two classes.
        """
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) != 2:
            raise ValueError(f"two classes are needed, y holds {len(self.classes_)}")
        self.classifier_ = _new(self.classifier).fit(X, y)
        seen_by_others = getattr(self.classifier_, "out_of_fold_", None)
        p = self._out_of_fold(X, codes) if seen_by_others is None else seen_by_others
        self.thresholds_ = {name: float(rule(p, codes)) for name, rule in self.rules.items()}
        return self

    def predict_proba(self, X: FloatArray) -> FloatArray:
        """Return the classifier's probabilities, shape (n, 2)."""
        check_is_fitted(self)
        return self.classifier_.predict_proba(X)

    def predict(self, X: FloatArray) -> NDArray[Any]:
        """Return the class of each row by the chosen threshold."""
        return self.classes_[self.decide(X, self.chosen).astype(np.int64)]

    def decide(self, X: FloatArray, rule: str) -> NDArray[np.bool_]:
        """Return whether each row is a yes by the threshold of a rule."""
        return self.predict_proba(X)[:, 1] >= self.thresholds_[rule]

    def _out_of_fold(self, X: FloatArray, y: NDArray[np.int64]) -> FloatArray:
        p = np.empty(len(y))
        for fit_on, score_on in stratified_folds(y, n_splits=self.folds, seed=self.seed):
            p[score_on] = _new(self.classifier).fit(X[fit_on], y[fit_on]).predict_proba(X[score_on])[:, 1]
        return p


def _new(classifier: Any) -> Any:
    return clone(classifier)
