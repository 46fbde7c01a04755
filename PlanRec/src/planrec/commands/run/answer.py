"""The commands that answer a file with a file. They load neither training nor figures, and so begin at once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from common_utils.command_line.terminal import note
from common_utils.decision_log.batch import BatchEntry, LogOf, logged_run
from common_utils.decision_log.recorder import Recorder
from common_utils.errors import ConfigError
from common_utils.monitoring.profiles.batch import BatchProfile, open_batch_profile
from common_utils.outputs import is_stream
from planrec.advice import AnswerPolicy, Engine, Overrides
from planrec.batch.answers import Recommender
from planrec.batch.by_bundle import AskedOfBundle, bundle_answers
from planrec.batch.cell_use import CellUse
from planrec.batch.command import BatchCommand, bundle_digest, digest_of, rules_digest, run_job
from planrec.batch.log import prediction_entries, ranked_entries
from planrec.batch.parts.jobs import Keeping, Written, billing, predicting, recommending
from planrec.batch.rankers import policy_ranker
from planrec.batch.seen import advised_profile, predicted_profile
from planrec.billing import load_catalogue
from planrec.billing.cell_months import cell_plans, load_cell_plans
from planrec.bundle import PlanRecBundle
from planrec.commands.options import AnswerBasis, AnswerMode
from planrec.commands.requests import BillCommand, PredictCommand, RecommendCommand
from planrec.commands.settings import (
    advice_settings,
    batch_recorder,
    load_run,
    objections_at_hand,
    table_settings,
)
from planrec.months import month_index
from planrec.rules import Mode, Rules, built_in_rules, load_rules

__all__ = ["run_bill", "run_predict", "run_recommend"]

_Piece = TypeVar("_Piece")


def run_bill(request: BillCommand) -> None:
    """Rate usage months on every plan of a rate card."""
    catalogue = load_catalogue(request.plans)
    reading, _ = table_settings(request.settings)
    asked = {"the command": "bill", "the rate card": digest_of(request.plans)}
    command = BatchCommand(request.usage, request.output, request.workers, request.part, asked, request.dry_run)
    written = run_job(billing(catalogue), command, reading=reading)
    if written is not None:
        note(f"{written.months:,} usage months x {len(catalogue.plans)} plans written to {request.output}")


def run_recommend(request: RecommendCommand) -> None:
    """Rank the plans of each subscriber as advice or as offers: by a bundle, or by a rate card and the past months.

    Raises
    ------
    ConfigError
        If options are given that do not go together.
    """
    offered = request.mode is AnswerMode.offer
    told = request.history_months is not None or request.risk_weight is not None
    if offered and (told or request.basis is AnswerBasis.past):
        raise ConfigError(
            "recommend --mode offer: months, history and risk weight are those of the bundle; leave out --basis past, "
            "--history-months and --risk-weight."
        )
    if offered and request.cells is not None:
        raise ConfigError(
            "recommend --cells: the models of offers score plans in the short form, by their allowances and prices, "
            "not those that cells price. Leave out --cells, or ask for advice (--mode advice)."
        )
    if request.plans is None:
        _by_bundle(request)
        return
    if offered or request.bundle is not None or request.basis is AnswerBasis.forecast:
        raise ConfigError(
            "recommend --plans: a rate card alone rates past months and gives advice. Leave out --plans to answer by a "
            "bundle, or leave out --bundle, --basis forecast and --mode offer."
        )
    _by_card(request, request.plans)


def _by_card(request: RecommendCommand, plans: Path) -> None:
    """Follow the rules of the file, the built-in ones where there is none."""
    advice, configured = advice_settings(request.settings)
    month, path = month_index(request.as_of), request.rules or configured
    cells = None if request.cells is None else CellUse.read(request.cells, load_cell_plans(plans))
    catalogue = load_catalogue(plans) if cells is None else cells.pricing.plans.wide
    rules = built_in_rules() if path is None else load_rules(path, catalogue)
    engine = Engine(catalogue, rules.asking("advice", request.min_gain_cents))
    engine = engine if cells is None else cells.engine(engine)
    policy = AnswerPolicy(
        history_months=request.history_months or advice.history_months,
        risk_weight=advice.risk_weight if request.risk_weight is None else request.risk_weight,
        min_gain_cents=engine.rules.min_gain_cents("advice"),
    )
    _, recent = table_settings(request.settings)
    ranker = policy_ranker(engine, policy)
    looked_back, top, explain = policy.history_months, request.top, request.explain
    recommender = Recommender(catalogue, ranker, month, looked_back, top, explain, recent, cells=cells)
    if written := _written(request, recommender, engine.rules, policy):
        note(f"{written.rows:,} rows written to {request.output}, by the past months and rules {engine.rules.version}")


def _by_bundle(request: RecommendCommand) -> None:
    """Take everything from the bundle but what the command's own options say, which is told."""
    run, month = load_run(request.settings), month_index(request.as_of)
    bundle = run.open_bundle(request.bundle)
    _, recent = table_settings(request.settings)
    cells = None
    if request.cells is not None:
        cells = CellUse.read(request.cells, cell_plans(bundle.catalogue_bytes(), bundle.name))
    if cells is None or request.rules is None:
        rules = bundle.followed(request.rules)
    else:  # the rules may name the plans that cells price
        rules = load_rules(request.rules, cells.pricing.plans.wide)
    asked = AskedOfBundle(
        month,
        request.mode.value,
        forecast=request.basis is not AnswerBasis.past,
        rules=rules,
        overrides=Overrides(request.history_months, request.risk_weight, request.min_gain_cents),
        top=request.top,
        explain=request.explain,
        recent_months=recent,
        cells=cells,
    )
    answers = bundle_answers(bundle, asked)
    profile = open_batch_profile(run.config.monitoring, run.project, bundle.bundle, "recommend")
    policy = answers.policy
    written = _written(request, answers.recommender, answers.rules, policy, bundle, profile)
    name = bundle.name if asked.forecast else f"{bundle.name}, the past months"
    if written:
        note(f"{written.rows:,} rows written to {request.output}, by {name} and rules {answers.rules.version}")
    for text in _overridden(request, bundle, rules, policy):
        note(text)
    if policy.offer is not None:
        weights = policy.offer
        note(
            f"weights: risk {weights.risk:g}, margin {weights.margin:g}, churn {weights.churn_cents:g} cents, "
            f"perk {weights.perk_cost_cents} cents"
        )


