"""What a table says of each model: how dear it is for its age and miles, and what a year costs. NumPy alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carvision.formulas import age_years
from common_utils.array_types import FloatArray
from common_utils.errors import ArtifactError

__all__ = ["FILE", "NAMES", "ModelEffects", "learn_effects"]


FILE = "effects.json"
NAMES = ("model_level", "model_loss")
"""Features that follow the columns': both are missing for a model that training did not know."""

_FEWEST, _DOUBT, _MILES = 30, 10, 1e5


@dataclass(frozen=True)
class ModelEffects:
    """Two numbers for each model that training knew.

    Attributes
    ----------
    level : float64 array of shape (n_models,)
        Mean logarithm of the price above what any car of that age and mileage asks, as if ten more ads had asked just
        that: few ads say little. NaN where no ad says.
    loss : float64 array of shape (n_models,)
        Change of the logarithm in a year of age; where fewer than 30 ads say, that of all models; NaN where none does.
    column : int
        The feature that holds the model's code.
    models : tuple of str
        Their names, by code; empty where the arrays alone are needed.

    Examples
    --------
    >>> effects = ModelEffects(np.array([0.5, np.nan]), np.array([-0.1, np.nan]), column=0)
    >>> effects.extend(np.array([[0.0], [1.0], [np.nan]])).tolist()
    [[0.0, 0.5, -0.1], [1.0, nan, nan], [nan, nan, nan]]
    """

    level: FloatArray
    loss: FloatArray
    column: int
    models: tuple[str, ...] = ()

    def extend(self, matrix: FloatArray) -> FloatArray:
        """Return features of shape (n, m + 2): those given, and what is known of each row's model."""
        codes = matrix[:, self.column]
        known = ~np.isnan(codes)
        added = np.full((len(matrix), len(NAMES)), np.nan)
        at = codes[known].astype(np.int64)
        added[known] = np.column_stack([self.level[at], self.loss[at]])
        return np.hstack([matrix, added])

    def dump(self) -> bytes:
        """Return the content of `effects.json`; a number that is not known is null."""
        said = {
            name: [None if np.isnan(value) else value for value in values.tolist()]
            for name, values in (("level", self.level), ("loss", self.loss))
        }
        return json.dumps({**said, "column": self.column, "models": self.models}).encode()

    @classmethod
    def load(cls, content: bytes) -> ModelEffects:
        """Return what `dump` wrote.

        Raises
        ------
        ArtifactError
            If it is something else, or says something of another number of models.
        """
        try:
            said = json.loads(content)
            level, loss = (np.array(said[name], dtype=np.float64) for name in ("level", "loss"))
            effects = cls(level, loss, int(said["column"]), tuple(str(name) for name in said["models"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{FILE} does not say what each model asks; train again.") from error
        if level.shape != (len(effects.models),) or loss.shape != level.shape or effects.column < 0:
            raise ArtifactError(f"{FILE} does not fit the models that are known; train again.")
        if np.isinf(level).any() or np.isinf(loss).any():
            raise ArtifactError(f"{FILE} holds a number that is not finite; train again.")
        return effects


def learn_effects(
    matrix: FloatArray, logs: FloatArray, columns: Sequence[int], n_models: int | None = None
) -> ModelEffects:
    """Return what training rows say of each model; only rows with year and odometer are used.

    Parameters
    ----------
    matrix : float64 array of shape (n, m)
    logs : float64 array of shape (n,)
        Logarithms of the prices.
    columns : sequence of int
        Where the model's code, the year and the odometer stand.
    n_models : int, optional
        Codes are below it; default: as many as the codes need.

    Examples
    --------
    >>> year = np.repeat(np.arange(2000.0, 2019.0), 4)
    >>> code, miles = np.tile([0.0, 0.0, 1.0, 1.0], 19), np.tile([1e4, 9e4], 38)
    >>> logs = 9 + 0.4 * code - 0.1 * (2019 - year)
    >>> effects = learn_effects(np.column_stack([code, year, miles]), logs, (0, 1, 2), n_models=3)
    >>> effects.level.round(6).tolist(), effects.loss.round(6).tolist()
    ([-0.158333, 0.158333, nan], [-0.1, -0.1, nan])
    """
    code, year, miles = (matrix[:, place] for place in columns)
    used = ~np.isnan(code) & ~np.isnan(year) & ~np.isnan(miles)
    age, target = age_years(year[used]), logs[used]
    rough = np.column_stack([np.ones(len(age)), age, age**2, miles[used] / _MILES])
    above = target - rough @ np.linalg.lstsq(rough, target, rcond=None)[0]
    if n_models is None:
        n_models = int(np.nanmax(code, initial=-1.0)) + 1
    at = code[used].astype(np.int64)

    def by_model(values: FloatArray) -> FloatArray:
        return np.bincount(at, weights=values, minlength=n_models).astype(np.float64, copy=False)

    count = by_model(np.ones(len(at)))
    with np.errstate(invalid="ignore", divide="ignore"):
        level, mean_age, mean_log = by_model(above) / (count + _DOUBT), by_model(age) / count, by_model(target) / count
        spread = by_model((age - mean_age[at]) ** 2)
        together = by_model((age - mean_age[at]) * (target - mean_log[at]))
        own = (count >= _FEWEST) & (spread > 0)
        loss = np.where(own, together / spread, together.sum() / max(spread.sum(), 1.0))
    level[count == 0] = loss[count == 0] = np.nan
    return ModelEffects(level, loss, int(columns[0]))
