"""The trained pipeline as plain arrays for the service, proven equal before it is published."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from common_utils.array_types import BoolArray, FloatArray, IntArray
from common_utils.compiled import ColumnEncoder, CompiledChoice, CompiledModel, CompiledScorer, InputColumn
from common_utils.compiled.export.parity import ParityReport, parity_gate, varied_matrix
from common_utils.compiled.export.pipeline import compile_node, compile_pipeline
from common_utils.compiled.nodes import ForestNode
from common_utils.errors import CompileError
from planrec.billing import Catalogue
from planrec.bundle import ChoiceModel
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.logit import ConditionalLogit
from planrec.choice.selection import CalibratedChoice
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, MONTH, TENURE
from planrec.decisions import columns_of
from planrec.decisions.alternatives import ALTERNATIVE_FEATURES
from planrec.decisions.choice_sets import BOOSTING_FEATURES
from planrec.features import DecisionFeatures
from planrec.months import month_indices, month_text
from planrec.outlook import SERVICES
from planrec.outlook.history import history_columns
from planrec.rules import ExclusionCode, exclusions

__all__ = ["MATRIX_ROWS", "compile_choice", "compile_choice_model", "compiled_trees"]

MATRIX_ROWS, DECISION_ROWS, BASE_ROWS = 100_000, 10_000, 2_000


def compile_choice(
    pipeline: Pipeline, rows: pd.DataFrame, *, seed: int, most_rows: int = MATRIX_ROWS
) -> tuple[CompiledModel, ParityReport]:
    """Return the compiled pipeline and what the parity gate saw.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted; `features` is a `DecisionFeatures`.
    rows : DataFrame
        Decision rows that plausible values are drawn from.
    seed : int
    most_rows : int
        Varied rows compared at most; fewer than by default are for bundles that are measured and thrown away.

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
        n=most_rows,
    )
    columns = columns_of(rows)
    parity_gate(
        pipeline.predict_proba,
        scorer.score,
        lambda rng, n: _varied_rows(columns, features, rng, n),
        rng=rng,
        n=min(DECISION_ROWS, most_rows),
    )
    return model, report


def compile_choice_model(
    fitted: CalibratedChoice, rows: pd.DataFrame, *, seed: int, most_rows: int = MATRIX_ROWS
) -> tuple[ChoiceModel, ParityReport]:
    """Return the choice model that was selected as arrays, and what the parity gate saw; a service answers with it.

    Parameters
    ----------
    fitted : CalibratedChoice
    rows : DataFrame
        Decision rows that plausible values are drawn from.
    seed : int
    most_rows : int
        As `compile_choice`.

    Returns
    -------
    tuple of ChoiceModel and ParityReport
        The model is for the rate card of the fitted one; the report is that of 100,000 varied decision rows.

    Raises
    ------
    CompileError
        If the trees cannot be compiled.
    ParityError
        If 100,000 varied decision rows, or 100,000 varied rows of the trees' features with values at their split
        points, get an answer that differs by more than 1e-12.
    """
    model = fitted.model
    if isinstance(model, ConditionalLogit):
        logit, trees = model, None
    else:
        logit, trees = model.logit_, _held_trees(model, rows, np.random.default_rng([seed, 1]), most_rows)
    arrays = ChoiceModel(
        catalogue=model.catalogue,
        history_months=model.history_months,
        with_current_plan=model.with_current_plan,
        logit=CompiledChoice(ALTERNATIVE_FEATURES, logit.weights_),
        temperature=fitted.temperature,
        trees=trees,
    )
    columns = columns_of(rows)
    report = parity_gate(
        fitted.predict_proba,
        arrays.predict_proba,
        lambda rng, n: _varied_choices(columns, model, rng, n),
        rng=np.random.default_rng(seed),
        n=most_rows,
    )
    return arrays, report


def _held_trees(model: MonotoneBoosting, rows: pd.DataFrame, rng: np.random.Generator, n: int) -> CompiledModel:
    """Compile the trees, and hold their log-odds against the model's."""
    trees = compiled_trees(model)
    base = model.matrix(rows.iloc[rng.integers(len(rows), size=min(len(rows), BASE_ROWS))])
    parity_gate(
        lambda matrix: model.forest_.decision_function(matrix)[:, None],
        CompiledScorer(trees).score_matrix,
        lambda rng, n: varied_matrix(trees, rng, n, base=base),
        rng=rng,
        n=n,
    )
    return trees