def _overridden(request: RecommendCommand, bundle: PlanRecBundle, rules: Rules, policy: AnswerPolicy) -> Sequence[str]:
    """Return a line for each thing that the command's own options said instead of the bundle."""
    mode: Mode = request.mode.value
    usual = AnswerPolicy.of(bundle.config, rules, mode, forecast=policy.basis == "forecast")
    lines: list[str] = []
    if request.rules is not None:
        lines.append(_other_rules(rules, bundle))
    if request.min_gain_cents is not None:
        lines.append(f"--min-gain-cents: {policy.min_gain_cents}; rules {rules.version} say {usual.min_gain_cents}")
    if request.history_months is not None:
        lines.append(f"--history-months: {policy.history_months}; the bundle's are {usual.history_months}")
    if request.risk_weight is not None:
        lines.append(f"--risk-weight: {policy.risk_weight:g}; the bundle's is {usual.risk_weight:g}")
    return lines


def _other_rules(rules: Rules, bundle: PlanRecBundle) -> str:
    return f"--rules: rules {rules.version}; the bundle's are {bundle.rules.version}"


def _written(
    request: RecommendCommand,
    recommender: Recommender,
    rules: Rules,
    policy: AnswerPolicy,
    bundle: PlanRecBundle | None = None,
    profile: BatchProfile | None = None,
) -> Written | None:
    reading, _ = table_settings(request.settings)
    recorder = batch_recorder(request.settings)
    model, snapshot = ("", "") if bundle is None else (bundle.version, bundle.bundle.snapshot)
    card, mode = recommender.catalogue.version, request.mode.value
    about = LogOf("recommend", mode, model, request.as_of, rules.version, card, snapshot)
    if request.mode is AnswerMode.offer:
        recommender = replace(recommender, objects=objections_at_hand(request.settings))
    recommender = replace(recommender, for_log=recorder is not None and not is_stream(request.output))
    asked = {
        "the command": f"recommend --mode {mode}",
        "the rate card": card if request.plans is None else digest_of(request.plans),
        "the rules": rules_digest(rules),
        "the bundle": bundle_digest(bundle),
        "the question": repr((request.as_of, request.top, request.explain, policy, recommender.recent_months)),
        "the cells": "" if request.cells is None else digest_of(request.cells),
    }
    beside = {} if request.excluded_output is None else {"excluded": request.excluded_output}
    command = BatchCommand(request.usage, request.output, request.workers, request.part, asked, request.dry_run, beside)
    watch = None if profile is None else partial(advised_profile, reference=profile.reference, month=request.as_of)
    log = partial(_logged, recorder=recorder, about=about, entries=ranked_entries)
    keeping = Keeping(log, recorder is not None, watch, None if profile is None else profile.take)
    written = run_job(recommending(recommender), command, reading=reading, keeping=keeping)
    if profile is not None:
        profile.keep(note)
    return written


@contextmanager
def _logged(
    output: Path,
    *,
    recorder: Recorder | None,
    about: LogOf,
    entries: Callable[[_Piece], Iterable[BatchEntry]],
) -> Generator[Callable[[_Piece], None] | None]:
    """Log what is answered into a file, a part of a run included; without a recorder, nothing."""
    with logged_run(recorder, output, about) as run:
        yield run.keep_with(entries)


def run_predict(request: PredictCommand) -> None:
    """Write the plan each subscriber is expected to choose when next free to."""
    run, month = load_run(request.settings), month_index(request.as_of)
    bundle = run.open_bundle(request.bundle)
    rules, card = bundle.followed(request.rules), bundle.catalogue.version
    about = LogOf("predict", "choice", bundle.version, request.as_of, rules.version, card, bundle.bundle.snapshot)
    profile = open_batch_profile(run.config.monitoring, run.project, bundle.bundle, "predict")
    recorder, recent = batch_recorder(request.settings), bundle.config.features.recent_months
    asked = {
        "the command": "predict",
        "the rules": rules_digest(rules),
        "the bundle": bundle_digest(bundle),
        "the question": repr((request.as_of, recent)),
    }
    watch = None if profile is None else partial(predicted_profile, reference=profile.reference, month=request.as_of)
    log = partial(_logged, recorder=recorder, about=about, entries=prediction_entries)
    written = run_job(
        predicting(bundle.next_choice(rules), as_of=month, recent_months=recent),
        BatchCommand(request.usage, request.output, request.workers, request.part, asked, request.dry_run),
        reading=run.reading,
        keeping=Keeping(log, recorder is not None, watch, None if profile is None else profile.take),
    )
    if profile is not None:
        profile.keep(note)
    if written is not None:
        note(f"{written.rows:,} subscribers written to {request.output}, by {bundle.name} and rules {rules.version}")
    if request.rules is not None:
        note(_other_rules(rules, bundle))
