"""Answers of the API, as OpenAPI shows them; the names carry the units."""

from __future__ import annotations

import operator
from datetime import date
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.examples import ADVICE, CATALOGUE, PREDICTION
from common_utils.serving.decisions.events import LoggedAnswer
from planrec.advice import AnswerPolicy, RatedBasis
from planrec.billing import Catalogue
from planrec.decisions import SubscriberRecord
from planrec.rules import ExclusionCode
from planrec.usage.doubts import record_notes

__all__ = [
    "MEANING",
    "AdvisedPlan",
    "BatchResponse",
    "BillItem",
    "CellSchemeResponse",
    "ExcludedPlan",
    "LineItems",
    "Notes",
    "OfferPolicy",
    "PlanResponse",
    "PlansResponse",
    "Policy",
    "PredictResponse",
    "RecommendBatchResponse",
    "RecommendResponse",
    "noted",
]

MEANING: Final = "predicts the plan people choose"
Notes = Annotated[
    tuple[str, ...],
    Field(
        exclude_if=operator.not_,
        description="what is odd about the usage sent, such as minutes that may be seconds, or that the plan held "
        "needs usage detail, as a file's account says it; left out if nothing is",
    ),
]
_ReasonCode = Annotated[str, Field(json_schema_extra={"enum": [code.name for code in ExclusionCode if code]})]


def noted(record: SubscriberRecord, catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """Return the field `notes` of an answer, nothing where nothing is odd."""
    notes = record_notes(record, catalogue)
    return {"notes": notes} if notes else {}


class OfferPolicy(BaseModel):
    """What an offer weighs besides P(accept) x saving."""

    margin_weight: float = Field(description="cents of saving that one cent of the operator's margin is worth")
    churn_weight_cents: int = Field(description="cents a month that a subscriber who certainly leaves would cost")
    perk_cost_cents: int = Field(description="what one perk costs the operator a month")


class Policy(BaseModel):
    """What the answer weighs."""

    mode: Literal["advice", "offer"] = Field(default="advice", description="what was asked for")
    basis: RatedBasis = Field(description="rated are the months that a forecast expects, or the past ones known")
    history_months: int = Field(description="months looked back over")
    risk_weight: float = Field(description="standard deviations added to the mean bill")
    min_gain_cents: int = Field(description="if the gain a month is smaller, the answer is stay")
    offer: OfferPolicy | None = Field(default=None, description="in the mode offer")

    @classmethod
    def of(cls, policy: AnswerPolicy) -> Policy:
        """Return what the core weighed, as the API shows it."""
        offer = policy.offer
        return cls(
            mode="advice" if offer is None else "offer",
            basis=policy.basis,
            history_months=policy.history_months,
            risk_weight=policy.risk_weight,
            min_gain_cents=policy.min_gain_cents,
            offer=None
            if offer is None
            else OfferPolicy(
                margin_weight=offer.margin,
                churn_weight_cents=int(offer.churn_cents),
                perk_cost_cents=offer.perk_cost_cents,
            ),
        )


class PredictResponse(LoggedAnswer):
    """P(take): the plan people in this situation choose when next free. Not a recommendation; ask `/recommend`."""

    model_config = ConfigDict(json_schema_extra={"examples": [PREDICTION]})

    prediction: str = Field(description="plan most likely to be chosen")
    probabilities: dict[str, float] = Field(
        description="P(take) by plan id, 0 where rules, sale window or age limit forbid the plan; adds up to 1"
    )
    decides_from: str = Field(
        description="first month in which the subscriber is free to decide, YYYY-MM: the month after as_of, or the "
        "month after the contract ends"
    )
    meaning: Literal["predicts the plan people choose"] = MEANING
    model_version: str
    notes: Notes = ()


class BatchResponse(BaseModel):
    """Answers in the order of the records."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"predictions": [PREDICTION], "model_version": PREDICTION["model_version"]}]}
    )

    predictions: list[PredictResponse]
    model_version: str


class LineItems(BaseModel):
    """What the expected bill is made of, cents a month; they add up to it."""

    fee_cents: int
    minutes_cents: int
    messages_cents: int
    data_cents: int


class BillItem(BaseModel):
    """One line of the bill expected on a plan that is not in the short form, a month."""

    name: str = Field(description="line item of the rate card, or an allowance, which costs nothing")
    cents: int
    covered: float | None = Field(
        default=None,
        exclude_if=lambda covered: covered is None,
        description="of an allowance: what it is expected to cover a month",
    )
    unit: Literal["minutes", "messages", "megabytes"] | None = Field(
        default=None, exclude_if=lambda unit: unit is None, description="of what is covered"
    )


class AdvisedPlan(BaseModel):
    """One ranked plan."""

    rank: int
    plan_id: str
    name: str
    is_current: bool = Field(description="whether this is the plan held")
    advice: Literal["switch", "stay"] = Field(description="what is advised; the same for every plan of an answer")
    action: Literal["switch", "stay"] = Field(description="as `advice`; goes with the next release")
    expected_bill_cents: int = Field(description="mean of the bills expected of the coming months")
    spread_cents: int = Field(description="standard deviation of those bills")
    saving_cents: int | None = Field(
        description="bill expected on the current plan less that on this one; empty if the current plan is unknown"
    )
    p_pay_more: float | None = Field(description="share of months dearer than on the current plan")
    contract_months: int = Field(description="minimum term of the plan")
    line_items: LineItems | None = Field(
        description="of a plan in the short form; null where the plan has a bill of other lines"
    )
    reason: str
    p_accept: float | None = Field(default=None, description="chance that the offer is accepted; in the mode offer")
    offer_value_cents: int | None = Field(
        default=None, description="P(accept) x (saving + margin) less what leaving would cost; in the mode offer"
    )
    churn_change: float | None = Field(
        default=None, description="change in the chance of leaving within three months; in the mode offer"
    )
    bill_items: tuple[BillItem, ...] | None = Field(
        default=None,
        exclude_if=lambda items: items is None,
        description="lines of the expected bill of a plan that cells price; they add up to it. Left out of other plans",
    )


class ExcludedPlan(BaseModel):
    """A plan that is not offered, and why."""

    plan_id: str
    reason_code: _ReasonCode


class RecommendResponse(LoggedAnswer):
    """Advice with everything needed to reproduce it."""

    model_config = ConfigDict(json_schema_extra={"examples": [ADVICE]})

    advice: list[AdvisedPlan] = Field(description="best first; empty if the subscriber may take no plan")
    stay_reason: _ReasonCode | None = Field(
        description="why the answer is stay, or why no plan may be taken; empty if a switch is advised"
    )
    earliest_change: date | None = Field(
        description="first day on which a change of plan can take effect, once the contract has ended; empty if no "
        "contract binds the subscriber or its end is unknown"
    )
    excluded: list[ExcludedPlan]
    unknown_facts: list[str] = Field(
        description="everything that the rules or the rate card ask about in this mode and the request does not say"
    )
    as_of: str
    months_used: int
    currency: str
    policy: Policy
    rules_version: str
    catalogue_version: str
    model_version: str
    notes: Notes = ()


class RecommendBatchResponse(BaseModel):
    """Answers in the order of the records, each as `/recommend` gives it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"recommendations": [ADVICE], "model_version": ADVICE["model_version"]}]}
    )

    recommendations: list[RecommendResponse]
    model_version: str


