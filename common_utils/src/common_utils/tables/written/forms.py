"""How the numbers and dates of a table are written, counted piece by piece and decided for the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from common_utils.tables.dates import DateCounts, MonthCounts, count_dates, count_months
from common_utils.tables.numbers import NumberCounts, count_numbers
from common_utils.tables.types import Kind, convert_distinct

__all__ = ["Forms", "forms_of"]


@dataclass(frozen=True)
class Forms:
    """Counts of the columns that are text, and which others cannot be read; those of pieces add up.

    Attributes
    ----------
    numbers : mapping of str to NumberCounts
    dates : mapping of str to DateCounts
    months : mapping of str to MonthCounts
    unfit : frozenset of str
        Optional facts that have a type, and of which some value cannot be what is declared: none is then read.

    Examples
    --------
    >>> one = Forms(dates={"date": DateCounts(local=2)})
    >>> (one + one).dates
    {'date': DateCounts(local=4, zoned=0, other=0)}
    """

    numbers: Mapping[str, NumberCounts] = field(default_factory=dict[str, NumberCounts])
    dates: Mapping[str, DateCounts] = field(default_factory=dict[str, DateCounts])
    months: Mapping[str, MonthCounts] = field(default_factory=dict[str, MonthCounts])
    unfit: frozenset[str] = frozenset()

    def __add__(self, other: Forms) -> Forms:
        numbers = {c: self.numbers.get(c, NumberCounts()) + count for c, count in other.numbers.items()}
        dates = {c: self.dates.get(c, DateCounts()) + count for c, count in other.dates.items()}
        months = {c: self.months.get(c, MonthCounts()) + count for c, count in other.months.items()}
        unfit = self.unfit | other.unfit
        return Forms({**self.numbers, **numbers}, {**self.dates, **dates}, {**self.months, **months}, unfit)


def forms_of(columns: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Forms:
    """Return the counts of a piece.

    Parameters
    ----------
    columns : mapping of str to pyarrow string array
        The columns that are text.
    kinds : mapping of str to str
        What each column should hold.

    Examples
    --------
    >>> import pyarrow as pa
    >>> forms_of({"date": pa.array(["2025-01-01"])}, {"date": "date"}).dates["date"].local
    1
    """
    numbers = {c: count_numbers(text) for c, text in columns.items() if kinds[c] in ("number", "integer")}
    months = {c: count_months(_months(text)) for c, text in columns.items() if kinds[c] == "month"}
    return Forms(numbers, {c: count_dates(text) for c, text in columns.items() if kinds[c] == "date"}, months)


def _months(text: Any) -> Any:
    return convert_distinct(text, "month", encoded=True).values
