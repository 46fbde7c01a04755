"""Rows of one key stay together, and where they are cut does not depend on how they come in."""

from __future__ import annotations

from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.tables.pieces.grouped import whole_groups

KEYS = st.lists(st.integers(1, 5), min_size=1, max_size=9).map(
    lambda counts: [f"k{key}" for key, count in enumerate(counts) for _ in range(count)]
)


@given(ids=KEYS, rows=st.integers(1, 7), step=st.integers(1, 9))
@settings(deadline=None, max_examples=60)
def test_groups_end_with_the_first_key_from_so_many_rows_on(ids: list[str], rows: int, step: int) -> None:
    parts = [pa.table({"id": ids[start : start + step]}) for start in range(0, len(ids), step)]
    groups = [group["id"].to_pylist() for group in whole_groups(parts, "id", rows)]
    assert [one for group in groups for one in group] == ids
    for group, after in pairwise(groups):
        assert group[-1] != after[0]
        assert len(group) >= rows
        assert len(set(group[rows - 1 :])) == 1  # not a key more than needed


def test_nothing_comes_of_nothing() -> None:
    assert list(whole_groups([pa.table({"id": pa.array([], pa.string())})], "id", 2)) == []
