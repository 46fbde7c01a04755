"""Which columns become features: numbers, codes, and the formulas over them. Dates and days listed never do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carvision.columns import CATEGORIES, FOUR_WHEEL, MODEL, NUMBERS, ODOMETER, YEAR
from carvision.config import CarVisionConfig
from carvision.effects import NAMES, ModelEffects
from carvision.formulas import INPUTS, new_price
from common_utils.bundle import fingerprint_bytes
from common_utils.scoring import Columns
from common_utils.table_project.column_step import ColumnStep, Formula

__all__ = ["CAR", "HIDDEN", "CarFeatures", "car_step", "shipped_step"]

HIDDEN = (MODEL, new_price.__name__)
"""Features that say which model it is: missing for a model that training did not know."""
CAR = (MODEL, YEAR, ODOMETER)
"""Features that tell one car from another: ads that agree in them are one car, posted again."""


def car_step(*, dropped: Collection[str] = (), indicators: bool = False, fewest_ads: int = 1) -> ColumnStep:
    """Return what makes the features; an empty `is_4wd` means that the car has none. Training finds the models.

    Parameters
    ----------
    dropped : collection of str
        Column names, as `data.drop_columns`; what tells a car or its model has to stay.
    indicators : bool
        As `common_utils.table_project.column_step.ColumnStep`.
    fewest_ads : int
        Ads a model needs to be known by its name.

    Examples
    --------
    >>> step = car_step()
    >>> step.filled, step.feature_names[:2], step.feature_names[-1]
    ({'is_4wd': 0.0}, ('model_year', 'odometer'), 'miles_per_year')
    """
    numbers = tuple(name for name in NUMBERS if name not in dropped)
    categories = {name: values for name, values in CATEGORIES.items() if name not in dropped}
    computed = tuple(
        Formula(function.__name__, inputs, function, MODEL if function is new_price else "")
        for function, inputs in INPUTS.items()
    )
    filled = {FOUR_WHEEL: 0.0} if FOUR_WHEEL in numbers else {}
    return ColumnStep(numbers, categories, computed, indicators, filled, learnt={MODEL: fewest_ads})


def shipped_step(config: CarVisionConfig) -> ColumnStep:
    """Return what makes the features of the shipped model; the service opens it with the same, and the models known."""
    return car_step(dropped=config.data.drop_columns, fewest_ads=config.model.fewest_ads)


@dataclass(frozen=True)
class CarFeatures:
    """What a compiled model takes: the step's columns, and what training says of each model.

    Examples
    --------
    >>> effects = ModelEffects(np.zeros(1), np.zeros(1), column=4, models=("bmw x5",))
    >>> features = CarFeatures.of(car_step(), effects)
    >>> features.models, features.feature_names[-2:]
    (('bmw x5',), ('model_level', 'model_loss'))
    """

    step: ColumnStep
    effects: ModelEffects

    @classmethod
    def of(cls, step: ColumnStep, effects: ModelEffects) -> CarFeatures:
        """Return the features whose models are those of the effects."""
        return cls(step.with_values({MODEL: effects.models}), effects)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that training knew; the place of one is its code."""
        return self.effects.models

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns it makes."""
        return (*self.step.feature_names, *NAMES)

    @property
    def fingerprint(self) -> str:
        """Of the formulas and of what is known of each model."""
        return fingerprint_bytes(self.step.fingerprint.encode() + self.effects.dump())

    def __call__(self, columns: Columns) -> NDArray[np.float64]:
        """Return features of shape (n, m + 2) for named columns."""
        return self.effects.extend(self.step(columns))
