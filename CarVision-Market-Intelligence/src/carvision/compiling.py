"""The fitted price model as plain arrays for the service, proven equal before it is published."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from carvision.scoring import car_prices, fitted_features
from common_utils.compiled import CompiledModel, CompiledScorer
from common_utils.compiled.export.parity import parity_gate, varied_matrix
from common_utils.compiled.export.pipeline import compile_forest
from common_utils.compiled.nodes import StackNode
from common_utils.table_project.compiling import MATRIX_ROWS, TABLE_ROWS
from common_utils.table_project.feature_columns import table_columns

__all__ = ["compile_prices"]

_LOGARITHMS = ("log_price", "log_low", "log_high")


def compile_prices(model: Any, rows: pd.DataFrame, *, seed: int) -> CompiledModel:
    """Return the three forests of a fitted `models.price_pipeline` as one model of logarithms.

    Parameters
    ----------
    model : fitted Pipeline
    rows : DataFrame
        Rows that plausible values are drawn from.
    seed : int

    Raises
    ------
    CompileError
        If a tree has more than 64 leaves.
    ParityError
        If 100,000 varied rows of features, or 10,000 rows of mixed columns, get other prices or intervals than from
        the pipeline.
    """
    prices = model[-1]
    features = fitted_features(model)
    width = len(features.feature_names)
    forests = (prices.forest_, prices.low_forest_, prices.high_forest_)
    node = StackNode(tuple(compile_forest(forest, width) for forest in forests))
    compiled = CompiledModel(node, _LOGARITHMS, features.feature_names, fingerprint=features.fingerprint)
    scorer = CompiledScorer(CompiledModel.read(*compiled.files()), features)

    def answered(matrix: Any) -> Any:
        return prices.ends_.prices(scorer.score_matrix(matrix), matrix)

    rng, columns = np.random.default_rng(seed), table_columns(rows)
    base = features(columns)
    parity_gate(
        prices.priced,
        answered,
        lambda rng, n: varied_matrix(compiled, rng, n, base=base),
        rng=rng,
        n=MATRIX_ROWS,
    )
    parity_gate(
        lambda mixed: car_prices(model, mixed),
        lambda mixed: answered(features(mixed)),
        lambda rng, n: {name: rng.choice(values, size=n) for name, values in columns.items()},
        rng=rng,
        n=TABLE_ROWS,
    )
    return compiled
