from __future__ import annotations

from planrec import columns


def test_columns_every_name_is_exported_once() -> None:
    constants = {name for name in vars(columns) if name.isupper()}
    assert set(columns.__all__) == constants
    assert len(columns.__all__) == len(constants)


def test_columns_required_and_optional_do_not_overlap() -> None:
    names = (*columns.REQUIRED, *columns.OPTIONAL)
    assert len(names) == len(set(names)) == 11
