"""`planrec what-if` and `planrec draft`: read, ask, write and show."""

from __future__ import annotations

import sys
from pathlib import Path

from common_utils.command_line.terminal import note, show_table
from common_utils.errors import ConfigError
from common_utils.evaluation import FEW_GROUPS
from common_utils.parts.cores import chosen_workers
from common_utils.tables import write_table
from planrec.advice import AnswerPolicy, Engine, Question
from planrec.advice.what_if import UsageChange, load_plan, with_plan
from planrec.batch.cell_use import CellUse
from planrec.batch.command import BatchCommand, bundle_digest, digest_of, rules_digest, run_job, say_expected
from planrec.batch.files import answered, expected_answers
from planrec.batch.parts.jobs import BLOCKS_EACH, refusals
from planrec.batch.what_if import WhatIfSums, asking
from planrec.billing import Catalogue, load_catalogue
from planrec.billing.cell_months import cell_plans, load_cell_plans
from planrec.commands.requests import DraftCommand, WhatIfCommand
from planrec.commands.settings import advice_settings, load_run, table_settings
from planrec.months import month_index, month_text
from planrec.pricing.draft import ASSUMPTIONS, DraftMarket, DraftScore, Pricing, check_draft
from planrec.pricing.tables import demand_rows, demand_table, span
from planrec.rules import built_in_rules, load_rules
from planrec.usage.pieces.stream import UsageStream

__all__ = ["asked", "run_draft", "run_what_if"]


def asked(request: WhatIfCommand) -> Question:
    """Return the question that a command line asks.

    Raises
    ------
    ConfigError
        If nothing is asked, or the plan cannot be used.
    """
    factors = (request.minutes_factor, request.messages_factor, request.megabytes_factor)
    change = UsageChange(*(request.usage_factor if factor is None else factor for factor in factors))
    away = UsageChange(request.travel_minutes_factor, 1.0, request.travel_megabytes_factor)
    travel = away if request.travel else None
    if change == UsageChange() and travel is None and request.plan is None:
        raise ConfigError("what-if: nothing is asked; give a factor, --travel or --plan.")
    return Question(change, travel, None if request.plan is None else load_plan(request.plan))


def run_what_if(request: WhatIfCommand) -> None:
    """Answer for every subscriber of a file: by their past months with `plans`, else by the forecast of a bundle."""
    question, (reading, recent) = asked(request), table_settings(request.settings)
    engine, policy, depends, cells = _answering(request)
    job = asking(engine, question, policy, as_of=month_index(request.as_of), recent_months=recent, cells=cells)
    depends["the cells"] = "" if request.cells is None else digest_of(request.cells)
    about = {"the command": "what-if", **depends, "the question": repr((request.as_of, question, policy, recent))}
    command = BatchCommand(request.usage, request.output, request.workers, request.part, about, request.dry_run)
    written = run_job(job, command, reading=reading)
    if written is None:
        return
    sums, catalogue = WhatIfSums(written.counted), engine.catalogue
    plans = catalogue if question.plan is None else with_plan(catalogue, question.plan)
    show_table(f"Mean bill a month, {catalogue.currency}, and subscribers advised", sums.by_plan(plans.plan_ids))
    sys.stdout.write(f"The advice changes for {sums.changed:,} of {sums.answered:,} subscriber(s).\n")
    for text in catalogue.left_out():
        note(text)
    if question.travel is not None:
        sys.stdout.write("Usage abroad is charged as at home: the rate card has no prices for it.\n")
    note(f"{written.rows:,} rows written to {request.output}, by rules {engine.rules.version}")


def run_draft(request: DraftCommand) -> None:
    """Score a draft rate card, or the bundle's with one plan more, against the bundle's."""
    run, month = load_run(request.settings), month_index(request.as_of)
    pricing = Pricing.of(run.open_bundle(request.bundle))
    drafted = _drafted(pricing.current, request.draft, request.plan)
    for text in drafted.left_out():
        note(text)
    check_draft(pricing.current, drafted)
    reading = run.reading
    stream = UsageStream(request.usage, catalogue=pricing.current, reading=reading, as_of=month)
    resamples, seed = run.config.evaluation.resamples, run.config.training.seed
    bound = request.bound_decide
    market = DraftMarket(pricing, drafted, as_of=month, bound_decide=bound, n_resamples=resamples, seed=seed)
    chosen = chosen_workers(request.workers, stream.block_count // BLOCKS_EACH)
    if request.dry_run:
        say_expected(lambda: expected_answers(stream, market.piece, chosen))
        return
    score = market.score(answered(stream, "scoring", market.piece, chosen.count))
    output = request.output
    if output is not None:
        write_table(demand_table(score), output)
    for line in (*refusals(stream.refused), stream.report().summary(), chosen.words):
        note(line)
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
    few = score.subscribers < FEW_GROUPS
    closed = [plan.plan_id for plan in score.plans if plan.new and not plan.draft]
    lines = [
        f"{score.subscribers:,} subscribers, {score.bound:,} of them bound by a contract.",
        f"New plans are taken by {span(score.new_demand, few=few)}; revenue changes by "
        f"{span(score.revenue_change_cents, unit=100, decimals=2, few=few)} {currency} a month "
        + ("(too few subscribers for an interval)." if few else "(95 % intervals)."),
        *(f"{plan_id} is taken by nobody: is it on sale in {month_text(score.month)}?" for plan_id in closed),
        *(f"Assumed: {text}." for text in ASSUMPTIONS),
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if score.gone:
        note(f"{score.gone:,} subscriber(s) have no recent month up to {month_text(score.month - 1)}: taken as gone")


def _answering(request: WhatIfCommand) -> tuple[Engine, AnswerPolicy, dict[str, str], CellUse | None]:
    """Return what answers, what it weighs, digests, and cells; with a rate card alone it takes no settings."""
    if request.plans is None:
        bundle = load_run(request.settings).open_bundle(request.bundle)
        weighed = AnswerPolicy.of(bundle.config, bundle.rules, "advice", forecast=True)
        engine, cells = bundle.engine(), None
        if request.cells is not None:
            cells = CellUse.read(request.cells, cell_plans(bundle.catalogue_bytes(), bundle.name))
            engine = cells.engine(engine)
        return engine, weighed, {"the bundle": bundle_digest(bundle)}, cells
    if request.bundle is not None:
        raise ConfigError("what-if: give --plans to rate past months, or --bundle for its forecast; not both.")
    cells = None if request.cells is None else CellUse.read(request.cells, load_cell_plans(request.plans))
    catalogue = load_catalogue(request.plans) if cells is None else cells.pricing.plans.wide
    advice, configured = advice_settings(request.settings)
    rules = built_in_rules() if configured is None else load_rules(configured, catalogue)
    weighed = AnswerPolicy(advice.history_months, advice.risk_weight, rules.min_gain_cents("advice"))
    engine = Engine(catalogue, rules) if cells is None else cells.engine(Engine(catalogue, rules))
    return engine, weighed, {"the rate card": digest_of(request.plans), "the rules": rules_digest(rules)}, cells
