"""What a score is made of, in numbers that add up and in words. Plain types: no pandas, no scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Contribution", "Explanation"]


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

    Examples
    --------
    >>> parts = [Contribution("Age", "58", 1.25), Contribution("Tenure", "missing", -0.25)]
    >>> print(Explanation(-1.5, parts, -0.5, "log-odds", "38 %", "Path contributions.").words())
    38 %: the log-odds are -0.50.
    They start at -1.50, the average, and the record moves them:
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

    def words(self, most: int = 8) -> str:
        """Return the explanation as lines of text; what is past `most` parts is added up in one line."""
        shown, rest = self.contributions[:most], self.contributions[most:]
        lines = [
            f"{self.answer}: the {self.unit} are {self.score:z.2f}.",
            f"They start at {self.base:z.2f}, the average, and the record moves them:",
            *(f"  {part.amount:+z.2f}  {part.feature} = {part.value}" for part in shown),
        ]
        if rest:
            lines.append(f"  {sum(part.amount for part in rest):+z.2f}  {len(rest)} more, each smaller")
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
