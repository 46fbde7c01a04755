"""Every promise of PlanRec measured on simulated operators whose truth is known, under both choice processes.

The seeds are set apart in the settings: no model was built by looking at them. Each figure stands beside its baselines
and oracles; comparisons are paired by operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from common_utils.array_types import FloatArray, IntArray
from planrec.advice.ranking import rank_plans, switch_gain
from planrec.billing import Catalogue
from planrec.campaigns.moments import offer_rows
from planrec.campaigns.uplift import fit_acceptance
from planrec.choice.selection import Selection, select_choice_model
from planrec.columns import AGE, CONTRACT_LEFT, CURRENT_PLAN, HOLDOUT, MONTH, SUBSCRIBER
from planrec.config import PlanRecConfig
from planrec.decisions import alternative_features, columns_of, decision_table, plan_indices
from planrec.decisions.rows import usage_ahead
from planrec.months import month_index, month_indices
from planrec.offers import AcceptanceModel, OfferWeights, offer_values
from planrec.outlook import Outlook, UsageForecast, fit_usage_forecast, history_of
from planrec.preparation import Step
from planrec.rules import Facts, Mode, Rules, apply_rules
from planrec.rules.audit import violations
from planrec.simulator.campaign import in_holdout
from planrec.simulator.simulation import Simulation
from planrec.study.campaign import campaign_study
from planrec.study.figures import (
    ANY_PLAN,
    MULTICLASS,
    Figures,
    choice_figures,
    forecast_outlook,
    harm_figures,
    offer_figures,
    regret_figures,
)
from planrec.study.off_policy import off_policy_study
from planrec.study.truth import choice_oracle
from planrec.study.worlds import HORIZON, World, training_side, two_worlds
from planrec.training import build_pipeline, fit

__all__ = ["PROCESSES", "StudyModels", "fit_study_models", "measure_operator"]


PROCESSES = ("logit", "satisficing")
_WORLDS = ("known", "launch")
_CONSENT = 0.8  # share of subscribers who may be addressed; only for counting rule violations


@dataclass(frozen=True)
class StudyModels:
    """What is fitted on an operator's training side."""

    multiclass: Pipeline
    selection: Selection
    forecast: UsageForecast
    acceptance: AcceptanceModel


def measure_operator(
    config: PlanRecConfig, catalogue: Catalogue, rules: Rules, *, process: str, seed: int, step: Step
) -> Figures:
    """Return every figure of one simulated operator.

    Parameters
    ----------
    config : PlanRecConfig
    catalogue : Catalogue
    rules : Rules
        Followed where violations are counted.
    process : {"logit", "satisficing"}
        How its subscribers choose.
    seed : int
    step : callable
        Told in a few words what begins.

    Returns
    -------
    dict of str to float
        Names are paths, for example "known.choice.oracle.ndcg_at_5"; money in cents a month, NaN where a figure does
        not exist.
    """
    settings = config.model_copy(
        update={
            "simulator": config.simulator.model_copy(update={"choice_process": process}),
            "training": config.training.model_copy(update={"seed": seed}),
        }
    )
    step("simulating")
    worlds = two_worlds(settings, catalogue, seed=seed)
    models = fit_study_models(settings, worlds[0].operator, seed=seed, step=step)
    of_all = choice_oracle(worlds[0].operator)
    figures: Figures = {f"known.oracle_of_all.{name}": of_all[name] for name in ("accuracy", "ndcg_at_5")}
    figures |= {"challenger": float(models.selection.chosen != "conditional logit")}
    for name, world in zip(_WORLDS, worlds, strict=True):
        step(f"judging the world {'without' if name == 'known' else 'with'} a launch")
        figures |= _flat(name, _world_figures(settings, world, models, rules))
    step("judging campaigns")
    figures |= _flat("campaign", _campaign_figures(worlds[1].operator, seed))
    step("drawing logs anew")
    return figures | _flat("off_policy", _off_policy_figures(worlds[1].operator, config, seed))


def fit_study_models(config: PlanRecConfig, operator: Simulation, *, seed: int, step: Step) -> StudyModels:
    """Fit every model on an operator's training side: seen subscribers, months before the first test month.

    Parameters
    ----------
    config : PlanRecConfig
    operator : Simulation
    seed : int
        Of who is seen.
    step : callable
    """
    catalogue = operator.catalogue
    months = training_side(config, operator, seed=seed)
    rows = decision_table(months, history_months=config.features.history_months)
    step("fitting the multiclass model")
    multiclass = fit(build_pipeline(config, catalogue), rows)
    selection = select_choice_model(config, catalogue, rows, step)
    step("fitting forecast and acceptance")
    forecast = fit_usage_forecast(*usage_ahead(months, history_months=config.features.history_months, horizon=HORIZON))
    offers = offer_rows(operator, choice_months=config.features.history_months)
    seen = np.isin(offers.subscribers, months[SUBSCRIBER].unique())
    earlier = offers.month < month_index(config.evaluation.study.first_test_month)
    return StudyModels(multiclass, selection, forecast, fit_acceptance(offers.at(seen & earlier)))


