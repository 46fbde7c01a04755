"""Numbers of a training get plain names; texts, curves and what is not finite are left out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from common_utils.tracking.figures import figures_of, folds_of


def test_numbers_intervals_and_named_rows_are_figures_and_nothing_else() -> None:
    found = figures_of(
        {
            "source": "sample",
            "synthetic": True,
            "auc": {"estimate": 0.5, "low": 0.4, "high": 0.6, "level": 0.95, "se": 0.05},
            "of few groups": {"estimate": 0.5, "low": None, "high": None},
            "none": None,
            "endless": float("inf"),
            "curve": [{"model": "ours", "k": 1}, {"model": "ours", "k": 2}],
            "points": [{"x": 1.0}],
            "confusion": [[1, 2], [3, 4]],
            "by age": [{"age": "to 27", "n": 3, "saving": {"estimate": 1.0, "low": 0.0, "high": 2.0}}],
        }
    )
    assert {name: str(figure) for name, figure in found.items()} == {
        "auc": "0.5 [0.4, 0.6]",
        "of_few_groups": "0.5",
        "by_age.to_27.n": "3",
        "by_age.to_27.saving": "1 [0, 2]",
    }


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-10, 10) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=6), _JSON, max_size=4))
def test_names_are_such_as_any_registry_takes(metrics: dict[str, object]) -> None:
    for name, figure in figures_of(metrics).items():
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._")
        assert np.isfinite(figure.value)


def test_folds_have_one_digest_for_the_same_rows_in_the_same_folds() -> None:
    rows = np.arange(6)
    folds = [(rows[2:], rows[:2]), (rows[:4], rows[4:])]
    found = folds_of("data", [folds], {"auc": [[0.9, 0.8]], "empty": [[0.5, float("nan")]]})
    assert found.figures == {"auc": (0.9, 0.8)}
    assert found.test_over_train == 0.5
    assert found.of == folds_of("data", [folds], {}).of
    others = (
        folds_of("other data", [folds], {}),
        folds_of("data", [folds[::-1]], {}),
        folds_of("data", [folds] * 2, {}),
    )
    assert len({found.of, *(one.of for one in others)}) == 4


def test_folds_that_divide_the_same_rows_otherwise_are_others() -> None:
    train = np.array([9])
    ways = (([0], [1, 2]), ([0, 1], [2]), ([0, 1, 2],))
    found = {folds_of("ab", [[(train, np.array(part)) for part in way]], {}).of for way in ways}
    assert len(found) == 3
