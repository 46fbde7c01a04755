"""Damage to a sibling's table: what spreadsheets, exports and transfers do to any table of numbers and words."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd
from contents import broken, workbook
from sheets import Case, Roles, Sheet

__all__ = ["TABLE_KINDS", "TABLE_VARIANTS", "TableKind"]

TABLE_VARIANTS = 6
Damage = Callable[[Case, int, random.Random, Roles], Case]


@dataclass(frozen=True)
class TableKind:
    """One kind of damage to the table of any sibling.

    Attributes
    ----------
    name : str
    reads : {"records", "target"}
        Which commands meet it: all, or those that learn and measure.
    damage : callable
    wants : {"", "key", "category"}
        What a table must have, or the kind is left out.
    fractions : bool
        Whether the sound table has amounts in quarters.
    """

    name: str
    reads: str
    damage: Damage
    wants: str = ""
    fractions: bool = False

    def damaged(self, sound: Case, variant: int) -> Case:
        """Return a variant; the same one each time."""
        case = sound.copy()
        return self.damage(case, variant, random.Random(f"{self.name} {variant}"), case.roles)

    def fits(self, roles: Roles, key: str) -> bool:
        """Tell whether a table with these columns, and this id or none, has what the kind damages."""
        return {"": True, "key": bool(key), "category": bool(roles.category)}[self.wants]


def _few(sheet: Sheet, rng: random.Random, column: str = "", most: int = 6) -> list[dict[str, str]]:
    """Return some rows, with something in a column."""
    held = [row for row in sheet.rows if not column or row[column]]
    return rng.sample(held, rng.randint(1, most))


def _grouped(text: str, mark: str) -> str:
    return f"{int(text):,}".replace(",", mark) if text else ""


def thousands(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write thousands with points or commas, stated or not."""
    sheet, mark = case.usage, ".,"[variant % 2]
    sheet.delimiter = ";\t,"[variant % 3]
    sheet.change_all(roles.amount, {row[roles.amount]: _grouped(row[roles.amount], mark) for row in sheet.rows})
    others = [c for c in sheet.numbers if c != roles.amount]
    if variant >= 3:
        if mark == ".":  # then no other column may have decimal points
            for column in others:
                texts = {row[column]: row[column].replace(".", ",") for row in sheet.rows}
                changed = any(key != value for key, value in texts.items())
                sheet.change_all(column, texts) if changed else None
        case.options, case.stated = ("--decimal", "comma" if mark == "." else "point"), True
    return case


