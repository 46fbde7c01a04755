from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common_utils.errors import ArtifactError, DataError
from planrec.billing import MAX_USAGE, Usage
from planrec.outlook import SERVICES, History, UsageForecast, fit_usage_forecast
from planrec.outlook.forecast import ServiceForecast

SCENARIOS = 32
PLACES = (np.arange(SCENARIOS) + 0.5) / SCENARIOS


def history(values: object, known: object = None) -> History:
    """The same numbers for every service, most recent first; 0 where a month is not known."""
    usage = np.array(values, dtype=np.float64)
    there = np.ones(usage.shape, dtype=np.bool_) if known is None else np.array(known, dtype=np.bool_)
    usage = np.where(there, usage, 0.0)
    return History(Usage(usage, usage.copy(), usage.copy()), there)


def ahead(values: object) -> tuple[Usage, np.ndarray]:
    usage = np.array(values, dtype=np.float64)
    return Usage(usage, usage.copy(), usage.copy()), np.ones(usage.shape, dtype=np.bool_)


def growing(n: int = 200, most: int = 3, factor: float = 1.1) -> UsageForecast:
    """People of different levels whose usage grows by the same factor every month."""
    last = np.geomspace(10, 1000, n)
    return fit_usage_forecast(
        history(last[:, None] / factor ** np.arange(most)), *ahead(last[:, None] * factor ** np.ones(1))
    )


def noisy(seed: int, n: int = 400, most: int = 6, noise: float = 0.3) -> tuple[History, Usage, np.ndarray]:
    rng = np.random.default_rng(seed)
    level = np.log(200) + rng.normal(0, 1.0, n)
    usage = np.exp(level[:, None] + rng.normal(0, noise, (n, most + 1)))
    return history(usage[:, 1:]), *ahead(usage[:, :1])


def by_hand(**changes: Any) -> ServiceForecast:
    """Up to one month known: a newcomer's median is e^2, otherwise usage stays as it is; quantiles -1 to 1."""
    parts: dict[str, Any] = {
        "coefficients": np.array([[2.0, 0.0], [0.0, 1.0]]),
        "scale": np.array([1.0, 0.5]),
        "prior": np.array([np.inf, np.inf]),
        "inflation": np.ones(2),
        "quantiles": np.array([np.linspace(-1, 1, SCENARIOS)] * 2),
        "used": 1.0,
    }
    return ServiceForecast(**{**parts, **changes})


def drawn(forecast: UsageForecast, past: History) -> np.ndarray:
    return forecast.scenarios(past).usage.minutes


@pytest.mark.parametrize("months", [1, 2, 3])
def test_constant_growth_goes_on_with_certainty(months: int) -> None:
    past = history([[100.0, 100 / 1.1, 100 / 1.21][:months], [7.0, 7 / 1.1, 7 / 1.21][:months]])
    found = growing().scenarios(past)
    for service in SERVICES:
        values = getattr(found.usage, service)
        np.testing.assert_allclose(values, np.array([[110.0], [7.7]]) * np.ones(SCENARIOS), rtol=1e-6)
    assert found.known.all()
    assert found.known.shape == (2, SCENARIOS)


def test_draw_of_one_month_by_hand() -> None:
    values = by_hand().draw(np.array([[50.0]]), np.array([[True]]), np.zeros(1))
    np.testing.assert_allclose(values[0], 50 * np.exp(0.5 * np.linspace(-1, 1, SCENARIOS)))


def test_extra_sd_adds_up_as_variances() -> None:
    # 0.3 and 0.4 make 0.5.
    forecast = by_hand(scale=np.array([1.0, 0.3]))
    values = forecast.draw(np.array([[50.0], [50.0]]), np.ones((2, 1), dtype=bool), np.array([0.0, 0.4]))
    np.testing.assert_allclose(np.log(values[:, -1] / 50), [0.3, 0.5])
    assert (np.ptp(values[1]) > np.ptp(values[0])).all()


def test_extra_sd_reaches_every_service() -> None:
    forecast = fit_usage_forecast(*noisy(0))
    past = history([[100.0, 120.0]])
    plain, wide = forecast.scenarios(past), forecast.scenarios(past, extra_sd=np.array([1.0]))
    for service in SERVICES:
        first, second = (np.log(getattr(found.usage, service)).std() for found in (plain, wide))
        assert second > first


