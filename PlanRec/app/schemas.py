"""Requests. Every field is typed and bounded, unknown fields are refused, names carry the units."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.cell_requests import MOST_BATCH_CELL_ROWS, MOST_CELL_RECORDS, CellsRequest
from app.examples import WITH_CELLS
from common_utils.serving.config import MOST_BATCH_ROWS, MOST_K
from common_utils.serving.decisions.events import SUBJECT, Subject
from common_utils.serving.explain import FORM
from planrec.advice import AnswerPolicy, Overrides
from planrec.advice import Request as AdviceRequest
from planrec.columns import (
    AGE,
    CONTACTS_90D,
    CONTRACT_LEFT,
    MEGABYTES,
    MESSAGES,
    MINUTES,
    MOST,
    MOST_USED,
    TENURE,
)
from planrec.config import PlanRecConfig
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.months import USAGE_MONTH_PATTERN, month_index
from planrec.outlook import Questionnaire
from planrec.outlook.questionnaire import Calls, DataHabit, Messages
from planrec.rules import Rules

__all__ = [
    "BatchRequest",
    "PredictRequest",
    "QuestionnaireRequest",
    "RecommendBatchRequest",
    "RecommendRequest",
]


# What cannot be in its unit is refused, as it is in a table (`planrec.usage.amounts`).
_Minutes = Annotated[float, Field(ge=0, le=MOST_USED[MINUTES])]
_Messages = Annotated[float, Field(ge=0, le=MOST_USED[MESSAGES])]
_Megabytes = Annotated[float, Field(ge=0, le=MOST_USED[MEGABYTES])]
_ID_FORM: JsonDict = {FORM: "letters, digits, _ . and -, beginning with a letter or digit; GET /plans lists the ids"}
_MONTH_FORM: JsonDict = {FORM: "a month as YYYY-MM, such as 2025-10, of the years 1900 to 2099"}
_Month = Annotated[str, Field(pattern=USAGE_MONTH_PATTERN, max_length=7, json_schema_extra=_MONTH_FORM)]
_PlanId = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", json_schema_extra=_ID_FORM)
]
_EXAMPLE_USAGE: list[JsonValue] = [
    {"month": "2025-08", "minutes": 312, "messages": 20, "megabytes": 9150.5},
    {"month": "2025-09", "minutes": 287, "messages": 14, "megabytes": 11020},
    {"month": "2025-10", "minutes": 355, "messages": 31, "megabytes": 8790.25},
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class UsageMonthRequest(_Request):
    """Usage of one month."""

    month: _Month = Field(description="YYYY-MM")
    minutes: Annotated[
        _Minutes,
        Field(description="minutes called, each call rounded up if the rate card says so; no more than a month has"),
    ]
    messages: Annotated[_Messages, Field(description="messages sent")]
    megabytes: Annotated[_Megabytes, Field(description="megabytes used")]


class _SubscriberRequest(_Request):
    usage: list[UsageMonthRequest] = Field(min_length=1, max_length=24, description="usage months, each once")
    current_plan: _PlanId | None = Field(default=None, description="plan held now, if known")
    age: float | None = Field(
        default=None,
        ge=0,
        le=MOST[AGE],
        description="years, of which completed ones count (27.5 is 27); plans with an age limit need it",
    )
    as_of: _Month | None = Field(
        default=None,
        description="month of the answer, YYYY-MM; later usage is not looked at, and usage that is not recent "
        "(features.recent_months of the bundle) is refused; the last usage month if unset",
    )
    subject: Subject | None = SUBJECT
    tenure_months: int | None = Field(
        default=None, ge=0, le=MOST[TENURE], description="whole months since the first one, which is 0"
    )
    contract_months_left: int | None = Field(
        default=None,
        ge=0,
        le=MOST[CONTRACT_LEFT],
        description="months left on the contract after the last usage month up to as_of; 0 if it ends with that month",
    )

    @model_validator(mode="after")
    def _each_month_once(self) -> Self:
        if len({month.month for month in self.usage}) < len(self.usage):
            raise PydanticCustomError("month_twice", "a month stands twice")
        return self

    @model_validator(mode="after")
    def _some_month_is_early(self) -> Self:
        if self.as_of is not None and self.usage and min(month.month for month in self.usage) > self.as_of:
            raise PydanticCustomError("no_month", "no usage month up to as_of; send earlier usage or a later as_of")
        return self

    def usage_months(self) -> list[UsageMonth]:
        """Return the months up to `as_of` as the core takes them."""
        months = [UsageMonth(month_index(m.month), m.minutes, m.messages, m.megabytes) for m in self.usage]
        return months if self.as_of is None else [m for m in months if m.month <= self.month()]

    def month(self) -> int:
        """Return the month index of the answer."""
        return month_index(self.as_of or max([month.month for month in self.usage]))

    def contract_left(self) -> int | None:
        """Return the months left on the contract after the month of the answer, as a batch file counts them."""
        left, as_of = self.contract_months_left, self.as_of
        if left is None or as_of is None:
            return left
        early = [month.month for month in self.usage if month.month <= as_of]
        return max(left - (self.month() - month_index(max(early))), 0) if early else left


class PredictRequest(_SubscriberRequest):
    """A subscriber whose next choice of a plan is predicted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"usage": _EXAMPLE_USAGE, "current_plan": "basic-6", "age": 34}]}
    )

    def record(self) -> SubscriberRecord:
        """Return the subscriber as the core takes one, with the months up to `as_of`."""
        return SubscriberRecord(
            self.usage_months(), self.current_plan, self.age, self.tenure_months, self.contract_left()
        )


