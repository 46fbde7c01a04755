from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import DataError
from planrec.advice import Engine, EngineAnswer, Subscribers
from planrec.billing import MAX_USAGE, Catalogue, Usage
from planrec.columns import MONTH, SUBSCRIBER
from planrec.decisions import columns_of, latest_rows
from planrec.decisions.rows import usage_ahead
from planrec.months import month_index
from planrec.outlook import (
    SERVICES,
    History,
    Questionnaire,
    UsageForecast,
    filled_in,
    fit_usage_forecast,
    history_of,
    said_usage,
)
from planrec.outlook.questionnaire import DOUBT_OF_AMOUNTS, DOUBT_OF_WORDS, TYPICAL, Calls, DataHabit, Messages
from planrec.rules import Facts, built_in_rules
from planrec.simulator.config import SimulatorConfig
from planrec.simulator.operator import simulate

AS_OF = month_index("2025-08")


@pytest.fixture(scope="module")
def recorded(catalogue: Catalogue) -> tuple[UsageForecast, History]:
    """A forecast learnt from half of an operator's subscribers, and six months of the others."""
    months = simulate(SimulatorConfig(subscribers=2000), catalogue, np.random.default_rng(5)).months
    others = months[SUBSCRIBER].isin(months[SUBSCRIBER].unique()[::2])
    learnt = months[others].reset_index(drop=True)
    forecast = fit_usage_forecast(*usage_ahead(learnt[learnt[MONTH] <= "2025-08"], history_months=6, horizon=3))
    rest = latest_rows(months[~others].reset_index(drop=True), as_of=AS_OF, history_months=6)
    whole = history_of(columns_of(rest), 6)
    return forecast, rows(whole, whole.known.all(axis=1))


def rows(history: History, which: np.ndarray) -> History:
    return History(Usage(*(getattr(history.usage, s)[which] for s in SERVICES)), history.known[which])


def first(history: History, n_months: int) -> History:
    """The same people, with so many months known."""
    known = history.known & (np.arange(history.known.shape[1]) < n_months)
    return History(Usage(*(np.where(known, getattr(history.usage, s), 0.0) for s in SERVICES)), known)


def asked(history: History, rng: np.random.Generator) -> list[Questionnaire]:
    """What people say: a tenth too much, off by a third, and the nearest word."""
    words = []
    for service in SERVICES:
        usual = getattr(history.usage, service).mean(axis=1) * 1.1
        said = np.maximum(usual * np.exp(rng.normal(0, 0.3, len(usual))), 1.0)
        names, steps = list(TYPICAL[service]), np.array(list(TYPICAL[service].values()))
        nearest = np.abs(np.log(np.maximum(steps, 1.0)) - np.log(said)[:, None]).argmin(axis=1)
        words.append([names[i] for i in nearest])
    return [Questionnaire(calls=c, messages=m, data=d) for c, m, d in zip(*words, strict=True)]


def answer(
    catalogue: Catalogue, forecast: UsageForecast, history: History, extra_sd: np.ndarray | None
) -> EngineAnswer:
    facts = Facts.of(AS_OF, np.full(len(history.known), -1))
    engine = Engine(catalogue, built_in_rules(), forecast)
    return engine.advise(Subscribers.of(history, facts, extra_sd=extra_sd), risk_weight=0.5)


def test_the_spread_of_an_answer_falls_with_what_is_known(catalogue: Catalogue, recorded) -> None:  # type: ignore[no-untyped-def]
    forecast, history = recorded
    said = said_usage(asked(history, np.random.default_rng(1)))
    steps = [(first(history, 0), None), (said.history, said.extra_sd)]
    steps += [(first(history, k), None) for k in (1, 2, 6)]
    spreads = [answer(catalogue, forecast, months, doubt).advice.spread_cents.mean() for months, doubt in steps]
    assert len(history.known) > 500
    assert (np.diff(spreads) <= 0).all(), np.round(spreads)
    assert spreads[0] > 1.5 * spreads[-1]


def test_a_said_month_lies_nearer_to_the_usage_than_the_population_does(recorded) -> None:  # type: ignore[no-untyped-def]
    forecast, history = recorded
    said = said_usage(asked(history, np.random.default_rng(2)))
    truth = history.usage.megabytes.mean(axis=1)
    errors = [
        np.abs(np.log(forecast.scenarios(months, extra_sd=doubt).usage.megabytes.mean(axis=1) / truth)).mean()
        for months, doubt in ((first(history, 0), None), (said.history, said.extra_sd))
    ]
    assert errors[1] < 0.7 * errors[0]


_amounts = st.none() | st.floats(0, 1000)
_people = st.builds(
    Questionnaire,
    calls=st.none() | st.sampled_from(get_args(Calls)),
    messages=st.none() | st.sampled_from(get_args(Messages)),
    data=st.none() | st.sampled_from(get_args(DataHabit)),
    minutes_a_day=_amounts,
    messages_a_day=_amounts,
    gigabytes_a_month=_amounts,
)


