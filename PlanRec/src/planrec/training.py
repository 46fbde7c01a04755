"""One training run: usage months in, verified bundle out.

The model predicts the plan people choose. Beside it, always, stand the policies that need no model: staying, the most
common plan, and re-rating the last months. A figure is measured on subscribers and months the model never saw.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from common_utils import set_seed
from common_utils.array_types import FloatArray
from common_utils.bundle import Bundle, fingerprint_bytes, git_commit, library_versions, write_bundle
from common_utils.bundle.signing import Trust
from common_utils.config import dump_config, resolve_path
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import TrainingTable, snapshot_tables
from common_utils.monitoring.profiles.counting import reference_profile
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.profiles.profile_json import profile_to
from common_utils.releases import promote, publish
from common_utils.releases.author import Author, default_who
from common_utils.releases.config import load_trust
from common_utils.releases.fewer_rows import refuse_fewer_rows
from common_utils.splits import grouped_stratified_folds
from common_utils.tables import Reading
from planrec.batch.predictions import prediction_table
from planrec.billing import Catalogue
from planrec.bundle import BundleContents, ChoiceModel, NextChoice
from planrec.choice.compiling import MATRIX_ROWS, compile_choice, compile_choice_model
from planrec.choice.selection import select_choice_model
from planrec.columns import MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import decision_table
from planrec.decisions.rows import CHOSEN_PLAN, usage_ahead
from planrec.evaluation import Models, choice_figures, evaluate, row_counts
from planrec.features import DecisionFeatures
from planrec.learnt_offers import fit_offers
from planrec.months import month_index, month_text
from planrec.outlook import UsageForecast, fit_usage_forecast
from planrec.preparation import Prepared, Step, prepare
from planrec.reporting.figures import write_figures
from planrec.reporting.tables import model_card
from planrec.rules import rules_file
from planrec.usage.months_table import UsageData

__all__ = [
    "build_pipeline",
    "bundle_info",
    "data_fingerprint",
    "fit",
    "fit_forecast",
    "held_plan_figures",
    "learn",
    "out_of_fold",
    "refuse_few_months",
    "take_snapshot",
    "train",
    "write_trained",
]


LIBRARIES = ("common-utils", "joblib", "numpy", "pandas", "planrec", "scikit-learn", "scipy")


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
    folds = grouped_stratified_folds(
        y, rows[SUBSCRIBER].to_numpy(), n_splits=config.training.split.folds, seed=config.training.seed
    )
    for number, (fit_on, score_on) in enumerate(folds, start=1):
        step(f"cross-validation, fold {number} of {len(folds)}")
        pipeline = fit(build_pipeline(config, catalogue), rows.iloc[fit_on])
        columns = np.searchsorted(classes, pipeline.classes_)
        probabilities[np.ix_(score_on, columns)] = pipeline.predict_proba(rows.iloc[score_on])
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


def train(
    config: PlanRecConfig, project: Path, *, artifacts: Path, step: Step, reading: Reading | None = None
) -> Bundle:
    """Train, evaluate, write the bundle whole, publish and promote it; both enter the history of releases.

    Parameters
    ----------
    config : PlanRecConfig
    project : Path
        Folder that relative paths count from.
    artifacts : Path
        Root of the bundles.
    step : callable
        Told in a few words what begins.
    reading : Reading, optional
        What the command line says over `data.table`.

    Returns
    -------
    Bundle
        Verified; `metrics.json` holds every figure.

    Raises
    ------
    PortfolioError
        As `prepare`; DataError if there are half as many usage months as the live bundle was trained on, or fewer;
        ArtifactError if the bundle cannot be written. The bundle that was current stays.
    """
    trust = load_trust(config.releases, project)  # a missing key is told before the work, not after it
    set_seed(config.training.seed)
    prepared = prepare(config, project, step, reading)
    refuse_few_months(config, artifacts, prepared)
    snapshot = take_snapshot(SnapshotStore.beside(artifacts), prepared.data)
    bundle = write_trained(config, project, prepared, snapshot.digest, root=artifacts, trust=trust, step=step)
    author = Author(default_who(), f"trained on source {config.data.source} with seed {config.training.seed}")
    publish(artifacts, bundle.path, author=author, trust=trust)
    promote(artifacts, bundle.version, author=author, trust=trust)
    return bundle


def write_trained(
    config: PlanRecConfig,
    project: Path,
    prepared: Prepared,
    snapshot: str,
    *,
    root: Path,
    trust: Trust,
    step: Step,
    parity_rows: int = MATRIX_ROWS,
) -> Bundle:
    """Fit, evaluate, and write the bundle whole; nothing is published.

    Parameters
    ----------
    config, project, prepared, step, parity_rows
        As `learn`.
    snapshot : str
        Digest of the data.
    root : Path
        Where the bundle is written, under its version.
    trust : Trust
        Its first key signs.

    Raises
    ------
    PortfolioError
        As `learn`; ArtifactError if the bundle cannot be written.
    """
    classes, probabilities = out_of_fold(config, prepared.catalogue, prepared.train, step)
    cross_validation = choice_figures(prepared.train, classes, probabilities, config)
    fitted = learn(config, project, prepared, step, parity_rows=parity_rows)
    step("evaluating policies")
    metrics = {
        **evaluate(config, prepared, Models.of(fitted.pipeline, fitted.choice, fitted.forecast)),
        "cross_validation": cross_validation,
        **fitted.metrics,
    }
    step("writing the bundle")
    contents = replace(fitted, metrics=metrics)
    info = {**bundle_info(config, project, prepared), "snapshot": snapshot}

    def write(folder: Path) -> None:
        contents.write(folder)
        write_figures(folder, metrics)
        (folder / "model_card.md").write_text(model_card(metrics, info), encoding="utf-8")

    return write_bundle(root, info=info, write=write, trust=trust)


def take_snapshot(store: SnapshotStore, data: UsageData) -> Snapshot:
    """Keep usage months, and what was recorded of a campaign, as a snapshot.

    Raises
    ------
    DataError, ArtifactError
        As `snapshot_tables`.
    """
    tables = {"usage_months": TrainingTable(data.months, SUBSCRIBER, MONTH)}
    if data.campaign is not None:
        tables["offers"] = TrainingTable(data.campaign.offers, SUBSCRIBER)
        tables["subscribers"] = TrainingTable(data.campaign.subscribers, SUBSCRIBER)
    return snapshot_tables(store, tables, source=data.source)


def learn(
    config: PlanRecConfig, project: Path, prepared: Prepared, step: Step, *, parity_rows: int = MATRIX_ROWS
) -> BundleContents:
    """Fit everything a bundle holds, from what nothing is tested on; the only figures are those of the choice trial.

    Parameters
    ----------
    config : PlanRecConfig
    project : Path
        Folder that the rate card's and the rule file's paths count from.
    prepared : Prepared
    step : callable
        Told in a few words what begins.
    parity_rows : int
        Rows on which compiled and fitted models are held against each other; fewer than by default only for bundles
        that are measured and thrown away.

    Raises
    ------
    DataError
        If there is too little to learn from.
    """
    step("fitting the model")
    pipeline = fit(build_pipeline(config, prepared.catalogue), prepared.train)
    step("compiling the model, and proving it the same")
    compiled, _ = compile_choice(pipeline, prepared.train, seed=config.training.seed, most_rows=parity_rows)
    selection = select_choice_model(config, prepared.catalogue, prepared.train, step)
    choice, _ = compile_choice_model(selection.model, prepared.train, seed=config.training.seed, most_rows=parity_rows)
    step("fitting the usage forecast")
    forecast = fit_forecast(config, prepared)
    return BundleContents(
        pipeline=pipeline,
        compiled=compiled,
        choice=choice,
        forecast=forecast,
        offers=fit_offers(config, prepared, forecast, step),
        catalogue=resolve_path(project, config.data.chosen().plans).read_bytes(),
        rules=rules_file(config.rules, project),
        config=config,
        metrics={"choice_trial": selection.trial},
        profile=profile_to(_reference(config, prepared, choice)),
    )


def bundle_info(config: PlanRecConfig, project: Path, prepared: Prepared) -> dict[str, object]:
    """Return what the manifest of a bundle says of its training run."""
    return {
        "python": platform.python_version(),
        "libraries": library_versions(LIBRARIES),
        "git_commit": git_commit(project),
        "seed": config.training.seed,
        "data_fingerprint": data_fingerprint(prepared.data),
        "config_fingerprint": fingerprint_bytes(dump_config(config).encode()),
        "catalogue_version": prepared.catalogue.version,
        "rules_version": prepared.rules.version,
        "row_counts": row_counts(prepared),
    }


def refuse_few_months(config: PlanRecConfig, artifacts: Path, prepared: Prepared) -> None:
    """Refuse a table that lost half of its months, unless `training.accept_fewer_rows` says that it is meant.

    Raises
    ------
    DataError
        As `refuse_fewer_rows`.
    """
    if not config.training.accept_fewer_rows:
        months = len(prepared.data.months)
        refuse_fewer_rows(artifacts, months, counted="usage_months", source=config.data.source, table="usage months")


def fit_forecast(config: PlanRecConfig, prepared: Prepared) -> UsageForecast:
    """Learn how usage goes on, from the subscribers and months that nothing is tested on.

    Raises
    ------
    DataError
        If there are too few months to learn from.
    """
    source = config.data.chosen()
    return fit_usage_forecast(
        *usage_ahead(
            prepared.training_months, history_months=config.advice.history_months, horizon=source.horizon_months
        )
    )


def _reference(config: PlanRecConfig, prepared: Prepared, choice: ChoiceModel) -> Profile:
    """Return what later months are compared with: every subscriber in the last month before the first one tested.

    The score is the chance of the plan expected, of subscribers that nothing was learnt from.
    """
    as_of = month_index(prepared.test[MONTH].min()) - 1
    piece = prediction_table(
        prepared.data.months,
        NextChoice(choice, prepared.rules),
        as_of=as_of,
        recent_months=config.features.recent_months,
    )
    unseen = np.isin(piece.table[SUBSCRIBER].to_pylist(), prepared.unseen)
    return reference_profile(
        piece.seen, score=piece.table["probability"].to_numpy()[unseen], months=[month_text(as_of)]
    )


def data_fingerprint(data: UsageData) -> str:
    """Return the sha256 of the usage months: the same rows give the same fingerprint."""
    hashes = pd.util.hash_pandas_object(data.months, index=False).to_numpy()
    return fingerprint_bytes(hashes.tobytes())