def test_own_spread_is_mixed_with_the_common_one() -> None:
    # Two months, logarithms 1 and 3: squared deviations 2 around 2. (prior 3 x 4 + 2) / (3 + 2 - 1) x 2 = 7.
    forecast = ServiceForecast(
        coefficients=np.array([[0.0, 0, 0], [0, 0, 0], [5, 0, 0]]),
        scale=np.array([1.0, 1.0, 2.0]),
        prior=np.array([np.inf, np.inf, 3.0]),
        inflation=np.array([1.0, 1.0, 2.0]),
        quantiles=np.array([np.linspace(-1, 1, SCENARIOS)] * 3),
        used=1.0,
    )
    values = forecast.draw(np.exp([[3.0, 1.0]]), np.ones((1, 2), dtype=bool), np.zeros(1))
    assert np.log(values[0, -1]) == pytest.approx(5 + np.sqrt(7))


def test_steady_people_get_a_narrower_forecast_than_unsteady_ones() -> None:
    rng = np.random.default_rng(1)
    n = 600
    sd = np.where(np.arange(n) % 2 == 0, 0.05, 0.8)
    usage = np.exp(np.log(200) + rng.normal(size=(n, 7)) * sd[:, None])
    forecast = fit_usage_forecast(history(usage[:, 1:]), *ahead(usage[:, :1]))
    assert np.isfinite(forecast.services["minutes"].prior[6])
    steady, unsteady = np.log(drawn(forecast, history([[200.0] * 6, [60.0, 700.0, 90.0, 500.0, 200.0, 300.0]])))
    assert np.ptp(unsteady) > 3 * np.ptp(steady)


def test_who_never_used_a_service_is_not_taken_to_start() -> None:
    assert (drawn(fit_usage_forecast(*noisy(0)), history([[0.0] * 6, [0.0] * 6])) == 0).all()


def test_months_without_usage_come_again_as_often_as_they_came() -> None:
    values = drawn(growing(most=4), history([[100.0, 0.0, 0.0, 0.0], [100.0, 0.0, 100.0, 0.0], [100.0] * 4]))
    assert (values == 0).mean(axis=1).tolist() == [0.75, 0.5, 0.0]


def test_months_that_are_not_known_are_no_idle_months() -> None:
    past = history([[100.0, 0.0, 0.0]], [[True, False, False]])
    np.testing.assert_allclose(drawn(growing(), past), 110.0, rtol=1e-6)


def test_newcomers_get_the_quantiles_of_the_population() -> None:
    past, then, there = noisy(2)
    values = drawn(fit_usage_forecast(past, then, there), history(np.zeros((1, 6)), np.zeros((1, 6))))[0]
    np.testing.assert_allclose(np.log(values), np.quantile(np.log(then.minutes[:, 0]), PLACES), rtol=1e-9)


def test_newcomers_use_a_service_as_often_as_others_do() -> None:
    past, then, there = noisy(2)
    then.minutes[::4] = 0.0
    forecast = fit_usage_forecast(past, then, there)
    assert forecast.services["minutes"].used == 0.75
    nobody = history(np.zeros((1, 6)), np.zeros((1, 6)))
    assert (drawn(forecast, nobody) == 0).mean() == 0.25


def test_a_history_without_any_column_is_a_newcomer() -> None:
    forecast = fit_usage_forecast(*noisy(2))
    none, unknown = history(np.zeros((1, 0))), history(np.zeros((1, 6)), np.zeros((1, 6)))
    np.testing.assert_array_equal(drawn(forecast, none), drawn(forecast, unknown))


@given(st.integers(0, 2**31))
@settings(deadline=None, max_examples=15)
def test_the_fewer_months_are_known_the_wider_the_forecast(seed: int) -> None:
    past, then, there = noisy(seed)
    forecast = fit_usage_forecast(past, then, there)
    known = np.arange(6) < np.array([0, 1, 6])[:, None]
    wide, one, six = np.log(drawn(forecast, history(np.full((3, 6), 200.0), known))).std(axis=1)
    assert wide > one > six > 0


@given(
    st.lists(st.floats(1.0, 1e5), min_size=1, max_size=6),
    st.floats(1.0, 50.0),
    st.lists(st.booleans(), min_size=6, max_size=6),
)
@settings(deadline=None, max_examples=60)
def test_who_uses_more_in_every_month_is_forecast_more(months: list[float], factor: float, idle: list[bool]) -> None:
    forecast = fit_usage_forecast(*noisy(4))
    usage = np.where(idle[: len(months)], 0.0, months)
    less, more = drawn(forecast, history([usage, usage * factor]))
    assert (more >= less * (1 - 1e-9)).all()


@given(st.floats(0.0, 1e5), st.floats(0.0, 1e5))
@settings(deadline=None, max_examples=60)
def test_one_month_of_more_usage_is_forecast_more(first: float, second: float) -> None:
    less, more = drawn(fit_usage_forecast(*noisy(4)), history([[min(first, second)], [max(first, second)]]))
    assert (more >= less).all()