@given(st.lists(_people, min_size=1, max_size=5))
@settings(deadline=None, max_examples=40)
def test_any_answers_or_none_give_a_plan(catalogue: Catalogue, recorded, people: list[Questionnaire]) -> None:  # type: ignore[no-untyped-def]
    forecast, _ = recorded
    said = said_usage(people)
    advice = answer(catalogue, forecast, said.history, said.extra_sd).advice
    assert (advice.order[:, 0] >= 0).all()
    assert np.isfinite(advice.expected_cents).all()
    assert np.isfinite(advice.spread_cents).all()


def test_words_are_those_that_are_documented() -> None:
    for service, words in zip(SERVICES, (Calls, Messages, DataHabit), strict=True):
        assert tuple(TYPICAL[service]) == get_args(words)
        amounts = list(TYPICAL[service].values())
        assert amounts == sorted(amounts)


def test_an_amount_counts_before_a_word_and_is_doubted_less() -> None:
    both = said_usage([Questionnaire("hardly", "few", "wifi", 10, 5, 2), Questionnaire("hardly", "few", "wifi")])
    assert both.history.usage.minutes[:, 0].tolist() == pytest.approx([304 / 1.1, 30 / 1.1])
    assert both.history.usage.messages[:, 0].tolist() == pytest.approx([152 / 1.1, 10 / 1.1])
    assert both.history.usage.megabytes[:, 0].tolist() == pytest.approx([2048 / 1.1, 500 / 1.1])
    assert both.extra_sd.tolist() == pytest.approx([DOUBT_OF_AMOUNTS, DOUBT_OF_WORDS])


def test_each_missing_answer_widens_the_doubt() -> None:
    some = [Questionnaire("daily", "few", "chat"), Questionnaire("daily", "few"), Questionnaire("daily")]
    assert said_usage(some).extra_sd.tolist() == pytest.approx([0.4, np.sqrt(1.32 / 3), np.sqrt(2.16 / 3)])


def test_without_any_answer_no_month_is_known() -> None:
    nothing = said_usage([Questionnaire()])
    assert nothing.history.known.tolist() == [[False]]
    assert nothing.history.usage.minutes.tolist() == [[0.0]]
    assert nothing.extra_sd.tolist() == [0.0]


def test_recorded_months_beat_said_ones_and_nobody_is_changed_in_place() -> None:
    history = History(Usage.of([[50.0, 0.0], [0.0, 0.0], [0.0, 0.0]], np.zeros((3, 2)), np.zeros((3, 2))),
                      np.array([[True, False], [False, False], [False, False]]))  # fmt: skip
    both = filled_in(history, said_usage([Questionnaire("often"), Questionnaire("often"), Questionnaire()]))
    assert both.history.usage.minutes[:, 0].tolist() == pytest.approx([50, 500, 0])
    assert both.history.known.tolist() == [[True, False], [True, False], [False, False]]
    assert (both.extra_sd > 0).tolist() == [False, True, False]
    assert history.known.sum() == 1


@pytest.mark.parametrize(
    ("person", "message"),
    [
        pytest.param(Questionnaire(calls="never"), "about minutes is none of hardly, some, daily", id="unknown-word"),  # type: ignore[arg-type]
        pytest.param(Questionnaire(minutes_a_day=-1), "minutes must lie between 0", id="negative"),
        pytest.param(Questionnaire(gigabytes_a_month=float("nan")), "megabytes must lie between 0", id="no-number"),
        pytest.param(Questionnaire(messages_a_day=1e9), "messages must lie between 0", id="endless"),
    ],
)
def test_answers_that_cannot_be_are_refused(person: Questionnaire, message: str) -> None:
    with pytest.raises(DataError, match=message):
        said_usage([person])


def test_words_stand_for_steps_of_two_to_four() -> None:
    for service, most in zip(SERVICES, (1100, 120, 45_000), strict=True):
        steps = [amount for amount in TYPICAL[service].values() if amount]
        assert steps[-1] == most
        for smaller, larger in pairwise(steps):
            assert 2 <= larger / smaller <= 4
    assert [word for words in TYPICAL.values() for word, amount in words.items() if not amount] == ["none"]


def test_doubts_are_a_third_of_an_amount_and_more_of_a_word() -> None:
    assert (DOUBT_OF_AMOUNTS, DOUBT_OF_WORDS) == (0.3, 0.4)
    one = said_usage([Questionnaire(minutes_a_day=1.0)])
    assert one.extra_sd.tolist() == pytest.approx([np.sqrt((0.09 + 1 + 1) / 3)])
    assert one.history.usage.messages[0, 0] == 40  # the middle word, which nobody said: not divided
    assert one.history.usage.megabytes[0, 0] == 9000


def test_amounts_are_taken_from_none_to_the_most_there_can_be() -> None:
    most = said_usage([Questionnaire(minutes_a_day=0.0, gigabytes_a_month=MAX_USAGE / 1024)])
    assert most.history.usage.minutes[0, 0] == 0
    assert most.history.usage.megabytes[0, 0] == pytest.approx(MAX_USAGE / 1.1)
