"""A declared exploration: chances that add up, the same draw the same offer, and a cost that is stated."""

from __future__ import annotations

import numpy as np
import pytest

from common_utils.errors import ConfigError
from planrec.offers.exploration import Exploration, draw_offers, offer_chances


@pytest.mark.parametrize(
    ("exploration", "least"),
    [(Exploration(0.1), 0.1 / 3), (Exploration(0, 0.05), 0.05), (Exploration(0.1, 0.2), 0.2), (Exploration(1), 1 / 3)],
    ids=["share", "floor", "floor-above-share", "all"],
)
def test_every_offerable_plan_has_its_least_chance(exploration: Exploration, least: float) -> None:
    chances = offer_chances(np.array([2]), np.array([[True, False, True, True]]), exploration)[0]
    assert chances.sum() == pytest.approx(1)
    assert chances[1] == 0
    assert chances[[0, 3]].tolist() == pytest.approx([least, least])
    assert chances[2] >= least


def test_nothing_is_explored_by_default() -> None:
    assert not Exploration().on
    assert Exploration(0.1).on
    assert Exploration(0, 0.05).on
    assert offer_chances(np.array([1]), np.array([[True, True]]), Exploration()).tolist() == [[0.0, 1.0]]


def test_draws_fall_as_often_as_the_chances_say() -> None:
    chances = np.array([[0.05, 0.0, 0.9, 0.05]])
    draws = (np.arange(1000) + 0.5) / 1000
    drawn = draw_offers(np.repeat(chances, 1000, axis=0), draws)
    assert np.bincount(drawn, minlength=4).tolist() == [50, 0, 900, 50]
    assert draw_offers(np.zeros((1, 3)), np.array([0.5])).tolist() == [-1]


def test_a_draw_above_a_sum_that_rounding_left_below_1_is_of_the_last_plan_with_a_chance() -> None:
    assert draw_offers(np.array([[0.5, 0.4999, 0.0, 0.0]]), np.array([0.99995])).tolist() == [1]


@pytest.mark.parametrize("values", [(-0.1, 0), (1.1, 0), (0, 0.6)])
def test_a_share_or_floor_out_of_range_is_refused(values: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="exploration"):
        Exploration(*values)
