"""One subscriber alone is advised as in a table, to the last bit; what is out of the ordinary is left to the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.advice import Engine, Request, recommend_subscriber
from planrec.billing import MAX_USAGE, Usage, load_catalogue
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.outlook import SERVICES, Questionnaire, UsageForecast, fit_usage_forecast, history_of
from planrec.quick import RowAdviser
from planrec.quick.rated_months import Rated
from planrec.rules import Rules
from planrec.rules.rulebook import ContractRule, MinimumGain, PlanRule

CARD = load_catalogue(Path(__file__).parents[2] / "configs" / "plans.yaml")
MONTH = 24_309


def fitted(months: int) -> UsageForecast:
    """A forecast of made-up people; some never send a message."""
    rng = np.random.default_rng(months)
    n, level = 400, {"minutes": 300.0, "messages": 20.0, "megabytes": 9000.0}
    columns: dict[str, Any] = {}
    ahead: list[Any] = []
    for service in SERVICES:
        own = level[service] * rng.lognormal(0, 0.8, n) * (rng.random(n) > 0.2)
        for lag in range(1, months + 1):
            columns[f"{service}_{lag}"] = own * rng.lognormal(0, 0.3, n) * (rng.random(n) > 0.1)
        ahead.append(own[:, None] * rng.lognormal(0, 0.3, (n, 3)))
    return fit_usage_forecast(history_of(columns, months), Usage.of(*ahead), np.ones((n, 3), dtype=bool))


RULES = Rules(
    version="test",
    contract=ContractRule(while_bound="allow_dearer"),
    plans=(
        PlanRule(plans=("data-20",), why="everybody"),
        PlanRule(plans=("unlimited", "talk-800"), holders_of=("basic-6", "smart-25"), why="some"),
        PlanRule(plans=("basic-6",), modes=("offer",), why="offers only"),
    ),
)
ENGINES = [
    Engine(CARD, Rules(version="plain"), fitted(6)),
    Engine(CARD, RULES, fitted(3)),
    *(
        Engine(CARD, Rules(version="sure", minimum_gain=MinimumGain(advice_certainty=c)), fitted(6))
        for c in (0.0, 0.2, 2.0)
    ),
]

amounts = st.one_of(
    st.just(0.0), st.floats(0, 2000), st.floats(0, MAX_USAGE), st.sampled_from([1e-12, 511.5, 20_480.0])
)
months = st.lists(st.tuples(amounts, amounts, amounts), min_size=0, max_size=9)
plans = st.sampled_from([None, *CARD.plan_ids])


@given(
    engine=st.sampled_from(ENGINES),
    usage=months,
    held=plans,
    age=st.one_of(st.none(), st.integers(10, 90)),
    left=st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, 24.0])),
    excluded=st.lists(st.sampled_from(CARD.plan_ids), max_size=4),
    history=st.integers(1, 8),
    top=st.integers(1, 14),
    risk=st.sampled_from([0.0, 0.5, 2.0]),
    gain=st.sampled_from([None, 0, 100, 5000]),
    later=st.integers(0, 6),
    answers=st.one_of(
        st.none(),
        st.builds(
            Questionnaire,
            calls=st.sampled_from([None, "hardly", "often"]),
            messages=st.sampled_from([None, "none", "many"]),
            data=st.sampled_from([None, "video"]),
            minutes_a_day=st.sampled_from([None, 0.0, 7.5]),
            gigabytes_a_month=st.sampled_from([None, 0.0, 5.5, 2000.0]),
        ),
    ),
)
@settings(max_examples=400, deadline=None)
def test_one_alone_gets_the_answer_of_the_table(
    engine: Engine,
    usage: list[tuple[float, float, float]],
    held: str | None,
    age: float | None,
    left: float | None,
    excluded: list[str],
    history: int,
    top: int,
    risk: float,
    gain: int | None,
    later: int,
    answers: Questionnaire | None,
) -> None:
    record = SubscriberRecord(
        [UsageMonth(MONTH - i, *month) for i, month in enumerate(usage)], held, age, contract_months_left=left
    )
    asked = Request(MONTH + later, history, top, risk, gain, excluded=excluded, answers=answers)
    adviser = RowAdviser(engine)
    quick = adviser.quick(record, asked)
    ordinary = max(map(max, usage)) < 2000 if usage else answers is None
    expected = recommend_subscriber(record, engine, asked)
    assert quick is not None or not ordinary
    assert adviser(record, asked) == expected
    assert quick is None or quick == expected


RECORD = SubscriberRecord([UsageMonth(MONTH, 300.0, 10.0, 9000.0)], "smart-12")
ASKED = Request(MONTH, history_months=6, top_k=3, risk_weight=0.5)


@pytest.mark.parametrize(
    ("record", "asked"),
    [
        pytest.param(SubscriberRecord([UsageMonth(MONTH, 0.0, 0.0, 9e8)], "smart-12"), ASKED, id="dear"),
        pytest.param(RECORD, replace(ASKED, excluded=["family-40", "gone"]), id="unknown-plan"),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_table(record: SubscriberRecord, asked: Request) -> None:
    adviser = RowAdviser(ENGINES[0])
    assert adviser.quick(record, asked) is None
    if "gone" not in asked.excluded:
        assert adviser(record, asked) == recommend_subscriber(record, ENGINES[0], asked)


@pytest.mark.parametrize("held", [None, "smart-12"])
@pytest.mark.parametrize(
    "answers",
    [
        None,
        Questionnaire(),
        Questionnaire(messages="none"),
        Questionnaire("often", "few", "video"),
        Questionnaire(gigabytes_a_month=5.0),
    ],
)
@pytest.mark.parametrize("engine", ENGINES[:2])
def test_who_has_no_month_yet_is_advised_by_what_is_said(
    engine: Engine, answers: Questionnaire | None, held: str | None
) -> None:
    record, asked = SubscriberRecord([], held), replace(ASKED, answers=answers)
    found = RowAdviser(engine).quick(record, asked)
    assert found == recommend_subscriber(record, engine, asked)
    assert found is not None
    assert found.months_used == 0
    assert "a month expected, no month known yet." in found.plans[0].reason


def test_what_is_recorded_counts_before_what_is_said() -> None:
    found = RowAdviser(ENGINES[0]).quick(RECORD, replace(ASKED, answers=Questionnaire(gigabytes_a_month=500.0)))
    assert found == RowAdviser(ENGINES[0]).quick(RECORD, ASKED)


@pytest.mark.parametrize(
    ("changed", "asked", "message"),
    [
        pytest.param({"current_plan": "gone"}, ASKED, "current_plan is not a plan", id="plan"),
        pytest.param({}, replace(ASKED, excluded=["gone"]), r"exclude names 1 plan\(s\)", id="excluded"),
        pytest.param({"months": [UsageMonth(MONTH, np.nan, 1, 1)]}, ASKED, "some services but not all", id="nan"),
        pytest.param({"months": [UsageMonth(MONTH, -1.0, 1, 1)]}, ASKED, "must lie between 0", id="negative"),
        pytest.param({}, replace(ASKED, answers=Questionnaire(minutes_a_day=-1.0)), "minutes must lie", id="said"),
        pytest.param({"months": [UsageMonth(MONTH, 1, 1, 1)] * 2}, ASKED, "a month stands twice", id="twice"),
    ],
)
def test_the_errors_are_those_of_the_table(changed: dict[str, Any], asked: Request, message: str) -> None:
    adviser, record = RowAdviser(Engine(CARD, Rules(version="plain"), ENGINES[0].forecast)), replace(RECORD, **changed)
    with pytest.raises(DataError, match=message):
        adviser(record, asked)


@pytest.mark.parametrize("engine", [Engine(CARD, RULES), Engine(CARD, RULES, fitted(8))], ids=["none", "long"])
def test_without_a_forecast_of_few_months_the_table_answers(engine: Engine) -> None:
    adviser = RowAdviser(engine)
    assert adviser.quick(RECORD, ASKED) is None
    assert adviser(RECORD, ASKED) == recommend_subscriber(RECORD, engine, ASKED)


@pytest.mark.parametrize("month", range(MONTH - 4, MONTH + 2))  # flex-5 ends and max-voice begins between them
@pytest.mark.parametrize("engine", ENGINES)
def test_plans_are_on_sale_in_the_same_month_as_in_a_table(engine: Engine, month: int) -> None:
    record = SubscriberRecord([UsageMonth(month, 300.0, 10.0, 9000.0)], "smart-25", 40.0)
    asked = replace(ASKED, month=month, top_k=13)
    assert RowAdviser(engine).quick(record, asked) == recommend_subscriber(record, engine, asked)


def test_a_saving_of_just_so_many_standard_deviations_is_not_certain() -> None:
    engine = Engine(CARD, Rules(version="sure", minimum_gain=MinimumGain(advice_certainty=1.0)), fitted(6))
    held = np.zeros(32)
    saved = np.where(np.arange(32) % 2, 0.0, 200.0)  # 100 on average, and so is the standard deviation
    bills = np.stack([held, held - saved, held - saved - 1.0])
    products = bills @ bills.T
    rated = Rated(
        bills.mean(axis=1).tolist(), [], None, [], [], None, bills, np.diag(products).tolist(), products[0].tolist()
    )
    assert RowAdviser(engine)._unsure(rated, [1, 2], 0) == [1]


@pytest.mark.parametrize("left", [None, 0.0, 5.0])
@pytest.mark.parametrize(
    "out", [CARD.plan_ids, CARD.plan_ids[1:], CARD.plan_ids[:-1]], ids=["all", "not-one", "not-last"]
)
@pytest.mark.parametrize("engine", ENGINES)
def test_with_all_other_plans_excluded_the_reason_to_stay_is_the_table_s(
    engine: Engine, out: tuple[str, ...], left: float | None
) -> None:
    record, asked = replace(RECORD, contract_months_left=left), replace(ASKED, excluded=list(out))
    assert RowAdviser(engine).quick(record, asked) == recommend_subscriber(record, engine, asked)


def test_who_may_take_no_plan_is_told_why_the_quick_way() -> None:
    bound = replace(RECORD, current_plan=None, contract_months_left=5.0)
    answer = RowAdviser(ENGINES[0]).quick(bound, ASKED)
    assert answer is not None
    assert (answer.plans, answer.stay_reason) == ((), "CONTRACT_BINDS")
    assert answer == recommend_subscriber(bound, ENGINES[0], ASKED)
