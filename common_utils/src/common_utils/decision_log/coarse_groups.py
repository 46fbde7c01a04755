"""The declared coarse groups of a record, as entries of the decision log carry them. Light: services use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from pydantic import BaseModel

__all__ = ["NO_GROUPS", "coarse_groups", "group_reader"]

NO_GROUPS = b"{}"
_LONGEST = 40


def coarse_groups(names: Sequence[str], values: Sequence[object]) -> bytes:
    """Return groups as JSON of one line; what is missing, no text, or too long to be coarse is left out.

    Examples
    --------
    >>> coarse_groups(("Gender", "Geography"), ("Female", None))
    b'{"Gender":"Female"}'
    """
    known = {
        name: value for name, value in zip(names, values, strict=True) if isinstance(value, str) and _is_coarse(value)
    }
    return json.dumps(known, separators=(",", ":")).encode()


def _is_coarse(value: str) -> bool:
    return 0 < len(value) <= _LONGEST and value.isprintable()


def group_reader(record: type[BaseModel], names: Sequence[str]) -> Callable[[Any], bytes]:
    """Return what reads the groups of a record; `names` are the table's, the record's fields or their aliases.

    Raises
    ------
    KeyError
        If the record has no such field: the declaration is wrong.

    Examples
    --------
    >>> class Customer(BaseModel):
    ...     Gender: str
    >>> group_reader(Customer, ("Gender",))(Customer(Gender="Male"))
    b'{"Gender":"Male"}'
    """
    if not names:
        return lambda _: NO_GROUPS
    fields: Mapping[str, str] = {field.alias or name: name for name, field in record.model_fields.items()}
    read = attrgetter(*(fields[name] for name in names))
    made = lru_cache(1024)(lambda values: coarse_groups(names, values))
    one = len(names) == 1
    return lambda body: made((read(body),) if one else read(body))
