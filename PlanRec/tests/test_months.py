from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.months import month_index, month_indices, month_text


@given(st.integers(0, 9999 * 12 + 11))
def test_month_text_and_index_are_inverse(index: int) -> None:
    assert month_index(month_text(index)) == index


@pytest.mark.parametrize("text", ["2018-13", "2018-00", "18-01", "2018-1", "2018/01", "2018-01-01", "", "٢٠١٨-٠١"])
def test_month_index_refuses_what_is_not_a_month(text: str) -> None:
    with pytest.raises(DataError, match="YYYY-MM"):
        month_index(text)


def test_month_indices_read_many() -> None:
    assert np.diff(month_indices(["2018-01", "2018-12", "2018-01"])).tolist() == [11, -11]
