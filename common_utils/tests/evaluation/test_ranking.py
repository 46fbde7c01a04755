from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from common_utils.errors import DataError
from common_utils.evaluation import chosen_ranks, hit_at_k, ndcg_at_k


def test_rank_counts_better_scores_and_equal_ones_to_the_left() -> None:
    scores = [[0.5, 0.3, 0.5, 0.1]] * 4
    assert chosen_ranks(scores, [0, 1, 2, 3]).tolist() == [1, 3, 2, 4]


def test_rank_ignores_items_that_are_not_available() -> None:
    scores = [[9.0, math.nan, 2.0, 1.0]] * 3
    available = [[False, False, True, True]] * 3
    assert chosen_ranks(scores, [3, 2, 0], available).tolist() == [2, 1, 0]


def test_ndcg_by_hand() -> None:
    # ranks 1, 2, 3, 5, 6: 1, 1/log2(3), 1/2, 1/log2(6), beyond 5
    expected = [1.0, 0.6309297535714575, 0.5, 0.38685280723454163, 0.0]
    assert ndcg_at_k([1, 2, 3, 5, 6], k=5).tolist() == pytest.approx(expected)
    assert hit_at_k([1, 2, 3, 5, 6], k=3).tolist() == [1, 1, 1, 0, 0]


def test_an_item_that_was_not_offered_is_worth_nothing() -> None:
    assert ndcg_at_k(chosen_ranks([[1.0, 2.0]], [0], [[False, True]]), k=5).tolist() == [0.0]
    assert hit_at_k([0], k=3).tolist() == [0.0]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 8).flatmap(
        lambda k: st.tuples(
            st.lists(st.integers(0, 10**6), min_size=k, max_size=k, unique=True),
            st.integers(0, k - 1),
            st.integers(1, k),
        )
    )
)
def test_ndcg_agrees_with_scikit_learn_where_scores_differ(case: tuple[list[int], int, int]) -> None:
    scores, chosen, k = case
    relevance = np.zeros((1, len(scores)))
    relevance[0, chosen] = 1
    mine = ndcg_at_k(chosen_ranks([scores], [chosen]), k)
    assert mine[0] == pytest.approx(ndcg_score(relevance, [scores], k=k))


@pytest.mark.parametrize(
    ("scores", "chosen", "available", "match"),
    [
        pytest.param([[1.0, math.nan]], [0], None, "NaN where available", id="nan"),
        pytest.param([[1.0, 2.0]], [0], [[True]], "another shape", id="mask-shape"),
        pytest.param([[1.0, 2.0]], [2], None, r"not whole numbers in \[0, 2\)", id="beyond"),
        pytest.param([[1.0, 2.0]], [-1], None, r"not whole numbers in \[0, 2\)", id="negative"),
        pytest.param([[1.0, 2.0]], [0.5], None, "not whole numbers", id="fraction"),
        pytest.param([[1.0, 2.0]], [0, 1], None, "one row of scores per code", id="length"),
        pytest.param([1.0, 2.0], [0, 1], None, "one row of scores per code", id="one-dimensional"),
        pytest.param(np.empty((0, 2)), [], None, "one row of scores per code", id="empty"),
    ],
)
def test_unusable_scores_are_refused(scores: object, chosen: object, available: object, match: str) -> None:
    with pytest.raises(DataError, match=match):
        chosen_ranks(scores, chosen, available)  # type: ignore[arg-type]
