"""The service: `planrec serve`, or `python -m app` from the project's folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml
from fastapi import APIRouter, FastAPI
from pydantic_core import to_json

from app.log import Log, advice_line, choice_batch, choice_line
from app.schemas import (
    MEANING,
    BatchRequest,
    BatchResponse,
    PlansResponse,
    Policy,
    PredictRequest,
    PredictResponse,
    RecommendRequest,
    RecommendResponse,
)
from app.what_if import what_if_routes
from common_utils.bundle import Bundle, open_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.compiled import CompiledScorer
from common_utils.config import resolve_path
from common_utils.decision_log.kinds import check_value
from common_utils.decision_log.recorder import Recorder, open_recorder
from common_utils.errors import ArtifactError, DataError
from common_utils.releases.config import load_trust
from common_utils.scoring import Scorer
from common_utils.serving.app import Settings, create_service
from common_utils.serving.fast_route import FastRoute
from common_utils.serving.follower import PointerFollower
from common_utils.serving.model_slot import ModelSlot
from common_utils.serving.outcomes import outcome_routes
from planrec.advice import Engine, recommend_subscriber
from planrec.advice import Request as AdviceRequest
from planrec.advice.engine import OfferModels
from planrec.advice.subscriber import RankedPlan, SubscriberAdvice
from planrec.billing import Catalogue, parse_catalogue
from planrec.bundle import decision_matrix
from planrec.config import SPEC, PlanRecConfig, load_planrec_config
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import decision_columns
from planrec.months import month_text
from planrec.offers.exploration import Exploration
from planrec.outlook import UsageForecast
from planrec.quick import RowAdviser, RowFeatures
from planrec.rules import Rules, load_rules, parse_rules

__all__ = ["LivePlanRec", "app", "create_app", "open_live"]

PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class LivePlanRec:
    """Everything one bundle answers with; a request sees exactly one of these.

    Attributes
    ----------
    version : str
    scorer : Scorer
        The choice model.
    catalogue : Catalogue
        The rate card of the bundle.
    config : PlanRecConfig
        The settings of the bundle.
    info : mapping
        What `GET /model` tells.
    rules : Rules
        Those of the bundle, or of the file that operations staff edit.
    forecast : UsageForecast or None
    offers : OfferModels or None
        None: the bundle gives advice only.
    score_row : callable, optional
        Scores of one record, the quick way; the scorer's way unless given.
    """

    version: str
    scorer: Scorer
    catalogue: Catalogue
    config: PlanRecConfig
    info: Mapping[str, Any]
    rules: Rules
    forecast: UsageForecast | None = None
    offers: OfferModels | None = None
    score_row: Callable[[SubscriberRecord], list[float]] | None = None

    @property
    def engine(self) -> Engine:
        """What answers from arrays."""
        return self.adviser.engine

    @cached_property
    def adviser(self) -> RowAdviser:
        """What answers for one subscriber, the quick way where there is one."""
        return RowAdviser(Engine(self.catalogue, self.rules, self.forecast, self.offers))

    def predict_one(self, record: SubscriberRecord) -> bytes:
        """Return P(take) for one record, as the JSON of a `PredictResponse`."""
        if self.score_row is None:
            return self.predict([record])[0].model_dump_json().encode()
        self._check_plans([record])
        scores = self.score_row(record)
        classes = self.scorer.classes
        return to_json(
            {
                "prediction": classes[scores.index(max(scores))],
                "probabilities": dict(zip(classes, scores, strict=True)),
                "meaning": MEANING,
                "model_version": self.version,
            }
        )

    def predict(self, records: list[SubscriberRecord]) -> list[PredictResponse]:
        """Return P(take) for each record."""
        self._check_plans(records)
        columns = decision_columns(
            records,
            history_months=self.config.features.history_months,
            extra_columns=self.config.data.chosen().extra_columns,
        )
        classes = self.scorer.classes
        return [
            PredictResponse(
                prediction=classes[int(row.argmax())],
                probabilities=dict(zip(classes, row.tolist(), strict=True)),
                model_version=self.version,
            )
            for row in self.scorer.score(columns)
        ]

    def _check_plans(self, records: list[SubscriberRecord]) -> None:
        for place, record in enumerate(records):
            if record.current_plan is not None and self.catalogue.index(record.current_plan) < 0:
                where = f"record {place}, counted from 0: " if len(records) > 1 else ""
                raise DataError(f"{where}current_plan is not a plan of this catalogue; ask GET /plans for the ids.")

    def policy(self, request: RecommendRequest) -> Policy:
        """Return what an answer weighs."""
        return request.policy(self.config, self.rules, forecast=self.forecast is not None)

    def recommended(self, advice: SubscriberAdvice, policy: Policy, month: int) -> bytes:
        """Return ranked plans with reasons, as the JSON of a `RecommendResponse`."""
        change = advice.earliest_change
        return to_json(
            {
                "advice": [_advised(plan) for plan in advice.plans],
                "stay_reason": advice.stay_reason,
                "earliest_change": None if change is None else f"{month_text(change)}-01",
                "excluded": [{"plan_id": name, "reason_code": code} for name, code in advice.excluded.items()],
                "as_of": month_text(month),
                "months_used": advice.months_used,
                "currency": self.catalogue.currency,
                "policy": policy,
                "rules_version": self.rules.version,
                "catalogue_version": self.catalogue.version,
                "model_version": self.version,
            }
        )


def _advised(plan: RankedPlan) -> dict[str, object]:
    fee, minutes, messages, data = plan.line_items_cents
    return {
        "rank": plan.rank,
        "plan_id": plan.plan.plan_id,
        "name": plan.plan.name,
        "action": "stay" if plan.stay else "switch",
        "expected_bill_cents": plan.expected_bill_cents,
        "spread_cents": plan.spread_cents,
        "saving_cents": plan.saving_cents,
        "p_pay_more": plan.p_pay_more,
        "contract_months": plan.plan.contract_months,
        "line_items": {
            "fee_cents": fee,
            "minutes_cents": minutes,
            "messages_cents": messages,
            "data_cents": data,
        },
        "reason": plan.reason,
        "p_accept": plan.p_accept,
        "offer_value_cents": plan.offer_value_cents,
        "churn_change": plan.churn_change,
    }


def open_live(path: Path, *, rules: Path | None = None, trust: Trust = INTEGRITY_ONLY) -> LivePlanRec:
    """Verify a bundle and open all of it; nothing is parsed before signature and hash are checked.

    Parameters
    ----------
    path : Path
        A bundle, or a root of bundles.
    rules : Path, optional
        Rule file to follow instead of the bundle's.
    trust : Trust
        Whose signatures count.

    Raises
    ------
    ArtifactError
        If the bundle is missing, altered or does not hold together.
    ConfigError
        If the rules cannot be used, or name a plan that is not the bundle's.
    """
    bundle = open_bundle(path, trust=trust)
    name = f"bundle {bundle.version}"
    catalogue = parse_catalogue(bundle.read_bytes("plans.yaml"), name)
    if rules is None:
        followed = parse_rules(bundle.read_bytes("rules.yaml"), name, catalogue)
    else:
        followed = load_rules(rules, catalogue)
    config = PlanRecConfig.model_validate(yaml.safe_load(bundle.read_bytes("config.yaml")))
    matrix = decision_matrix(config, catalogue)
    scorer = CompiledScorer.open(bundle, matrix)
    row_features = RowFeatures(matrix)
    score_row = scorer.by_row(row_features.names, row_features.decided)
    return LivePlanRec(
        version=bundle.version,
        scorer=scorer,
        catalogue=catalogue,
        config=config,
        info={**_info(bundle), "rules_version": followed.version},
        rules=followed,
        forecast=UsageForecast.from_dict(bundle.read_json("forecast.json")),
        offers=OfferModels.from_dict(bundle.read_json("offers.json")) if "offers.json" in bundle.files else None,
        score_row=lambda record: score_row(row_features(record)),
    )


def _info(bundle: Bundle) -> dict[str, Any]:
    metrics = bundle.read_json("metrics.json")
    return {
        "created": bundle.manifest["created"],
        "libraries": bundle.info["libraries"],
        "metrics": metrics["test"],
        "trained_on": metrics["source"],
        "synthetic": metrics["synthetic"],
        "catalogue_version": bundle.info["catalogue_version"],
    }


def _probe(live: LivePlanRec) -> None:
    month = 2025 * 12
    record = SubscriberRecord([UsageMonth(month, 100, 10, 1000)])
    answer = live.predict([record])[0]
    if PredictResponse.model_validate_json(live.predict_one(record)) != answer:
        raise ArtifactError("probe: one row alone is answered otherwise than in a batch; report it with the bundle.")
    if abs(sum(answer.probabilities.values()) - 1) > 1e-9:
        raise ArtifactError("probe: the probabilities do not add up to 1; train again.")
    asked = AdviceRequest(month, history_months=1, top_k=1, risk_weight=live.config.advice.forecast_risk_weight)
    if live.adviser(record, asked) != recommend_subscriber(record, live.engine, asked):
        raise ArtifactError("probe: one subscriber alone is advised otherwise than in a table; report it.")


def _routes(slot: ModelSlot[LivePlanRec], log: Log) -> list[APIRouter]:
    # One record takes less than handing it to a thread; a batch takes milliseconds, which belong in one.
    router = APIRouter(tags=["planrec"], route_class=FastRoute)
    plain = APIRouter(tags=["planrec"])

    @router.post("/predict", summary="Which plan will this subscriber choose?", response_model=PredictResponse)
    async def predict(body: PredictRequest) -> bytes:
        live = slot.get()
        answer = live.predict_one(body.record())
        slot.count(1)
        event = log.event()
        return answer if event is None else await event.answer(answer, choice_line(event, live, body, answer))

    @router.post("/predict/batch", summary="The same for many subscribers", response_model=BatchResponse)
    def predict_batch(body: BatchRequest) -> bytes:
        live = slot.get()
        answers = [one.model_dump_json().encode() for one in live.predict([r.record() for r in body.records])]
        slot.count(len(answers))
        logged = choice_batch(log, live, body.records, answers)
        return b'{"predictions":[%b],"model_version":%b}' % (b",".join(logged), to_json(live.version))

    @router.post(
        "/recommend",
        summary="Which plan should this subscriber be on, or should they stay?",
        response_model=RecommendResponse,
    )
    async def recommend(body: RecommendRequest) -> bytes | Callable[[], bytes]:
        live = slot.get()
        policy = live.policy(body)
        record, asked = body.record(), body.asked(policy)
        event = log.event()
        record, asked = log.consulted(event, body, record, asked)
        advice = live.adviser.quick(record, asked)
        if advice is not None:
            answer = live.recommended(advice, policy, body.month())
            if event is None:
                return answer
            return await event.answer(answer, advice_line(event, live, body, advice, answer))

        def computed() -> bytes:
            advice = recommend_subscriber(record, live.engine, asked)
            answer = live.recommended(advice, policy, body.month())
            return answer if event is None else event.answer_now(answer, advice_line(event, live, body, advice, answer))

        return computed

    @plain.get("/plans", summary="The catalogue that answers are priced on")
    def plans() -> PlansResponse:
        return PlansResponse.of(slot.get().catalogue)

    return [router, plain]


def create_app(
    open_model: Callable[[], LivePlanRec] | None = None, open_log: Callable[[], Recorder | None] | None = None
) -> FastAPI:
    """Return the service; nothing is opened before it starts.

    Parameters
    ----------
    open_model : callable, optional
        Opens what the service answers with; by default the bundle that PLANREC_BUNDLE names, or the current one of
        the configured artifacts folder, whose pointer is then followed; and the rules of the setting `serving.rules`,
        or else the bundle's.
    open_log : callable, optional
        Opens the decision log; by default the configured one, and none where `open_model` is given.

    Examples
    --------
    >>> sorted(path for path in create_app().openapi()["paths"] if path.startswith("/p"))
    ['/plans', '/predict', '/predict/batch']
    """
    slot: ModelSlot[LivePlanRec] = ModelSlot()
    log = Log()
    return create_service(
        title="PlanRec",
        version="0.1.0",
        description="Which mobile plan should this subscriber be on, what would they pay, and should they stay?",
        slot=slot,
        loader=open_model or _open_configured,
        probe=_probe,
        model_info=lambda live: live.info,
        routes=[*_routes(slot, log), what_if_routes(slot.get), outcome_routes(log, check_value)],
        follow=partial(_follower, slot) if open_model is None else lambda: None,
        settings=None if open_model is not None else _settings,
        logbook=log,
        open_log=open_log or (partial(_open_log, log) if open_model is None else lambda: None),
    )


def _open_log(log: Log) -> Recorder | None:
    config = load_planrec_config(PROJECT)
    log.exploration = Exploration(config.offer.exploration.share, config.offer.exploration.floor)
    return open_recorder(config.decisions, SPEC.name, PROJECT)


def _settings() -> Settings:
    return Settings.of(load_planrec_config(PROJECT).serving, PROJECT)


def _configured() -> tuple[PlanRecConfig, Path, Callable[[Path], LivePlanRec]]:
    config = load_planrec_config(PROJECT)
    named = os.environ.get("PLANREC_BUNDLE")
    path = Path(named) if named else resolve_path(PROJECT, config.training.artifacts)
    rules = config.serving.rules
    opener = partial(
        open_live,
        rules=None if rules is None else resolve_path(PROJECT, rules),
        trust=load_trust(config.releases, PROJECT),
    )
    return config, path, opener


def _open_configured() -> LivePlanRec:
    _, path, opener = _configured()
    return opener(path)


def _follower(slot: ModelSlot[LivePlanRec]) -> PointerFollower[LivePlanRec] | None:
    config, path, opener = _configured()
    seconds = config.releases.follow_seconds
    if not seconds:
        return None
    return PointerFollower(slot, path, opener, _probe, interval_seconds=seconds)


app = create_app()
