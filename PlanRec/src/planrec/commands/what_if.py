"""`planrec what-if` and `planrec draft`: read, ask, write and show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import yaml

from common_utils.bundle import Bundle, open_bundle
from common_utils.command_line.terminal import note, show_table, tracked
from common_utils.config import resolve_path
from common_utils.errors import ArtifactError, ConfigError
from common_utils.releases.config import load_trust
from common_utils.scoring.joblib_scorer import JoblibScorer
from common_utils.tables import Reading, write_table
from planrec.advice import Engine, Question
from planrec.advice.what_if import UsageChange, load_plan, with_plan
from planrec.batch.what_if import what_if_rows, what_if_table
from planrec.billing import Catalogue, load_catalogue, parse_catalogue
from planrec.choice.selection import CalibratedChoice
from planrec.columns import SUBSCRIBER
from planrec.config import AdviceConfig, PlanRecConfig
from planrec.evaluation import CHOICE_FILE, FORECAST_FILE
from planrec.months import month_index, month_text
from planrec.outlook import UsageForecast
from planrec.pricing.draft import ASSUMPTIONS, DraftScore, Pricing, check_draft, score_draft
from planrec.pricing.tables import demand_rows, demand_table, span
from planrec.rules import configured_rules, parse_rules
from planrec.usage.months_table import answerable
from planrec.usage.read import read_usage_table

__all__ = ["asked", "run_draft", "run_what_if"]


def asked(change: UsageChange, travel: UsageChange | None, plan: Path | None) -> Question:
    """Return the question that the parts of a command line make.

    Parameters
    ----------
    change : UsageChange
    travel : UsageChange or None
    plan : Path or None
        File of a drafted plan.

    Raises
    ------
    ConfigError
        If nothing is asked, or the plan cannot be used.

    Examples
    --------
    >>> asked(UsageChange(), None, None)
    Traceback (most recent call last):
    common_utils.errors.ConfigError: what-if: nothing is asked; give a factor, --travel or --plan.
    """
    if change == UsageChange() and travel is None and plan is None:
        raise ConfigError("what-if: nothing is asked; give a factor, --travel or --plan.")
    return Question(change, travel, None if plan is None else load_plan(plan))


def run_what_if(
    config: PlanRecConfig,
    project: Path,
    usage: Path,
    as_of: str,
    output: Path,
    question: Question,
    *,
    plans: Path | None,
    bundle: Path | None,
    reading: Reading | None = None,
) -> None:
    """Answer for every subscriber of a file: by their past months with `plans`, else by the forecast of a bundle."""
    month = month_index(as_of)
    engine, advice = _engine(config, project, plans, bundle)
    data = read_usage_table(usage, catalogue=engine.catalogue, reading=reading)
    months, refused = answerable(data, as_of=month)
    recent = config.features.recent_months
    table = what_if_table(months, engine, question, advice, as_of=month, recent_months=recent)
    write_table(table, output)
    for report in data.reports:
        note(report.summary())
    if refused:
        note(f"{refused:,} subscriber(s) have a rejected row after their last usable month: not answered")
    people, moved = table[SUBSCRIBER].nunique(), table.loc[table["advice_changes"], SUBSCRIBER].nunique()
    show_table(f"Mean bill a month, {engine.catalogue.currency}, and subscribers advised", what_if_rows(table))
    sys.stdout.write(f"The advice changes for {moved:,} of {people:,} subscriber(s).\n")
    if question.travel is not None:
        sys.stdout.write("Usage abroad is charged as at home: the rate card has no prices for it.\n")
    note(f"{len(table):,} rows written to {output}, by rules {engine.rules.version}")


def run_draft(
    config: PlanRecConfig,
    project: Path,
    usage: Path,
    as_of: str,
    *,
    draft: Path | None,
    plan: Path | None,
    bundle: Path | None,
    output: Path | None,
    bound_decide: bool,
    reading: Reading | None = None,
) -> None:
    """Score a draft rate card, or the bundle's with one plan more, against the bundle's."""
    month, pricing = month_index(as_of), _pricing(_open(config, project, bundle))
    drafted = _drafted(pricing.current, draft, plan)
    check_draft(pricing.current, drafted)
    data = read_usage_table(usage, catalogue=pricing.current, reading=reading)
    months, refused = answerable(data, as_of=month)
    if refused:
        note(f"{refused:,} subscriber(s) have a rejected row after their last usable month: left out")
    with tracked("scoring", total=months[SUBSCRIBER].nunique()) as advance:
        score = score_draft(
            months,
            pricing,
            drafted,
            as_of=month,
            bound_decide=bound_decide,
            n_resamples=config.evaluation.resamples,
            rng=np.random.default_rng(config.training.seed),
            advance=advance,
        )
    if output is not None:
        write_table(demand_table(score), output)
    for report in data.reports:
        note(report.summary())
    _show(score, drafted.currency)
    if output is not None:
        note(f"{len(score.plans):,} rows written to {output}")


def _drafted(current: Catalogue, draft: Path | None, plan: Path | None) -> Catalogue:
    if draft is not None and plan is None:
        return load_catalogue(draft)
    if plan is not None and draft is None:
        return with_plan(current, load_plan(plan))
    raise ConfigError("draft: give --draft with a whole rate card, or --plan with one plan more.")


def _show(score: DraftScore, currency: str) -> None:
    show_table(
        f"Draft against the rate card in force, {month_text(score.month)}; revenue {currency} a month",
        demand_rows(score),
    )
    closed = [plan.plan_id for plan in score.plans if plan.new and not plan.draft]
    lines = [
        f"{score.subscribers:,} subscribers, {score.bound:,} of them bound by a contract.",
        f"New plans are taken by {span(score.new_demand)}; revenue changes by "
        f"{span(score.revenue_change_cents, unit=100)} {currency} a month (95 % intervals).",
        *(f"{plan_id} is taken by nobody: is it on sale in {month_text(score.month)}?" for plan_id in closed),
        *(f"Assumed: {text}." for text in ASSUMPTIONS),
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if score.gone:
        note(f"{score.gone:,} subscriber(s) have no month in {month_text(score.month - 1)}: taken as gone")


def _engine(config: PlanRecConfig, project: Path, plans: Path | None, path: Path | None) -> tuple[Engine, AdviceConfig]:
    if plans is not None and path is not None:
        raise ConfigError("what-if: give --plans to rate past months, or --bundle for its forecast; not both.")
    if plans is not None:
        catalogue = load_catalogue(plans)
        return Engine(catalogue, configured_rules(config.rules, project, catalogue)), config.advice
    bundle = _open(config, project, path)
    catalogue = _catalogue(bundle)
    rules = parse_rules(bundle.read_bytes("rules.yaml"), f"bundle {bundle.version}", catalogue)
    return Engine(catalogue, rules, _forecast(bundle)), _trained(bundle).advice


def _pricing(bundle: Bundle) -> Pricing:
    model, trained = JoblibScorer.open(bundle, CHOICE_FILE).model, _trained(bundle)
    if not isinstance(model, CalibratedChoice):
        raise ArtifactError(f"bundle {bundle.version}: {CHOICE_FILE} holds no choice model; train again.")
    return Pricing(
        model,
        _forecast(bundle),
        _catalogue(bundle),
        choice_months=trained.features.history_months,
        bill_months=trained.advice.history_months,
    )


def _open(config: PlanRecConfig, project: Path, path: Path | None) -> Bundle:
    trust = load_trust(config.releases, project)
    return open_bundle(path or resolve_path(project, config.training.artifacts), trust=trust)


def _catalogue(bundle: Bundle) -> Catalogue:
    return parse_catalogue(bundle.read_bytes("plans.yaml"), f"bundle {bundle.version}")


def _forecast(bundle: Bundle) -> UsageForecast:
    return UsageForecast.from_dict(bundle.read_json(FORECAST_FILE))


def _trained(bundle: Bundle) -> PlanRecConfig:
    return PlanRecConfig.model_validate(yaml.safe_load(bundle.read_bytes("config.yaml")))
