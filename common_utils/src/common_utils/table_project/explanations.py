"""What a score is made of, in numbers that add up and in words. Plain types and NumPy: no pandas, no scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common_utils.array_types import FloatArray
from common_utils.table_project.column_step import ColumnStep

__all__ = ["Contribution", "Explanation", "column_contributions"]


@dataclass(frozen=True)
class Contribution:
    """What one feature adds to a score.

    Attributes
    ----------
    feature : str
    value : str
        Of the record, as shown; `missing` where there is none.
    amount : float
        Units of the score.
    """

    feature: str
    value: str
    amount: float


@dataclass(frozen=True)
class Explanation:
    """A score and its parts: `base` plus all amounts is `score`, to the last few bits.

    Attributes
    ----------
    base : float
        Score of the average training record.
    contributions : sequence of Contribution
        The largest first, by size.
    score : float
    unit : str
        Of score, base and amounts, for example `log-odds of leaving`.
    answer : str
        The score as an answer, for example `61 % likely to leave`.
    method : str
        How the parts were found, in one sentence.
    digits : int
        Decimals that are shown.

    Examples
    --------
    >>> parts = [Contribution("Age", "58", 1.25), Contribution("Tenure", "missing", -0.25)]
    >>> print(Explanation(-1.5, parts, -0.5, "log-odds", "38 %", "Path contributions.").words())
    38 %.
    From -1.50 log-odds, the average record's, to -0.50, by what this record holds:
      +1.25  Age = 58
      -0.25  Tenure = missing
    Path contributions.
    """

    base: float
    contributions: Sequence[Contribution]
    score: float
    unit: str
    answer: str
    method: str
    digits: int = 2

    def words(self, most: int = 8) -> str:
        """Return the explanation as lines of text; what is past `most` parts is added up in one line."""
        shown, rest = self.contributions[:most], self.contributions[most:]
        number, signed = f"z,.{self.digits}f", f"+z,.{self.digits}f"
        base, score = (format(value, number) for value in (self.base, self.score))
        lines = [
            f"{self.answer}.",
            f"From {base} {self.unit}, the average record's, to {score}, by what this record holds:",
            *(f"  {format(part.amount, signed)}  {part.feature} = {part.value}" for part in shown),
        ]
        if rest:
            lines.append(f"  {format(sum(part.amount for part in rest), signed)}  {len(rest)} more, each smaller")
        return "\n".join([*lines, self.method])

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON; the full precision, so that the sum can be checked."""
        return {
            "answer": self.answer,
            "unit": self.unit,
            "base": self.base,
            "contributions": [vars(part) for part in self.contributions],
            "score": self.score,
            "method": self.method,
        }


def column_contributions(
    step: ColumnStep, columns: Mapping[str, NDArray[Any]], features: FloatArray, parts: FloatArray
) -> list[Contribution]:
    """Return what each column of the table adds to one record's score, the largest first by size.

    Parameters
    ----------
    step : ColumnStep
    columns : mapping of str to array of shape (1,)
        The record; its text is shown instead of the codes.
    features, parts : float64 array of shape (len(step.feature_names),)
        The record's features, and what each adds.

    Examples
    --------
    >>> from common_utils.table_project.column_step import Formula
    >>> step = ColumnStep(["age"], {"plan": ["smart"]}, [Formula("half", ("age",), np.sqrt)])
    >>> record = {"age": np.array([58.0]), "plan": np.array(["smart"], dtype=object)}
    >>> column_contributions(step, record, step(record)[0], np.array([0.5, -0.25, 0.5]))[0]
    Contribution(feature='age', value='58', amount=1.0)
    """
    shown = {name: _shown(value) for name, value in zip(step.numbers, features.tolist(), strict=False)}
    shown |= {name: _text(columns[name][0]) for name in step.categories}
    named = [Contribution(name, shown[name], amount) for name, amount in step.by_column(parts).items()]
    return sorted(named, key=lambda part: -abs(part.amount))


def _shown(value: float) -> str:
    """Return a number as the table has it; one of four digits may be a year, and gets no separator."""
    if np.isnan(value):
        return "missing"
    # Nine digits: what a conversion of units leaves beyond them is noise.
    return f"{value:z.0f}" if value.is_integer() and abs(value) < 10_000 else f"{value:,.9g}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else "missing"
