"""`POST /what-if`: more usage, a month of travel, a plan that does not exist yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Protocol, Self

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from app.examples import COMPARISON
from app.log import Log, what_if_line
from app.responses import Notes, Policy
from app.schemas import PredictRequest
from common_utils.errors import ConfigError, DataError
from common_utils.serving.decisions.events import LoggedAnswer
from common_utils.serving.explain import FORM
from common_utils.serving.fast_route import FastRoute
from planrec.advice import AnswerPolicy, Engine, Overrides, Question, Subscribers, what_if
from planrec.advice.what_if import MAX_FACTOR, ROAMING, UsageChange, WhatIf
from planrec.billing import Plan, whole_cent
from planrec.billing.catalogue import Eligibility, Included, Overage
from planrec.config import PlanRecConfig
from planrec.decisions.record import check_recent, record_facts, record_history
from planrec.months import month_text
from planrec.rules import ExclusionCode, without_detail
from planrec.usage.doubts import record_notes

__all__ = [
    "DraftPlanRequest",
    "WhatIfModel",
    "WhatIfRequest",
    "WhatIfResponse",
    "answer_what_if",
    "what_if_routes",
]

_ID_FORM = "letters, digits, _ . and -, beginning with a letter or digit"
_Factor = Annotated[float, Field(ge=0, le=MAX_FACTOR)]
_EXAMPLE: list[JsonValue] = [
    {
        "usage": [
            {"month": "2025-09", "minutes": 287, "messages": 14, "megabytes": 11020},
            {"month": "2025-10", "minutes": 355, "messages": 31, "megabytes": 8790.25},
        ],
        "current_plan": "smart-12",
        "contract_months_left": 0,
        "change": {"minutes": 1.2, "messages": 1.2, "megabytes": 1.2},
        "travel": {},
    }
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ChangeRequest(_Request):
    """Factors on every month; 1.2 is a fifth more."""

    minutes: _Factor = 1.0
    messages: _Factor = 1.0
    megabytes: _Factor = 1.0

    def change(self) -> UsageChange:
        """Return the factors as the core takes them."""
        return UsageChange(self.minutes, self.messages, self.megabytes)


class TravelRequest(ChangeRequest):
    """Factors on one month in twelve, on top of `change`. Usage abroad is charged as at home."""

    megabytes: _Factor = ROAMING.factor_megabytes


class DraftPlanRequest(_Request):
    """A plan that does not exist yet, within the limits of a rate card; it counts as on sale."""

    plan_id: Annotated[
        str, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", json_schema_extra={FORM: _ID_FORM})
    ]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    monthly_fee_cents: Annotated[int, Field(ge=0, le=10_000_000)]
    included: Included
    overage: Overage
    contract_months: int = Field(default=0, ge=0, le=60)
    perks: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = Field(
        default=(), max_length=20, strict=False
    )
    eligibility: Eligibility = Eligibility()

    def plan(self) -> Plan:
        """Return the plan as a rate card holds it."""
        return Plan(**{name: getattr(self, name) for name in type(self).model_fields})


class WhatIfRequest(PredictRequest):
    """A subscriber and the changes to try; all changes apply at once. Weights left out come from the bundle."""

    model_config = ConfigDict(json_schema_extra={"examples": _EXAMPLE})

    change: ChangeRequest | None = Field(default=None, description="more or less usage in every month")
    travel: TravelRequest | None = Field(default=None, description="one month of travel a year; {} is a usual one")
    plan: DraftPlanRequest | None = Field(default=None, description="a plan that does not exist yet")
    min_gain_cents: int | None = Field(
        default=None, ge=0, le=1_000_000, description="if the gain in cents a month is smaller, the answer is stay"
    )
    risk_weight: float | None = Field(default=None, ge=0, le=10, description="standard deviations added to the mean")
    history_months: int | None = Field(default=None, ge=1, le=24, description="months looked back over")

    @model_validator(mode="after")
    def _something_is_asked(self) -> Self:
        if self.change is None and self.travel is None and self.plan is None:
            raise PydanticCustomError("nothing_asked", "nothing is asked; give change, travel or plan")
        return self

    def question(self) -> Question:
        """Return what is asked as the core takes it."""
        return Question(
            UsageChange() if self.change is None else self.change.change(),
            None if self.travel is None else self.travel.change(),
            None if self.plan is None else self.plan.plan(),
        )


class WhatIfPlan(BaseModel):
    """One plan, before and after the changes; cents a month, and a year is twelve months."""

    plan_id: str
    name: str
    draft: bool = Field(description="whether this is the plan that does not exist yet")
    expected_bill_cents: int | None = Field(description="with today's usage and plans; empty for the draft plan")
    expected_bill_then_cents: int = Field(
        description="after the changes; with travel, the mean over a year with one such month"
    )
    spread_then_cents: int = Field(description="standard deviation of the bills after the changes")
    travel_bill_cents: int | None = Field(description="bill of the month of travel; empty without travel")
    year_bill_cents: int | None = Field(description="twelve times `expected_bill_cents`")
    year_bill_then_cents: int = Field(description="twelve times `expected_bill_then_cents`")
    reason_code: str | None = Field(description="why the plan is not offered after the changes; empty if it is offered")


class WhatIfResponse(LoggedAnswer):
    """Both answers with everything needed to reproduce them."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMPARISON]})

    plans: list[WhatIfPlan] = Field(description="in the order of the catalogue, a draft last")
    best_now: str | None = Field(description="plan on rank 1 without the changes; empty if no plan is offered")
    best_then: str | None
    advice_changes: bool
    excluded: dict[str, str] = Field(
        default={}, description="plan -> code of why the changes do not move it; GET /plans says what it needs"
    )
    as_of: str
    months_used: int
    currency: str
    policy: Policy
    rules_version: str
    catalogue_version: str
    model_version: str
    notes: Notes = ()

    def decided(self) -> bytes:
        """Return what a log keeps, as JSON: plan ids, cents and codes; no names, and nothing that tells usage."""
        return self.__pydantic_serializer__.to_json(self, include=_DECIDED)


