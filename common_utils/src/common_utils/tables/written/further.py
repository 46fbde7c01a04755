"""Columns of text that no schema knows: which of them are numbers, decided for the whole file piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from common_utils.tables.numbers import NumberCounts, count_numbers, doubtful_point, plain_numbers
from common_utils.tables.types import convert_text

__all__ = ["FurtherColumns"]


class FurtherColumns:
    """What further columns of a file hold, as `convert.number_or_text` decides it for a whole column.

    Rows that are rejected say nothing; since they are not known at first, what all rows say is only taken where that
    cannot make a difference.

    Parameters
    ----------
    names : sequence of str

    Examples
    --------
    >>> further = FurtherColumns(["points", "city"])
    >>> further.add(pa.table({"points": ["1.5", ""], "city": ["Rome", "3"]}))
    >>> further.decide([pd.DataFrame({"points": ["1.5"], "city": ["Rome"]})])
    >>> further.typed(pd.DataFrame({"points": ["1.5", ""], "city": ["Rome", "3"]})).to_dict("list")
    {'points': [1.5, nan], 'city': ['Rome', '3']}
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._odd = dict.fromkeys(names, False)  # whether some value is no number
        self._counts = dict.fromkeys(names, NumberCounts())
        self._numbers: set[str] = set()

    def add(self, table: Any) -> None:
        """Look at some rows of text, rejected ones or not."""
        for name in self._odd:
            counts, odd = _seen(table[name].combine_chunks())
            self._counts[name] += counts
            self._odd[name] |= odd

    def decide(self, kept: Iterable[pd.DataFrame]) -> None:
        """Decide, with a look at the rows that are kept as far as that is needed."""
        open_ = {name for name, odd in self._odd.items() if odd or self._counts[name].pointed}
        self._numbers = set(self._odd) - open_
        counts = dict.fromkeys(open_, NumberCounts())
        for frame in kept if open_ else ():
            for name in sorted(open_):
                found, odd = _seen(pa.array(frame[name].astype("string"), pa.string(), from_pandas=True))
                counts[name] += found
                if odd:
                    open_.remove(name)
                elif not self._odd[name] and counts[name].pointed > counts[name].point_or_thousands:
                    self._numbers.add(name)
                    open_.remove(name)
            if not open_:
                return
        self._numbers |= {name for name in open_ if not doubtful_point(counts[name])}

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return rows with numbers where a column holds them."""
        return frame.assign(**{name: _as_numbers(frame[name]) for name in self._odd if name in self._numbers})


def _seen(text: Any) -> tuple[NumberCounts, bool]:
    return count_numbers(text), plain_numbers(text) is None and bool(convert_text(text, "number").faults)


def _as_numbers(column: pd.Series) -> pd.Series:
    text = pa.array(column.astype("string"), pa.string(), from_pandas=True)
    return pd.Series(convert_text(text, "number").values.to_pandas(), index=column.index, dtype="float64")
