"""Columns of answers for pyarrow: text that repeats as dictionaries, whole cents as numbers that may be empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from common_utils.array_types import BoolArray
from planrec.advice import RatedBasis
from planrec.columns import SUBSCRIBER
from planrec.rules import ExclusionCode

__all__ = ["BASES", "filled_table", "repeated_text", "text_column"]

BASES: tuple[RatedBasis, ...] = ("forecast", "past")
_CODES = [code.name for code in ExclusionCode]


def filled_table(
    schema: Any, parts: Sequence[dict[str, NDArray[np.generic]]], subscribers: Any, plan_ids: Sequence[str]
) -> Any:
    """Return the columns of all parts under their schema."""
    if not parts:
        return schema.empty_table()
    texts = {
        SUBSCRIBER: subscribers,
        "plan_id": plan_ids,
        "advice": ("switch", "stay"),
        "action": ("switch", "stay"),
        "basis": BASES,
        "reason_code": _CODES,
        "stay_reason": _CODES,
    }
    columns: list[Any] = []
    for field in schema:
        values = np.concatenate([part[field.name] for part in parts])
        if field.name in texts:
            missing = values == int(ExclusionCode.NONE) if field.name == "stay_reason" else None
            columns.append(text_column(values, texts[field.name], missing))
        elif values.dtype == np.float64:
            # Whole cents come rounded, half to even; what is not known is empty.
            unknown = np.isnan(values)
            columns.append(pa.array(np.where(unknown, 0.0, values), mask=unknown).cast(field.type))
        else:
            columns.append(pa.array(values, from_pandas=True).cast(field.type))
    return pa.table(columns, schema=schema)


def text_column(places: NDArray[np.generic], texts: Any, missing: BoolArray | None = None) -> Any:
    """Return text by its place among `texts`, kept as a dictionary; empty where `missing`."""
    return pa.DictionaryArray.from_arrays(
        pa.array(places.astype(np.int32), mask=missing), pa.array(texts, pa.large_string()), safe=False
    )


def repeated_text(texts: Any, times: int) -> Any:
    """Return each text repeated as often as `counts` says, as a dictionary array."""
    read = texts.dictionary_encode()
    return text_column(np.repeat(read.indices.to_numpy(), times), read.dictionary)
