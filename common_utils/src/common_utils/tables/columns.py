"""Which column of a file is which of ours: by mapping, by name, by name without letter case and blanks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any, Literal

import pandera.pandas as pandera
import pyarrow as pa

from common_utils.errors import ConfigError, DataError
from common_utils.tables.encodings import LOST
from common_utils.tables.parquet_folder import NO_GAPS, Gaps
from common_utils.tables.reading import ColumnSource
from common_utils.tables.text.header import UNNAMED, folded

__all__ = ["Extra", "check_gaps", "check_targets", "checked_mapping", "plain_kind", "renamed", "selected", "unfound"]

Extra = Literal["error", "drop", "keep"]

_MOST_REPORTED = 5
_NEAR = 0.8


def checked_mapping(
    table: str, columns: Mapping[str, ColumnSource], schema: pandera.DataFrameSchema
) -> dict[str, ColumnSource]:
    """Return a mapping that leads to columns of the schema, each once, in units it knows.

    Raises
    ------
    ConfigError
        If it does not.
    """
    targets = [source.target for source in columns.values()]
    check_targets(table, targets, list(schema.columns))
    twice = sorted({target for target in targets if targets.count(target) > 1})
    if twice:
        raise ConfigError(f"{table}: data.table.columns leads to {twice[:_MOST_REPORTED]} more than once.")
    for written, source in columns.items():
        units = _units(schema, source.target)
        if source.unit is not None and source.unit not in units:
            known = f"its units: {', '.join(units)}" if units else f"it has no unit; {_with_units(schema)}"
            raise ConfigError(f"{table}: data.table.columns, {written}: {source.target} in {source.unit!r}; {known}.")
    return dict(columns)


def check_targets(table: str, targets: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a mapping that leads to columns nobody knows.

    Raises
    ------
    ConfigError
        If a target is not among those that are known.

    Examples
    --------
    >>> check_targets("usage", ["minuets"], ["minutes"])
    Traceback (most recent call last):
    common_utils.errors.ConfigError: usage: data.table.columns leads to ['minuets'], which the table does not have; \
it has ['minutes'].
    """
    unknown = sorted(set(targets) - set(known))
    if unknown:
        raise ConfigError(
            f"{table}: data.table.columns leads to {unknown[:_MOST_REPORTED]}, which the table does not "
            f"have; it has {list(known)}."
        )


def _units(schema: pandera.DataFrameSchema, column: str) -> Mapping[str, Fraction]:
    return (schema.columns[column].metadata or {}).get("units", {})


def _with_units(schema: pandera.DataFrameSchema) -> str:
    """Say which columns of a table have units, and which."""
    said = [f"{column}: {', '.join(units)}" for column in schema.columns if (units := _units(schema, column))]
    return f"the units of the table are {'; '.join(said)}" if said else "no column of the table has one"


def selected(
    table: Any,
    mapping: Mapping[str, ColumnSource],
    schema: pandera.DataFrameSchema,
    name: str,
    extra_columns: Extra,
    gaps: Gaps = NO_GAPS,
) -> tuple[Any, tuple[str, ...], tuple[str, ...]]:
    """Return an Arrow table under the schema's names, in its order, with extra columns last or gone.

    Parameters
    ----------
    gaps : Gaps
        What the parts of a folder do not have in common, under the file's names.

    Returns
    -------
    tuple of pyarrow.Table, repairs of all rows, and notes

    Raises
    ------
    DataError
        If a column is missing, also in a part, stands twice, or is unknown where that is an error.
    """
    found: list[str] = table.column_names
    names, repairs = renamed(found, mapping, schema)
    check_gaps(gaps, found, mapping, schema, name)
    twice = sorted({c for c in names if names.count(c) > 1 and c in schema.columns})
    if twice:
        raise DataError(f"{name}: two columns of the file stand for {twice}; remove one or change data.table.columns.")
    missing = [c for c, declared in schema.columns.items() if declared.required and c not in names]
    extra = [c for c in names if c not in schema.columns]
    if missing:
        lost = " The header holds bytes that are not UTF-8: save the file as UTF-8." if LOST in "".join(found) else ""
        said = "".join(f" {note}." for note in unfound(mapping, found, names))
        raise DataError(
            f"{name}: missing column(s) {missing[:_MOST_REPORTED]}; found {sorted(found)[:20]}.{said} "
            f"Say which are which under the setting data.table.columns, or export the table again.{lost}"
        )
    if extra and extra_columns == "error":
        raise DataError(
            f"{name}: unknown column(s) {extra[:_MOST_REPORTED]}; the table has {list(schema.columns)}. "
            "Remove them, or allow extra columns."
        )
    absent = [c for c in schema.columns if c not in names or found[names.index(c)] in gaps.lacking]
    notes = unfound(mapping, found, names)
    notes += tuple(
        f"column {c!r} is not read; if it is {near}, say so with data.table.columns"
        for c in extra
        if (near := _near(c, absent))
    )
    fit = {c for c in extra if plain_kind(table.schema.types[names.index(c)]) and not c.startswith(UNNAMED)}
    kept = [c for c in extra if extra_columns == "keep" and c in fit and names.count(c) == 1]
    repairs += [f"extra column {c!r} dropped" for c in extra if c not in kept and not c.startswith(UNNAMED)]
    repairs += [f"extra column {c!r} dropped: its parts hold {' and '.join(kinds)}" for c, kinds in gaps.unlike.items()]
    wanted = [c for c in schema.columns if c in names] + kept
    places = [names.index(c) for c in wanted]
    return table.select(places).rename_columns(wanted), tuple(repairs), notes


