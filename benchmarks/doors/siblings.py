"""The tables of the projects on one table, sound, and a small model of each to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sheets import REPOSITORY, Case, Roles, Sheet

__all__ = ["ROWS", "SIBLINGS", "Sibling"]

ROWS = 700
_SMALL = ("model.calibration_folds=2", "training.split.folds=2", "evaluation.resamples=50")
_FOREST = "[{kind: hist, iterations: 6, leaves: 4, learning_rate: 0.2}]"


@dataclass(frozen=True)
class Sibling:
    """A project on one table.

    Attributes
    ----------
    name : str
        Of its package and of its command.
    folder : Path
    roles : Roles
    sample : callable
        From a number of rows and a generator to a sound table.
    key : str
        Column of the id; "" where answers are named by the number of the row.
    whole : tuple of str
        Columns written without decimals.
    small : tuple of str
        Settings of a model that is learnt in seconds.
    """

    name: str
    folder: Path
    roles: Roles
    sample: Callable[[int, np.random.Generator], pd.DataFrame]
    key: str
    whole: tuple[str, ...]
    small: tuple[str, ...]

    def sound(self, *, fractions: bool = False) -> Case:
        """Return a sound table; its amounts are whole, or end in quarters."""
        rng = np.random.default_rng(11)
        frame = self.sample(ROWS, rng).reset_index(drop=True)
        amount = frame[self.roles.amount].round()
        names = [str(column) for column in frame]
        numbers = tuple(name for name in names if pd.api.types.is_numeric_dtype(frame[name]))
        columns = {name: [self._text(name, value) for value in frame[name]] for name in names}
        if fractions:
            tails = rng.choice([0.25, 0.5, 0.75], ROWS)
            columns[self.roles.amount] = ["" if np.isnan(v) else str(v) for v in (amount + tails)]
        rows = [{c: columns[c][place] for c in columns} for place in range(ROWS)]
        for place, row in enumerate(rows, start=1):
            row["_who"] = row[self.key] if self.key else str(place)
        sheet = Sheet(rows, numbers, self.key or "_who")
        return Case(sheet, {}, "", "", "", table=self.name, roles=self.roles)

    def _text(self, column: str, value: Any) -> str:
        if pd.isna(value):
            return ""
        if not isinstance(value, float):
            return str(value)
        return str(round(value)) if column in self.whole else str(value)


def _churn(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    from bankchurn.data import sample_customers

    customers = sample_customers(n_rows, rng)
    return customers.assign(CustomerId=[f"1563{4000 + place}" for place in range(n_rows)])


def _cars(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    from carvision.columns import RANGES
    from carvision.data import sample_ads

    ads = sample_ads(2 * n_rows, rng)
    for column, (low, high) in RANGES.items():
        ads = ads[ads[column].isna() | ads[column].between(low, high)]
    return ads.head(n_rows)


def _months(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    from telecom.data import sample_months

    return sample_months(n_rows, rng)


SIBLINGS = (
    Sibling(
        "bankchurn",
        REPOSITORY / "BankChurn-Predictor",
        Roles(
            "EstimatedSalary",
            "CreditScore",
            "Tenure",
            "Age",
            "999",
            "Geography",
            "Exited",
            "Age",
            "thousand_euro",
            1000,
            1 / 100,
        ),
        _churn,
        "CustomerId",
        ("CreditScore", "Age", "EstimatedSalary", "NumOfProducts", "HasCrCard", "IsActiveMember"),
        (*_SMALL, f"model.members={_FOREST}", "training.split.repeats=1"),
    ),
    Sibling(
        "carvision",
        REPOSITORY / "CarVision-Market-Intelligence",
        Roles(
            "odometer",
            "model",
            "cylinders",
            "model_year",
            "1789",
            "fuel",
            "price",
            "model_year",
            "thousand_miles",
            1000,
            1 / 1609,
        ),
        _cars,
        "",
        ("price", "odometer", "cylinders", "days_listed"),
        (*_SMALL, f"model.members={_FOREST}", f"model.interval_members={_FOREST}"),
    ),
    Sibling(
        "telecom",
        REPOSITORY / "TelecomAI-Customer-Intelligence",
        Roles("mb_used", "messages", "", "calls", "30000", "", "is_ultra", "mb_used", "GB", 1024, 1 / 1024),
        _months,
        "",
        ("mb_used", "is_ultra"),
        (*_SMALL, f"model.members={_FOREST}", "training.split.repeats=1"),
    ),
)
