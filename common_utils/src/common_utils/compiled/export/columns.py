"""A fitted ColumnTransformer over named columns as an encoder: numbers passed through, categories encoded."""

from __future__ import annotations

from typing import Any

import numpy as np

from common_utils.compiled.encoding import Category, ColumnEncoder, InputColumn
from common_utils.errors import CompileError

__all__ = ["column_encoder"]


def column_encoder(transformer: Any) -> ColumnEncoder:
    """Return the encoder of a fitted ColumnTransformer.

    Parameters
    ----------
    transformer : ColumnTransformer
        Of "passthrough", "drop", OrdinalEncoder and OneHotEncoder, over columns chosen by name.

    Raises
    ------
    CompileError
        Naming what cannot be compiled, and what to change.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.preprocessing import OrdinalEncoder
    >>> people = pd.DataFrame({"city": ["B", "A"], "age": [30.0, 40.0]})
    >>> fitted = make_column_transformer((OrdinalEncoder(), ["city"]), remainder="passthrough").fit(people)
    >>> column_encoder(fitted).row({"age": 50.0, "city": "B"}).tolist()
    [1.0, 50.0]
    """
    columns: list[InputColumn] = []
    for name, step, chosen in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        names = _names(transformer, name, chosen)
        if isinstance(step, str) or _is_identity(step):
            columns += [InputColumn(column) for column in names]
        elif type(step).__name__ == "OrdinalEncoder":
            columns += _ordinals(step, names)
        elif type(step).__name__ == "OneHotEncoder":
            columns += _onehots(step, names)
        else:
            raise CompileError(
                f"ColumnTransformer, {name!r}: {type(step).__name__} cannot be compiled; use 'passthrough', "
                "OrdinalEncoder or OneHotEncoder, and impute and scale in steps after it."
            )
    return ColumnEncoder(columns)


def _is_identity(step: Any) -> bool:
    # What scikit-learn makes of "passthrough" when it is fitted.
    return type(step).__name__ == "FunctionTransformer" and step.func is None


def _names(transformer: Any, name: str, chosen: Any) -> list[str]:
    if all(isinstance(column, str) for column in chosen):
        return [str(column) for column in chosen]
    known = getattr(transformer, "feature_names_in_", None)
    if known is None:
        raise CompileError(f"ColumnTransformer, {name!r}: columns without names; fit it on a DataFrame.")
    return [str(column) for column in np.asarray(known)[chosen]]


def _ordinals(step: Any, names: list[str]) -> list[InputColumn]:
    if _groups_rare(step):
        raise CompileError("OrdinalEncoder with min_frequency or max_categories cannot be compiled; leave both unset.")
    unknown = float(step.unknown_value) if step.handle_unknown == "use_encoded_value" else None
    columns: list[InputColumn] = []
    for name, values in zip(names, step.categories_, strict=True):
        known, has_missing = _categories(values, name)
        missing = None
        if has_missing:  # only NaN gets the special code: None is a category like others, and stands last
            missing = float(len(known)) if values[-1] is None else float(step.encoded_missing_value)
        columns.append(InputColumn(name, "ordinal", known, missing, unknown))
    return columns


def _onehots(step: Any, names: list[str]) -> list[InputColumn]:
    if _groups_rare(step) or step.drop is not None:
        raise CompileError(
            "OneHotEncoder with drop, min_frequency or max_categories cannot be compiled; leave them out."
        )
    unknown = None if step.handle_unknown == "error" else -1.0
    columns: list[InputColumn] = []
    for name, values in zip(names, step.categories_, strict=True):
        known, has_missing = _categories(values, name)
        # scikit-learn sorts the missing value behind all others.
        columns.append(InputColumn(name, "onehot", known, float(len(known)) if has_missing else None, unknown))
    return columns


def _groups_rare(step: Any) -> bool:
    return getattr(step, "min_frequency", None) is not None or getattr(step, "max_categories", None) is not None


def _categories(values: Any, name: str) -> tuple[tuple[Category, ...], bool]:
    plain = np.asarray(values).tolist()
    missing = [v is None or v != v for v in plain]
    known = tuple(v for v, gone in zip(plain, missing, strict=True) if not gone)
    if sum(missing) > 1 or any(missing[: len(known)]):
        raise CompileError(f"column {name!r}: None and NaN are both categories; use one of them for missing values.")
    if any(not isinstance(v, str | int | float | bool) for v in known):
        raise CompileError(f"column {name!r}: categories must be text, numbers or booleans.")
    return known, any(missing)
