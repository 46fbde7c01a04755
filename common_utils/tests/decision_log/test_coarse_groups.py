"""Declared coarse groups are in the entries of the log, and in nothing that is answered."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from common_utils.decision_log.coarse_groups import coarse_groups, group_reader


class Customer(BaseModel):
    Gender: str | None = None
    Age: float = 0.0


def test_what_is_no_coarse_text_is_left_out() -> None:
    assert coarse_groups(("a", "b", "c", "d"), ("x", None, 5.0, "y" * 41)) == b'{"a":"x"}'


def test_a_record_is_read_by_the_tables_names() -> None:
    read = group_reader(Customer, ("Gender",))
    assert [read(Customer(Gender="Male")), read(Customer())] == [b'{"Gender":"Male"}', b"{}"]
    assert group_reader(Customer, ())(Customer(Gender="Male")) == b"{}"


def test_a_declaration_that_names_no_field_is_refused() -> None:
    with pytest.raises(KeyError, match="Geography"):
        group_reader(Customer, ("Geography",))
