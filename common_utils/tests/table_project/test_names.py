from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.table_project.names import folded, learn_names, name_codes, one_spelling

KNOWN = ("ford f-150", "ford f150", "honda cr-v", "jeep grand cherokee")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        pytest.param("FORD F-150", 0, id="case"),
        pytest.param(" ford  f 150 ", 0, id="blanks"),
        pytest.param("ford f\u2011150", 0, id="hyphen-that-does-not-break"),
        pytest.param("ford_f_150", 0, id="underscores"),
        pytest.param("Ford F150", 1, id="a-spelling-of-its-own"),
        pytest.param("honda crv", 2, id="without-hyphen"),
        pytest.param("HondaCR-V", 2, id="without-blank"),
        pytest.param("fordf150", np.nan, id="two-could-be-meant"),
        pytest.param("jeep cherokee", np.nan, id="another"),
        pytest.param("", np.nan, id="empty"),
        pytest.param(None, np.nan, id="missing"),
    ],
)
def test_a_name_means_a_model_that_is_known(name: str | None, code: float) -> None:
    np.testing.assert_array_equal(name_codes(np.array([name], dtype=object), KNOWN), [code])


def test_names_are_learnt_in_their_most_frequent_spelling() -> None:
    names = np.array(["VW Golf", "vw golf", "vw golf", "kia soul", np.nan, None], dtype=object)
    assert one_spelling(names).tolist()[:4] == ["vw golf", "vw golf", "vw golf", "kia soul"]
    assert learn_names(names, 1) == ("kia soul", "vw golf")
    assert learn_names(names, 2) == ("vw golf",)


@given(st.lists(st.text(alphabet="aB- 1", min_size=1, max_size=6), min_size=1, max_size=12))
def test_each_name_that_was_learnt_is_found_again(names: list[str]) -> None:
    known = learn_names(np.array(names, dtype=object), 1)
    codes = name_codes(np.array(names, dtype=object), known)
    assert [folded(known[int(code)]) for code in codes] == [folded(name) for name in names]
