"""Our own CSV files read back as they were, without `--decimal` and without a doubtful point."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from common_utils.tables import read_table, table_writer, write_table

SCHEMA = pandera.DataFrameSchema({"id": pandera.Column(str), "amount": pandera.Column(float, nullable=True)})
AMOUNTS = st.one_of(
    st.floats(0, 1e6, allow_nan=False),
    st.integers(-999_999, 999_999).map(lambda n: n / 1000),
    st.integers(0, 10**6).map(float),
    st.sampled_from([7.5, 7.125, -7.125, 120.001, 0.125, -0.0, 1e-7, 1e16, 999.999, 1000.125]),
)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(AMOUNTS, min_size=1, max_size=5), in_pieces=st.booleans())
@example(amounts=[7.125], in_pieces=False)
@example(amounts=[7.125, 92.001], in_pieces=True)
@example(amounts=[-7.125], in_pieces=False)
@example(amounts=[-0.0], in_pieces=True)
def test_numbers_come_back_as_they_were(tmp_path: Path, amounts: list[float], *, in_pieces: bool) -> None:
    frame = pd.DataFrame({"id": [f"s{number}" for number in range(len(amounts))], "amount": amounts})
    path = tmp_path / "t.csv"
    if in_pieces:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with table_writer(path, table.schema) as write:
            for number in range(len(amounts)):
                write(table.slice(number, 1))
    else:
        write_table(frame, path)
    read = read_table(path, SCHEMA, name="amounts").frame
    assert np.array_equal(read["amount"].to_numpy(), np.array(amounts))
    assert not re.search(r",-0(\.0+)?$", path.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("dtype", ["float64", "Float64", "float32"])
def test_a_third_decimal_is_never_the_last(tmp_path: Path, dtype: str) -> None:
    frame = pd.DataFrame({"amount": pd.Series([7.125, None, 12.5], dtype=dtype)})
    write_table(frame, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == 'amount\n7.1250\n""\n12.5\n'
