"""The live model: everything one bundle answers with, and the probe it must pass before it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import to_json

from app.advice_json import AdviceJson
from app.responses import MEANING, PredictResponse, noted
from app.schemas import RecommendRequest
from common_utils.bundle.signing import INTEGRITY_ONLY, Trust
from common_utils.errors import ArtifactError, DataError
from common_utils.monitoring.profiles.live import served_profile
from common_utils.monitoring.profiles.profile import Profile
from planrec.advice import AnswerPolicy, Engine, recommend_subscriber
from planrec.advice import Request as AdviceRequest
from planrec.advice.engine import OfferModels
from planrec.advice.subscriber import SubscriberAdvice
from planrec.billing import Catalogue
from planrec.bundle import ChoiceModel, NextChoice, PlanRecBundle, SaidSettings
from planrec.columns import CURRENT_PLAN
from planrec.config import PlanRecConfig
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import check_recent
from planrec.months import month_text
from planrec.outlook import UsageForecast
from planrec.quick import RowAdviser, RowChoice
from planrec.rules import Mode, Rules, asked_facts
from planrec.usage.doubts import record_notes

if TYPE_CHECKING:  # the schema of full cards takes a third of a second to build
    from app.cell_answers import CellDoor
    from planrec.advice.plan_bills import PricesPlans
    from planrec.billing.cell_months import OwnMonths

__all__ = ["AskedRecord", "LivePlanRec", "open_live", "probe"]


@dataclass(frozen=True, slots=True)
class AskedRecord:
    """What one request asks about one subscriber, and what the answer weighs."""

    record: SubscriberRecord
    asked: AdviceRequest
    policy: AnswerPolicy
    cells: OwnMonths | None = None


@dataclass(frozen=True)
class LivePlanRec:
    """Everything one bundle answers with; a request sees exactly one of these.

    Attributes
    ----------
    version : str
    choice : ChoiceModel
        Which plan is taken, of those open to a subscriber.
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
    reference : Profile or None
        What it was trained on, in counts; None where the bundle has none.
    snapshot : str
        Digest of the data it was trained on; empty where the bundle names none.
    cells : CellDoor or None
        What reads cells of requests; None where the rate card has no plan that they price.
    pricer : PricesPlans or None
        What prices plans from cells, of the model that answers requests with cells; the catalogue is then its.
    """

    version: str
    choice: ChoiceModel
    catalogue: Catalogue
    config: PlanRecConfig
    info: Mapping[str, Any]
    rules: Rules
    forecast: UsageForecast | None = None
    offers: OfferModels | None = None
    reference: Profile | None = None
    snapshot: str = ""
    cells: CellDoor | None = None
    pricer: PricesPlans | None = None

    @property
    def engine(self) -> Engine:
        """What answers from arrays."""
        return self._engine

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self.catalogue, self.rules, self.forecast, self.offers, self.pricer)

    @cached_property
    def adviser(self) -> RowAdviser:
        """What answers for one subscriber, the quick way where there is one."""
        return RowAdviser(self._engine)

    @cached_property
    def _from_cells(self) -> LivePlanRec | None:
        """The same model, answering on the plans that cells price as well."""
        if self.cells is None:
            return None
        return replace(self, catalogue=self.cells.catalogue, pricer=self.cells.pricing)

    def asking(self, request: RecommendRequest, place: int | None = None) -> LivePlanRec:
        """Return what answers a request: this, or the same where cells are at hand.

        Raises
        ------
        DataError
            If there are cells and no plan of the rate card is priced from them; `place` says which record of a batch.
        """
        if request.cells is None:
            return self
        if self._from_cells is None:
            raise DataError(
                f"{_numbered(place)}cells: no plan of rate card {self.catalogue.version} is priced from them; leave "
                "them out."
            )
        return self._from_cells

    @cached_property
    def next_choice(self) -> NextChoice:
        """What says which plan is expected to be chosen."""
        return NextChoice(self.choice, self.rules)

    @cached_property
    def row_choice(self) -> RowChoice:
        """The same for one subscriber, the quick way."""
        return RowChoice(self.choice, self.rules)

    def quick_prediction(self, record: SubscriberRecord, month: int) -> bytes | None:
        """Return P(take) for one record, as the JSON of a `PredictResponse`; None where only `predict` can tell.

        Raises
        ------
        DataError
            If the plan held is not in the catalogue, or a month stands twice.
        """
        found = self.quick_chances(record, month)
        return None if found is None else self.said(record, *found)

    def quick_chances(self, record: SubscriberRecord, month: int) -> tuple[list[float], int] | None:
        """Return P(take) by catalogue position and the month decided from; None as `quick_prediction`."""
        self._check_plans([record])
        return self.row_choice(record, month)

    def said(self, record: SubscriberRecord, scores: list[float], decides_from: int) -> bytes:
        """Return what `quick_chances` found, as the JSON of a `PredictResponse`."""
        classes = self.catalogue.plan_ids
        return to_json(
            {
                "prediction": classes[scores.index(max(scores))],
                "probabilities": dict(zip(classes, scores, strict=True)),
                "decides_from": month_text(decides_from),
                "meaning": MEANING,
                "model_version": self.version,
                **noted(record, self.catalogue),
            }
        )

    def predict(self, records: Sequence[SubscriberRecord], months: Sequence[int]) -> list[PredictResponse]:
        """Return P(take) for each record, asked about in its month.

        Raises
        ------
        DataError
            If a plan held is not in the catalogue, a month stands twice, or a subscriber may take no plan.
        """
        self._check_plans(records)
        found = self.next_choice.of_records(records, months)
        nobody = np.flatnonzero(~found.p_take.any(axis=1))
        if len(nobody):
            raise DataError(
                f"{_which(int(nobody[0]), records)}no plan of the rate card may be taken in "
                f"{month_text(int(found.decides_from[nobody[0]]))}; send current_plan, or age where a plan asks for it."
            )
        classes = self.catalogue.plan_ids
        return [
            PredictResponse(
                prediction=classes[int(row.argmax())],
                probabilities=dict(zip(classes, row.tolist(), strict=True)),
                decides_from=month_text(month),
                model_version=self.version,
                notes=record_notes(record, self.catalogue),
            )
            for row, month, record in zip(found.p_take, found.decides_from.tolist(), records, strict=True)
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

    def _check_plans(self, records: Sequence[SubscriberRecord]) -> None:
        for place, record in enumerate(records):
            try:
                self.catalogue.check_held(record.current_plan)
            except DataError as error:
                raise DataError(f"{_which(place, records)}{error}") from error

    def _unknown_facts(self, record: SubscriberRecord, mode: Mode) -> list[str]:
        """Return all that the rules ask about and the request does not say."""
        current = self.catalogue.index(record.current_plan)
        asked = self._asked_facts[mode][current]
        return [name for name in asked if getattr(record, name) is None or (current < 0 and name == CURRENT_PLAN)]

    @cached_property
    def _asked_facts(self) -> dict[Mode, list[tuple[str, ...]]]:
        """By mode and plan held, the last one for a plan that is not known."""
        held = (*range(len(self.catalogue.plans)), -1)
        modes: tuple[Mode, ...] = ("advice", "offer")
        return {mode: [asked_facts(self.rules, self.catalogue, mode, plan) for plan in held] for mode in modes}

    @cached_property
    def _usual(self) -> dict[Mode, AnswerPolicy]:
        """What an answer weighs where a request says nothing, by mode."""
        modes: tuple[Mode, ...] = ("advice", "offer")
        forecast = self.forecast is not None
        return {mode: AnswerPolicy.of(self.config, self.rules, mode, forecast=forecast) for mode in modes}

    def question(self, request: RecommendRequest, place: int | None = None) -> AskedRecord:
        """Return what is asked for one subscriber, by the weights of the bundle and those the request gives.

        Raises
        ------
        DataError
            If the usage is not recent, or cells cannot be used; `place` says which record of a batch.
        """
        policy = self._usual[request.mode]
        if request.says_otherwise():
            policy = request.policy(self.config, self.rules, forecast=self.forecast is not None)
        record, asked = request.record(), request.asked(policy)
        if request.as_of is not None:
            self.check_recent(record, asked.month, _numbered(place))
        own, sent = None, request.cells
        if sent is not None and self.cells is not None:
            try:
                own = self.cells.own(sent, record, {m.month for m in request.usage}, policy.history_months)
            except DataError as error:
                raise DataError(f"{_numbered(place)}{error}") from error
        return AskedRecord(record, asked, policy, own)

    def advised(self, question: AskedRecord, place: int | None = None) -> SubscriberAdvice:
        """Return what is advised or offered, whatever it takes.

        Raises
        ------
        DataError
            As `recommend_subscriber`; `place` says which record of a batch.
        """
        try:
            if question.cells is not None:
                return recommend_subscriber(question.record, self.engine, question.asked, question.cells)
            return self.adviser(question.record, question.asked)
        except DataError as error:
            raise DataError(f"{_numbered(place)}{error}") from error

    def recommended(self, question: AskedRecord, advice: SubscriberAdvice) -> bytes:
        """Return ranked plans with reasons, as the JSON of a `RecommendResponse`."""
        policy, record = question.policy, question.record
        unknown = self._unknown_facts(record, "advice" if policy.offer is None else "offer")
        notes = record_notes(record, self.catalogue)
        if question.cells is not None and self.cells is not None:
            notes = (*notes, *self.cells.notes(record, advice))
        return self._written(advice, policy, question.asked.month, unknown, notes)

    @cached_property
    def _written(self) -> AdviceJson:
        """What writes answers of this bundle."""
        return AdviceJson(self.catalogue, self.rules.version, self.version)


def _which(place: int, records: Sequence[SubscriberRecord]) -> str:
    return _numbered(place if len(records) > 1 else None)


def _numbered(place: int | None) -> str:
    """Say which record of a batch is meant; nothing where there is one."""
    return "" if place is None else f"record {place}, counted from 0: "


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
    return LivePlanRec(
        version=bundle.version,
        choice=bundle.choice,
        catalogue=bundle.catalogue,
        config=bundle.config,
        info={**_info(bundle), "rules_version": followed.version},
        rules=followed,
        forecast=bundle.forecast,
        offers=bundle.offers,
        reference=served_profile(bundle.bundle),
        snapshot=bundle.bundle.snapshot,
        cells=_cell_door(bundle) if bundle.catalogue.detailed else None,
    )


def _cell_door(bundle: PlanRecBundle) -> CellDoor | None:
    from app.cell_answers import CellDoor  # a card in the short form does without

    return CellDoor.of(bundle.catalogue_bytes(), bundle.name)


def _info(bundle: PlanRecBundle) -> dict[str, Any]:
    metrics, written = bundle.metrics, bundle.bundle
    return {
        "created": written.manifest["created"],
        "libraries": written.info["libraries"],
        "metrics": metrics["test"],
        "metrics_of": "multiclass baseline",
        "choice_trial": metrics["choice_trial"],
        "trained_on": metrics["source"],
        "synthetic": metrics["synthetic"],
        "catalogue_version": written.info["catalogue_version"],
    }


def probe(live: LivePlanRec) -> None:
    """Ask for one prediction and one advice, in both ways; raises ArtifactError where they differ."""
    month = 2025 * 12
    # A plan held may be kept, whatever the rate card sells in that month.
    record = SubscriberRecord([UsageMonth(month, 100, 10, 1000)], live.catalogue.plan_ids[0])
    answer = live.predict([record], [month])[0]
    alone = live.quick_prediction(record, month)
    if alone is not None and PredictResponse.model_validate_json(alone) != answer:
        raise ArtifactError("probe: one row alone is answered otherwise than in a batch; report it with the bundle.")
    if abs(sum(answer.probabilities.values()) - 1) > 1e-9:
        raise ArtifactError("probe: the probabilities do not add up to 1; train again.")
    asked = AdviceRequest(month, history_months=1, top_k=1, risk_weight=live.config.advice.forecast_risk_weight)
    if live.adviser(record, asked) != recommend_subscriber(record, live.engine, asked):
        raise ArtifactError("probe: one subscriber alone is advised otherwise than in a table; report it.")