class BatchRequest(_Request):
    """Several subscribers at once: no more than `limits.max_batch_rows` of the settings."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"records": [{"usage": _EXAMPLE_USAGE, "current_plan": "basic-6"}]}]}
    )

    records: list[PredictRequest] = Field(min_length=1, max_length=MOST_BATCH_ROWS)


class QuestionnaireRequest(_Request):
    """Questionnaire answers. Omit what is unknown; an amount takes precedence over a word."""

    calls: Calls | None = Field(default=None, description="how often they call")
    messages: Messages | None = Field(default=None, description="how often they write text messages")
    data: DataHabit | None = Field(default=None, description="the heaviest use of mobile data")
    minutes_a_day: float | None = Field(default=None, ge=0, le=1440)
    messages_a_day: float | None = Field(default=None, ge=0, le=10_000)
    gigabytes_a_month: float | None = Field(default=None, ge=0, le=10_000, description="of 1,024 megabytes")

    def answers(self) -> Questionnaire:
        """Return the answers as the core takes them."""
        return Questionnaire(**self.model_dump())


class RecommendRequest(_SubscriberRequest):
    """A subscriber who asks for advice or may get an offer. Weights left out come from the bundle."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"usage": _EXAMPLE_USAGE, "current_plan": "smart-25", "contract_months_left": 0},
                WITH_CELLS,
            ]
        }
    )

    usage: list[UsageMonthRequest] = Field(
        default=[],
        max_length=24,
        description="usage months, each once; without any, the spread is wider and as_of is required",
    )
    mode: Literal["advice", "offer"] = Field(
        default="advice", description="advice: the lowest risk-adjusted bill; offer: P(accept) x saving, by the rules"
    )
    exclude: list[_PlanId] = Field(default=[], max_length=100, description="plans the subscriber does not want")
    cells: CellsRequest | None = Field(
        default=None,
        description="the usage months as cells, which price plans of a full rate card; in the mode advice",
    )
    questionnaire: QuestionnaireRequest | None = Field(
        default=None, description="the subscriber's own estimate of their usage; recorded months take precedence"
    )
    top_k: int = Field(
        default=3, ge=1, le=MOST_K, description="plans to return, `limits.max_k` of the settings at most"
    )
    min_gain_cents: int | None = Field(
        default=None, ge=0, le=1_000_000, description="if the gain in cents a month is smaller, the answer is stay"
    )
    risk_weight: float | None = Field(default=None, ge=0, le=10, description="standard deviations added to the mean")
    history_months: int | None = Field(default=None, ge=1, le=24, description="months looked back over")
    consent: bool | None = Field(default=None, description="whether the subscriber wants offers; advice does not ask")
    contacts_90d: int | None = Field(
        default=None, ge=0, le=MOST[CONTACTS_90D], description="contacts in the 90 days before; advice does not ask"
    )
    holdout: bool | None = Field(
        default=None, description="whether the subscriber is in the permanent hold-out; advice does not ask"
    )

    @model_validator(mode="after")
    def _month_is_known(self) -> Self:
        if not self.usage and self.as_of is None:
            raise PydanticCustomError("month_unknown", "without a usage month, as_of is needed")
        return self

    @model_validator(mode="after")
    def _cells_have_months(self) -> Self:
        if self.cells is not None and not self.usage:
            raise PydanticCustomError("cells_alone", "cells are those of usage months; send usage, too")
        if self.cells is not None and self.mode == "offer":
            raise PydanticCustomError("cells_of_offer", "the models of offers take no cells; leave them out")
        return self

    def record(self) -> SubscriberRecord:
        """Return the subscriber with the months up to `as_of`."""
        return SubscriberRecord(
            self.usage_months(),
            self.current_plan,
            self.age,
            tenure_months=self.tenure_months,
            contract_months_left=self.contract_left(),
            consent=self.consent,
            contacts_90d=self.contacts_90d,
            holdout=self.holdout,
        )

    def says_otherwise(self) -> bool:
        """Tell whether the request weighs anything itself."""
        return (self.history_months, self.risk_weight, self.min_gain_cents) != (None, None, None)

    def policy(self, config: PlanRecConfig, rules: Rules, *, forecast: bool) -> AnswerPolicy:
        """Return the bundle's weights and the minimum gain of the rules, with what the request says."""
        overrides = Overrides(self.history_months, self.risk_weight, self.min_gain_cents)
        return AnswerPolicy.of(config, rules, self.mode, forecast=forecast, overrides=overrides)

    def asked(self, policy: AnswerPolicy) -> AdviceRequest:
        """Return what is asked as the core takes it."""
        return AdviceRequest(
            month=self.month(),
            history_months=policy.history_months,
            top_k=self.top_k,
            risk_weight=policy.risk_weight,
            min_gain_cents=policy.min_gain_cents,
            offer=policy.offer,
            excluded=tuple(self.exclude),
            answers=None if self.questionnaire is None else self.questionnaire.answers(),
        )


class RecommendBatchRequest(_Request):
    """Several subscribers at once, each asked about as `/recommend` asks: `limits.max_batch_rows` at most."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "records": [
                        {"usage": _EXAMPLE_USAGE, "current_plan": "smart-25", "contract_months_left": 0},
                        {"as_of": "2025-10", "current_plan": "basic-6", "questionnaire": {"calls": "daily"}},
                    ]
                }
            ]
        }
    )

    records: list[RecommendRequest] = Field(min_length=1, max_length=MOST_BATCH_ROWS)

    @model_validator(mode="after")
    def _few_have_cells(self) -> Self:
        sent = [record.cells for record in self.records if record.cells is not None]
        if len(sent) > MOST_CELL_RECORDS or sum(len(cells.rows) for cells in sent) > MOST_BATCH_CELL_ROWS:
            told = "a batch may have 20 records with cells, and 8000 rows of cells; send several"
            raise PydanticCustomError("too_many_cells", told)
        return self