def compiled_trees(model: MonotoneBoosting) -> CompiledModel:
    """Return the trees without a link: their log-odds add up exactly in whatever order."""
    names = tuple(BOOSTING_FEATURES[place] for place in model.known_.tolist())
    node = compile_node(model.forest_)
    if not isinstance(node, ForestNode):
        raise CompileError(f"{type(model.forest_).__name__} is not compiled to one forest; report it.")
    return CompiledModel(
        node=ForestNode(node.forest.with_exact_sums(), "identity"),
        outputs=("log_odds",),
        feature_names=names,
        encoder=ColumnEncoder([InputColumn(name) for name in names]),
    )


def _varied_rows(
    columns: dict[str, NDArray[np.generic]], features: DecisionFeatures, rng: np.random.Generator, n: int
) -> dict[str, NDArray[np.generic]]:
    """Decision rows with histories of real ones, and everything else mixed, missing, unknown or extreme."""
    made = _varied_usage(columns, features.history_months, rng, n)
    for name in (TENURE, CONTRACT_LEFT, *features.extra_columns):
        made[name] = _varied_numbers(columns, name, rng, n)
    made[CURRENT_PLAN] = _varied_plans(features.catalogue, rng, n)
    return made


def _varied_choices(
    columns: dict[str, NDArray[np.generic]],
    model: ConditionalLogit | MonotoneBoosting,
    rng: np.random.Generator,
    n: int,
) -> dict[str, NDArray[np.generic]]:
    """Decisions of any month up to ten years off, so that choice sets vary as well."""
    catalogue = model.catalogue
    made = _varied_usage(columns, model.history_months, rng, n)
    made |= {name: _varied_numbers(columns, name, rng, n) for name in (AGE, TENURE)}
    seen = rng.choice(np.unique(month_indices(map(str, columns[MONTH]))), size=n)
    drawn = seen + np.where(rng.random(n) < 0.2, rng.integers(-120, 120, size=n), 0)
    drawn = np.where(_somebody_may(catalogue, drawn), drawn, seen)
    texts, which = np.unique(drawn, return_inverse=True)
    made[MONTH] = np.array([month_text(month) for month in texts.tolist()], dtype=object)[which]
    plans = _varied_plans(catalogue, rng, n)
    made[CURRENT_PLAN] = np.where(_somebody_may(catalogue, drawn), plans, catalogue.plan_ids[0])
    return made


def _somebody_may(catalogue: Catalogue, months: IntArray) -> BoolArray:
    """Whether a plan is on sale to every age, so that a choice set is not empty whatever is not known."""
    unknown = np.full(len(months), -1, dtype=np.int64), np.full(len(months), np.nan)
    return (exclusions(catalogue, months, *unknown) == ExclusionCode.NONE).any(axis=1)


def _varied_usage(
    columns: dict[str, NDArray[np.generic]], history_months: int, rng: np.random.Generator, n: int
) -> dict[str, NDArray[np.generic]]:
    """Histories of real ones, with months missing."""
    size = len(columns[history_columns(1)[0]])
    at = rng.integers(size, size=n)
    made = {name: columns[name][at] for name in history_columns(history_months)}
    gone = rng.random((n, history_months)) < 0.1
    gone[:, 0] = False
    for service in SERVICES:
        for k in range(history_months):
            made[f"{service}_{k + 1}"] = np.where(gone[:, k], np.nan, made[f"{service}_{k + 1}"])
    return made


def _varied_numbers(columns: dict[str, NDArray[np.generic]], name: str, rng: np.random.Generator, n: int) -> FloatArray:
    known = np.asarray(columns[name], dtype=np.float64) if name in columns else np.array([np.nan])
    values = rng.choice(known, size=n)
    values[rng.random(n) < 0.1] = np.nan
    values[rng.random(n) < 0.05] = 1e9
    return values


def _varied_plans(catalogue: Catalogue, rng: np.random.Generator, n: int) -> NDArray[np.object_]:
    return rng.choice(np.array([*catalogue.plan_ids, "no plan of ours", None], dtype=object), size=n)
