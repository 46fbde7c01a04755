"""The commands that answer a file with a file. They load neither training nor figures, and so begin at once."""

from __future__ import annotations

from collections.abc import Sequence

from common_utils.command_line.terminal import note
from common_utils.decision_log.batch import LogOf, logged_run
from common_utils.errors import ConfigError
from planrec.advice import AnswerPolicy, Engine, Overrides
from planrec.batch.answers import Recommender
from planrec.batch.files import Written, write_bills, write_predictions, write_recommendations
from planrec.batch.log import prediction_entries, ranked_entries
from planrec.batch.rankers import policy_ranker
from planrec.billing import load_catalogue
from planrec.bundle import PlanRecBundle
from planrec.commands.options import AnswerMode
from planrec.commands.requests import BillRequest, PredictRequest, RecommendRequest
from planrec.commands.settings import advice_settings, decision_recorder, load_run
from planrec.months import month_index
from planrec.rules import Rules, built_in_rules, load_rules

__all__ = ["run_bill", "run_predict", "run_recommend"]


def run_bill(request: BillRequest) -> None:
    """Rate usage months on every plan of a rate card."""
    catalogue = load_catalogue(request.plans)
    written = write_bills(request.usage, catalogue, request.output)
    note(written.report.summary())
    note(f"{written.months:,} usage months x {len(catalogue.plans)} plans written to {request.output}")


def run_recommend(request: RecommendRequest) -> None:
    """Rank the plans of each subscriber: advice on a rate card, or offers by what a bundle learnt.

    Raises
    ------
    ConfigError
        If options of the other mode are given.
    """
    if request.mode is AnswerMode.offer:
        _run_offer(request)
    else:
        _run_advice(request)


def _run_advice(request: RecommendRequest) -> None:
    """Follow the rules of the file, the built-in ones where there is none."""
    if request.plans is None or request.bundle is not None:
        raise ConfigError("recommend --mode advice: give a rate card with --plans, and no --bundle.")
    advice, configured = advice_settings(request.settings)
    month, path = month_index(request.as_of), request.rules or configured
    catalogue = load_catalogue(request.plans)
    rules = built_in_rules() if path is None else load_rules(path, catalogue)
    engine = Engine(catalogue, rules.asking("advice", request.min_gain_cents))
    policy = AnswerPolicy(
        history_months=request.history_months or advice.history_months,
        risk_weight=advice.risk_weight if request.risk_weight is None else request.risk_weight,
        min_gain_cents=engine.rules.min_gain_cents("advice"),
    )
    written = _written(request, engine, policy, month)
    note(f"{written.rows:,} rows written to {request.output}, by rules {engine.rules.version}")


def _run_offer(request: RecommendRequest) -> None:
    """Take everything from the bundle but what the command's own options say, which is told."""
    if request.plans is not None or request.history_months is not None or request.risk_weight is not None:
        raise ConfigError(
            "recommend --mode offer: rate card, history and risk weight are those of the bundle; leave "
            "out --plans, --history-months and --risk-weight."
        )
    run, month = load_run(request.settings), month_index(request.as_of)
    bundle = run.open_bundle(request.bundle)
    bundle.offering()
    rules = bundle.followed(request.rules)
    overrides = Overrides(min_gain_cents=request.min_gain_cents)
    policy = AnswerPolicy.of(bundle.config, rules, "offer", forecast=True, overrides=overrides)
    engine = bundle.engine(rules.asking("offer", request.min_gain_cents))
    written = _written(request, engine, policy, month, model=bundle.version)
    note(f"{written.rows:,} rows written to {request.output}, by {bundle.name} and rules {engine.rules.version}")
    for text in _overridden(request, bundle, rules, policy):
        note(text)
    weights = policy.offer
    assert weights is not None  # noqa: S101 - the mode "offer" always has them
    note(
        f"weights: risk {weights.risk:g}, margin {weights.margin:g}, churn {weights.churn_cents:g} cents, "
        f"perk {weights.perk_cost_cents} cents"
    )


def _overridden(request: RecommendRequest, bundle: PlanRecBundle, rules: Rules, policy: AnswerPolicy) -> Sequence[str]:
    """Return a line for each thing that the command's own options said instead of the bundle."""
    lines: list[str] = []
    if request.rules is not None:
        lines.append(f"--rules: rules {rules.version}; the bundle's are {bundle.rules.version}")
    if request.min_gain_cents is not None:
        held = rules.min_gain_cents("offer")
        lines.append(f"--min-gain-cents: {policy.min_gain_cents}; rules {rules.version} say {held}")
    return lines


def _written(
    request: RecommendRequest, engine: Engine, policy: AnswerPolicy, month: int, *, model: str = ""
) -> Written:
    ranker = policy_ranker(engine, policy)
    recommender = Recommender(engine.catalogue, ranker, month, policy.history_months, request.top, request.explain)
    about = LogOf("recommend", request.mode.value, model, request.as_of, engine.rules.version, engine.catalogue.version)
    with logged_run(decision_recorder(request.settings), request.output, about) as run:
        written = write_recommendations(
            request.usage,
            recommender,
            request.output,
            excluded_output=request.excluded_output,
            keep=run.keep_with(ranked_entries),
        )
    note(written.report.summary())
    for text in written.remarks:
        note(text)
    return written


def run_predict(request: PredictRequest) -> None:
    """Write the plan each subscriber is expected to choose."""
    run, month = load_run(request.settings), month_index(request.as_of)
    bundle = run.open_bundle(request.bundle)
    about = LogOf("predict", "choice", bundle.version, request.as_of, card=bundle.catalogue.version)
    with logged_run(decision_recorder(request.settings), request.output, about) as logged:
        written = write_predictions(
            request.usage,
            bundle.scorer,
            bundle.config,
            request.output,
            catalogue=bundle.catalogue,
            as_of=month,
            keep=logged.keep_with(prediction_entries),
        )
    note(written.report.summary())
    note(f"{written.rows:,} subscribers written to {request.output}")
