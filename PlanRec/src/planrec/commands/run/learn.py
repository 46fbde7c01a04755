"""The commands that learn and measure: read, call one thing, write or show."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from common_utils.command_line.lifecycle.card import card_of_use
from common_utils.command_line.terminal import note, note_next, show_table, steps
from common_utils.datasets.snapshot import Snapshot
from common_utils.datasets.store import SnapshotStore
from common_utils.errors import ConfigError
from common_utils.outputs import write_bytes, write_text
from common_utils.tables import RowReport
from planrec.advice import AnswerPolicy, Engine
from planrec.billing import load_catalogue
from planrec.commands.options import Source
from planrec.commands.requests import CardCommand, EvaluateCommand, SettingsCommand
from planrec.commands.settings import LoadedSettings, load_run
from planrec.config import SPEC, PlanRecConfig
from planrec.cross_validation import held_plan_figures
from planrec.data import load_usage
from planrec.evaluation import Models, evaluate
from planrec.policies.backtest import bill_backtest
from planrec.preparation import prepare
from planrec.reporting.figures import FIGURES, write_figures
from planrec.reporting.tables import (
    backtest_document,
    backtest_rows,
    choice_rows,
    comparison_lines,
    data_card,
    gain_rows,
    model_card,
    policy_rows,
    results_block,
    segment_rows,
)
from planrec.rules import configured_rules, rules_file
from planrec.simulator.full_cards.traits import load_traits
from planrec.simulator.full_cards.write import write_full_card
from planrec.simulator.operator import simulate, write_simulation
from planrec.training import data_fingerprint, take_snapshot, train
from planrec.usage.event_files import ChurnCut, EmptyMonths
from planrec.usage.months_table import summarise

__all__ = [
    "run_card",
    "run_data",
    "run_evaluate",
    "run_simulate",
    "run_snapshot",
    "run_train",
]


_NEXT = {
    "advice for a table": "recommend --usage FILE --as-of YYYY-MM --output FILE",
    "the plan each subscriber is expected to choose": "predict --usage FILE --as-of YYYY-MM --output FILE",
    "measure it again": "evaluate",
    "answer over HTTP": "serve",
}
_PROTOCOLS: tuple[tuple[str, ChurnCut, EmptyMonths], ...] = (
    ("no churn cut, months with events", "none", "drop"),
    ("documented churn cut, months with events", "documented", "drop"),
    ("documented churn cut, empty months billed", "documented", "bill"),
)


def run_simulate(settings: SettingsCommand, output: Path | None, traits_file: Path | None = None) -> None:
    """Simulate the operator and write its tables, with a file of traits also events for a full card."""
    run = load_run(settings)
    traits = None if traits_file is None else load_traits(traits_file)
    config, folder = run.config, output or run.project / "data" / "simulated"
    catalogue = load_catalogue(run.path(config.data.simulator.plans))
    with steps() as step:
        step(f"simulating {config.simulator.subscribers:,} subscribers over {config.simulator.months} months")
        simulation = simulate(config.simulator, catalogue, np.random.default_rng(config.training.seed))
        step("writing the tables")
        write_simulation(simulation, folder)
        if traits is not None:
            step("writing events for a full card")
            write_full_card(simulation, traits, folder / "full_card")
    note(f"written to {folder}")


def run_data(settings: SettingsCommand) -> None:
    """Read the configured table and show what is in it and what was rejected."""
    run = load_run(settings)
    config = run.config
    catalogue = load_catalogue(run.path(config.data.chosen().plans))
    with steps() as step:
        step(f"reading {config.data.source}")
        data = load_usage(config, catalogue, run.project, reading=run.stated)
    show_table("Usage months", [{name: _text(value) for name, value in row.items()} for row in summarise(data)])
    _account(data.reports)


def run_snapshot(settings: SettingsCommand, store: SnapshotStore) -> Snapshot:
    """Read the configured data and keep it as a snapshot."""
    run = load_run(settings)
    catalogue = load_catalogue(run.path(run.config.data.chosen().plans))
    with steps() as step:
        step(f"reading {run.config.data.source}")
        data = load_usage(run.config, catalogue, run.project, reading=run.stated)
    return take_snapshot(store.keyed_by(run.config.decisions, SPEC.name, run.project), data)


def run_train(settings: SettingsCommand, output: Path | None) -> None:
    """Train and show what came out."""
    run = load_run(settings)
    artifacts = output or run.path(run.config.training.artifacts)
    with steps() as step:
        bundle = train(run.config, run.project, artifacts=artifacts, step=step, reading=run.stated)
    metrics = bundle.read_json("metrics.json")
    _accounts(run)
    _show(metrics)
    note(f"bundle: {bundle.path}")
    note(f"card:   {bundle.path / 'model_card.md'}")
    note_next(SPEC.name, _NEXT, output)


def run_evaluate(request: EvaluateCommand) -> None:
    """Measure a bundle again on the data it was trained on, or back-test on the Megaline events.

    Raises
    ------
    ConfigError
        If options of the other are given, or the bundle was trained on another source.
    """
    run = load_run(request.settings)
    if request.source is Source.megaline:
        if request.plots is not None:
            raise ConfigError("evaluate: --plots draws a bundle's figures; leave it out with --data-source megaline.")
        _run_backtest(run, as_json=request.as_json, output=request.output)
    else:
        _run_measure(run, request)


def _run_measure(run: LoadedSettings, request: EvaluateCommand) -> None:
    bundle = run.open_bundle(request.bundle)
    trained, folder = bundle.config, run.config.data.folder
    if request.source is not None and request.source.value != trained.data.source:
        raise ConfigError(
            f"{bundle.name} was trained on source {trained.data.source!r}, not {request.source.value!r}; "
            "leave --data-source out, or name another --bundle."
        )
    if folder is not None:
        trained = trained.model_copy(update={"data": trained.data.model_copy(update={"folder": folder})})
    models = Models.open(bundle)  # before the work: a bundle of another version is refused at once
    with steps() as step:
        prepared = prepare(trained, run.project, step, run.stated)
        step("evaluating policies")
        metrics = evaluate(trained, prepared, models)
    _accounts(run)
    if data_fingerprint(prepared.data) != bundle.bundle.info["data_fingerprint"]:
        note("the data differ from those the bundle was trained on: figures will differ from its card")
    if run.path(trained.data.chosen().plans).read_bytes() != bundle.catalogue_bytes():
        note("the rate card differs from the bundle's: policies are priced on the one at hand")
    if rules_file(trained.rules, run.project) != bundle.rules_bytes():
        note("the rules differ from the bundle's: the minimum gain is that of the file at hand")
    metrics = {
        "bundle": bundle.version,
        **metrics,
        "cross_validation": bundle.metrics["cross_validation"],
    }
    if request.plots is not None:
        write_figures(request.plots, metrics)
        note(f"{len(FIGURES)} figures written to {request.plots}")
    if request.as_json:
        _print_json(metrics)
    else:
        _show(metrics)


def _run_backtest(run: LoadedSettings, *, as_json: bool, output: Path | None) -> None:
    """Back-test re-rating on the Megaline events, and ask whether usage tells the plan held."""
    config, project = run.config, run.project
    catalogue = load_catalogue(run.path(config.data.megaline.plans))
    engine = Engine(catalogue, configured_rules(config.rules, project, catalogue))
    policy = AnswerPolicy.of(config, engine.rules, "advice", forecast=False)
    results: dict[str, Any] = {}
    with steps() as step:
        for name, cut, empty in _PROTOCOLS:
            step(f"back-test: {name}")
            data = load_usage(_with_rules(config, cut, empty), catalogue, project, reading=run.stated)
            test = bill_backtest(
                data.months,
                engine,
                policy,
                histories=(1, 3, 6),
                risk_weights=(0.0, 0.5),
                resamples=config.evaluation.resamples,
                seed=config.training.seed,
            )
            results[name] = {
                "months": test.n_all,
                "settled_months": test.n_settled,
                "policies": test.rows,
                "shipped_less_mean_of_3_months": test.against_reference,
            }
        step("cross-validating the plan held, grouped by customer")
        usual = load_usage(config, catalogue, project, reading=run.stated)
        held = held_plan_figures(config, catalogue, usual.months, step)
    if output is not None:
        shipped = asdict(policy) | {"rules": engine.rules.version}
        write_text(output, backtest_document(results, held, shipped, catalogue.currency))
        note(f"written to {output}")
    if as_json:
        _print_json({"bills": results, "held_plan": held})
        return
    for name, result in results.items():
        title = f"Megaline, {name}: {result['months']:,} customer-months ({result['settled_months']:,} settled)"
        show_table(title, backtest_rows(result["policies"], catalogue.currency))
        for line in comparison_lines(result):
            sys.stdout.write(f"{line}\n")
        sys.stdout.write("\n")
    show_table("Plan held, predicted from usage alone (folds by customer)", choice_rows({"cross_validation": held}))


def run_card(request: CardCommand) -> None:
    """Write the cards and figures of a bundle and, in the project itself, the README's results."""
    run = load_run(request.settings)
    opened = run.open_bundle(request.bundle)
    bundle, metrics = opened.bundle, opened.metrics
    docs = request.output or run.project / "docs"
    figures = docs / "figures"
    used = card_of_use(bundle, run.path(run.config.monitoring.folder))
    write_text(docs / "model_card.md", model_card(metrics, bundle) + used)
    write_text(docs / "data_card.md", data_card(metrics, bundle))
    if request.output is None:
        readme = run.project / "README.md"
        write_text(readme, results_block(readme.read_text(encoding="utf-8"), metrics))
    for name in FIGURES:
        write_bytes(figures / name, bundle.read_bytes(name))
    note(f"cards of {bundle.version} written to {docs}")


def _with_rules(config: PlanRecConfig, churn_cut: ChurnCut, empty_months: EmptyMonths) -> PlanRecConfig:
    rules = config.data.megaline.model_copy(update={"churn_cut": churn_cut, "empty_months": empty_months})
    return config.model_copy(update={"data": config.data.model_copy(update={"megaline": rules})})


def _show(metrics: dict[str, Any]) -> None:
    show_table("Choice model", choice_rows(metrics))
    show_table("Policies: choice and money", policy_rows(metrics))
    show_table("Advice by minimum gain", gain_rows(metrics))
    show_table("Advice by segment", segment_rows(metrics))


def _account(reports: Sequence[RowReport]) -> None:
    for report in reports:
        note(report.summary())


def _accounts(run: LoadedSettings) -> None:
    if run.stated is not None:
        _account(run.stated.accounts.reports)


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=1, allow_nan=False, default=str) + "\n")
