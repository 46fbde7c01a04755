"""A recommendation for one subscriber, with everything an answer carries; the API and its readiness probe call this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from common_utils.errors import DataError
from planrec.advice.engine import Engine, EngineAnswer, Subscribers
from planrec.advice.exploring import explored
from planrec.advice.ranking import AdvicePolicy
from planrec.advice.reasons import LineItemMeans, closing_cents, expected_sentence, line_item_means, reasons
from planrec.billing import Catalogue, Plan, whole_cent
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import record_facts, record_history
from planrec.offers import OfferWeights
from planrec.offers.exploration import Exploration
from planrec.outlook import History, Questionnaire, filled_in, said_usage
from planrec.rules import ExclusionCode, Rules, stay_text, without_detail

if TYPE_CHECKING:
    from planrec.billing.cell_months import OwnMonths

__all__ = [
    "ExpectedLine",
    "OfferablePlan",
    "RankedPlan",
    "Request",
    "SubscriberAdvice",
    "advise_subscriber",
    "recommend_subscriber",
]


_NOTHING = Exploration()


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for one subscriber.

    Attributes
    ----------
    month : int
        Month index of the answer. A change takes effect in the month after it: a plan must be on sale in that month,
        and the contract counts from it.
    history_months : int
        Months looked back over, >= 1.
    top_k : int
        Plans to return, >= 1; fewer where fewer are offered.
    risk_weight : float
        Standard deviations added to the mean bill.
    min_gain_cents : int or None
        Overrides that of the rules.
    offer : OfferWeights or None
        Asked for an offer by these weights; None: for advice.
    excluded : sequence of str
        Plan ids the subscriber does not want to hear of.
    answers : Questionnaire or None
        Of the questionnaire; recorded months count before what is said.
    exploration : Exploration
        Of offers; none by default.
    draw : float
        In [0, 1): the same draw makes the same offer.
    """

    month: int
    history_months: int
    top_k: int
    risk_weight: float
    min_gain_cents: int | None = None
    offer: OfferWeights | None = None
    excluded: Sequence[str] = ()
    answers: Questionnaire | None = None
    exploration: Exploration = _NOTHING
    draw: float = 0.0


class ExpectedLine(NamedTuple):
    """One line of the bill expected on a plan that is not in the short form, a month.

    Attributes
    ----------
    name : str
        Of the line item, or of an allowance, which costs nothing and says what it covers.
    cents : int
    covered : float or None
        What the allowance covers; None of a line item.
    unit : {"minutes", "messages", "megabytes"} or None
        Of what is covered.
    """

    name: str
    cents: int
    covered: float | None = None
    unit: Literal["minutes", "messages", "megabytes"] | None = None


class RankedPlan(NamedTuple):
    """One ranked plan; amounts in cents a month, None where the current plan is unknown, or no offer was asked for.

    `line_items_cents` are fee, minutes, messages and data; none where the plan is not in the short form, whose lines
    stand in `bill_items`.
    """

    rank: int
    plan: Plan
    is_current: bool
    expected_bill_cents: int
    spread_cents: int
    saving_cents: int | None
    p_pay_more: float | None
    line_items_cents: tuple[int, ...]
    reason: str
    p_accept: float | None = None
    offer_value_cents: int | None = None
    churn_change: float | None = None
    bill_items: tuple[ExpectedLine, ...] | None = None


class OfferablePlan(NamedTuple):
    """A plan that may be offered: what an estimate of another policy needs of each; cents a month."""

    plan_id: str
    p_accept: float
    value_cents: float
    saving_cents: float


class SubscriberAdvice(NamedTuple):
    """Ranked plans, and for every other plan the code of why it is not offered.

    Attributes
    ----------
    plans : tuple of RankedPlan
        Best first.
    excluded : dict of str to str
        Plan id: reason code.
    months_used : int
    stay : bool
        Whether to stay.
    stay_reason : str or None
        Reason code of why to stay; None where a switch is advised.
    earliest_change : int or None
        Month index of the first month after the contract; None where no contract binds or its end is unknown.
    offerable : tuple of OfferablePlan
        Every plan that may be offered, in the order of the catalogue; in the mode "offer".
    propensity : float or None
        Chance with which this answer was given; None where it is deterministic.
    """

    plans: tuple[RankedPlan, ...]
    excluded: dict[str, str]
    months_used: int
    stay: bool
    stay_reason: str | None
    earliest_change: int | None
    offerable: tuple[OfferablePlan, ...] = ()
    propensity: float | None = None

    def decided(self) -> dict[str, Any]:
        """Return what a log keeps: plan ids, cents and probabilities, and nothing that tells usage."""
        return {
            "advice": "stay" if self.stay else "switch",
            "stay_reason": self.stay_reason,
            "plans": [
                {
                    "plan_id": one.plan.plan_id,
                    "expected_bill_cents": one.expected_bill_cents,
                    "spread_cents": one.spread_cents,
                    "saving_cents": one.saving_cents,
                    "p_pay_more": one.p_pay_more,
                    "p_accept": one.p_accept,
                    "offer_value_cents": one.offer_value_cents,
                }
                for one in self.plans
            ],
            "offerable": [one._asdict() for one in self.offerable],
        }


