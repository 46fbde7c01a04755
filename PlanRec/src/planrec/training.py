"""One training run: usage months in, verified bundle out.

The model predicts the plan people choose. Beside it, always, stand the policies that need no model: staying, the most
common plan, and re-rating the last months. A figure is measured on subscribers and months the model never saw.
"""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from common_utils import set_seed
from common_utils.bundle import Bundle, fingerprint_bytes, git_commit, library_versions, write_bundle
from common_utils.bundle.signing import Trust
from common_utils.config import dump_config, resolve_path
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.datasets.tables import TrainingTable, snapshot_tables
from common_utils.errors import DataError
from common_utils.monitoring.profiles.counting import reference_profile
from common_utils.monitoring.profiles.profile import Profile
from common_utils.monitoring.profiles.profile_json import profile_to
from common_utils.releases import promote, publish
from common_utils.releases.author import Author, default_who
from common_utils.releases.config import load_trust
from common_utils.releases.fewer_rows import refuse_fewer_rows
from common_utils.tables import Reading
from common_utils.tracking.recorder import RunBook, recorded_run
from planrec.batch.predictions import prediction_table
from planrec.billing import parse_catalogue
from planrec.bundle import BundleContents, ChoiceModel, NextChoice
from planrec.choice.compiling import MATRIX_ROWS, compile_choice, compile_choice_model
from planrec.choice.selection import select_choice_model
from planrec.columns import MONTH, SUBSCRIBER
from planrec.config import SPEC, PlanRecConfig
from planrec.cross_validation import build_pipeline, figures_by_fold, fit, out_of_fold
from planrec.decisions.rows import usage_ahead
from planrec.evaluation import Models, choice_figures, evaluate, row_counts
from planrec.learnt_offers import fit_offers
from planrec.months import month_index, month_text
from planrec.outlook import UsageForecast, fit_usage_forecast
from planrec.preparation import Prepared, Step, prepare
from planrec.reporting.figures import FIGURES, write_figures
from planrec.reporting.tables import model_card
from planrec.rules import parse_rules, rules_file
from planrec.usage.months_table import UsageData

__all__ = [
    "bundle_info",
    "data_fingerprint",
    "fit_forecast",
    "learn",
    "recorded_training",
    "refuse_few_months",
    "take_snapshot",
    "train",
    "write_trained",
]

LIBRARIES = ("common-utils", "joblib", "numpy", "pandas", "planrec", "scikit-learn", "scipy")


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
    with recorded_training(config, project) as run:
        return _trained(config, project, run, artifacts, trust, step, reading)


def _trained(
    config: PlanRecConfig,
    project: Path,
    run: RunBook,
    artifacts: Path,
    trust: Trust,
    step: Step,
    reading: Reading | None,
) -> Bundle:
    set_seed(config.training.seed)
    prepared = prepare(config, project, step, reading)
    refuse_few_months(config, artifacts, prepared)
    store = SnapshotStore.beside(artifacts).keyed_by(config.decisions, SPEC.name, project)
    snapshot = take_snapshot(store, prepared.data).digest
    bundle = write_trained(config, project, prepared, snapshot, root=artifacts, trust=trust, step=step, run=run)
    author = Author(default_who(), f"trained on source {config.data.source} with seed {config.training.seed}")
    publish(artifacts, bundle.path, author=author, trust=trust)
    promote(artifacts, bundle.version, author=author, trust=trust)
    return bundle


def recorded_training(config: PlanRecConfig, project: Path) -> AbstractContextManager[RunBook]:
    """Record what the block does as a run of training; see `common_utils.tracking.recorder.recorded_run`."""
    return recorded_run(
        config.tracking, project, project=SPEC.name, kind="training", settings=config, libraries=LIBRARIES
    )


def write_trained(
    config: PlanRecConfig,
    project: Path,
    prepared: Prepared,
    snapshot: str,
    *,
    root: Path,
    trust: Trust,
    step: Step,
    run: RunBook,
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
    run : RunBook
        Told what was measured and written.

    Raises
    ------
    PortfolioError
        As `learn`; ArtifactError if the bundle cannot be written.
    """
    classes, probabilities = out_of_fold(config, prepared.catalogue, prepared.train, step)
    cross_validation = choice_figures(prepared.train, classes, probabilities, config)
    folds = figures_by_fold(config, data_fingerprint(prepared.data), prepared.train, classes, probabilities)
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

    run.reached(metrics, headline="cross_validation.ndcg_at_5", folds=folds)
    bundle = write_bundle(root, info=info, write=write, trust=trust)
    run.wrote(bundle, FIGURES)
    return bundle


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
        If there is too little to learn from, or rate card or rules are not those that the rows were made with.
    """
    card, rules = _files_as_read(config, project, prepared)
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
        catalogue=card,
        rules=rules,
        config=config,
        metrics={"choice_trial": selection.trial},
        profile=profile_to(_reference(config, prepared, choice)),
    )


def _files_as_read(config: PlanRecConfig, project: Path, prepared: Prepared) -> tuple[bytes, bytes]:
    """Return the bytes of rate card and rules for the bundle: it answers from the card that its models learnt with."""
    path = resolve_path(project, config.data.chosen().plans)
    card, rules = path.read_bytes(), rules_file(config.rules, project)
    changed = {
        f"rate card {path}": parse_catalogue(card, str(path)) != prepared.catalogue,
        "the rules": parse_rules(rules, "of the settings") != prepared.rules,
    }
    for what in (name for name, differs in changed.items() if differs):
        raise DataError(f"{what}: changed while the training ran. No bundle was written; train again.")
    return card, rules


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
