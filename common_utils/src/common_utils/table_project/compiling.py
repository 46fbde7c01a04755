"""The trained pipeline of a table project as plain arrays for its service, proven equal before it is published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from common_utils.compiled import CompiledModel, CompiledScorer
from common_utils.compiled.export.parity import ParityReport, parity_gate, varied_matrix
from common_utils.compiled.export.pipeline import compile_pipeline
from common_utils.table_project.feature_columns import table_columns

__all__ = ["MATRIX_ROWS", "TABLE_ROWS", "compile_table_model"]

MATRIX_ROWS, TABLE_ROWS = 100_000, 10_000
"""Rows of varied features, and of mixed columns, that the parity gate compares."""


def compile_table_model(
    model: Any, rows: pd.DataFrame, *, seed: int, missing: bool = True
) -> tuple[CompiledModel, ParityReport]:
    """Return a fitted pipeline as plain arrays and what the parity gate saw.

    Parameters
    ----------
    model : Pipeline
        Fitted; its first step is a `ColumnFeatures` named `features`.
    rows : DataFrame
        Rows that plausible values are drawn from.
    seed : int
    missing : bool
        Whether the model answers where features are missing.

    Returns
    -------
    tuple of CompiledModel and ParityReport
        The report is that of 100,000 varied rows of features.

    Raises
    ------
    CompileError
        If the model cannot be compiled.
    ParityError
        If 100,000 varied rows of features, or 10,000 rows of mixed columns through formulas and model, get another
        answer than from the pipeline.
    """
    step = model[0].step()
    compiled = compile_pipeline(model, features=step)
    scorer = CompiledScorer(CompiledModel.read(*compiled.files()), step)
    rng = np.random.default_rng(seed)
    base = model[0].transform(rows)
    if not missing:
        base = base[~np.isnan(base).any(axis=1)]
    report = parity_gate(
        _answers(model[1:]),
        scorer.score_matrix,
        lambda rng, n: varied_matrix(compiled, rng, n, base=base, missing=missing),
        rng=rng,
        n=MATRIX_ROWS,
    )
    columns = table_columns(rows)
    parity_gate(
        _answers(model),
        scorer.score,
        lambda rng, n: {name: rng.choice(values, size=n) for name, values in columns.items()},
        rng=rng,
        n=TABLE_ROWS,
    )
    return compiled, report


def _answers(model: Any) -> Any:
    return model.predict_proba if hasattr(model, "predict_proba") else model.predict