def test_services_meet_in_hardly_correlated_order() -> None:
    found = fit_usage_forecast(*noisy(5)).scenarios(history([[100.0, 90.0]]))
    ranks = np.array([np.argsort(np.argsort(getattr(found.usage, service)[0])) for service in SERVICES])
    assert (np.sort(ranks, axis=1) == np.arange(SCENARIOS)).all()  # every value is there once
    assert np.abs(np.corrcoef(ranks)[np.triu_indices(3, 1)]).max() < 0.02


def test_months_beyond_those_fitted_are_not_looked_at() -> None:
    forecast = growing(most=2)
    past = history([[100.0, 100 / 1.1, 5000.0, 0.0], [100.0, 100 / 1.1, 0.0, 0.0]])
    np.testing.assert_array_equal(drawn(forecast, past), drawn(forecast, history([[100.0, 100 / 1.1]] * 2)))


def test_more_months_known_than_anybody_had_are_read_as_the_most_there_were() -> None:
    past, then, there = noisy(6, most=3)
    known = np.column_stack([past.known, np.zeros((400, 2), dtype=bool)])
    usage = np.column_stack([past.usage.minutes, np.zeros((400, 2))])
    part = fit_usage_forecast(history(usage, known), then, there).services["minutes"]
    for fewer in (4, 5):
        for name in ("coefficients", "scale", "prior", "inflation", "quantiles"):
            np.testing.assert_array_equal(getattr(part, name)[fewer], getattr(part, name)[3])
    assert part.coefficients[3, 4:].tolist() == [0, 0]
    short = fit_usage_forecast(past, then, there)
    long = fit_usage_forecast(history(usage, known), then, there)
    np.testing.assert_array_equal(drawn(long, history([[90.0, 110.0]])), drawn(short, history([[90.0, 110.0]])))


def test_partial_months_ahead_are_no_example() -> None:
    past, then, there = noisy(7)
    part = fit_usage_forecast(past, then, there)
    later = np.column_stack([then.minutes, np.full(400, 9e6)])
    known = np.column_stack([there, np.zeros(400, dtype=bool)])
    assert fit_usage_forecast(past, Usage(later, later, later), known).to_dict() == part.to_dict()


def test_fit_and_scenarios_leave_their_input_alone() -> None:
    past, then, there = noisy(8)
    before = [past.usage.minutes.copy(), past.known.copy(), then.minutes.copy(), there.copy()]
    extra = np.full(400, 0.2)
    fit_usage_forecast(past, then, there).scenarios(past, extra_sd=extra)
    for was, now in zip(before, [past.usage.minutes, past.known, then.minutes, there], strict=True):
        np.testing.assert_array_equal(was, now)
    assert (extra == 0.2).all()


def test_no_scenario_is_more_than_the_rater_takes() -> None:
    values = by_hand().draw(np.array([[9e8]]), np.ones((1, 1), dtype=bool), np.array([20.0]))
    assert values.max() == MAX_USAGE
    assert values.min() < 10


@pytest.mark.parametrize(("rows", "enough"), [(30, False), (31, True)])
def test_too_few_months_to_learn_from_are_refused(rows: int, enough: bool) -> None:
    past, then, there = noisy(9, n=rows, most=1)
    if enough:
        assert fit_usage_forecast(past, then, there).services["minutes"].scale[0] > 0
    else:
        with pytest.raises(DataError, match=r"30 later month\(s\) to learn from; .* at least 31\."):
            fit_usage_forecast(past, then, there)


def test_forecast_survives_json() -> None:
    forecast = fit_usage_forecast(*noisy(10))
    text = json.dumps(forecast.to_dict(), allow_nan=False)
    again = UsageForecast.from_dict(json.loads(text))
    assert again.to_dict() == forecast.to_dict()
    past = history([[100.0, 0.0, 300.0]])
    np.testing.assert_array_equal(drawn(again, past), drawn(forecast, past))


def _without(values: dict[str, Any], service: str, part: str | None) -> dict[str, Any]:
    if part is None:
        return {name: kept for name, kept in values.items() if name != service}
    return {**values, service: {name: kept for name, kept in values[service].items() if name != part}}


@pytest.mark.parametrize("part", [None, "coefficients", "scale", "prior", "inflation", "quantiles", "used"])
def test_a_missing_part_is_refused(part: str | None) -> None:
    values = _without(growing().to_dict(), "messages", part)
    with pytest.raises(ArtifactError, match=r"usage forecast: KeyError while reading it; train again\."):
        UsageForecast.from_dict(values)


