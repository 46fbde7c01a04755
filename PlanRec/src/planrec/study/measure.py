"""Every promise of PlanRec measured on one simulated operator whose truth is known.

A bundle is trained on the operator's training side and asked as the commands ask it, with the shipped settings; each
figure stands beside baselines that learn nothing, and oracles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from common_utils.array_types import IntArray
from planrec.billing import Catalogue, bill_totals
from planrec.bundle import PlanRecBundle
from planrec.config import PlanRecConfig
from planrec.decisions import columns_of
from planrec.outlook import history_of
from planrec.preparation import Step
from planrec.rules.audit import violations
from planrec.simulator.simulation import Simulation
from planrec.study.answers import (
    CURVE,
    OFFER,
    PAST,
    RE_RATING,
    SHIPPED,
    WITHOUT_CERTAINTY,
    Answers,
    StudyPolicy,
    ask,
    write_usage,
)
from planrec.study.bundles import Learnt, learn_from, opened_bundle
from planrec.study.figures import (
    HELD_FIRST,
    Figures,
    choice_figures,
    choice_scores,
    held_first,
    money_figures,
    offer_figures,
)
from planrec.study.off_policy import off_policy_study
from planrec.study.truth import choice_oracle
from planrec.study.worlds import World, two_worlds

__all__ = ["ADVICE", "KNOWN", "LAUNCH", "PROCESSES", "Measured", "measure_operator"]

PROCESSES = ("logit", "satisficing")
KNOWN, LAUNCH = "known", "launch"
_ROUNDED_CENTS = 1  # by which the difference of two bills of a file, in whole cents, may lie below the exact one
ADVICE: Sequence[StudyPolicy] = (SHIPPED, WITHOUT_CERTAINTY, *CURVE, PAST, *RE_RATING)


@dataclass(frozen=True)
class Measured:
    """The figures of one operator.

    Attributes
    ----------
    figures : dict of str to float
        Names are paths, for example "known.choice.oracle.ndcg_at_5"; NaN where a figure does not exist.
    losses : dict of str to list of float
        By world and policy, for example "known.shipped": cents a month that each of the worse off lost.
    """

    figures: Figures
    losses: dict[str, list[float]]


def measure_operator(
    config: PlanRecConfig, catalogue: Catalogue, project: Path, *, process: str, seed: int, step: Step
) -> Measured:
    """Return every figure of one simulated operator.

    Parameters
    ----------
    config : PlanRecConfig
        As shipped; `evaluation.study.subscribers` are simulated.
    catalogue : Catalogue
    project : Path
        Folder that the paths of the settings count from.
    process : {"logit", "satisficing"}
        How its subscribers choose.
    seed : int
    step : callable
        Told in a few words what begins.
    """
    study = config.evaluation.study
    offers = config.simulator.offers.model_copy(update={"truth_of_all": True})
    changes = {"choice_process": process, "subscribers": study.subscribers, "event_subscribers": 0, "offers": offers}
    settings = config.model_copy(
        update={
            "simulator": config.simulator.model_copy(update=changes),
            "training": config.training.model_copy(update={"seed": seed}),
        }
    )
    step("simulating")
    worlds = dict(zip((KNOWN, LAUNCH), two_worlds(settings, catalogue, seed=seed), strict=True))
    of_all = choice_oracle(worlds[KNOWN].operator)
    figures: Figures = {f"{KNOWN}.oracle_of_all.{name}": of_all[name] for name in ("accuracy", "ndcg_at_5")}
    losses: dict[str, list[float]] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        learnt = learn_from(worlds[KNOWN].operator, settings, project, folder / "operator", step=step)
        for world_name, world in worlds.items():
            step(f"asking and judging, {world_name}")
            found = _world_figures(world, learnt, folder / world_name)
            figures |= _flat(world_name, found.figures)
            losses |= {f"{world_name}.{policy}": lost for policy, lost in found.losses.items()}
    step("drawing logs anew")
    figures |= _flat("off_policy", _off_policy_figures(worlds[LAUNCH].operator, config, seed))
    return Measured(figures, losses)


@dataclass(frozen=True)
class _Found:
    figures: Mapping[str, object]
    losses: dict[str, list[float]]


def _world_figures(world: World, learnt: Learnt, folder: Path) -> _Found:
    bundle = opened_bundle(learnt, world.operator, folder / "bundles")
    usage = write_usage(world, folder)
    advice = {policy.key: ask(bundle, world, policy, usage) for policy in ADVICE}
    re_rated = {policy.key: advice[policy.key] for policy in RE_RATING}
    money = {key: money_figures(world.moments, answers) for key, answers in advice.items()}
    found: dict[str, object] = {
        "decisions": float(len(world.rows)),
        "choice": choice_figures(
            world,
            choice_scores(bundle, world),
            {f"{HELD_FIRST}{key}": held_first(world, answers) for key, answers in re_rated.items()},
        ),
        "advice": {key: one.figures for key, one in money.items()},
    }
    judged: dict[StudyPolicy, Answers] = {SHIPPED: advice[SHIPPED.key]}
    if bundle.offers is not None:
        judged[OFFER] = ask(bundle, world, OFFER, usage)
        found["offers"] = offer_figures(world, bundle, judged[OFFER], re_rated)
    found["violations"] = {policy.key: _violations(world, bundle, policy, judged[policy]) for policy in judged}
    return _Found(found, {key: one.losses for key, one in money.items()})


def _violations(world: World, bundle: PlanRecBundle, policy: StudyPolicy, answers: Answers) -> Figures:
    """Pairs of subscriber and recommended plan, and those that break a rule; amounts are those of the files."""
    rules, current = policy.rules(bundle.rules), np.maximum(world.moments.current, 0)
    bills = answers.by_plan["expected_bill_cents"]
    broken = violations(
        answers.order,
        rules,
        world.operator.catalogue,
        world.moments.facts,
        policy.mode,
        gain_cents=bills[np.arange(len(bills)), current][:, None] - bills,
        min_gain_cents=rules.min_gain_cents(policy.mode) - _ROUNDED_CENTS,
        monthly_saving_cents=_monthly_savings(world, bundle, current) if policy.mode == "advice" else None,
        churn_change=answers.by_plan.get("churn_change"),
    )
    return {"broken": float(sum(broken.values())), "recommended": float((answers.order >= 0).sum())}


def _monthly_savings(world: World, bundle: PlanRecBundle, current: IntArray) -> IntArray:
    """Return what each plan saves in each month that the bundle's forecast expects; (n, n_months, n_plans), cents."""
    history = history_of(columns_of(world.moments.rows), bundle.config.advice.history_months)
    totals = bill_totals(bundle.forecast.scenarios(history).usage, world.operator.catalogue)
    return np.take_along_axis(totals, current[:, None, None], axis=2) - totals


def _off_policy_figures(operator: Simulation, config: PlanRecConfig, seed: int) -> Figures:
    study = off_policy_study(operator, runs=config.evaluation.study.offer_runs, seed=seed)
    figures: Figures = {"true_value": study.true_value, "offers": float(study.offers)}
    for estimator in study.estimators:
        figures[f"{estimator.estimator}.coverage"] = estimator.coverage
        figures[f"{estimator.estimator}.bias"] = estimator.bias
        figures[f"{estimator.estimator}.effective_sample_size"] = estimator.effective_sample_size
    return figures


def _flat(prefix: str, figures: Mapping[str, object]) -> Figures:
    flat: Figures = {}
    for name, value in figures.items():
        path = f"{prefix}.{name}"
        if isinstance(value, Mapping):
            flat |= _flat(path, value)
        else:
            flat[path] = float(value)  # pyright: ignore[reportArgumentType] - a number where it is not a mapping
    return flat
