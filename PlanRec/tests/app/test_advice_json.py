"""What is written by hand is the JSON of the models, whatever names, numbers and notes it holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic_core import to_json

from app.advice_json import AdviceJson, decided_json
from app.responses import RecommendResponse
from planrec.advice import AnswerPolicy
from planrec.advice.subscriber import OfferablePlan, RankedPlan, SubscriberAdvice
from planrec.billing import Catalogue
from planrec.offers import OfferWeights

NAME = 'Plan "Zoë"\\ 5 €\t\u2028</b>'
REASON = f"With {NAME}: 1.00 less."


def advice_on(catalogue: Catalogue, *, offer: bool) -> SubscriberAdvice:
    first, second = catalogue.plans[:2]
    further = (0.1234567890123456, -250, 1e-7) if offer else (None, None, None)
    return SubscriberAdvice(
        (
            RankedPlan(1, first, True, 1290, 0, 0, 0.0, (1000, 200, 90, 0), REASON, *further),
            RankedPlan(2, second, False, 990, 12, 300, 0.03125, (990, 0, 0, 0), "", *further),
            RankedPlan(3, second, False, 990, 12, None, None, (990, 0, 0, 0), ""),
            RankedPlan(4, second, False, 990, 12, -3, 1 / 3, (990, 0, 0, 0), ""),
        ),
        {"flex-5": "NO_LONGER_SOLD", "young-10": "AGE_UNKNOWN"},
        months_used=3,
        stay=True,
        stay_reason="CONTRACT_BINDS",
        earliest_change=24_312,
        offerable=(OfferablePlan("flex-5", 0.1, -3.25, 100.0),) if offer else (),
    )


@pytest.mark.parametrize("offer", [False, True])
@pytest.mark.parametrize("notes", [(), ('minutes: "odd"', "held")])
@pytest.mark.parametrize("unknown", [[], ["age", "consent"]])
def test_the_answer_is_the_json_of_its_model(
    catalogue: Catalogue, unknown: list[str], notes: tuple[str, ...], *, offer: bool
) -> None:
    named = catalogue.plans[0].model_copy(update={"name": NAME})
    card = replace(catalogue, plans=(named, *catalogue.plans[1:]))
    weights = OfferWeights(0.1, 0.5, 2000.0, 10) if offer else None
    policy = AnswerPolicy(6, 0.1, 100, weights, "forecast")
    advice = advice_on(card, offer=offer)
    said = AdviceJson(card, "rules-1", 'v"1')(advice, policy, 24_309, unknown, notes)
    answer = RecommendResponse.model_validate_json(said)
    assert answer.model_dump_json().encode() == said
    assert (answer.as_of, answer.model_version, answer.notes) == ("2025-10", 'v"1', notes)
    assert answer.unknown_facts == unknown
    assert (answer.advice[0].name, answer.advice[0].reason) == (NAME, REASON)
    assert [plan.saving_cents for plan in answer.advice] == [0, 300, None, -3]
    assert [plan.p_pay_more for plan in answer.advice] == [0.0, 0.03125, None, 1 / 3]
    assert (answer.policy.mode, str(answer.earliest_change)) == ("offer" if offer else "advice", "2026-01-01")


@pytest.mark.parametrize("offer", [False, True])
def test_the_log_keeps_the_json_of_what_was_decided(catalogue: Catalogue, *, offer: bool) -> None:
    advice = advice_on(catalogue, offer=offer)
    assert decided_json(advice) == to_json(advice.decided())
    nothing = SubscriberAdvice((), {}, 0, stay=False, stay_reason=None, earliest_change=None)
    assert decided_json(nothing) == to_json(nothing.decided())
