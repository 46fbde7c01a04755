from __future__ import annotations

import numpy as np
import pytest

from planrec.simulate_config import Segment, ServiceValues, SimulatorConfig
from planrec.simulate_usage import BURN_IN, draw_population, draw_usage, typical_usage

NONE = ServiceValues(minutes=0, messages=0, megabytes=0)
ONE = Segment(name="one", share=1, minutes=100, messages=10, megabytes=1000, age=40)
STILL = {
    "segments": (ONE,),
    "level_sd": NONE,
    "noise_sd": NONE,
    "growth": NONE,
    "growth_sd": 0,
    "season": NONE,
    "never_texts": 0,
    "roaming": 0,
    "absent": 0,
    "joins_late": 0,
}


def usage_of(seed: int = 1, *, whole_minutes: bool = True, **settings: object) -> np.ndarray:
    config = SimulatorConfig.model_validate({"subscribers": 2000, "months": 12} | settings)
    rng = np.random.default_rng(seed)
    return draw_usage(config, draw_population(config, rng), rng, whole_minutes=whole_minutes)


def test_usage_without_any_spread_is_the_segments_median() -> None:
    usage = usage_of(**STILL)
    assert usage.shape == (2000, BURN_IN + 12, 3)
    assert (usage[..., 0] <= 101).all()
    assert (usage[..., 0] >= 100).all()
    assert (usage[..., 1:] == [10, 1000]).all()


@pytest.mark.parametrize(
    ("settings", "month", "expected"),
    [
        pytest.param({"growth": ServiceValues(minutes=0, messages=0, megabytes=0.1)}, 10, 2718.28, id="growth"),
        pytest.param({"season": ServiceValues(minutes=0, messages=0, megabytes=0.1)}, 11, 1105.17, id="season-peak"),
        pytest.param({"season": ServiceValues(minutes=0, messages=0, megabytes=0.1)}, 5, 904.84, id="season-trough"),
        pytest.param({"roaming": 1, "roaming_factor": 2}, 0, 2000, id="roaming"),
        pytest.param({"absent": 1}, 0, 0, id="absent"),
    ],
)
def test_usage_follows_its_parts(settings: dict[str, object], month: int, expected: float) -> None:
    assert np.unique(usage_of(**(STILL | settings))[:, BURN_IN + month, 2]) == pytest.approx(expected, abs=0.01)


def test_usage_noise_has_the_spread_and_memory_of_the_settings() -> None:
    noise = np.log(usage_of(**(STILL | {"noise_sd": ServiceValues(minutes=0.2, messages=0.2, megabytes=0.25)})))[..., 2]
    assert noise.std() == pytest.approx(0.25, abs=0.01)
    assert np.corrcoef(noise[:, 4], noise[:, 5])[0, 1] == pytest.approx(0.4, abs=0.06)


def test_usage_levels_are_correlated_between_services() -> None:
    config = SimulatorConfig(subscribers=20_000, segments=(ONE,))
    correlation = np.corrcoef(draw_population(config, np.random.default_rng(3)).level.T)
    assert correlation[np.triu_indices(3, 1)] == pytest.approx(0.2, abs=0.03)


def test_usage_is_whole_where_the_rate_card_counts_whole() -> None:
    usage = usage_of()
    assert (usage >= 0).all()
    assert (usage[..., :2] % 1 == 0).all()
    assert (np.round(usage[..., 2], 2) == usage[..., 2]).all()
    assert (usage_of(whole_minutes=False)[..., 0] % 1 != 0).any()


def test_usage_never_texters_stay_silent() -> None:
    usage = usage_of()
    assert np.mean((usage[..., 1] == 0).all(axis=1)) == pytest.approx(0.18, abs=0.03)


def test_late_joiners_have_no_usage_before_and_a_share_of_their_first_month() -> None:
    config = SimulatorConfig.model_validate(STILL | {"subscribers": 300, "months": 3, "joins_late": 1})
    rng = np.random.default_rng(5)
    people = draw_population(config, rng)
    usage = draw_usage(config, people, rng, whole_minutes=False)[..., 2]
    at = people.joined + BURN_IN
    rows = np.arange(300)
    assert set(people.joined) == {1, 2}
    assert (usage[rows, at - 1] == 0).all()
    assert usage[rows, at] == pytest.approx(1000 * people.first_share, abs=0.01)
    lengths = np.array([0, 28, 31])[people.joined]  # February and March 2025
    assert people.first_share == pytest.approx((lengths - people.first_day + 1) / lengths)
    assert people.first_day.min() == 1
    assert (people.first_day <= lengths).all()


def test_single_month_has_no_late_joiners() -> None:
    config = SimulatorConfig(subscribers=50, months=1, joins_late=1)
    assert (draw_population(config, np.random.default_rng(1)).joined == -BURN_IN).all()


def test_typical_usage_is_the_median_and_zero_for_those_who_never_text() -> None:
    config = SimulatorConfig.model_validate(STILL | {"subscribers": 4, "never_texts": 1})
    people = draw_population(config, np.random.default_rng(1))
    assert typical_usage(people) == pytest.approx(np.tile([100, 0, 1000], (4, 1)))
