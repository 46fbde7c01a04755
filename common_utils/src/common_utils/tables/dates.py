"""Dates as text or timestamps: with a time of day, with a zone; the day counts.

A time without a zone is local. A time with one is turned into the day of `data.table.timezone`, and refused where that
is not set. A column is read in one form or not at all: decided from counts that add up over blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute

__all__ = [
    "FIRST_DAY",
    "DateCounts",
    "MonthCounts",
    "count_dates",
    "count_months",
    "date_complaint",
    "local_times",
    "month_complaint",
    "month_of",
    "read_dates",
]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_DAY = r"(1[7-9]|2[01])[0-9]{2}-[0-9]{2}-[0-9]{2}"
_TIME = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
_LOCAL = rf"^{_DAY}({_TIME})?$"
_ZONED = rf"^{_DAY}{_TIME} ?(Z|z|UTC|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
# Other ways to write a date; which part is the day is nobody's to guess.
_OTHER = r"^[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}([T ].*)?$|^[0-9]{8}$|^[0-9]{10}$|^[0-9]{13}$"
SETTING = "data.table.timezone"
# A month typed into a spreadsheet, or cut off a date by a database, is its first day at midnight.
FIRST_DAY = r"^([0-9]{4}-[0-9]{2})-01([T ]00:00(:00([.,]0{1,9})?)?)?$"
_MONTH = r"^[0-9]{4}-[0-9]{2}$"
_YEAR, _OF_YEAR, _WORD = "(19|20)[0-9]{2}", "(0?[1-9]|1[0-2])", r"\p{L}{3,9}\.?"
_OTHER_MONTHS = {
    "YYYYMM": rf"^{_YEAR}(0[1-9]|1[0-2])$",
    "YYYYMMDD": rf"^{_YEAR}(0[1-9]|1[0-2])[0-3][0-9]$",
    "YYYY-MM-DD": rf"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}([T ].*)?$",
    "YYYY-M": rf"^{_YEAR}-[1-9]$",
    "YYYY/MM": rf"^{_YEAR}/{_OF_YEAR}$",
    "YYYY.MM": rf"^{_YEAR}\.{_OF_YEAR}$",
    "MM/YYYY": rf"^{_OF_YEAR}/{_YEAR}$",
    "MM.YYYY": rf"^{_OF_YEAR}\.{_YEAR}$",
    "MM-YYYY": rf"^{_OF_YEAR}-{_YEAR}$",
    "as a spreadsheet's day number": r"^[34][0-9]{4}$",
    "with the month's name": rf"^{_WORD}[ -]?([0-9]{{2}}|{_YEAR})$|^{_YEAR}[ -]?{_WORD}$",
}
_NO_SLIP = 2  # one month written in another form may be a typing error; two of the same form are a habit


@dataclass(frozen=True)
class DateCounts:
    """How the dates of a column are written; counts of blocks add up.

    Attributes
    ----------
    local, zoned, other : int
        YYYY-MM-DD with or without a time of day; the same with a zone; looks like a date in another form.
    """

    local: int = 0
    zoned: int = 0
    other: int = 0

    def __add__(self, other: DateCounts) -> DateCounts:
        return DateCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def count_dates(column: Any) -> DateCounts:
    """Return the counts of a text column.

    Examples
    --------
    >>> count_dates(pa.array(["2025-10-31", "2025-10-31 23:59:30", "2025-10-31T23:30:00Z", "31.10.2025", "x"]))
    DateCounts(local=2, zoned=1, other=1)
    """
    text = pc.utf8_trim_whitespace(pc.fill_null(column, ""))
    local, zoned, other = (pc.match_substring_regex(text, pattern) for pattern in (_LOCAL, _ZONED, _OTHER))
    other = pc.and_(other, pc.invert(pc.or_(local, zoned)))
    return DateCounts(*(int(pc.sum(mask).as_py() or 0) for mask in (local, zoned, other)))


def date_complaint(counts: DateCounts, timezone: str | None) -> str | None:
    """Return why a column of dates cannot be read, or None where it can.

    Examples
    --------
    >>> date_complaint(DateCounts(local=1), None) is None, date_complaint(DateCounts(zoned=1), "UTC") is None
    (True, True)
    >>> date_complaint(DateCounts(zoned=1), None)
    'its times carry a zone; say whose calendar days count with the setting data.table.timezone'
    """
    if counts.zoned and counts.local:
        return (
            f"{counts.zoned} of its dates carry a zone and {counts.local} do not; export it in one form, with a zone "
            "everywhere or nowhere"
        )
    if counts.other and counts.local + counts.zoned:
        return (
            f"{counts.other} of its dates are not written YYYY-MM-DD as the other {counts.local + counts.zoned} are; "
            "export it in one form"
        )
    if counts.zoned and timezone is None:
        return f"its times carry a zone; say whose calendar days count with the setting {SETTING}"
    return None


def read_dates(text: Any, timezone: str | None) -> Any:
    """Return a text column as local timestamp[us], null where a field is not a date or its time of day does not exist.

    Examples
    --------
    >>> read_dates(pa.array(["2025-10-31T23:30:00Z", "2025-02-30"]), "Europe/Madrid").to_pylist()
    [datetime.datetime(2025, 11, 1, 0, 30), None]
    """
    text = pc.replace_substring(text, ",", ".")
    local = pc.if_else(pc.match_substring_regex(text, _LOCAL), text, None)
    times = pd.to_datetime(local.to_pandas(), format="ISO8601", errors="coerce")  # 02-30 and 25:00 become NaT
    values = pa.array(times, from_pandas=True).cast(pa.timestamp("us"), safe=False)
    zoned = pc.match_substring_regex(text, _ZONED)
    if timezone is None or not pc.any(zoned).as_py():
        return values
    written = pc.replace_substring_regex(pc.if_else(zoned, text, None), " ?(Z|z|UTC)$", "+00:00").to_pandas()
    moments = pd.to_datetime(written, format="ISO8601", errors="coerce", utc=True)
    there = pa.array(moments.dt.tz_convert(timezone).dt.tz_localize(None), from_pandas=True)
    return pc.coalesce(values, there.cast(pa.timestamp("us"), safe=False))


def local_times(column: Any, timezone: str | None) -> Any:
    """Return dates or timestamps of any unit, with or without a zone, as local timestamp[us]; what is finer is cut."""
    if column.type.tz is not None and timezone is not None:
        column = pc.local_timestamp(column.cast(pa.timestamp(column.type.unit, timezone)))
    return column.cast(pa.timestamp("us"), safe=False)


def month_of(text: Any) -> Any:
    """Return text in which the first day of a month, at midnight, is that month; all else stays as it is.

    Examples
    --------
    >>> month_of(pa.array(["2025-08-01", "2025-08-01 00:00:00", "2025-08-31", None])).to_pylist()
    ['2025-08', '2025-08', '2025-08-31', None]
    """
    return pc.replace_substring_regex(text, FIRST_DAY, r"\1")


@dataclass(frozen=True)
class MonthCounts:
    """How the months of a column are written; counts of blocks add up.

    Attributes
    ----------
    ours, rows : int
        YYYY-MM; all rows.
    others : mapping of str to int
        Months of each other form, one of several forms counted for each.
    """

    ours: int = 0
    rows: int = 0
    others: Mapping[str, int] = field(default_factory=dict[str, int])

    def __add__(self, other: MonthCounts) -> MonthCounts:
        others = {form: n + self.others.get(form, 0) for form, n in other.others.items()}
        return MonthCounts(self.ours + other.ours, self.rows + other.rows, {**self.others, **others})


def count_months(text: Any) -> MonthCounts:
    """Return the counts of a column.

    Parameters
    ----------
    text : pyarrow string array of shape (n_rows,), or one behind a dictionary
        First days of months already read as the month.

    Examples
    --------
    >>> counts = count_months(pa.array(["2025-08", "202509", None]))
    >>> counts.ours, counts.rows, counts.others["YYYYMM"]
    (1, 3, 1)
    """
    plain = text.dictionary_decode() if pa.types.is_dictionary(text.type) else text
    found = pc.value_counts(plain)
    values, times = found.field("values"), found.field("counts")
    ours = pc.fill_null(pc.match_substring_regex(values, _MONTH), False)
    counted = int(pc.sum(times.filter(ours)).as_py() or 0)
    rest, often = values.filter(pc.invert(ours)), times.filter(pc.invert(ours))
    others = {
        form: int(pc.sum(often.filter(pc.fill_null(pc.match_substring_regex(rest, one), False))).as_py() or 0)
        for form, one in _OTHER_MONTHS.items()
    }
    return MonthCounts(counted, len(text), others)


def month_complaint(counts: MonthCounts) -> str | None:
    """Return why a column of months cannot be read, or None where it can: some, two at least, have one other form.

    Examples
    --------
    >>> month_complaint(count_months(pa.array(["2025-08", "202509", "202510"])))
    '2 of its months are written YYYYMM and 1 YYYY-MM; export it in one form'
    >>> [month_complaint(count_months(pa.array(some))) for some in (["2025-08", "202509"], ["202509"] * 2)]
    [None, None]
    """
    if counts.ours in (0, counts.rows):
        return None
    form = max(_OTHER_MONTHS, key=lambda form: counts.others[form])
    if counts.others[form] < _NO_SLIP:
        return None
    return f"{counts.others[form]} of its months are written {form} and {counts.ours} YYYY-MM; export it in one form"
