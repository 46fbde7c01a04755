"""The trained pipeline as plain arrays for the service, proven equal before it is published."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from common_utils.compiled import ColumnEncoder, CompiledChoice, CompiledModel, CompiledScorer, InputColumn
from common_utils.compiled.export.parity import ParityReport, parity_gate, varied_matrix
from common_utils.compiled.export.pipeline import compile_node, compile_pipeline
from planrec.bundle import ChoiceModel
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.logit import ConditionalLogit
from planrec.choice.selection import CalibratedChoice
from planrec.columns import CONTRACT_LEFT, CURRENT_PLAN, TENURE
from planrec.decisions import columns_of
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.choice_sets import BOOSTING_FEATURES
from planrec.features import DecisionFeatures
from planrec.outlook import SERVICES
from planrec.outlook.history import history_columns

__all__ = ["compile_choice", "compile_choice_model"]

MATRIX_ROWS, DECISION_ROWS = 100_000, 10_000


def compile_choice(pipeline: Pipeline, rows: pd.DataFrame, *, seed: int) -> tuple[CompiledModel, ParityReport]:
    """Return the compiled pipeline and what the parity gate saw.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; `features` is a `DecisionFeatures`.
    rows : DataFrame
        Decision rows that plausible values are drawn from.
    seed : int

    Returns
    -------
    tuple of CompiledModel and ParityReport
        The report is that of 100,000 rows of features.

    Raises
    ------
    CompileError
        If the classifier cannot be compiled.
    ParityError
        If 100,000 varied rows of features, or 10,000 varied decision rows through formulas and classifier, get another
        answer than from the pipeline.
    """
    features: DecisionFeatures = pipeline.named_steps["features"]
    step = features.step()
    model = compile_pipeline(pipeline, features=step)
    scorer = CompiledScorer(CompiledModel.read(*model.files()), step)
    rng = np.random.default_rng(seed)
    base = features.transform(rows)
    report = parity_gate(
        pipeline.named_steps["classifier"].predict_proba,
        scorer.score_matrix,
        lambda rng, n: varied_matrix(model, rng, n, base=base),
        rng=rng,
        n=MATRIX_ROWS,
    )
    columns = columns_of(rows)
    parity_gate(
        pipeline.predict_proba,
        scorer.score,
        lambda rng, n: _varied_rows(columns, features, rng, n),
        rng=rng,
        n=DECISION_ROWS,
    )
    return model, report


def compile_choice_model(fitted: CalibratedChoice, rows: pd.DataFrame) -> ChoiceModel:
    """Return the choice model that was selected as arrays, proven equal on decision rows.

    Parameters
    ----------
    fitted : CalibratedChoice
    rows : DataFrame
        Decision rows the two are compared on.

    Returns
    -------
    ChoiceModel
        For the rate card of the fitted model.

    Raises
    ------
    CompileError
        If the trees cannot be compiled.
    ParityError
        If a probability differs by more than 1e-12.
    """
    model = fitted.model
    logit = model if isinstance(model, ConditionalLogit) else model.logit_
    arrays = ChoiceModel(
        catalogue=model.catalogue,
        history_months=model.history_months,
        with_current_plan=model.with_current_plan,
        logit=CompiledChoice(ALTERNATIVE_FEATURES, logit.weights_),
        temperature=fitted.temperature,
        trees=None if isinstance(model, ConditionalLogit) else _compiled_trees(model),
    )
    parity_gate(
        fitted.predict_proba,
        arrays.predict_proba,
        lambda rng, n: rows.iloc[rng.integers(len(rows), size=n)],
        rng=np.random.default_rng(0),
        n=min(len(rows), DECISION_ROWS),
    )
    return arrays


def _compiled_trees(model: MonotoneBoosting) -> CompiledModel:
    names = tuple(BOOSTING_FEATURES[place] for place in model.known_.tolist())
    return CompiledModel(
        node=compile_node(model.forest_),
        outputs=("left", "taken"),
        feature_names=names,
        encoder=ColumnEncoder([InputColumn(name) for name in names]),
    )


def _varied_rows(
    columns: dict[str, NDArray[np.generic]], features: DecisionFeatures, rng: np.random.Generator, n: int
) -> dict[str, NDArray[np.generic]]:
    """Decision rows with histories of real ones, and everything else mixed, missing, unknown or extreme."""
    size = len(columns[history_columns(1)[0]])
    at = rng.integers(size, size=n)
    made = {name: columns[name][at] for name in history_columns(features.history_months)}
    gone = rng.random((n, features.history_months)) < 0.1
    gone[:, 0] = False
    for service in SERVICES:
        for k in range(features.history_months):
            made[f"{service}_{k + 1}"] = np.where(gone[:, k], np.nan, made[f"{service}_{k + 1}"])
    for name in (TENURE, CONTRACT_LEFT, *features.extra_columns):
        known = np.asarray(columns[name], dtype=np.float64) if name in columns else np.array([np.nan])
        values = rng.choice(known, size=n)
        values[rng.random(n) < 0.1] = np.nan
        values[rng.random(n) < 0.05] = 1e9
        made[name] = values
    plans = np.array([*features.catalogue.plan_ids, "no plan of ours", None], dtype=object)
    made[CURRENT_PLAN] = rng.choice(plans, size=n)
    return made