def advise_subscriber(
    record: SubscriberRecord,
    catalogue: Catalogue,
    policy: AdvicePolicy,
    rules: Rules,
    *,
    month: int,
    history_months: int,
    top_k: int,
) -> SubscriberAdvice:
    """Return the best plans for one subscriber.

    Parameters
    ----------
    record : SubscriberRecord
        At least one usage month.
    catalogue : Catalogue
    policy : AdvicePolicy
        Its minimum gain counts, not that of the rules.
    rules : Rules
    month : int
        Month index of the advice. A change takes effect in the month after it: a plan must be on sale in that month,
        and the contract counts from it.
    history_months : int
        Months looked back over, >= 1.
    top_k : int
        Plans to return, >= 1; fewer where fewer are offered.

    Raises
    ------
    DataError
        If there is no usage month, or the current plan is not in the catalogue.

    Examples
    --------
    >>> from planrec.decisions import UsageMonth
    >>> from planrec.rules import built_in_rules
    >>> record = SubscriberRecord([UsageMonth(24216, 400, 10, 9000)], "ultimate")
    >>> advice = advise_subscriber(
    ...     record, megaline, AdvicePolicy(), built_in_rules(), month=24216, history_months=6, top_k=1
    ... )
    >>> advice.plans[0].plan.plan_id, advice.plans[0].saving_cents
    ('surf', 5000)
    """
    return recommend_subscriber(
        record,
        Engine(catalogue, rules),
        Request(month, history_months, top_k, policy.risk_weight, policy.min_gain_cents),
    )


def recommend_subscriber(
    record: SubscriberRecord, engine: Engine, request: Request, cells: OwnMonths | None = None
) -> SubscriberAdvice:
    """Return the best plans for one subscriber, as advice or as an offer.

    Parameters
    ----------
    record : SubscriberRecord
        May know no usage month where the engine has a forecast.
    engine : Engine
    request : Request
    cells : OwnMonths, optional
        Cells of the months looked back over, most recent first, for an engine that prices plans from them.

    Raises
    ------
    DataError
        If a plan named is not in the catalogue, there is nothing to go by, or no offers can be made.

    Examples
    --------
    >>> from planrec.decisions import UsageMonth
    >>> from planrec.rules import built_in_rules
    >>> record = SubscriberRecord([UsageMonth(24216, 400, 10, 9000)], "ultimate")
    >>> asked = Request(24216, history_months=6, top_k=2, risk_weight=0.5, excluded=["surf"])
    >>> advice = recommend_subscriber(record, Engine(megaline, built_in_rules()), asked)
    >>> [plan.plan.plan_id for plan in advice.plans], advice.excluded
    (['ultimate'], {'surf': 'DECLINED'})
    """
    catalogue = engine.catalogue
    current = catalogue.index(record.current_plan)
    catalogue.check_held(record.current_plan)
    if request.offer is not None and engine.offers is None:
        raise DataError("this model was trained without a log of offers, so it makes none; ask with the mode advice.")
    recorded = record_history(record, history_months=request.history_months)
    people = replace(_situation(record, recorded, engine, request, current), cells=cells)
    if request.offer is None:
        answer = engine.advise(people, risk_weight=request.risk_weight, min_gain_cents=request.min_gain_cents)
    else:
        answer = engine.offer(people, weights=request.offer, min_gain_cents=request.min_gain_cents)
    propensity = None
    if request.offer is not None and request.exploration.on:
        drawn = explored(answer, np.array([current]), request.exploration, np.array([request.draw]))
        answer, propensity = drawn.answer, _number(drawn.propensity[0])
    return _rendered(answer, recorded, engine, cells, current, request.top_k)._replace(propensity=propensity)


def _situation(
    record: SubscriberRecord, recorded: History, engine: Engine, request: Request, current: int
) -> Subscribers:
    history, extra_sd = recorded, None
    if request.answers is not None:
        said = filled_in(recorded, said_usage([request.answers]))
        history, extra_sd = said.history, said.extra_sd
    declined = np.array([[plan_id in request.excluded for plan_id in engine.catalogue.plan_ids]])
    foreign = len(set(request.excluded) - engine.catalogue.detailed_ids) - int(declined.sum())
    if foreign:
        raise DataError(f"exclude names {foreign} plan(s) that are not in this catalogue; ask GET /plans for the ids.")
    tenure = np.nan if record.tenure_months is None else record.tenure_months
    return Subscribers.of(
        history,
        record_facts(record, month=request.month, current=current),
        tenure_months=np.array([tenure], dtype=np.float64),
        extra_sd=extra_sd,
        declined=declined,
    )