@pytest.mark.parametrize(
    ("part", "value", "error"),
    [
        pytest.param("used", "often", "ValueError", id="text"),
        pytest.param("prior", 3, "TypeError", id="no-list"),
        pytest.param("quantiles", [[1.0], [1.0, 2.0]], "ValueError", id="ragged"),
    ],
)
def test_a_part_that_cannot_be_read_is_refused(part: str, value: object, error: str) -> None:
    values = growing().to_dict()
    values["minutes"] = {**values["minutes"], part: value}
    with pytest.raises(ArtifactError, match=rf"usage forecast: {error} while reading it"):
        UsageForecast.from_dict(values)


@pytest.mark.parametrize("part", ["coefficients", "scale", "prior", "inflation", "quantiles"])
def test_parts_of_different_lengths_are_refused(part: str) -> None:
    values = growing().to_dict()
    values["megabytes"] = {**values["megabytes"], part: values["megabytes"][part][:-1]}
    with pytest.raises(ArtifactError, match=r"usage forecast: megabytes has parts of different lengths; train again\."):
        UsageForecast.from_dict(values)


def test_idle_months_do_not_raise_what_the_others_use() -> None:
    # Quantiles -1 to 1, so that the median of the months with usage is the level, idle or not.
    part = ServiceForecast(
        coefficients=np.array([[2.0, 0, 0], [0, 1, 0], [0, 1, 0]]),
        scale=np.full(3, 0.5),
        prior=np.full(3, np.inf),
        inflation=np.ones(3),
        quantiles=np.array([np.linspace(-1, 1, SCENARIOS)] * 3),
        used=1.0,
    )
    values = part.draw(np.array([[50.0, 0.0]]), np.ones((1, 2), dtype=bool), np.zeros(1))[0]
    assert (values == 0).sum() == 16
    assert np.median(values[values > 0]) == pytest.approx(50, rel=0.05)


def test_months_beyond_those_fitted_are_not_counted_either() -> None:
    past = history([[100.0, 0.0, 50.0, 50.0]], [[True, False, True, True]])
    assert (drawn(growing(most=2), past) > 0).all()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        pytest.param("coefficients", [[0.0] * SCENARIOS] * 4, id="as-many-weights-as-scenarios"),
        pytest.param("scale", 0.5, id="one-number"),
        pytest.param("scale", [[0.5] * 2] * 4, id="scale-of-two-axes"),
    ],
)
def test_every_wrong_shape_is_refused(part: str, value: object) -> None:
    values = growing().to_dict()
    values["minutes"] = {**values["minutes"], part: value}
    with pytest.raises(ArtifactError, match=r"usage forecast: .*train again\."):
        UsageForecast.from_dict(values)


def test_a_service_that_nobody_uses_is_expected_to_stay_unused() -> None:
    past, then, there = noisy(9, n=60, most=1)
    silent = Usage(then.minutes, np.zeros_like(then.messages), then.megabytes)
    assert fit_usage_forecast(past, silent, there).services["messages"].used == 0
    newcomers = History(Usage(*(np.zeros((2, 1)) for _ in range(3))), np.zeros((2, 1), dtype=np.bool_))
    expected = fit_usage_forecast(past, silent, there).scenarios(newcomers).usage
    assert (expected.messages == 0).all()
    assert (expected.minutes > 0).any()


def test_the_mixed_variance_is_right_on_average_for_those_it_was_learnt_from() -> None:
    rng = np.random.default_rng(11)
    sd = rng.choice([0.1, 0.9], 500)
    usage = np.exp(5 + rng.normal(size=(500, 4)) * sd[:, None])
    past = history(usage[:, 1:])
    part = fit_usage_forecast(past, *ahead(usage[:, :1])).services["minutes"]
    assert np.isfinite(part.prior[3])  # three months known: an own spread is looked at
    logs = np.log(usage)
    level = part.coefficients[3, 0] + logs[:, 1:] @ part.coefficients[3, 1:]
    own = ((logs[:, 1:] - logs[:, 1:].mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    mixed = (part.prior[3] * part.scale[3] ** 2 + own) / (part.prior[3] + 3 - 1) * part.inflation[3]
    assert np.mean((logs[:, 0] - level) ** 2 / mixed) == pytest.approx(1)
    # What is drawn spreads by the same variance: the outermost scenario lies its quantile times the deviation away.
    outermost = np.log(part.draw(usage[:, 1:], past.known, np.zeros(500))[:, -1])
    np.testing.assert_allclose(outermost, level + np.sqrt(mixed) * part.quantiles[3, -1])


def test_usage_of_exactly_one_is_usage() -> None:
    # The logarithm of 1 is 0, as are then all weights and quantiles: still everybody uses the service.
    past, then = history(np.ones((60, 2))), np.ones((60, 1))
    forecast = fit_usage_forecast(past, *ahead(then))
    assert forecast.services["minutes"].used == 1
    assert drawn(forecast, history(np.zeros((1, 2)), np.zeros((1, 2)))).tolist() == [[1.0] * SCENARIOS]
