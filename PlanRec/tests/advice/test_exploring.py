"""What is explored costs what the best offer is worth more than the offers drawn are on average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from common_utils.errors import DataError
from planrec.advice.exploring import explored
from planrec.offers.exploration import Exploration


@dataclass(frozen=True)
class Ranked:
    order: Any
    excluded: Any


@dataclass(frozen=True)
class Offered:
    value_cents: Any


@dataclass(frozen=True)
class Answered:
    advice: Ranked
    offer: Offered | None


def answer(value: list[float]) -> Any:
    n = len(value)
    return Answered(Ranked(np.arange(n)[None], np.zeros((1, n), dtype=np.int64)), Offered(np.array([value])))


def test_the_cost_is_the_best_value_less_the_mean_by_chance_and_the_plan_drawn_comes_first() -> None:
    # Plan 0 is held, so 1 and 2 may be offered: .1 is shared by them, so .05 for plan 2 and .95 for plan 1.
    found = explored(answer([900.0, 300.0, 100.0]), np.array([0]), Exploration(0.1), np.array([0.99]))
    assert found.cost_cents.tolist() == pytest.approx([300 - (0.95 * 300 + 0.05 * 100)])
    assert found.chances.tolist() == [pytest.approx([0.0, 0.95, 0.05])]
    assert found.answer.advice.order.tolist() == [[2, 0, 1]]
    assert found.propensity.tolist() == pytest.approx([0.05])


def test_advice_is_not_explored() -> None:
    with pytest.raises(DataError, match="only offers are explored"):
        explored(Answered(answer([1.0]).advice, None), np.array([-1]), Exploration(), np.array([0.5]))  # pyright: ignore[reportArgumentType]
