"""From what a training or a study measured to figures with plain names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import cast

import numpy as np
from pydantic import BaseModel

from common_utils.bundle import fingerprint_bytes
from common_utils.splits import Fold
from common_utils.tracking.run import FoldFigures, RunFigure

__all__ = ["figures_of", "folds_of", "settings_of_run"]

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9.]+")


def figures_of(metrics: Mapping[str, object]) -> dict[str, RunFigure]:
    """Return every number of `metrics.json`, or of a study, by a dotted name.

    Parameters
    ----------
    metrics : mapping
        Numbers, mappings of them, intervals (mappings with `estimate`, `low`, `high`), and lists of rows, which take
        the texts of a row as their name. Texts, curves and matrices are no figures.

    Returns
    -------
    dict of str to RunFigure
        In the order given; what is not a finite number is left out.

    Examples
    --------
    >>> found = figures_of(
    ...     {
    ...         "auc": {"estimate": 0.8, "low": 0.7, "high": 0.9, "level": 0.95},
    ...         "rows": {"train": 9, "read": [1, 2]},
    ...         "policies": [{"policy": "mean of 3 months", "regret": 2.5}],
    ...     }
    ... )
    >>> {name: str(figure) for name, figure in found.items()}
    {'auc': '0.8 [0.7, 0.9]', 'rows.train': '9', 'policies.mean_of_3_months.regret': '2.5'}
    """
    return dict(_found(metrics, ""))


def folds_of(
    data: str, rounds: Sequence[Sequence[Fold]], values: Mapping[str, Sequence[Sequence[float]]]
) -> FoldFigures:
    """Return figures by fold, with the digest that says which rows were in which.

    Parameters
    ----------
    data : str
        Fingerprint of the rows.
    rounds : sequence of sequence of (train, test)
        Positions in the rows learnt from.
    values : mapping of str to array-like of shape (n_rounds, n_folds)
        A figure that one fold does not have, NaN there, is left out.

    Examples
    --------
    >>> fold = (np.array([0, 1, 2]), np.array([3]))
    >>> found = folds_of("ab12", [[fold]], {"auc": [[0.9]]})
    >>> found.figures, round(found.test_over_train, 2)
    ({'auc': (0.9,)}, 0.33)
    """
    tested = [np.asarray(test, dtype=np.int64) for folds in rounds for _, test in folds]
    parts = [data.encode(), *(part.tobytes() for part in tested)]
    train, test = rounds[0][0]
    flat = {name: tuple(np.asarray(table, dtype=np.float64).ravel().tolist()) for name, table in values.items()}
    return FoldFigures(
        of=fingerprint_bytes(b"".join(fingerprint_bytes(part).encode() for part in parts)),
        test_over_train=len(test) / len(train),
        figures={name: one for name, one in flat.items() if all(map(isfinite, one))},
    )


def settings_of_run(settings: BaseModel) -> dict[str, str]:
    """Return settings by dotted key, each as JSON text.

    Examples
    --------
    >>> class Split(BaseModel):
    ...     folds: int = 5
    >>> class Training(BaseModel):
    ...     split: Split = Split()
    ...     name: str = "a"
    >>> settings_of_run(Training())
    {'split.folds': '5', 'name': '"a"'}
    """
    return dict(_settings(settings.model_dump(mode="json"), ""))


def _settings(tree: Mapping[str, object], above: str) -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _settings(cast("Mapping[str, object]", value), f"{above}{name}.")
        else:
            yield above + name, json.dumps(value)


def _found(value: object, name: str) -> Iterator[tuple[str, RunFigure]]:
    if isinstance(value, Mapping):
        yield from _of_mapping(cast("Mapping[str, object]", value), name)
    elif isinstance(value, list):
        yield from _of_rows(cast("list[object]", value), name)
    elif _is_number(value):
        yield name, RunFigure(value=cast("float", value))


def _of_mapping(value: Mapping[str, object], name: str) -> Iterator[tuple[str, RunFigure]]:
    if not _is_number(value.get("estimate")):
        for key, inner in value.items():
            yield from _found(inner, _below(name, key))
        return
    low, high = value.get("low"), value.get("high")
    known = _is_number(low) and _is_number(high)
    ends = {"low": cast("float", low), "high": cast("float", high)} if known else {}
    yield name, RunFigure(value=cast("float", value["estimate"]), **ends)


def _of_rows(rows: Sequence[object], name: str) -> Iterator[tuple[str, RunFigure]]:
    """Yield the numbers of rows that each have a name of their own; several of one name are the points of a curve."""
    tables = [cast("Mapping[str, object]", row) for row in rows if isinstance(row, Mapping)]
    names = [" ".join(text for text in row.values() if isinstance(text, str)) for row in tables]
    for row, said in zip(tables, names, strict=True):
        if said and names.count(said) == 1:
            numbers = {key: inner for key, inner in row.items() if not isinstance(inner, str)}
            yield from _of_mapping(numbers, _below(name, said))


def _below(name: str, key: str) -> str:
    plain = _NOT_PLAIN.sub("_", key).strip("_.") or "_"
    return f"{name}.{plain}" if name else plain


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
