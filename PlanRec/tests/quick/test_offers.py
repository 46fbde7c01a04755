"""One subscriber alone gets the offers of the table, to the last bit; what is out of the ordinary is left to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.advice import Engine, Request, recommend_subscriber
from planrec.advice.engine import OfferModels
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.offers import AcceptanceModel, LeavingModel, OfferWeights
from planrec.offers.exploration import Exploration
from planrec.outlook import Questionnaire
from planrec.quick import RowAdviser
from planrec.rules import Rules
from tests.quick.test_advice import CARD, MONTH, RULES, fitted


def models(seed: int) -> OfferModels:
    """Made-up weights: accepting is likely, and keeps some people."""
    rng = np.random.default_rng(seed)

    def of(kind: type[Any], scale: float) -> Any:
        k = len(kind.FEATURES)
        spread = rng.normal(0, 1e-3, (k + 1, k + 1))
        return kind(rng.normal(0, scale, k), -0.5, spread @ spread.T)

    return OfferModels(of(AcceptanceModel, 0.05), of(LeavingModel, 0.02))


FORECASTS = fitted(6), fitted(3)
ENGINES = [
    Engine(CARD, rules, forecast, models(seed))
    for seed in range(3)
    for rules, forecast in ((Rules(version="plain"), FORECASTS[0]), (RULES, FORECASTS[1]))
]
WEIGHTS = OfferWeights(0.1, 0.2, 3000.0, 25)
amounts = st.one_of(st.just(0.0), st.floats(0, 2000), st.sampled_from([1e-12, 511.5, 20_480.0, 2e5]))


@given(
    engine=st.sampled_from(ENGINES),
    usage=st.lists(st.tuples(amounts, amounts, amounts), min_size=0, max_size=8),
    held=st.sampled_from([None, *CARD.plan_ids]),
    age=st.one_of(st.none(), st.integers(10, 90)),
    tenure=st.one_of(st.none(), st.integers(0, 100)),
    left=st.sampled_from([None, 0.0, 0.0, 0.0, 2.5, 24.0]),
    consent=st.sampled_from([None, False, True, True, True]),
    holdout=st.sampled_from([None, False, False, False, True]),
    contacts=st.sampled_from([None, 0.0, 0.0, 1.0, 7.0]),
    excluded=st.lists(st.sampled_from(CARD.plan_ids), max_size=4),
    history=st.integers(1, 8),
    top=st.integers(1, 14),
    gain=st.sampled_from([None, 0, 100, 5000]),
    later=st.integers(0, 2),
    weights=st.sampled_from([WEIGHTS, OfferWeights(2.0), OfferWeights(0.5, 0.0, 50_000.0, 0)]),
)
@settings(max_examples=400, deadline=None)
def test_one_alone_gets_the_offers_of_the_table(
    engine: Engine,
    usage: list[tuple[float, float, float]],
    held: str | None,
    age: float | None,
    tenure: float | None,
    left: float | None,
    consent: bool | None,
    holdout: bool | None,
    contacts: float | None,
    excluded: list[str],
    history: int,
    top: int,
    gain: int | None,
    later: int,
    weights: OfferWeights,
) -> None:
    months = [UsageMonth(MONTH - i, *month) for i, month in enumerate(usage)]
    record = SubscriberRecord(months, held, age, tenure, left, consent, contacts, holdout)
    asked = Request(MONTH + later, history, top, 0.5, gain, offer=weights, excluded=excluded)
    quick, expected = RowAdviser(engine).quick(record, asked), recommend_subscriber(record, engine, asked)
    assert quick is None or quick == expected
    assert quick is not None or (held is not None and not (usage and max(map(max, usage)) <= 2000))


RECORD = SubscriberRecord(
    [UsageMonth(MONTH - i, 100.0, 5.0, 2000.0) for i in range(4)],
    "unlimited",
    40.0,
    tenure_months=30.0,
    contract_months_left=0.0,
    consent=True,
    contacts_90d=0.0,
    holdout=False,
)
ASKED = Request(MONTH, 6, 5, 0.1, 100, offer=WEIGHTS)
MADE = OfferModels(
    AcceptanceModel(np.zeros(len(AcceptanceModel.FEATURES)), 0.0),
    LeavingModel(np.array([0.05 if name == "overpaid" else 0.0 for name in LeavingModel.FEATURES]), -3.0),
)


def test_offers_are_made_and_ranked_by_value() -> None:
    engine = Engine(CARD, Rules(version="plain"), FORECASTS[0], MADE)
    found = RowAdviser(engine).quick(RECORD, ASKED)
    assert found is not None
    assert found == recommend_subscriber(RECORD, engine, ASKED)
    values = [plan.offer_value_cents for plan in found.plans]
    assert len(found.offerable) > 1
    assert None not in values
    assert values == sorted(values, reverse=True)
    assert found.plans[0].p_accept == 0.5
    assert not found.stay


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({}, "CHURN_MAY_RISE", id="harm"),
        pytest.param({"consent": False}, "NO_CONSENT", id="consent"),
        pytest.param({"contract_months_left": 5.0}, "CONTRACT_BINDS", id="contract"),
        pytest.param({"current_plan": "prepaid-0", "months": [UsageMonth(MONTH, 0.0, 0.0, 0.0)]}, None, id="cheap"),
        pytest.param({"current_plan": None}, "CURRENT_PLAN_UNKNOWN", id="plan-unknown"),
    ],
)
def test_why_no_offer_is_made_is_the_table_s(changed: dict[str, Any], reason: str | None) -> None:
    reminded = np.array([2.0 if name == "contacted" else 0.0 for name in LeavingModel.FEATURES])
    harmful = OfferModels(MADE.acceptance, LeavingModel(reminded, -3.0))
    engine, record = Engine(CARD, Rules(version="plain"), FORECASTS[0], harmful), replace(RECORD, **changed)
    found, expected = RowAdviser(engine).quick(record, ASKED), recommend_subscriber(record, engine, ASKED)
    assert found == expected
    assert found is not None
    assert (found.stay, found.offerable) == (True, ())
    assert reason in (None, found.stay_reason)


@pytest.mark.parametrize(
    ("record", "asked"),
    [
        pytest.param(RECORD, replace(ASKED, exploration=Exploration(0.5), draw=0.3), id="explored"),
        pytest.param(replace(RECORD, months=[]), ASKED, id="no-month"),
        pytest.param(replace(RECORD, months=[]), replace(ASKED, answers=Questionnaire("often")), id="said"),
        pytest.param(replace(RECORD, months=[UsageMonth(MONTH, 5000.0, 1.0, 1.0)]), ASKED, id="beyond-the-tables"),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_table(record: SubscriberRecord, asked: Request) -> None:
    engine = Engine(CARD, Rules(version="plain"), FORECASTS[0], MADE)
    adviser = RowAdviser(engine)
    assert adviser.quick(record, asked) is None
    assert adviser(record, asked) == recommend_subscriber(record, engine, asked)


def test_without_models_no_offer_is_made() -> None:
    with pytest.raises(DataError, match="makes none"):
        RowAdviser(Engine(CARD, Rules(version="plain"), FORECASTS[0]))(RECORD, ASKED)
