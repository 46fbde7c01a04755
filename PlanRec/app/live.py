"""The live model: everything one bundle answers with, and the probe it must pass before it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from app.responses import MEANING, Policy, PredictResponse
from app.schemas import RecommendRequest
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ArtifactError, DataError
from common_utils.scoring import Scorer
from planrec.advice import AnswerPolicy, Engine, recommend_subscriber
from planrec.advice import Request as AdviceRequest
from planrec.advice.engine import OfferModels
from planrec.advice.subscriber import RankedPlan, SubscriberAdvice
from planrec.billing import Catalogue
from planrec.bundle import PlanRecBundle, SaidSettings
from planrec.config import PlanRecConfig
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import check_recent, decision_columns
from planrec.months import month_text
from planrec.outlook import UsageForecast
from planrec.quick import RowAdviser, RowFeatures
from planrec.rules import Mode, Rules, asked_facts

__all__ = ["LivePlanRec", "open_live", "probe"]


@dataclass(frozen=True)
class LivePlanRec:
    """Everything one bundle answers with; a request sees exactly one of these.

    Attributes
    ----------
    version : str
    scorer : Scorer
        The multiclass model.
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

    def check_recent(self, record: SubscriberRecord, month: int, where: str = "") -> None:
        """Refuse usage that is not recent, by the rule of the bundle.

        Raises
        ------
        DataError
            If it is not; `where` says which record of a batch.
        """
        try:
            check_recent(record, month, self.config.features.recent_months)
        except DataError as error:
            raise DataError(f"{where}{error}") from error

    def _check_plans(self, records: list[SubscriberRecord]) -> None:
        for place, record in enumerate(records):
            if record.current_plan is not None and self.catalogue.index(record.current_plan) < 0:
                where = f"record {place}, counted from 0: " if len(records) > 1 else ""
                raise DataError(f"{where}current_plan is not a plan of this catalogue; ask GET /plans for the ids.")

    def _unknown_facts(self, record: SubscriberRecord, mode: Mode) -> list[str]:
        """Return all that the rules ask about and the request does not say."""
        asked = self._asked_facts[mode][self.catalogue.index(record.current_plan)]
        return [name for name in asked if getattr(record, name) is None]

    @cached_property
    def _asked_facts(self) -> dict[Mode, list[tuple[str, ...]]]:
        """By mode and plan held, the last one for a plan that is not known."""
        held = (*range(len(self.catalogue.plans)), -1)
        modes: tuple[Mode, ...] = ("advice", "offer")
        return {mode: [asked_facts(self.rules, self.catalogue, mode, plan) for plan in held] for mode in modes}

    def policy(self, request: RecommendRequest) -> AnswerPolicy:
        """Return what an answer weighs."""
        return request.policy(self.config, self.rules, forecast=self.forecast is not None)

    def recommended(
        self, advice: SubscriberAdvice, policy: AnswerPolicy, month: int, record: SubscriberRecord
    ) -> bytes:
        """Return ranked plans with reasons, as the JSON of a `RecommendResponse`."""
        change = advice.earliest_change
        return to_json(
            {
                "advice": [_advised(plan, stay=advice.stay) for plan in advice.plans],
                "stay_reason": advice.stay_reason,
                "earliest_change": None if change is None else f"{month_text(change)}-01",
                "excluded": [{"plan_id": name, "reason_code": code} for name, code in advice.excluded.items()],
                "unknown_facts": self._unknown_facts(record, "advice" if policy.offer is None else "offer"),
                "as_of": month_text(month),
                "months_used": advice.months_used,
                "currency": self.catalogue.currency,
                "policy": Policy.of(policy),
                "rules_version": self.rules.version,
                "catalogue_version": self.catalogue.version,
                "model_version": self.version,
            }
        )


def _advised(plan: RankedPlan, *, stay: bool) -> dict[str, object]:
    fee, minutes, messages, data = plan.line_items_cents
    return {
        "rank": plan.rank,
        "plan_id": plan.plan.plan_id,
        "name": plan.plan.name,
        "is_current": plan.is_current,
        "advice": "stay" if stay else "switch",
        "action": "stay" if stay else "switch",
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


def open_live(
    path: Path, *, rules: Path | None = None, trust: Trust = INTEGRITY_ONLY, said: SaidSettings | None = None
) -> LivePlanRec:
    """Verify a bundle and open all of it; nothing is parsed before signature and hash are checked.

    Parameters
    ----------
    path : Path
        A bundle, or a root of bundles.
    rules : Path, optional
        Rule file to follow instead of the bundle's.
    trust : Trust
        Whose signatures count.
    said : SaidSettings, optional
        What the environment says beside the bundle.

    Raises
    ------
    ArtifactError
        If the bundle is missing, altered or does not hold together.
    ConfigError
        If the rules cannot be used, or name a plan that is not the bundle's; or if something said differs from what
        the bundle was trained with.
    """
    bundle = PlanRecBundle.open(path, trust=trust, said=said)
    followed = bundle.followed(rules)
    row_features = RowFeatures(bundle.matrix)
    score_row = bundle.scorer.by_row(row_features.names, row_features.decided)
    return LivePlanRec(
        version=bundle.version,
        scorer=bundle.scorer,
        catalogue=bundle.catalogue,
        config=bundle.config,
        info={**_info(bundle), "rules_version": followed.version},
        rules=followed,
        forecast=bundle.forecast,
        offers=bundle.offers,
        score_row=lambda record: score_row(row_features(record)),
    )


def _info(bundle: PlanRecBundle) -> dict[str, Any]:
    metrics, written = bundle.metrics, bundle.bundle
    return {
        "created": written.manifest["created"],
        "libraries": written.info["libraries"],
        "metrics": metrics["test"],
        "trained_on": metrics["source"],
        "synthetic": metrics["synthetic"],
        "catalogue_version": written.info["catalogue_version"],
    }


def probe(live: LivePlanRec) -> None:
    """Ask for one prediction and one advice, in both ways; raises ArtifactError where they differ."""
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