def _world_figures(config: PlanRecConfig, world: World, models: StudyModels, rules: Rules) -> dict[str, object]:
    months = config.features.history_months
    weight = config.advice.forecast_risk_weight
    history = history_of(columns_of(world.rows), months)
    outlook = forecast_outlook(history, world, models.forecast)
    of_moments = history_of(columns_of(world.moments.rows), months)
    return {
        "decisions": float(len(world.rows)),
        "moments": float(len(world.moments.rows)),
        "choice": choice_figures(
            world,
            {
                MULTICLASS: _multiclass_chances(models.multiclass, world),
                ANY_PLAN: models.selection.model.with_catalogue(world.operator.catalogue).predict_proba(world.rows),
            },
        ),
        "regret": regret_figures(world, history, outlook, risk_weight=weight),
        "harm": harm_figures(
            world, outlook, risk_weight=weight, min_gain_cents=config.evaluation.study.safe_gain_cents
        ),
        "offers": offer_figures(
            world,
            of_moments,
            forecast_outlook(of_moments, world, models.forecast),
            models.acceptance,
            weights=OfferWeights(risk=weight),
        ),
        "violations": _violation_counts(config, world, models, rules),
    }


def _multiclass_chances(pipeline: Pipeline, world: World) -> FloatArray:
    chances = np.zeros(world.situation.available.shape)
    chances[:, plan_indices(pipeline.classes_, world.operator.catalogue)] = pipeline.predict_proba(world.rows)
    return chances


def _violation_counts(config: PlanRecConfig, world: World, models: StudyModels, rules: Rules) -> Figures:
    """Pairs of subscriber and recommended plan that break a rule, everybody asked in both modes."""
    rows, catalogue = world.everybody, world.operator.catalogue
    current = plan_indices(rows[CURRENT_PLAN], catalogue)
    month = month_indices(rows[MONTH])
    people = world.operator.subscribers.set_index(SUBSCRIBER)[HOLDOUT].reindex(rows[SUBSCRIBER])
    facts = Facts.of(
        month,
        current,
        change_month=month,
        age=rows[AGE].to_numpy(dtype=np.float64),
        contract_months_left=rows[CONTRACT_LEFT].to_numpy(dtype=np.float64),
        consent=in_holdout(rows[SUBSCRIBER], share=_CONSENT, seed=1),
        contacts_90d=month % 4,  # 0 to 3, so that the cap has something to keep back
        holdout=people.to_numpy(dtype=np.bool_),
    )
    history = history_of(columns_of(rows), config.features.history_months)
    outlook = forecast_outlook(history, world, models.forecast)
    alternatives = alternative_features(history, catalogue, current)
    p_accept = models.acceptance.chances(alternatives, current, np.zeros(len(current)))
    gains = _gains(outlook, current, catalogue, p_accept, risk_weight=config.advice.forecast_risk_weight)
    counts: Figures = {"recommendations": 0.0}
    for mode, gain in gains.items():
        verdict = apply_rules(rules, catalogue, facts, mode)
        order, _ = rank_plans(-gain, verdict.codes, current, rules.min_gain_cents(mode), gain_cents=gain)
        broken = violations(order, rules, catalogue, facts, mode, gain_cents=gain)
        counts[mode] = float(sum(broken.values()))
        counts["recommendations"] += float((order >= 0).sum())
    return counts


def _gains(
    outlook: Outlook, current: IntArray, catalogue: Catalogue, p_accept: FloatArray, *, risk_weight: float
) -> Mapping[Mode, FloatArray]:
    """Return what each plan gains over the one held, as advice and as offers reckon it; in cents."""
    mean, spread = outlook.mean_cents, outlook.spread_cents
    offer = offer_values(
        mean,
        spread,
        current,
        catalogue,
        p_accept=p_accept,
        churn_change=np.zeros_like(mean),
        weights=OfferWeights(risk=risk_weight),
    )
    return {
        "advice": switch_gain(outlook.adjusted(risk_weight), mean, current),
        "offer": np.nan_to_num(offer.value_cents),
    }


def _campaign_figures(operator: Simulation, seed: int) -> Figures:
    study = campaign_study(operator, seed=seed)
    return {
        "no_contact": study.no_contact,
        "untargeted": study.untargeted,
        "targeted": study.targeted,
        "oracle": study.oracle,
        "contacted_share": study.contacted_share,
        "correlation": study.correlation,
        "qini": study.qini,
    }


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
