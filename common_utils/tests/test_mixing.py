"""Mixed bits against published numbers."""

from __future__ import annotations

import numpy as np

from common_utils.mixing import ODD, mixed


def test_steps_apart_it_draws_as_splitmix64_does() -> None:
    states = np.uint64(1234567) + ODD * np.arange(1, 4, dtype=np.uint64)
    assert mixed(states).tolist() == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_numbers_given_are_left_alone() -> None:
    numbers = np.array([[1, 2], [3, 4]], dtype=np.uint64)
    assert len(np.unique(mixed(numbers))) == 4
    assert numbers.tolist() == [[1, 2], [3, 4]]
