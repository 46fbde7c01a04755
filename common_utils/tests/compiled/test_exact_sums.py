"""Leaf values that add up exactly, and the values of some trees alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.compiled.forest import MaskForest
from common_utils.compiled.masks import Leaves


@given(st.integers(0, 2**31), st.integers(1, 60), st.sampled_from([1e-6, 0.1, 1.0, 3.7, 1e6]))
@settings(deadline=None, max_examples=60)
def test_exact_sums_have_the_same_bits_in_every_order(seed: int, trees: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    leaves = [[[float(value)] for value in rng.normal(0, size, 3)] for _ in range(trees)]
    splits = [(tree, 0, float(k), (1 << (k + 1)) - 1, True) for tree in range(trees) for k in range(2)]
    forest = MaskForest.of(n_features=1, n_outputs=1, splits=splits, leaves=leaves)
    exact = forest.with_exact_sums()
    assert exact.sums_exactly
    largest = np.abs(np.array(leaves)).max(axis=(1, 2)).sum()
    np.testing.assert_allclose(exact.leaf_values, forest.leaf_values, rtol=0, atol=largest * 2**-52)
    picked = exact.leaf_values.reshape(trees, 3)[np.arange(trees), rng.integers(0, 3, trees)]
    sums = {float(np.add.accumulate(rng.permutation(picked))[-1]) for _ in range(20)}
    assert sums == {float(picked @ np.ones(trees))}


def test_leaves_of_some_trees_are_those_of_all() -> None:
    splits = [(tree, 0, 1.0, 1, True) for tree in range(3)]
    forest = MaskForest.of(n_features=1, n_outputs=1, splits=splits, leaves=[[[k + 0.0], [k + 0.5]] for k in range(3)])
    leaves, masks = Leaves(forest), np.array([[1, 2, 3], [2, 3, 1]], dtype=np.uint8)
    some = np.array([2, 0])
    assert leaves.of_rows(masks[:, some], some).tolist() == leaves.of_rows(masks)[:, some].tolist()