_DECIDED: Any = {
    "best_now": True,
    "best_then": True,
    "advice_changes": True,
    "plans": {"__all__": set(WhatIfPlan.model_fields) - {"name"}},
}


class WhatIfModel(Protocol):
    """What is needed of a live model."""

    @property
    def version(self) -> str:
        """Version of the bundle."""
        ...

    @property
    def config(self) -> PlanRecConfig:
        """Settings of the bundle."""
        ...

    @property
    def engine(self) -> Engine:
        """What answers."""
        ...

    @property
    def snapshot(self) -> str:
        """Digest of the data it was trained on; empty where the bundle names none."""
        ...


def answer_what_if(live: WhatIfModel, request: WhatIfRequest) -> WhatIfResponse:
    """Return what the plans cost as things are and as asked.

    Raises
    ------
    DataError
        If the plan held is unknown, or the draft does not fit the rate card.
    """
    engine = live.engine
    record = request.record()
    current = engine.catalogue.index(record.current_plan)
    engine.catalogue.check_held(record.current_plan)
    rules = engine.rules.asking("advice", request.min_gain_cents)
    overrides = Overrides(request.history_months, request.risk_weight, request.min_gain_cents)
    forecast = engine.forecast is not None
    policy = AnswerPolicy.of(live.config, rules, "advice", forecast=forecast, overrides=overrides)
    month = request.month()
    check_recent(record, month, live.config.features.recent_months)
    history = record_history(record, history_months=policy.history_months)
    people = Subscribers.of(history, record_facts(record, month=month, current=current))
    try:
        found = what_if(
            engine,
            people,
            request.question(),
            risk_weight=policy.risk_weight,
            min_gain_cents=policy.min_gain_cents,
        )
    except ConfigError as error:  # the one setting a request brings is the draft
        raise DataError(str(error)) from error
    return WhatIfResponse(
        plans=_plans(found),
        best_now=_name(found, int(found.now.best[0])),
        best_then=_name(found, int(found.then.best[0])),
        advice_changes=bool(found.changes[0]),
        excluded=without_detail(found.catalogue),
        as_of=month_text(month),
        months_used=int(history.known.sum()),
        currency=engine.catalogue.currency,
        policy=Policy.of(policy),
        rules_version=rules.version,
        catalogue_version=engine.catalogue.version,
        model_version=live.version,
        notes=record_notes(record, engine.catalogue),
    )


def _plans(found: WhatIf) -> list[WhatIfPlan]:
    plans: list[WhatIfPlan] = []
    for place, plan in enumerate(found.catalogue.plans):
        draft, code = bool(np.isnan(found.now.mean_cents[0, place])), int(found.then.excluded[0, place])
        plans.append(
            WhatIfPlan(
                plan_id=plan.plan_id,
                name=plan.name,
                draft=draft,
                expected_bill_cents=None if draft else int(found.now.bill_cents[0, place]),
                expected_bill_then_cents=int(found.then.bill_cents[0, place]),
                spread_then_cents=whole_cent(float(found.then.spread_cents[0, place])),
                travel_bill_cents=None
                if found.travel_cents is None
                else whole_cent(float(found.travel_cents[0, place])),
                year_bill_cents=None if draft else int(found.now.year_cents[0, place]),
                year_bill_then_cents=int(found.then.year_cents[0, place]),
                reason_code=ExclusionCode(code).name if code else None,
            )
        )
    return plans


def _name(found: WhatIf, place: int) -> str | None:
    return None if place < 0 else found.catalogue.plan_ids[place]


def what_if_routes(live: Callable[[], WhatIfModel], log: Log) -> APIRouter:
    """Return the route; `live` returns what answers, or raises while nothing does: `ModelSlot.get`."""
    router = APIRouter(tags=["planrec"], route_class=FastRoute)

    @router.post(
        "/what-if",
        summary="What if usage changes, a month is spent travelling, or there is a new plan?",
        response_model=WhatIfResponse,
    )
    def ask(body: WhatIfRequest) -> bytes:
        """Compare all plans as things are with all plans as asked, and say whether the advice changes."""
        model = live()
        compared = answer_what_if(model, body)
        answer, event = compared.__pydantic_serializer__.to_json(compared), log.event()
        return answer if event is None else event.answer_now(answer, what_if_line(event, model, body, compared))

    return router
