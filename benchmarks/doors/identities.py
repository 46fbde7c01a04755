"""Damage to who and when: ids, months, dates."""

from __future__ import annotations

import random

from sheets import Case, Sheet

__all__ = [
    "blanks",
    "dates_otherwise",
    "decimals",
    "months_otherwise",
    "otherwise_in_events",
    "rogue_events",
    "rogue_months",
    "scientific",
    "stale",
    "times_and_zones",
]


def _of_some(sheet: Sheet, rng: random.Random, variant: int) -> list[dict[str, str]]:
    """Return some rows; all in every third variant."""
    return list(sheet.rows) if variant % 3 == 2 else rng.sample(sheet.rows, rng.randint(1, 6))


def scientific(case: Case, variant: int, rng: random.Random) -> Case:
    """Write ids as a spreadsheet does: 3.46001E+10."""
    form = ("{:.5E}", "{:.2E}", "{:.0E}", "{:.3e}", "{:.5E}")[variant % 5]
    for row in _of_some(case.usage, rng, variant):
        case.usage.change(row, "subscriber_id", form.format(int(row["subscriber_id"])).replace(".", ".,"[variant >= 8]))
    case.usage.ending = ".parquet" if variant % 4 == 3 else ".csv"
    case.usage.delimiter = ";"
    return case


def decimals(case: Case, variant: int, rng: random.Random) -> Case:
    """Write ids as a data frame does: 34600.0."""
    tail = (".0", ".00", ",0", ".0", ".000")[variant % 5]
    for row in _of_some(case.usage, rng, variant):
        case.usage.change(row, "subscriber_id", row["subscriber_id"] + tail)
    case.usage.ending = ".parquet" if variant % 4 == 3 else ".csv"
    case.usage.delimiter = ";"
    return case


def blanks(case: Case, variant: int, rng: random.Random) -> Case:
    """Put blanks and characters that nobody sees around ids."""
    odd = ("{} ", " {}", "\t{}", "{}\u00a0", "\u200b{}", "{}\ufeff", "\u2060{}", "{}\u200e", "\u00ad{}", "'{}")[variant]
    for row in rng.sample(case.usage.rows, rng.randint(1, 6)):
        case.usage.change(row, "subscriber_id", odd.format(row["subscriber_id"]))
    case.usage.delimiter = ";"
    return case


def otherwise_in_events(case: Case, variant: int, rng: random.Random) -> Case:
    """Spell the ids of one table of events, or of some of its rows, otherwise than the list of subscribers does."""
    form = ("+{}", "00{}", "{}.0", "0{}", "+{}", "{} ", "{:.5E}", "tel:{}", "+{}", "00{}")[variant]
    sheet = case.events[rng.choice(("calls", "messages", "sessions"))]
    few = variant >= 8
    for row in rng.sample(sheet.rows, 3) if few else list(sheet.rows):
        text = row["subscriber_id"]
        sheet.change(row, "subscriber_id", form.format(int(text)) if ":.5" in form else form.format(text))
    return case


def months_otherwise(case: Case, variant: int, rng: random.Random) -> Case:
    """Write months in another form, in some rows or all."""
    forms = (
        "{m}/{y}",
        "{y}-{i}",
        "{y}{m}",
        "{y}-13",
        "{y}-{m}-01",
        "{m}.{y}",
        "{y}/{m}",
        "{y}-00",
        "45778",
        "M{m} {y}",
    )
    for row in _of_some(case.usage, rng, variant):
        year, month = row["month"].split("-")
        case.usage.change(row, "month", forms[variant].format(y=year, m=month, i=int(month)))
    return case


def times_and_zones(case: Case, variant: int, rng: random.Random) -> Case:
    """Add a time of day to dates, a zone to all or some."""
    sheet = case.events[rng.choice(("calls", "messages", "sessions"))]
    tail = (" 23:59:30", "T08:00:00", " 12:00", "T12:00:00Z", "T12:00:00+02:00", " 12:00:00.123456", "T12:00:00Z")[
        variant % 7
    ]
    zoned = "Z" in tail or "+" in tail
    rows = sheet.rows if variant < 7 else rng.sample(sheet.rows, 4)
    for row in rows:
        sheet.change(row, "date", row["date"] + tail)
    if variant >= 7 and variant % 2:
        case.options = ("--set", "data.table.timezone=UTC")
    elif zoned and variant % 2:
        case.options, case.stated = ("--set", "data.table.timezone=Europe/Madrid"), True
    else:
        case.stated = not zoned
    return case


def dates_otherwise(case: Case, variant: int, rng: random.Random) -> Case:
    """Write dates in another form, in all rows or some."""
    forms = (
        "{d}.{m}.{y}",
        "{m}/{d}/{y}",
        "{y}/{m}/{d}",
        "{y}{m}{d}",
        "{d}-{m}-{y}",
        "{y}-{m}-32",
        "1760000000",
        "45778",
        "",
        "{y}-{m}",
    )
    sheet = case.events[rng.choice(("calls", "messages", "sessions"))]
    for row in sheet.rows if variant % 3 == 2 else rng.sample(sheet.rows, 4):
        year, month, day = row["date"].split("-")
        sheet.change(row, "date", forms[variant].format(y=year, m=month, d=day))
    return case


def rogue_events(case: Case, variant: int, rng: random.Random) -> Case:
    """Date one event or two in another century; with the list of subscribers and without."""
    sheet = case.events[rng.choice(("calls", "messages", "sessions"))]
    day = (
        "2099-01-01",
        "2036-02-07",
        "1970-01-01",
        "2025-12-31",
        "1900-01-01",
        "2106-02-07",
        "1980-01-06",
        "2026-11-03",
    )[variant % 8]
    for row in rng.sample(sheet.rows, 1 + variant % 2):
        sheet.change(row, "date", day)
    if variant >= 5 or variant == 3:  # one of forty is more than 1 %: a month that near has to be stated
        case.options = ("--set", "data.table.until=2025-10")
    return case


def rogue_months(case: Case, variant: int, rng: random.Random) -> Case:
    """Date some usage months in another century."""
    month = (
        "2099-01",
        "2036-02",
        "1970-01",
        "2025-12",
        "1900-01",
        "2099-12",
        "1980-01",
        "2026-11",
        "0025-10",
        "3025-10",
    )[variant]
    for row in rng.sample(case.usage.rows, rng.randint(1, 5)):
        case.usage.change(row, "month", month)
    case.options = ("--set", "data.table.until=2025-10") if month == "2025-12" else ()
    return case


def stale(case: Case, variant: int, rng: random.Random) -> Case:
    """Bring usage of years ago, for all subscribers or all but one."""
    year = 2015 + variant % 10
    spared = case.usage.rows[0]["subscriber_id"] if variant >= 7 else ""
    for row in case.usage.rows:
        if row["subscriber_id"] != spared:
            case.usage.change(row, "month", row["month"].replace("2025", str(year)))
    case.usage.whole.add("month")
    return case