def blanks(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write some thousands with a blank, a narrow one, an apostrophe."""
    mark = (" ", "\u00a0", "\u202f", "'", "\u2019", "_")[variant]
    large = [row for row in case.usage.rows if row[roles.amount] and int(row[roles.amount]) >= 1000]
    for row in rng.sample(large, 5):
        case.usage.change(row, roles.amount, _grouped(row[roles.amount], mark))
    return case


def commas(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write every fraction with a comma."""
    sheet = case.usage
    sheet.delimiter = ";\t,"[variant % 3]
    for column in sheet.numbers:
        texts = {row[column]: row[column].replace(".", ",") for row in sheet.rows}
        if any("," in text for text in texts.values()):
            sheet.change_all(column, texts)
    if variant >= 3:
        case.options, case.stated = ("--decimal", "comma"), True
    else:
        case.stated = sheet.delimiter != ","
    return case


def mixed_signs(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write some fractions with a comma, the rest with a point."""
    sheet = case.usage
    sheet.delimiter = ";,"[variant % 2]
    for row in _few(sheet, rng, roles.amount):
        text = row[roles.amount] if variant < 4 else f"{float(row[roles.amount]):.3f}"
        sheet.change(row, roles.amount, text.replace(".", ","))
    return case


def no_amounts(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Put something that is not an amount into some rows."""
    for row in _few(case.usage, rng):
        case.usage.change(row, roles.amount, ("1e400", "-1", "inf", "1/2", "$9,400", "12 %")[variant])
    return case


def missing(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write what is missing in a word, in a number that may be missing or in one that must not."""
    word = ("NULL", "\\N", "#N/A", "nan", "-", "(null)")[variant]
    column = roles.optional if roles.optional and variant % 2 else roles.bounded
    for row in _few(case.usage, rng, column):
        case.usage.change(row, column, word)
    return case


def emptied(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Empty a column that has to be filled, in some rows, in many, in all."""
    column = (roles.required, roles.target)[variant % 2]
    some = _few(case.usage, rng, column) if variant < 3 else rng.sample(case.usage.rows, 300)
    for row in some:
        case.usage.change(row, column, "")
    return case


def beyond(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Put numbers beyond all bounds."""
    column, text = ((roles.bounded, roles.beyond), (roles.bounded, "-1"), (roles.amount, "1e12"))[variant % 3]
    for row in _few(case.usage, rng) if variant < 3 else rng.sample(case.usage.rows, 60):
        case.usage.change(row, column, text)
    return case


def words(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write a word otherwise: letters, blanks, one that there is not."""
    form = ("{u} ", "{U}", "{u}x", "", "{u}\u200b", "'{u}'")[variant]
    for row in _few(case.usage, rng, roles.category):
        text = row[roles.category]
        case.usage.change(row, roles.category, form.format(u=text, U=text.upper()))
    return case


def targets(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write what is learnt otherwise."""
    for row in _few(case.usage, rng):
        case.usage.change(row, roles.target, ("yes", "-2", "", "TRUE", "1,5", "?")[variant])
    return case


def ids(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write ids as spreadsheets, data frames and databases do."""
    form = ("{n:.5E}", "{n}.0", '="{n}"', "NULL", "", "'{n}")[variant]
    case.usage.delimiter = ";"
    for row in _few(case.usage, rng):
        case.usage.change(row, case.usage.key, form.format(n=int(row["_who"])))
    return case


def repeated(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Repeat rows, contradict them, put them in another order."""
    sheet, chosen = case.usage, rng.sample(case.usage.rows, 4)
    if variant == 0:
        sheet.rows += [dict(row) for row in chosen]
        case.stated = True
    elif variant in (1, 2):
        for row in chosen:
            other = {**row, roles.amount: str(int(row[roles.amount]) + 100)}
            sheet.rows.insert(0 if variant == 2 else len(sheet.rows), other)
            sheet.touched += [(row, ""), (other, "")]
    else:  # one id for all, for two, one of another row
        for row in chosen[: (4, 2, 1)[variant - 3]]:
            sheet.change(row, sheet.key, chosen[0]["_who"] if variant < 5 else sheet.rows[0]["_who"])
        sheet.touched += [(sheet.rows[0], "")] if variant == 5 else [(chosen[0], "")]
    return case


def ragged(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Give rows too many fields or too few, cut the last one, put the header in again."""
    sheet, places = case.usage, [c for c in case.usage.rows[0] if c != "_who"]
    chosen = sheet.rows[-1:] if variant in (2, 3) else rng.sample(sheet.rows, 4)
    for row in chosen:
        fields = [row[c] for c in places]
        raw = (
            [*fields, "7"],
            fields[:-2],
            fields[:-3],
            [*fields[:-1], fields[-1][:-1]],
            places,
            ["Total", *[""] * (len(fields) - 1)],
        )[variant]
        row["_raw"] = ",".join(raw)
        sheet.touched.append((row, places[-1] if variant == 3 else ""))
    return case


def cut(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Break the transfer off within the last row: nothing follows its last character."""
    order = [c for c in case.usage.rows[0] if c not in (roles.amount, "_who")]
    case.usage.rows = [{**{c: row[c] for c in [*order, roles.amount]}, "_who": row["_who"]} for row in case.usage.rows]
    case.usage.rows[-1][roles.amount] = "123456"
    text = case.usage.text().rstrip("\n")
    lost = (1, 3, 5, 6, 7, 9)[variant]
    case.usage.touched.append((case.usage.rows[-1], roles.amount if lost <= 6 else ""))
    name, data = ("records.csv", text[:-lost].encode())
    if variant == 2:
        name, data = "records.csv.gz", gzip.compress(data)
    case.usage_file, case.files[name] = name, data
    return case


def stored(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Store the same rows otherwise."""
    sheet, case.stated = case.usage, True
    plain = sheet.content()
    frame = pd.read_parquet(io.BytesIO(replace(sheet, ending=".parquet").content()))
    name, data = (
        ("records.csv.gz", gzip.compress(plain)),
        ("records.xlsx", workbook(sheet)),
        ("records.csv", plain.decode().encode("utf-16")),
        ("records.csv", b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")),
        ("records.csv", plain.replace(b"\n", b"\r")),
        ("parts.parquet", b""),
    )[variant]
    if variant < 5:
        case.usage_file, case.files[name] = name, data
        return case
    half, case.usage_file = len(frame) // 2, name
    for place, part in enumerate((frame[:half], frame[half:])):
        stream = io.BytesIO()
        part.to_parquet(stream, index=False)
        case.files[f"{name}/part-{place:05d}.parquet"] = stream.getvalue()
    return case


def spreadsheet(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write the marks that spreadsheets and report tools leave: `sep=`, quotes, trailing separators, titles."""
    plain = case.usage.content().decode()
    lines = plain.rstrip("\n").split("\n")
    quoted = [",".join(f'"{field}"' for field in line.split(",")) for line in lines]
    text = (
        "sep=,\n" + plain,
        "\n".join(quoted) + "\n",
        "\n".join(f"{line}," for line in lines) + "\n",
        "Report of October\n\n" + plain,
        "\n".join([lines[0], *(f"{line}," for line in lines[1:])]) + "\n",
        plain + "\n\n(700 rows affected)\n",
    )[variant]
    case.stated = variant in (1, 2)
    case.usage_file, case.files["records.csv"] = "records.csv", text.encode()
    return case


def extra(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Add columns nobody needs, put them in another order."""
    sheet, case.stated = case.usage, True
    for place, row in enumerate(sheet.rows):
        if variant < 2:
            row |= {"note": f"x{place}" * (1 + 60 * variant), "": str(place), "region": "é" * (place % 7)}
        elif variant == 2:
            row |= {"n/a": "", "Unnamed: 0": str(place), "7": "1.234,5"}
    if variant >= 3:
        order = rng.sample(list(sheet.rows[0]), len(sheet.rows[0]))
        sheet.rows = [{c: row[c] for c in order} for row in sheet.rows]
    if variant >= 4:
        sheet.ending = (".parquet", ".csv.gz")[variant - 4]
    return case


def headers(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write headers in other letters, twice, misspelt, mapped, as data, not at all."""
    sheet, column = case.usage, (roles.bounded, roles.amount)[variant % 2]
    if variant == 0:
        sheet.header, case.stated = {c: f" {c.upper()} " for c in sheet.rows[0]}, True
    elif variant == 1:
        for row in sheet.rows:
            row[f"{column} "] = "1"  # the same name twice, once trimmed
        sheet.whole.add(column)
    elif variant == 2:
        sheet.header = {column: f"{column}s2"}
        sheet.whole.add(column)
    elif variant == 3:
        sheet.header, case.stated = {column: "Something else"}, True
        case.options = ("--set", f"data.table.columns={{Something else: {column}}}")
    elif variant == 4:
        sheet.header = {c: sheet.rows[0][c] for c in sheet.rows[0]}
    else:
        sheet.rows = [{c: row[c] for c in row if c != roles.bounded} for row in sheet.rows]
        sheet.whole.add(roles.bounded)
    return case


def encodings(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Save as Latin-1, with a NUL, with byte order marks in between, with the end of file of old systems."""
    for row in case.usage.rows:
        row["place"] = "Málaga"
    plain = case.usage.content()
    half = plain.index(b"\n", len(plain) // 2) + 1  # parts with a mark of their own, joined
    data = (
        plain.decode().encode("latin-1"),
        plain.decode().encode("utf-16-le"),
        plain.replace("á".encode(), b"a\0", 1),
        plain[:half] + b"\xef\xbb\xbf" + plain[half:],
        plain.decode().encode("utf-32"),
        plain + b"\x1a",
    )[variant]
    case.usage_file, case.files["records.csv"] = "records.csv", data
    case.stated = variant in (0, 3, 5)
    return case


def units(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Write the amounts in another unit: stated under its name or another, in Parquet, unknown, or not stated."""
    sheet, column = case.usage, roles.amount
    factor = roles.small if variant == 4 else roles.large
    if variant != 5:
        for row in sheet.rows:
            row[column] = f"{float(row[column]) / factor:.10f}" if row[column] else ""
    if variant == 3:
        sheet.ending, sheet.header = ".parquet", {column: "Something else"}
        sheet.numbers = (*sheet.numbers, "Something else")
    said = {"is": column, "unit": "furlongs" if variant == 2 else roles.unit}
    if variant in (0, 2, 3):
        case.options = ("--set", f"data.table.columns={json.dumps({sheet.header.get(column, column): said})}")
    if variant == 5:
        case.options = ("--accept-units",)
    case.stated = variant in (0, 3, 5)
    if not case.stated:
        sheet.whole.add(column)
    return case


def files(case: Case, variant: int, rng: random.Random, roles: Roles) -> Case:
    """Give the file another kind's name, or cut it, or break its text."""
    return broken(case, (0, 1, 2, 3, 4, 6)[variant], rng)


TABLE_KINDS = (
    TableKind("table: thousands with points or commas", "records", thousands),
    TableKind("table: thousands with blanks or marks", "records", blanks),
    TableKind("table: decimal commas", "records", commas, fractions=True),
    TableKind("table: some rows with the other decimal sign", "records", mixed_signs, fractions=True),
    TableKind("table: amounts that are none", "records", no_amounts),
    TableKind("table: missing values in words", "records", missing),
    TableKind("table: empty where something has to be", "records", emptied),
    TableKind("table: beyond all bounds", "records", beyond),
    TableKind("table: words spelt otherwise", "records", words, wants="category"),
    TableKind("table: targets that are none", "target", targets),
    TableKind("table: ids of spreadsheets and databases", "records", ids, wants="key"),
    TableKind("table: rows twice, in conflict", "records", repeated, wants="key"),
    TableKind("table: rows of another shape", "records", ragged),
    TableKind("table: cut within the last row", "records", cut),
    TableKind("table: stored otherwise", "records", stored),
    TableKind("table: marks of spreadsheets and reports", "records", spreadsheet),
    TableKind("table: columns nobody needs", "records", extra),
    TableKind("table: headers", "records", headers),
    TableKind("table: encodings", "records", encodings),
    TableKind("table: amounts in another unit", "records", units),
    TableKind("table: under another name, cut or broken", "records", files),
)
