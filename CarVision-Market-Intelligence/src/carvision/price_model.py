"""A price with an interval: forests of the median and of two quantiles, conformalised; kept as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from carvision.effects import NAMES, learn_effects
from carvision.interval import IntervalEnds, Margins
from carvision.neighbours import Listings, unique_listings
from common_utils.array_types import FloatArray
from common_utils.boosting.config import ForestConfig
from common_utils.boosting.forests import forest_contributions, forest_scores
from common_utils.boosting.regression import grow_quantile_forest, quantile_regressors
from common_utils.errors import DataError
from common_utils.splits import grouped_folds

__all__ = ["PriceModel", "conformal_margin", "margins_by_kind"]

_DOUBT = 100
"""So many ads of any body type count beside those of a type: few ads say little of where their interval ends."""


def conformal_margin(misses: FloatArray, coverage: float) -> float:
    """Return by how much intervals have to be widened (or, below 0, narrowed) to hold a share of new values.

    Parameters
    ----------
    misses : float64 array of shape (n,)
        How far each value lies outside its interval; negative inside. By models that did not see the row.
    coverage : float
        Inside (0, 1).

    References
    ----------
    Romano, Patterson, Candès, "Conformalized quantile regression", 2019: the ceil((n + 1) coverage)-th smallest.

    Examples
    --------
    >>> conformal_margin(np.array([-1.0, 0.0, 1.0, 2.0]), 0.6)
    1.0
    """
    place = int(np.ceil((len(misses) + 1) * coverage)) - 1
    return float(np.sort(misses)[min(place, len(misses) - 1)])


def margins_by_kind(misses: FloatArray, kinds: FloatArray, coverage: float) -> Margins:
    """Return the margins of both ends, of each body type and of all: each end misses half of what may be missed.

    Parameters
    ----------
    misses : float64 array of shape (n, 2)
        How far each price lies below and above its interval; negative inside. By models that did not see the row.
    kinds : float64 array of shape (n,)
        Codes of body types; NaN: not known.
    coverage : float
        Share of prices the interval is to hold.

    References
    ----------
    Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World", 2005, 4.5: conformal by category. A type's own
    margin is mixed with that of all as if so many more ads had asked for the latter, so that a type of few ads does not
    follow chance; for those the promise by type holds about, and not exactly.

    Examples
    --------
    >>> misses, kinds = np.repeat([[0.0, 0.0], [1.0, 2.0]], 900, axis=0), np.repeat([0.0, 1.0], 900)
    >>> [tuple(round(end, 2) for end in ends) for ends in margins_by_kind(misses, kinds, 0.9).by_kind]
    [(0.1, 0.2), (1.0, 2.0)]
    """
    share = (1 + coverage) / 2

    def ends(chosen: FloatArray) -> tuple[float, float]:
        return conformal_margin(chosen[:, 0], share), conformal_margin(chosen[:, 1], share)

    together = ends(misses)
    n_kinds = int(np.nanmax(kinds, initial=-1.0)) + 1
    by_kind: list[tuple[float, float]] = []
    for kind in range(n_kinds):
        own = misses[kinds == kind]
        weight = len(own) / (len(own) + _DOUBT)
        low, high = ends(own) if len(own) else together
        by_kind.append((weight * low + (1 - weight) * together[0], weight * high + (1 - weight) * together[1]))
    return Margins(*together, tuple(by_kind))


class PriceModel(RegressorMixin, BaseEstimator):
    """Median price and a prediction interval, on the logarithm of the price.

    Parameters
    ----------
    members, interval_members : sequence of ForestConfig
        Forests of the median, and of either end of the interval; without the latter there is no interval.
    coverage : float
        Share of prices the interval is to hold.
    calibration_folds : int
        Inner folds whose out-of-fold intervals say how far the ends have to move.
    car_columns : sequence of int
        Columns of model, year and odometer, which tell one car from another: rows that agree in them are in one inner
        fold. What training says of each model (`effects`) becomes two further features.
    hidden_columns : sequence of int
        Columns that say which model a car is. A share of the rows is repeated with them missing, so that the forests
        learn what to say of a model they never saw; its intervals have a margin of their own.
    hidden_share, interval_hidden_share : float
        Of the forests of the median, and of those of the interval.
    kind_column : int
        Column of the body type's code, whose intervals have margins of their own; -1: all have the same.
    listing_columns : sequence of int
        Columns of model, type, condition, year and odometer: what comparable ads are found by.
    seed : int

    Attributes
    ----------
    forest_, low_forest_, high_forest_ : Forest
        Their scores are logarithms of dollars.
    ends_ : IntervalEnds
        What the interval is widened by.
    effects_ : ModelEffects
    listings_ : Listings
        Complete ads of the training rows, each car once; only with `listing_columns`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = np.column_stack([rng.integers(0, 3, 300), rng.integers(2000, 2019, 300), rng.uniform(0, 2e5, 300)])
    >>> y = np.exp(9 + 0.2 * X[:, 0] + 0.1 * (X[:, 1] - 2019) + rng.normal(0, 0.1, 300))
    >>> small = [ForestConfig(kind="hist", iterations=15, leaves=8)]
    >>> model = PriceModel(small, small, car_columns=[0, 1, 2], hidden_columns=[0]).fit(X, y)
    >>> price, low, high = model.predict_interval(np.array([[1.0, 2010.0, 9e4]]))[0]
    >>> bool(low < price < high)
    True
    """

    def __init__(
        self,
        members: Sequence[ForestConfig],
        interval_members: Sequence[ForestConfig] = (),
        *,
        coverage: float = 0.9,
        calibration_folds: int = 3,
        car_columns: Sequence[int],
        hidden_columns: Sequence[int] = (),
        hidden_share: float = 0.03,
        interval_hidden_share: float = 0.1,
        kind_column: int = -1,
        listing_columns: Sequence[int] = (),
        seed: int = 42,
    ) -> None:
        self.members = members
        self.interval_members = interval_members
        self.coverage = coverage
        self.calibration_folds = calibration_folds
        self.car_columns = car_columns
        self.hidden_columns = hidden_columns
        self.hidden_share = hidden_share
        self.interval_hidden_share = interval_hidden_share
        self.kind_column = kind_column
        self.listing_columns = listing_columns
        self.seed = seed

    def fit(self, X: FloatArray, y: NDArray[Any]) -> PriceModel:
        """Grow the forests; move the ends of the interval by what they miss out of fold.

        Raises
        ------
        DataError
            If a price is not above 0.
        """
        matrix, prices = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if not (prices > 0).all():
            raise DataError("prices: one is not above 0, and has no logarithm; remove it by a cleaning rule.")
        logs = np.log(prices)
        self.effects_ = learn_effects(matrix, logs, self.car_columns)
        rows, target = self._with_hidden(self.effects_.extend(matrix), logs, self.hidden_share)
        self.forest_ = grow_quantile_forest(self.members, rows, target, quantile=0.5, seed=self.seed)
        if self.interval_members:
            self._fit_interval(matrix, logs)
        if self.listing_columns:
            self.listings_ = unique_listings(Listings(*matrix[:, list(self.listing_columns)].T, price=prices))
        self.n_features_in_ = matrix.shape[1]
        return self

    def predict(self, X: FloatArray) -> FloatArray:
        """Return prices in US dollars, shape (n,)."""
        check_is_fitted(self)
        return np.exp(forest_scores(self.forest_, self._extended(X)))

    def predict_interval(self, X: FloatArray) -> FloatArray:
        """Return price, low and high in US dollars, shape (n, 3); low <= price <= high."""
        check_is_fitted(self)
        return self.priced(self._extended(X))

    def priced(self, extended: FloatArray) -> FloatArray:
        """Return what `predict_interval` does, for features that `effects_` has extended, shape (n, m + 2)."""
        forests = (self.forest_, self.low_forest_, self.high_forest_)
        return self.ends_.prices(np.column_stack([forest_scores(forest, extended) for forest in forests]), extended)

    def contributions(self, X: FloatArray) -> tuple[float, FloatArray]:
        """Return the average logarithm of the price and what each column adds: together exactly that of `predict`.

        Returns
        -------
        tuple of float and float64 array of shape (n, m)
        """
        check_is_fitted(self)
        parts = forest_contributions(self.forest_, self._extended(X))
        own = parts[:, : -len(NAMES)].copy()
        own[:, self.car_columns[0]] += parts[:, -len(NAMES) :].sum(axis=1)  # what is known of a model is the model's
        return self.forest_.average, own

    def _fit_interval(self, matrix: FloatArray, logs: FloatArray) -> None:
        known, hidden = np.empty((len(logs), 2)), np.empty((len(logs), 2))
        cars = np.unique(np.nan_to_num(matrix[:, list(self.car_columns)], nan=-1.0), axis=0, return_inverse=True)[1]
        for grown_on, held in grouped_folds(cars.ravel(), n_splits=self.calibration_folds, seed=self.seed):
            effects = learn_effects(matrix[grown_on], logs[grown_on], self.car_columns, len(self.effects_.level))
            extended = effects.extend(matrix)
            rows, target = self._with_hidden(extended[grown_on], logs[grown_on], self.interval_hidden_share)
            ends = [
                quantile_regressors(self.interval_members, rows, target, quantile=q, seed=self.seed) for q in self._ends
            ]
            for misses, part in ((known, extended[held]), (hidden, self._hide(extended[held]))):
                low, high = (np.mean([model.predict(part) for model in models], axis=0) for models in ends)
                misses[held] = np.column_stack([low - logs[held], logs[held] - high])
        kinds = matrix[:, self.kind_column] if self.kind_column >= 0 else np.full(len(logs), np.nan)
        self.ends_ = IntervalEnds(
            margins_by_kind(known, kinds, self.coverage),
            margins_by_kind(hidden, kinds, self.coverage),
            self.hidden_columns[0] if self.hidden_columns else -1,
            self.kind_column,
        )
        rows, target = self._with_hidden(self.effects_.extend(matrix), logs, self.interval_hidden_share)
        self.low_forest_, self.high_forest_ = (
            grow_quantile_forest(self.interval_members, rows, target, quantile=q, seed=self.seed) for q in self._ends
        )

    @property
    def _ends(self) -> tuple[float, float]:
        return (1 - self.coverage) / 2, (1 + self.coverage) / 2

    def _extended(self, X: FloatArray) -> FloatArray:
        return self.effects_.extend(np.asarray(X, dtype=np.float64))

    def _hide(self, matrix: FloatArray) -> FloatArray:
        hidden = matrix.copy()
        hidden[:, list(self.hidden_columns)] = np.nan
        hidden[:, -len(NAMES) :] = np.nan
        return hidden

    def _with_hidden(self, matrix: FloatArray, logs: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
        """Rows, and a share of them again with the model hidden."""
        if not self.hidden_columns:
            return matrix, logs
        size = int(np.ceil(share * len(logs)))
        again = np.random.default_rng(self.seed).choice(len(logs), size=size, replace=False)
        return np.vstack([matrix, self._hide(matrix[again])]), np.concatenate([logs, logs[again]])
