"""Damage to amounts: separators, signs, units, durations."""

from __future__ import annotations

import random

from sheets import Case, Sheet

__all__ = [
    "blanks",
    "clock_durations",
    "commas",
    "megabytes_in_another_unit",
    "minutes_in_seconds",
    "mixed_signs",
    "no_amounts",
    "stated_units",
    "thousands",
]


def _grouped(text: str, mark: str) -> str:
    return f"{int(text):,}".replace(",", mark)


def _some(sheet: Sheet, rng: random.Random, most: int = 5) -> list[dict[str, str]]:
    return rng.sample(sheet.rows, rng.randint(1, most))


def thousands(case: Case, variant: int, rng: random.Random) -> Case:
    """Write thousands with points or commas, in one column or all, stated or not."""
    sheet, mark = case.usage, ".,"[variant % 2]
    columns = ("megabytes",) if variant % 3 else sheet.numbers
    sheet.delimiter = ",;\t"[variant % 3]
    for column in columns:
        sheet.change_all(column, {row[column]: _grouped(row[column], mark) for row in sheet.rows})
    if variant >= 5:
        case.options, case.stated = ("--decimal", "comma" if mark == "." else "point"), True
    return case


def blanks(case: Case, variant: int, rng: random.Random) -> Case:
    """Write some thousands with a blank, a narrow one, an apostrophe."""
    mark = (" ", "\u00a0", "\u202f", "'", "\u2019", "_", "\u2009", "\u2003", "`", "\u00b7")[variant]
    large = [row for row in case.usage.rows if int(row["megabytes"]) >= 1000]
    for row in rng.sample(large, rng.randint(1, 5)):
        case.usage.change(row, "megabytes", _grouped(row["megabytes"], mark))
    return case


def commas(case: Case, variant: int, rng: random.Random) -> Case:
    """Write every fraction with a comma: between semicolons and tabs that is read, between commas it is in doubt."""
    sheet = case.usage
    sheet.delimiter = ";\t,"[variant % 3]
    sheet.change_all("megabytes", {row["megabytes"]: row["megabytes"].replace(".", ",") for row in sheet.rows})
    if variant >= 6:
        case.options, case.stated = ("--decimal", "comma"), True
    else:
        case.stated = sheet.delimiter != ","
    return case


def mixed_signs(case: Case, variant: int, rng: random.Random) -> Case:
    """Write some fractions with a comma, the rest with a point."""
    sheet = case.usage
    sheet.delimiter = ";,"[variant % 2]
    for row in _some(sheet, rng):
        written = row["megabytes"] if variant < 6 else f"{float(row['megabytes']):.3f}"
        sheet.change(row, "megabytes", written if variant == 9 else written.replace(".", ","))
    return case


def minutes_in_seconds(case: Case, variant: int, rng: random.Random) -> Case:
    """Bring the minutes in seconds or milliseconds, with or without a word on the unit."""
    sheet, factor = case.usage, (60, 60_000)[variant % 2]
    unit = ("seconds", "milliseconds")[variant % 2]
    sheet.change_all("minutes", {row["minutes"]: str(int(row["minutes"]) * factor) for row in sheet.rows})
    if variant >= 6:
        case.options = ("--set", f"data.table.columns={{minutes: {{is: minutes, unit: {unit}}}}}")
        case.stated = True
    return case


def megabytes_in_another_unit(case: Case, variant: int, rng: random.Random) -> Case:
    """Bring the megabytes in bytes, kB or GB, with or without a word on the unit."""
    sheet, unit = case.usage, ("bytes", "kB", "GB")[variant % 3]
    factor = {"bytes": 1 << 20, "kB": 1024, "GB": 1 / 1024}[unit]
    written = {row["megabytes"]: repr(int(row["megabytes"]) * factor).removesuffix(".0") for row in sheet.rows}
    sheet.change_all("megabytes", written)
    if variant >= 6:
        case.options = ("--set", f"data.table.columns={{megabytes: {{is: megabytes, unit: {unit}}}}}")
        case.stated = True
    return case


def stated_units(case: Case, variant: int, rng: random.Random) -> Case:
    """Bring events in a unit that the mapping states, under other names."""
    calls, sessions = case.events["calls"], case.events["sessions"]
    per_minute, of_calls = ((60, "seconds"), (60_000, "milliseconds"))[variant % 2]
    per_mb, of_data = ((1024, "kB"), (1 << 20, "bytes"))[variant % 3 % 2]
    for sheet, column, factor in ((calls, "minutes", per_minute), (sessions, "megabytes", per_mb)):
        sheet.change_all(column, {row[column]: str(int(row[column]) * factor) for row in sheet.rows})
    calls.header, sessions.header = {"minutes": "billsec"}, {"megabytes": "volume"}
    mapping = f"calls.billsec: {{is: minutes, unit: {of_calls}}}, sessions.volume: {{is: megabytes, unit: {of_data}}}"
    case.options, case.stated = ("--set", f"data.table.columns={{{mapping}}}"), True
    return case


def clock_durations(case: Case, variant: int, rng: random.Random) -> Case:
    """Write the minutes of calls as hh:mm:ss, all or some, or as mm:ss and in words."""
    sheet = case.events["calls"]
    forms = ("{h:02d}:{m:02d}:00", "{h}:{m:02d}:00", "{m}:00", "{m}m", "PT{m}M", "{m} min", "{m}'00")
    form = forms[variant % len(forms)]
    texts = {row["minutes"]: form.format(h=int(row["minutes"]) // 60, m=int(row["minutes"]) % 60) for row in sheet.rows}
    if variant in (0, 1):
        sheet.change_all("minutes", texts)
        case.stated = True
    else:
        for row in _some(sheet, rng):
            sheet.change(row, "minutes", texts[row["minutes"]])
    return case


def no_amounts(case: Case, variant: int, rng: random.Random) -> Case:
    """Put something that is not an amount, or an amount beyond all bounds, into some rows."""
    odd = ("", "-1", "inf", "NaN", "#N/A", "1e9", "100000001", "0x10", "٣", "1/2")[variant]
    column = rng.choice(case.usage.numbers)
    for row in _some(case.usage, rng):
        case.usage.change(row, column, odd)
    if variant % 3 == 2:
        case.usage.ending = ".csv.gz"
    return case
