"""From named columns to the rows of features a compiled model takes: numbers as they are, categories as codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np

from common_utils.array_types import FloatArray
from common_utils.errors import ArtifactError, DataError
from common_utils.scoring import Columns, row_count

__all__ = ["Category", "ColumnEncoder", "Encoding", "InputColumn"]

Category: TypeAlias = str | int | float | bool

Encoding = Literal["number", "ordinal", "onehot"]


@dataclass(frozen=True)
class InputColumn:
    """One column a model takes.

    Attributes
    ----------
    name : str
    encoding : {"number", "ordinal", "onehot"}
        `ordinal`: one feature, the place in `categories`. `onehot`: one feature a category.
    categories : sequence of Category
        Known ones, in order; empty for numbers.
    missing : float or None
        Code of a missing value; NaN keeps it missing, None treats it as unknown. `onehot`: its place.
    unknown : float or None
        Code of a category not in the list; None refuses it. `onehot`: -1 for all zeros.

    Examples
    --------
    >>> column = InputColumn("plan", "ordinal", ("surf", "ultimate"), missing=float("nan"), unknown=-1.0)
    >>> [column.code(v) for v in ("ultimate", None, "gone")]
    [1.0, nan, -1.0]
    """

    name: str
    encoding: Encoding = "number"
    categories: Sequence[Category] = ()
    missing: float | None = None
    unknown: float | None = None
    _codes: dict[object, float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_codes", {category: float(i) for i, category in enumerate(self.categories)})

    @property
    def width(self) -> int:
        """How many features it becomes."""
        if self.encoding != "onehot":
            return 1
        return len(self.categories) + (self.missing is not None and self.missing >= 0)

    def code(self, value: object) -> float:
        """Return the code of a category.

        Raises
        ------
        DataError
            If the category is unknown and unknown ones are refused.
        """
        if self.missing is not None and (value is None or value != value):
            return self.missing
        found = self._codes.get(value, self.unknown)
        if found is None:
            raise DataError(
                f"column {self.name!r}: a category that was not there in training; give one of the "
                f"{len(self.categories)} known ones, or train with handle_unknown='use_encoded_value'."
            )
        return found

    def number(self, value: object) -> float:
        """Return a number, NaN where it is missing.

        Raises
        ------
        DataError
            If the value is not a number.
        """
        try:
            return np.nan if value is None else float(cast("float", value))
        except (TypeError, ValueError):
            raise DataError(f"column {self.name!r} holds text; only numbers can be scored there.") from None

    def dump(self) -> dict[str, object]:
        """Return a JSON description."""
        if self.encoding == "number":
            return {"name": self.name}
        return {
            "name": self.name,
            "encoding": self.encoding,
            "categories": list(self.categories),
            "missing": _json_number(self.missing),
            "unknown": _json_number(self.unknown),
        }

    @classmethod
    def load(cls, spec: Mapping[str, Any]) -> InputColumn:
        """Return the column that `dump` described."""
        encoding = spec.get("encoding", "number")
        if encoding not in get_args(Encoding):
            raise ArtifactError(f"scorer: unknown encoding {encoding!r}; train and compile it again.")
        return cls(
            str(spec["name"]),
            cast("Encoding", encoding),
            tuple(spec.get("categories", ())),
            _from_json(spec.get("missing")),
            _from_json(spec.get("unknown")),
        )


class ColumnEncoder:
    """Named columns to a matrix, and a record to one row; both give the same numbers.

    Parameters
    ----------
    columns : sequence of InputColumn
        In the order of the features.

    Examples
    --------
    >>> encoder = ColumnEncoder([InputColumn("age"), InputColumn("city", "onehot", ("A", "B"), None, -1.0)])
    >>> encoder.rows({"city": np.array(["B", "?"]), "age": np.array([30, 40])}).tolist()
    [[30.0, 0.0, 1.0], [40.0, 0.0, 0.0]]
    >>> encoder.row({"city": "B", "age": 30}).tolist()
    [30.0, 0.0, 1.0]
    """

    def __init__(self, columns: Sequence[InputColumn]) -> None:
        self.columns = tuple(columns)
        self.n_features = sum(column.width for column in self.columns)

    def rows(self, columns: Columns) -> FloatArray:
        """Return the features of named columns, shape (n, n_features).

        Raises
        ------
        DataError
            If a column is missing, holds text where a number belongs, or an unknown category that is refused.
        """
        self._check(columns)
        n = row_count({column.name: columns[column.name] for column in self.columns})
        out = np.empty((n, self.n_features))
        at = 0
        for column in self.columns:
            values = columns[column.name]
            if column.encoding == "number" and values.dtype.kind in "biuf":
                out[:, at] = values
            else:
                for i, value in enumerate(values.tolist()):
                    _place(column, value, out[i, at : at + column.width])
            at += column.width
        return out

    def row(self, record: Mapping[str, object]) -> FloatArray:
        """Return the features of one record, shape (n_features,).

        Raises
        ------
        DataError
            As `rows`.
        """
        self._check(record)
        out = np.empty(self.n_features)
        at = 0
        for column in self.columns:
            _place(column, record[column.name], out[at : at + column.width])
            at += column.width
        return out

    def _check(self, given: Mapping[str, Any]) -> None:
        missing = [column.name for column in self.columns if column.name not in given]
        if missing:
            raise DataError(f"Missing column(s) {missing[:5]}; pass every column the model was trained on.")


def _place(column: InputColumn, value: object, out: FloatArray) -> None:
    if column.encoding == "number":
        out[0] = column.number(value)
    elif column.encoding == "ordinal":
        out[0] = column.code(value)
    else:
        out[:] = 0.0
        code = column.code(value)
        if code >= 0:
            out[int(code)] = 1.0


def _json_number(value: float | None) -> float | str | None:
    return "nan" if value is not None and np.isnan(value) else value


def _from_json(value: float | str | None) -> float | None:
    return None if value is None else float(value)
