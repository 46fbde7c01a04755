"""The commands that answer a file with a file. They load neither training nor figures, and so begin at once."""

from __future__ import annotations

from pathlib import Path

import yaml

from common_utils.command_line.terminal import note
from common_utils.config import resolve_path
from common_utils.decision_log.batch import LogOf, logged_run
from common_utils.decision_log.recorder import Recorder, open_recorder
from planrec.advice import Engine
from planrec.batch.answers import Recommender
from planrec.batch.files import write_bills, write_predictions, write_recommendations
from planrec.batch.log import prediction_entries, ranked_entries
from planrec.batch.rankers import advice_ranker, offer_ranker
from planrec.billing import load_catalogue, parse_catalogue
from planrec.config import SPEC, AdviceConfig, PlanRecConfig
from planrec.months import month_index
from planrec.rules import built_in_rules, load_rules

__all__ = ["run_bill", "run_offer", "run_predict", "run_recommend"]


def run_bill(usage: Path, plans: Path, output: Path) -> None:
    """Rate usage months on every plan of a rate card."""
    catalogue = load_catalogue(plans)
    written = write_bills(usage, catalogue, output)
    note(written.report.summary())
    note(f"{written.months:,} usage months x {len(catalogue.plans)} plans written to {output}")


def run_recommend(
    usage: Path,
    plans: Path,
    as_of: str,
    output: Path,
    *,
    advice: AdviceConfig,
    rules: Path | None,
    min_gain_cents: int | None,
    top: int,
    excluded_output: Path | None,
    explain: bool = False,
    recorder: Recorder | None = None,
) -> None:
    """Rank the plans of each subscriber; the rules are those of the file, the built-in ones where there is none."""
    month = month_index(as_of)
    catalogue = load_catalogue(plans)
    followed = built_in_rules() if rules is None else load_rules(rules, catalogue)
    engine = Engine(catalogue, followed.asking("advice", min_gain_cents))
    ranker = advice_ranker(engine, risk_weight=advice.risk_weight)
    recommender = Recommender(catalogue, ranker, month, advice.history_months, top, explain)
    about = LogOf("recommend", "advice", "", as_of, engine.rules.version, catalogue.version)
    with logged_run(recorder, output, about) as run:
        keep = run.keep_with(ranked_entries)
        written = write_recommendations(usage, recommender, output, excluded_output=excluded_output, keep=keep)
    note(written.report.summary())
    for text in written.remarks:
        note(text)
    note(f"{written.rows:,} rows written to {output}, by rules {engine.rules.version}")


def run_offer(
    config: PlanRecConfig,
    project: Path,
    usage: Path,
    as_of: str,
    output: Path,
    *,
    bundle_path: Path | None,
    rules: Path | None,
    min_gain_cents: int | None,
    top: int,
    excluded_output: Path | None,
    explain: bool,
) -> None:
    """Choose the offer of each subscriber by what a bundle learnt, by the rules of the file, else the bundle's."""
    from common_utils.bundle import open_bundle
    from common_utils.errors import ConfigError
    from common_utils.releases.config import load_trust
    from planrec.advice.engine import OfferModels
    from planrec.offers import OfferWeights
    from planrec.outlook import UsageForecast
    from planrec.rules import parse_rules

    month = month_index(as_of)
    trust = load_trust(config.releases, project)
    bundle = open_bundle(bundle_path or resolve_path(project, config.training.artifacts), trust=trust)
    name = f"bundle {bundle.version}"
    if "offers.json" not in bundle.files:
        raise ConfigError(
            f"{name} was trained without a log of offers; train on a source that has one, or ask for advice."
        )
    catalogue = parse_catalogue(bundle.read_bytes("plans.yaml"), name)
    followed = (
        parse_rules(bundle.read_bytes("rules.yaml"), name, catalogue) if rules is None else load_rules(rules, catalogue)
    )
    engine = Engine(
        catalogue,
        followed.asking("offer", min_gain_cents),
        UsageForecast.from_dict(bundle.read_json("forecast.json")),
        OfferModels.from_dict(bundle.read_json("offers.json")),
    )
    weights = OfferWeights(
        risk=config.advice.forecast_risk_weight,
        margin=config.offer.margin_weight,
        churn_cents=config.offer.churn_weight_cents,
        perk_cost_cents=config.offer.perk_cost_cents,
    )
    ranker = offer_ranker(engine, weights=weights)
    recommender = Recommender(catalogue, ranker, month, config.features.history_months, top, explain)
    about = LogOf("recommend", "offer", bundle.version, as_of, engine.rules.version, catalogue.version)
    with logged_run(open_recorder(config.decisions, SPEC.name, project), output, about) as run:
        keep = run.keep_with(ranked_entries)
        written = write_recommendations(usage, recommender, output, excluded_output=excluded_output, keep=keep)
    note(written.report.summary())
    for text in written.remarks:
        note(text)
    note(f"{written.rows:,} rows written to {output}, by {name} and rules {engine.rules.version}")
    note(
        f"weights: risk {weights.risk:g}, margin {weights.margin:g}, churn {weights.churn_cents:g} cents, "
        f"perk {weights.perk_cost_cents} cents"
    )


def run_predict(
    config: PlanRecConfig, project: Path, usage: Path, as_of: str, output: Path, bundle_path: Path | None
) -> None:
    """Write the plan each subscriber is expected to choose."""
    from common_utils.bundle import open_bundle
    from common_utils.releases.config import load_trust
    from common_utils.scoring.joblib_scorer import JoblibScorer

    month = month_index(as_of)
    trust = load_trust(config.releases, project)
    bundle = open_bundle(bundle_path or resolve_path(project, config.training.artifacts), trust=trust)
    trained = PlanRecConfig.model_validate(yaml.safe_load(bundle.read_bytes("config.yaml")))
    catalogue = parse_catalogue(bundle.read_bytes("plans.yaml"), f"bundle {bundle.version}")
    scorer = JoblibScorer.open(bundle)
    about = LogOf("predict", "choice", bundle.version, as_of, card=catalogue.version)
    with logged_run(open_recorder(config.decisions, SPEC.name, project), output, about) as run:
        keep = run.keep_with(prediction_entries)
        written = write_predictions(usage, scorer, trained, output, catalogue=catalogue, as_of=month, keep=keep)
    note(written.report.summary())
    note(f"{written.rows:,} subscribers written to {output}")
