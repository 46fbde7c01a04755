"""The pipeline that predicts the plan people choose, and its figures out of fold."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from common_utils.array_types import FloatArray
from common_utils.evaluation import classification_metrics
from common_utils.parts.each import on_all_cores
from common_utils.splits import Fold, grouped_stratified_folds
from common_utils.tracking.figures import folds_of
from common_utils.tracking.run import FoldFigures
from planrec.billing import Catalogue
from planrec.columns import SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import decision_table
from planrec.decisions.rows import CHOSEN_PLAN
from planrec.evaluation import choice_figures
from planrec.features import DecisionFeatures
from planrec.preparation import Step

__all__ = ["build_pipeline", "figures_by_fold", "fit", "held_plan_figures", "out_of_fold"]


def build_pipeline(config: PlanRecConfig, catalogue: Catalogue) -> Pipeline:
    """Return the unfitted pipeline: decision rows to features to P(take), in one object.

    Examples
    --------
    >>> from planrec.config import load_planrec_config
    >>> [name for name, _ in build_pipeline(load_planrec_config(project, environ={}), card).steps]
    ['features', 'classifier']
    """
    source = config.data.chosen()
    model = config.training.model
    return Pipeline(
        [
            (
                "features",
                DecisionFeatures(
                    catalogue,
                    history_months=config.features.history_months,
                    with_current_plan=source.with_current_plan,
                    extra_columns=source.extra_columns,
                    usage_statistics=source.usage_statistics,
                ),
            ),
            (
                "classifier",
                HistGradientBoostingClassifier(
                    max_iter=model.max_iter,
                    learning_rate=model.learning_rate,
                    max_leaf_nodes=model.max_leaf_nodes,
                    min_samples_leaf=model.min_samples_leaf,
                    l2_regularization=model.l2_regularization,
                    # A random early-stopping split would put one subscriber on both sides.
                    early_stopping=False,  # pyright: ignore[reportArgumentType] - documented as 'auto' or bool
                    random_state=config.training.seed,
                ),
            ),
        ]
    )


def fit(pipeline: Pipeline, rows: pd.DataFrame) -> Pipeline:
    """Fit a pipeline on decision rows, on one thread.

    The trees are small: threads would wait for each other longer than they work, and many times longer where other
    processes hold the cores.
    """
    with threadpool_limits(1):
        return pipeline.fit(rows, rows[CHOSEN_PLAN].to_numpy(dtype=object))


def out_of_fold(
    config: PlanRecConfig, catalogue: Catalogue, rows: pd.DataFrame, step: Step
) -> tuple[NDArray[np.object_], FloatArray]:
    """Return classes and out-of-fold P(take), folds stratified by plan and grouped by subscriber.

    Returns
    -------
    tuple of array of shape (k,) and float64 array of shape (n, k)
        Plan ids that occur in `rows`, and their probabilities.
    """
    y = rows[CHOSEN_PLAN].to_numpy(dtype=object)
    classes = np.unique(y)
    probabilities = np.zeros((len(rows), len(classes)))
    folds = _folds(config, rows)

    def scored(fold: Fold) -> tuple[NDArray[np.object_], FloatArray]:
        fit_on, score_on = fold
        pipeline = fit(build_pipeline(config, catalogue), rows.iloc[fit_on])
        return pipeline.classes_, pipeline.predict_proba(rows.iloc[score_on])

    answers = on_all_cores(scored, folds)
    for number, (_, score_on) in enumerate(folds, start=1):
        step(f"cross-validation, fold {number} of {len(folds)}")
        known, found = next(answers)
        probabilities[np.ix_(score_on, np.searchsorted(classes, known))] = found
    return classes, probabilities


def held_plan_figures(
    config: PlanRecConfig, catalogue: Catalogue, months: pd.DataFrame, step: Step
) -> dict[str, object]:
    """Return how well usage alone tells the plan a subscriber holds, out of folds grouped by subscriber.

    Parameters
    ----------
    config : PlanRecConfig
        `data.source` is the one the months come from.
    catalogue : Catalogue
    months : DataFrame
        Usage months.
    step : callable
        Told in a few words what begins.

    Returns
    -------
    dict
        As `evaluation.choice_figures`.
    """
    rows = decision_table(months, history_months=config.features.history_months)
    classes, probabilities = out_of_fold(config, catalogue, rows, step)
    return choice_figures(rows, classes, probabilities, config)


def figures_by_fold(
    config: PlanRecConfig, data: str, rows: pd.DataFrame, classes: NDArray[np.object_], probabilities: FloatArray
) -> FoldFigures:
    """Return the figures of each fold of `out_of_fold`, those that every fold has.

    Parameters
    ----------
    config : PlanRecConfig
    data : str
        Fingerprint of the usage months.
    rows : DataFrame of shape (n, m)
        Decision rows, as they were cross-validated.
    classes, probabilities
        As `out_of_fold` returned them.
    """
    y = np.searchsorted(classes, rows[CHOSEN_PLAN].to_numpy(dtype=object))
    folds = _folds(config, rows)
    found = [classification_metrics(y[test], probabilities[test], classes.tolist()) for _, test in folds]
    names = [name for name in found[0] if all(figures[name] is not None for figures in found)]
    values = {name: [[cast("float", figures[name]) for figures in found]] for name in names}
    return folds_of(data, [folds], values)


def _folds(config: PlanRecConfig, rows: pd.DataFrame) -> list[Fold]:
    """Return the folds of cross-validation, stratified by plan and grouped by subscriber."""
    return grouped_stratified_folds(
        rows[CHOSEN_PLAN].to_numpy(dtype=object),
        rows[SUBSCRIBER].to_numpy(),
        n_splits=config.training.split.folds,
        seed=config.training.seed,
    )
