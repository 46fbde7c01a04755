"""Damage to files: their names, their bytes, their columns and rows."""

from __future__ import annotations

import gzip
import io
import random
from dataclasses import replace
from html import escape
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sheets import Case, Sheet

__all__ = ["broken", "columns", "rows", "stored_otherwise", "workbook"]


def workbook(sheet: Sheet) -> bytes:
    """Return a workbook, text in every cell but the amounts."""
    import zipfile

    columns = [c for c in sheet.rows[0] if c != "_who"]
    lines = [columns, *([row[c] for c in columns] for row in sheet.rows)]

    def cell(text: str, column: str, *, header: bool) -> str:
        text = escape(text)
        if column in sheet.numbers and not header:
            return f"<c><v>{text}</v></c>"
        return f'<c t="inlineStr"><is><t>{text}</t></is></c>'

    body = "".join(
        "<row>" + "".join(cell(t, c, header=place == 0) for t, c in zip(line, columns, strict=True)) + "</row>"
        for place, line in enumerate(lines)
    )
    main, rel = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    files = {
        "[Content_Types].xml": f'{head}<Types xmlns="{rel}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": f'{head}<Relationships xmlns="{rel}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{rel}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'{head}<workbook xmlns="{main}" xmlns:r="{rel}/officeDocument/2006/relationships">'
        '<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'{head}<Relationships xmlns="{rel}/package/2006/relationships"><Relationship '
        f'Id="r1" Type="{rel}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>',
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return stream.getvalue()


def broken(case: Case, variant: int, rng: random.Random) -> Case:
    """Give the file another kind's name, or cut it, or break its text."""
    sheet, plain = case.usage, case.usage.content()
    parquet = replace(sheet, ending=".parquet").content()
    cut = rng.randrange(len(plain) // 2, len(plain) - 40)
    packed = gzip.compress(plain)
    name, data = (
        ("usage.csv", packed),
        ("usage.csv", workbook(sheet)),
        ("usage.csv", parquet),
        ("usage.parquet", plain),
        ("usage.csv", plain[:cut] + b'"' + plain[cut:]),
        ("usage.csv", plain[:cut] + b"\0" + plain[cut:]),
        ("usage.csv.gz", packed[: len(packed) // 2]),
        ("usage.parquet", parquet[:-20]),
        ("usage.csv", plain[:cut] + b"\xe9" + plain[cut:]),
        ("usage.xlsx", plain),
    )[variant]
    case.usage_file, case.files[name] = name, data
    if variant == 4:  # a quote in the middle of a field may be part of it
        sheet.touched.append((sheet.rows[plain[:cut].count(b"\n") - 1], ""))
    return case


def stored_otherwise(case: Case, variant: int, rng: random.Random) -> Case:
    """Store the same rows otherwise: packed, as a workbook, as parts, in other types, in another order."""
    sheet, case.stated = case.usage, True
    plain = sheet.content()
    frame = pd.read_parquet(io.BytesIO(replace(sheet, ending=".parquet").content()))
    half = len(frame) // 2
    if variant in (4, 5):
        case.usage_file = "parts.parquet"
        parts = [frame[:half], frame[half:]] if variant == 4 else [frame[half:], frame[:half], frame[:0]]
        for place, part in enumerate(parts):
            case.files[f"parts.parquet/part-{place:05d}.snappy.parquet"] = _parquet(part)
        case.files |= {"parts.parquet/_SUCCESS": b"", "parts.parquet/.part-00000.snappy.parquet.crc": b"crc"}
        return case
    typed = pa.Table.from_pandas(frame, preserve_index=False)
    name, data = (
        ("usage.csv.gz", gzip.compress(plain)),
        ("usage.xlsx", workbook(sheet)),
        ("usage.csv", plain.decode().encode("utf-16")),
        ("usage.csv", b"\xef\xbb\xbf" + plain.replace(b"\n", b"\r\n")),
        ("", b""),
        ("", b""),
        ("usage.parquet", _parquet(frame.sample(frac=1, random_state=1))),
        ("usage.parquet", _parquet(frame.astype({"current_plan": "category", "subscriber_id": "category"}))),
        ("usage.parquet", _written(typed.set_column(0, "subscriber_id", typed[0].cast(pa.large_string())))),
        ("usage.csv", plain.replace(b",", b"\t")),
    )[variant]
    case.usage_file, case.files[name] = name, data
    return case


def _parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()


def _written(table: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


def columns(case: Case, variant: int, rng: random.Random) -> Case:
    """Add columns nobody needs, write headers in other letters, misspell one."""
    sheet = case.usage
    case.stated = variant < 7
    if variant < 3:
        for place, row in enumerate(sheet.rows):
            row |= {"note": f"x{place}" * (1 + 60 * variant), "": str(place), "region": str(place % 7)}
    elif variant < 5:
        sheet.header = {"subscriber_id": "Subscriber ID", "month": "MONTH", "megabytes": " Megabytes "}
    elif variant == 5:
        order = rng.sample(list(sheet.rows[0]), len(sheet.rows[0]))
        sheet.rows = [{c: row[c] for c in order} for row in sheet.rows]
    elif variant == 6:
        frame = pd.DataFrame(sheet.rows).drop(columns="_who")
        frame = frame.astype(dict.fromkeys(sheet.numbers, "float64"))
        table = pa.Table.from_pandas(frame, preserve_index=False)
        table = table.append_column("seen", pa.array([[1, 2]] * len(frame)))
        table = table.append_column("lasted", pa.array([5] * len(frame), pa.duration("s")))
        case.usage_file, case.files["usage.parquet"] = "usage.parquet", _written(table)
    else:
        old, new = rng.choice(
            (
                ("current_plan", "currentplan"),
                ("age", "Age "),
                ("contract_months_left", "contract_month_left"),
                ("consent", "consents"),
                ("holdout", "hold_outs"),
            )
        )
        sheet.header = {old: new}
        sheet.whole.add(old)
    return case


def rows(case: Case, variant: int, rng: random.Random) -> Case:
    """Repeat rows, contradict them, break them, put them out of order."""
    sheet = case.usage
    chosen = rng.sample(sheet.rows, 4)
    if variant in (0, 1):
        rng.shuffle(sheet.rows)
        case.stated = True
    if variant in (1, 2):
        sheet.rows += [dict(row) for row in chosen]
        case.stated = True
    elif variant in (3, 4):
        for row in chosen:
            other = {**row, "minutes": str(int(row["minutes"]) + 100)}
            sheet.rows.insert(0 if variant == 4 else len(sheet.rows), other)
            sheet.touched += [(row, ""), (other, "")]
    elif variant >= 5:
        _broken_rows(sheet, variant, rng, chosen)
    return case


def _broken_rows(sheet: Sheet, variant: int, rng: random.Random, chosen: list[dict[str, str]]) -> None:
    if variant == 7:
        chosen = rng.sample(sheet.rows, 40)  # more than 5 %
    for row in chosen:
        if variant < 7:
            fields = [row[c] for c in row if c != "_who"]
            row["_raw"] = ",".join([*fields, "7"] if variant == 5 else fields[:-2])
            sheet.touched.append((row, ""))
        else:
            column, text = {7: ("minutes", "?"), 8: ("subscriber_id", ""), 9: ("month", "")}[variant]
            sheet.change(row, column, text)