class PlanResponse(BaseModel):
    """One plan of the catalogue."""

    plan_id: str
    name: str
    monthly_fee_cents: int
    included_minutes: int | None = Field(description="null is unlimited")
    included_messages: int | None = Field(description="null is unlimited")
    included_megabytes: int | None = Field(description="null is unlimited")
    cents_per_minute: int
    cents_per_message: int
    cents_per_data_unit: int
    contract_months: int
    on_sale_from: str | None
    on_sale_to: str | None
    min_age: int | None
    max_age: int | None


class DetailedPlanResponse(BaseModel):
    """A plan that minutes, messages and megabytes of a month do not price; answers exclude it (NEEDS_USAGE_DETAIL)."""

    plan_id: str
    name: str
    needs: list[str] = Field(description="what must be known of single uses, with the key of the card that asks for it")
    items: list[str] = Field(description="line items that a bill on it may have")


class CellSchemeResponse(BaseModel):
    """What prices further plans in `/recommend`: the usage months as cells, counted by this scheme."""

    scheme: str = Field(description="digest that a request with cells names")
    counts: str = Field(description="what the rate card counts by, in words")
    seconds_beyond: list[int] = Field(description="seconds of a call from which a price begins, as `seconds_beyond` is")
    plans: list[str] = Field(description="ids of the plans that cells price")


class PlansResponse(BaseModel):
    """The catalogue that answers are priced on."""

    model_config = ConfigDict(json_schema_extra={"examples": [CATALOGUE]})

    version: str
    currency: str
    data_unit_megabytes: int
    plans: list[PlanResponse]
    needs_usage_detail: list[DetailedPlanResponse] = Field(
        default=[], description="plans of the card that usage months cannot price; answers exclude them"
    )
    cells: CellSchemeResponse | None = Field(
        default=None,
        exclude_if=lambda cells: cells is None,
        description="what prices some of these plans in /recommend; left out if no plan of the card is priced so",
    )

    @classmethod
    def of(cls, catalogue: Catalogue, cells: CellSchemeResponse | None = None) -> PlansResponse:
        """Return the catalogue as the API shows it."""
        return cls(
            version=catalogue.version,
            currency=catalogue.currency,
            data_unit_megabytes=catalogue.rounding.data_unit_megabytes,
            plans=[
                PlanResponse(
                    plan_id=p.plan_id,
                    name=p.name,
                    monthly_fee_cents=p.monthly_fee_cents,
                    included_minutes=p.included.minutes,
                    included_messages=p.included.messages,
                    included_megabytes=p.included.megabytes,
                    cents_per_minute=p.overage.cents_per_minute,
                    cents_per_message=p.overage.cents_per_message,
                    cents_per_data_unit=p.overage.cents_per_data_unit,
                    contract_months=p.contract_months,
                    on_sale_from=p.on_sale.first,
                    on_sale_to=p.on_sale.last,
                    min_age=p.eligibility.min_age,
                    max_age=p.eligibility.max_age,
                )
                for p in catalogue.plans
            ],
            needs_usage_detail=[
                DetailedPlanResponse(plan_id=p.plan_id, name=p.name, needs=list(p.needs), items=list(p.items))
                for p in catalogue.detailed
            ],
            cells=cells,
        )