def check_gaps(
    gaps: Gaps, found: Sequence[str], mapping: Mapping[str, ColumnSource], schema: pandera.DataFrameSchema, name: str
) -> None:
    """Refuse a folder some of whose parts lack a column that is needed, or have it under another name or type.

    Parameters
    ----------
    gaps : Gaps
    found : sequence of str
        The columns of the folder as written.
    mapping, schema, name
        As `selected`.

    Raises
    ------
    DataError

    Examples
    --------
    >>> schema = pandera.DataFrameSchema({"minutes": pandera.Column(float)})
    >>> check_gaps(Gaps({"minutes": ((1, 5),)}), ["minutes"], {}, schema, "usage")
    Traceback (most recent call last):
    common_utils.errors.DataError: usage: some parts of the folder lack ['minutes'] (row 1 to 5), which every row \
needs; export it as one table.
    """
    columns = [*found, *gaps.unlike]
    names, _ = renamed(columns, mapping, schema)
    ours = {name: column for column, name in zip(columns, names, strict=True) if name in schema.columns}
    for known, column in ours.items():
        if column in gaps.unlike:
            raise DataError(
                f"{name}: the parts of the folder hold {column!r} as {' and '.join(gaps.unlike[column])}; "
                "export it as one table."
            )
        if column not in gaps.lacking:
            continue
        twin = next((c for c in gaps.lacking if c != column and folded(c) & (folded(column) | folded(known))), None)
        if twin is not None:
            raise DataError(
                f"{name}: the parts of the folder spell a column in two ways, {column!r} and {twin!r}; "
                "give it one name."
            )
    lost = {known: gaps.lacking[c] for known, c in ours.items() if c in gaps.lacking and schema.columns[known].required}
    if lost:
        first, last = next(iter(lost.values()))[0]
        raise DataError(
            f"{name}: some parts of the folder lack {sorted(lost)[:_MOST_REPORTED]} (row {first} to {last}), which "
            "every row needs; export it as one table."
        )


def plain_kind(kind: Any) -> bool:
    """Tell whether an Arrow type is one that every step takes: text, number, bool, date, time stamp.

    Examples
    --------
    >>> plain_kind(pa.float64()), plain_kind(pa.duration("s")), plain_kind(pa.list_(pa.int8()))
    (True, False, False)
    """
    types: Any = pa.types
    if types.is_dictionary(kind):
        return plain_kind(kind.value_type)
    if types.is_float16(kind) or types.is_decimal256(kind):
        return False
    checks = ("string", "large_string", "integer", "floating", "decimal", "boolean", "date", "timestamp", "null")
    return any(getattr(types, f"is_{check}")(kind) for check in checks)


def renamed(
    found: Sequence[str], mapping: Mapping[str, ColumnSource], schema: pandera.DataFrameSchema
) -> tuple[list[str], list[str]]:
    """Return the names of a file's columns once a mapping and the folding of headers are done, and the repairs.

    Examples
    --------
    >>> renamed(["Minutes", "x"], {}, pandera.DataFrameSchema({"minutes": pandera.Column(float)}))
    (['minutes', 'x'], ["header 'Minutes' read as minutes"])
    """
    names = [mapping[c].target if c in mapping else c for c in found]
    repairs: list[str] = []
    for wanted, target in [*((c, s.target) for c, s in mapping.items()), *((c, c) for c in schema.columns)]:
        if target in names or wanted in found:
            continue
        alike = [i for i, c in enumerate(found) if names[i] == c and folded(c) & folded(wanted)]
        if len(alike) == 1:
            names[alike[0]] = target
            repairs.append(f"header {found[alike[0]]!r} read as {wanted}")
    return names, repairs


def unfound(mapping: Mapping[str, ColumnSource], found: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return a note for each column that a mapping names and the file does not have, with the nearest it has.

    Parameters
    ----------
    mapping : mapping of str to ColumnSource
    found, names : sequence of str
        The file's columns as written, and as `renamed` names them; what is there under our name is not missed.

    Examples
    --------
    >>> unfound({"plan_actal": ColumnSource("current_plan")}, ["id", "plan_actual"], ["id", "plan_actual"])
    ("data.table.columns names 'plan_actal' as current_plan, which the file does not have; nearest: 'plan_actual'",)
    """
    notes: list[str] = []
    for written, source in mapping.items():
        if source.target in names:
            continue
        near = _near(written, [column for column, name in zip(found, names, strict=True) if column == name])
        said = f"data.table.columns names {written!r} as {source.target}, which the file does not have"
        notes.append(said + (f"; nearest: {near!r}" if near else ""))
    return tuple(notes)


def _near(column: str, absent: Sequence[str]) -> str | None:
    """Return the column of ours that a name may mean."""

    def letters(name: str) -> str:
        return "".join(filter(str.isalnum, name.casefold()))

    words = set(column.casefold().replace("_", " ").split())
    parts = [known for known in absent if words and words < set(known.split("_"))]  # `plan` may be `current_plan`
    if len(parts) == 1:
        return parts[0]
    likeness = {known: SequenceMatcher(None, letters(column), letters(known)).ratio() for known in absent}
    best = max(absent, key=lambda known: likeness[known], default="")
    return best if best and likeness[best] >= _NEAR else None
