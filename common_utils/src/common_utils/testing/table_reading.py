"""Promises of how every project on one table reads files: in any unit it knows, beside columns nobody needs.

A check gets a `CliCase` and raises AssertionError with what differed. Use it as
`@pytest.mark.parametrize("check", ALL_READING_CHECKS, ids=lambda check: check.__name__)`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils.testing.expectations import expect
from common_utils.testing.table_cli import CliCase
from common_utils.units.factors import Units

__all__ = [
    "ALL_READING_CHECKS",
    "check_a_column_nobody_needs_stops_no_file",
    "check_a_unit_that_is_not_known_is_refused",
    "check_every_unit_of_the_mapping_answers_alike",
]

_OTHER = "in another unit"  # the name the column has in the file


def check_every_unit_of_the_mapping_answers_alike(case: CliCase) -> None:
    """Promise the same answers and explanations where `data.table.columns` says another name and another unit.

    Raises
    ------
    AssertionError
        Naming column and unit.
    """
    expected = _answers(case, _written(case, _sound(case)))
    explained = _explained(case, _written(case, _sound(case)))
    for column, unit, factor in _units(case):
        rows = [{_OTHER if name == column else name: v for name, v in row.items()} for row in _sound(case)]
        for row in rows:
            row[_OTHER] = _in_unit(row[_OTHER], unit, factor)
        path = _written(case, rows)
        said = ("--set", f"data.table.columns={json.dumps({_OTHER: {'is': column, 'unit': unit}})}")
        differs = np.abs(_answers(case, path, *said) - expected).max()
        expect(differs <= 1e-6 * np.abs(expected).max(), f"{column} in {unit}: answers differ by {differs}")
        again = _explained(case, path, *said)
        expect(again == explained, f"{column} in {unit}: explained as {again[:300]}, not {explained[:300]}")


def check_a_unit_that_is_not_known_is_refused(case: CliCase) -> None:
    """Promise exit code 2 for a unit a column does not have, with those that there are, and for an unknown column.

    Raises
    ------
    AssertionError
        With what was said.
    """
    path = _written(case, _sound(case))
    for column in case.project.task().record_schema().columns:
        known = list(_known(case, column))
        said = f"data.table.columns={json.dumps({column: {'is': column, 'unit': 'furlongs'}})}"
        code, _, err = case.ask("predict", "--input", str(path), "--output", str(case.folder / "o.csv"), "--set", said)
        wanted = ", ".join(known) if known else "no unit"
        expect(code == 2 and wanted in " ".join(err.split()), f"{column} in furlongs: left with {code}: {err}")
    said = 'data.table.columns={"x": "furlongs"}'
    code, _, err = case.ask("predict", "--input", str(path), "--output", str(case.folder / "o.csv"), "--set", said)
    expect(code == 2 and "['furlongs'], which the table does not have" in err, f"left with {code}: {err}")


def check_a_column_nobody_needs_stops_no_file(case: CliCase) -> None:
    """Promise the same answers beside a column that is not UTF-8, in the header and in its values.

    Raises
    ------
    AssertionError
        With what was said.
    """
    expected = _answers(case, _written(case, _sound(case)))
    rows = [{**row, "Straße": f"Köln {place}"} for place, row in enumerate(_sound(case))]
    differs = np.abs(_answers(case, _written(case, rows, encoding="cp1252")) - expected).max()
    expect(differs == 0, f"answers differ by {differs}")


def _sound(case: CliCase) -> list[dict[str, str]]:
    """Return the records that get an answer, as fields by column."""
    header, *records = csv.reader(case.records)
    kept = [record for number, record in enumerate(records, start=1) if number not in case.rejected]
    return [dict(zip(header, record, strict=True)) for record in kept]


def _known(case: CliCase, column: str) -> Units:
    return (case.project.task().record_schema().columns[column].metadata or {}).get("units") or {}


def _units(case: CliCase) -> Iterator[tuple[str, str, Fraction]]:
    for column in _sound(case)[0]:
        yield from ((column, unit, factor) for unit, factor in _known(case, column).items())


def _in_unit(value: str, unit: str, factor: Fraction) -> str:
    """Return a number of ours as it is written in another unit."""
    if not value:
        return value
    other = float(Fraction(value) / factor)
    if unit != "hh:mm:ss":
        return f"{other:.9f}"  # never three decimals, which might be thousands
    return f"{round(other) // 3600:02d}:{round(other) // 60 % 60:02d}:{round(other) % 60:02d}"


def _written(case: CliCase, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    path = case.folder / "written.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _answers(case: CliCase, path: Path, *said: str) -> np.ndarray:
    target = case.folder / "answers.csv"
    code, _, err = case.ask("predict", "--input", str(path), "--output", str(target), *said)
    expect(code == 0, f"predict left with {code}: {err}")
    answers: Mapping[str, pd.Series] = dict(pd.read_csv(target).items())
    return np.column_stack([c.to_numpy(dtype=np.float64) for c in answers.values() if c.dtype.kind in "ifb"])


def _explained(case: CliCase, path: Path, *said: str) -> str:
    code, out, err = case.ask("explain", "--input", str(path), "--row", "1", "--json", *said)
    expect(code == 0, f"explain left with {code}: {err}")
    found = json.loads(out)
    return json.dumps(found, default=str) if not isinstance(found, dict) else str(sorted(_rounded(found).items()))


def _rounded(value: object) -> dict[str, object]:
    """Return numbers to six digits, so that a conversion may cost the last bit."""
    return json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.6g}"))


ALL_READING_CHECKS: list[Callable[[CliCase], None]] = [
    check_a_column_nobody_needs_stops_no_file,
    check_a_unit_that_is_not_known_is_refused,
    check_every_unit_of_the_mapping_answers_alike,
]
