"""The data dictionary: every column of every file with type, unit, meaning and when it may be empty, from the schemas.

Types, and whether a column may be empty or missing, come from the schemas. The words stand in `templates/columns.yaml`
of a project, by column, or by "file.column" where a column means something else there.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from importlib.resources import files
from typing import Any, Literal, cast

import pandera.pandas as pandera
import pyarrow as pa

from common_utils.command_line.terminal import show_table
from common_utils.config.yaml_text import read_content
from common_utils.errors import ConfigError

__all__ = ["ColumnEntry", "ColumnTexts", "described", "dictionary_text", "show_dictionary", "written_columns"]

_FIELDS = ("file", "column", "type", "unit", "meaning", "may_be_empty")
_NEVER, _MISSING, _UNKNOWN = "never", "the column may be left out", "where it is not known"


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """A line of the dictionary.

    Attributes
    ----------
    file : str
        What the file holds, and whether it is read or written.
    column, type, unit, meaning : str
    may_be_empty : str
        When; `never` where it may not.
    """

    file: str
    column: str
    type: str
    unit: str
    meaning: str
    may_be_empty: str


class ColumnTexts:
    """The words of a project, from its `templates/columns.yaml`.

    Parameters
    ----------
    package : str

    Attributes
    ----------
    written : mapping of str to mapping of str to str
        Files that no schema describes: by file, the type of each column.

    Raises
    ------
    ConfigError
        If the package holds none.
    """

    def __init__(self, package: str) -> None:
        self._package = package
        try:
            text = files(package).joinpath("templates", "columns.yaml").read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{package} holds no templates/columns.yaml, so it has no data dictionary.") from error
        # The strict reader, as for all YAML: a column described twice is refused and not lost.
        self._texts = cast("Mapping[str, Mapping[str, str]]", read_content(text).value)
        self.written = cast("Mapping[str, Mapping[str, str]]", self._texts.get("written", {}))

    def of(self, file: str, column: str) -> Mapping[str, str]:
        """Return meaning, and unit and empty where they are said.

        Raises
        ------
        ConfigError
            If the column has no description: a new column needs one.
        """
        start = column.split("<")[0]
        found = next((self._texts[key] for key in (f"{file}.{column}", column, start) if key in self._texts), None)
        if found is None or "meaning" not in found:
            raise ConfigError(f"{self._package}: column {column!r} of {file!r} has no words in templates/columns.yaml.")
        return found


def described(file: str, schema: Any, texts: ColumnTexts) -> list[ColumnEntry]:
    """Return the columns of a file.

    Parameters
    ----------
    file : str
    schema : pandera.DataFrameSchema or pyarrow.Schema
        Of a file that is read, or of one that is written, where the words say when a column is empty.
    texts : ColumnTexts

    Raises
    ------
    ConfigError
        If a column has no words.
    """
    read = isinstance(schema, pandera.DataFrameSchema)
    entries: list[ColumnEntry] = []
    for name in schema.columns if read else schema.names:
        said = texts.of(file, name)
        column = schema.columns[name] if read else schema.field(name)
        empty = said.get("empty", _UNKNOWN if column.nullable else "") if read else said.get("empty", "")
        if read and not column.nullable:
            empty = ""
        parts = [part for part in (empty, _MISSING if read and not column.required else "") if part]
        kind = _read_type(column.dtype, name) if read else _written_type(column.type)
        unit = said.get("unit", "") + (_other_units(column) if read else "")
        entries.append(ColumnEntry(file, name, kind, unit, said["meaning"], "; ".join(parts) or _NEVER))
    return entries


def written_columns(texts: ColumnTexts) -> list[ColumnEntry]:
    """Return the columns of the files that no schema describes."""
    entries: list[ColumnEntry] = []
    for file, columns in texts.written.items():
        for name, kind in columns.items():
            said = texts.of(file, name)
            unit, empty = said.get("unit", ""), said.get("empty", _NEVER)
            entries.append(ColumnEntry(file, name, kind, unit, said["meaning"], empty))
    return entries


def dictionary_text(entries: Sequence[ColumnEntry], form: Literal["csv", "json", "markdown"], title: str) -> str:
    """Return a dictionary as CSV, JSON or a Markdown document.

    Examples
    --------
    >>> entry = ColumnEntry("bills", "fee_cents", "whole number", "cents", "The monthly fee.", "never")
    >>> print(dictionary_text([entry], "csv", "Columns"), end="")
    file,column,type,unit,meaning,may_be_empty
    bills,fee_cents,whole number,cents,The monthly fee.,never
    """
    rows = [asdict(entry) for entry in entries]
    if form == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(_FIELDS)
        writer.writerows(astuple(entry) for entry in entries)
        return out.getvalue()
    parts = [f"# {title}"]
    for file in dict.fromkeys(entry.file for entry in entries):
        head = "| column | type | unit | meaning | may be empty |\n|---|---|---|---|---|"
        lines = [_markdown_line(entry) for entry in entries if entry.file == file]
        parts.append(f"## {file[0].upper()}{file[1:]}\n\n" + "\n".join([head, *lines]))
    return "\n\n".join(parts) + "\n"


def show_dictionary(entries: Sequence[ColumnEntry], file: str | None, form: str, title: str) -> None:
    """Print a dictionary.

    Parameters
    ----------
    entries : sequence of ColumnEntry
    file : str or None
        Only files whose name contains this.
    form : {"table", "csv", "json", "markdown"}
    title : str

    Raises
    ------
    ConfigError
        If no file has such a name.
    """
    chosen = [entry for entry in entries if file is None or file.casefold() in entry.file.casefold()]
    if not chosen:
        known = ", ".join(dict.fromkeys(entry.file for entry in entries))
        raise ConfigError(f"--file {file!r}: no file of that name; there are {known}.")
    if form in ("csv", "json", "markdown"):
        sys.stdout.write(dictionary_text(chosen, form, title))  # type: ignore[arg-type] - narrowed above
        return
    for name in dict.fromkeys(entry.file for entry in chosen):
        rows = [
            {
                "column": entry.column,
                "type": entry.type,
                "unit": entry.unit,
                "meaning": entry.meaning,
                "may be empty": entry.may_be_empty,
            }
            for entry in chosen
            if entry.file == name
        ]
        show_table(name, rows)


def _other_units(column: Any) -> str:
    """Return the further units that `data.table.columns` may say a column is written in."""
    _, *others = (column.metadata or {}).get("units") or ("",)
    return f"; may be stated: {', '.join(others)}" if others else ""


def _markdown_line(entry: ColumnEntry) -> str:
    cells = (f"`{entry.column}`", entry.type, entry.unit, entry.meaning, entry.may_be_empty)
    return f"| {' | '.join(cells)} |"


def _read_type(dtype: Any, name: str) -> str:
    kind = str(dtype).lower()
    if kind.startswith("bool"):
        return "yes or no"
    if kind.startswith("int"):
        return "whole number"
    if kind.startswith("float"):
        return "number"
    if kind.startswith("datetime"):
        return "date, or date and time"
    return "month, YYYY-MM" if name == "month" else "text"


def _written_type(kind: Any) -> str:
    types: Any = pa.types
    if types.is_dictionary(kind):
        return _written_type(kind.value_type)
    if types.is_boolean(kind):
        return "yes or no"
    if types.is_integer(kind):
        return "whole number"
    if types.is_floating(kind):
        return "number"
    if types.is_timestamp(kind) or types.is_date(kind):
        return "date"
    if types.is_struct(kind) or types.is_map(kind) or types.is_list(kind):
        return "object"
    return "text"