def _rendered(
    answer: EngineAnswer, recorded: History, engine: Engine, cells: OwnMonths | None, current: int, top_k: int
) -> SubscriberAdvice:
    advice, offer, catalogue = answer.advice, answer.offer, engine.catalogue
    held = np.array([current], dtype=np.int64) if answer.held is None else answer.held
    current = int(held[0])  # a plan held without a bill is taken as unknown
    months, forecast = int(recorded.known.sum()), answer.basis is not recorded
    # What is said aloud are facts: the subscriber's own months. Who has none hears what is expected.
    if engine.cells is None or cells is None or answer.bills is None:
        expected = line_item_means(answer.basis, catalogue, held)
        own = line_item_means(recorded, catalogue, held) if months else None
    else:
        expected = engine.cells.means(answer.basis, answer.bills.further, held)
        own = engine.cells.item_means(recorded, cells, held)
    code, free_from = int(advice.stay_reason[0]), int(advice.earliest_change[0])
    stay = f" Stay: {stay_text(code, free_from)}." if code else ""
    plans: list[RankedPlan] = []
    for rank, plan in enumerate([int(plan) for plan in advice.order[0] if plan >= 0][:top_k], start=1):
        bill = whole_cent(float(advice.expected_cents[0, plan]))
        ahead = advice.expected_cents if forecast else None
        said = (
            expected_sentence(catalogue.plans[plan].name, catalogue.currency, bill)
            if own is None
            else reasons(own, catalogue, row=0, plan=plan, current=current, expected_cents=ahead)
        )
        parts, lines = _lines(expected, plan, bill)
        plans.append(
            RankedPlan(
                rank=rank,
                plan=catalogue.plans[plan],
                is_current=plan == current,
                expected_bill_cents=bill,
                spread_cents=whole_cent(float(advice.spread_cents[0, plan])),
                saving_cents=None if current < 0 else whole_cent(float(advice.expected_cents[0, current])) - bill,
                p_pay_more=_number(advice.p_pay_more[0, plan]),
                line_items_cents=parts,
                reason=said + (stay if rank == 1 else ""),
                p_accept=None if offer is None else _number(offer.p_accept[0, plan]),
                offer_value_cents=None if offer is None else _whole(offer.value_cents[0, plan]),
                churn_change=None if offer is None else _number(offer.churn_change[0, plan]),
                bill_items=lines,
            )
        )
    return SubscriberAdvice(
        plans=tuple(plans),
        excluded={
            **{catalogue.plan_ids[i]: ExclusionCode(code).name for i, code in enumerate(advice.excluded[0]) if code},
            **without_detail(catalogue),
        },
        months_used=months,
        stay=bool(advice.stay[0]),
        stay_reason=ExclusionCode(code).name if code else None,
        earliest_change=free_from if free_from >= 0 else None,
        offerable=_offerable(answer, catalogue, current),
    )


def _lines(expected: LineItemMeans, plan: int, bill: int) -> tuple[tuple[int, ...], tuple[ExpectedLine, ...] | None]:
    """Return what a bill is made of: the four items of a plan in the short form, or the lines of another."""
    few = expected.fee_cents.shape[1]
    if plan < few:
        parts = (expected.fee_cents, expected.minutes_cents, expected.messages_cents, expected.data_cents)
        return tuple(closing_cents([float(part[0, plan]) for part in parts], bill)), None
    items = expected.further[plan - few]
    cents = closing_cents(items.cents[0].tolist(), bill)
    lines = [ExpectedLine(name, amount) for name, amount in zip(items.names, cents, strict=True) if amount]
    lines += [ExpectedLine(use.name, 0, round(float(use.amounts[0]), 2), use.unit) for use in items.covered]
    return (), tuple(lines)


def _offerable(answer: EngineAnswer, catalogue: Catalogue, current: int) -> tuple[OfferablePlan, ...]:
    """Return what no rule and no minimum gain excludes, but for the plan held."""
    offer = answer.offer
    if offer is None:
        return ()
    return tuple(
        OfferablePlan(
            catalogue.plan_ids[plan],
            float(offer.p_accept[0, plan]),
            float(offer.value_cents[0, plan]),
            float(answer.advice.expected_cents[0, current] - answer.advice.expected_cents[0, plan]),
        )
        for plan in np.flatnonzero(answer.advice.excluded[0] == ExclusionCode.NONE).tolist()
        if plan != current
    )


def _whole(cents: float) -> int | None:
    return None if np.isnan(cents) else whole_cent(float(cents))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
