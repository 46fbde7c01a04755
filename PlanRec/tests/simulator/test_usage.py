from __future__ import annotations

import numpy as np
import pytest

from planrec.simulator.config import LightMargins, Segment, ServiceValues, SimulatorConfig
from planrec.simulator.usage import BURN_IN, as_recorded, draw_population, draw_usage, light_margins, typical_usage

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
    config = SimulatorConfig.model_validate({"subscribers": 2000, "months": 12, "later_months": 2} | settings)
    rng = np.random.default_rng(seed)
    return draw_usage(config, draw_population(config, rng), rng, whole_minutes=whole_minutes)


def test_usage_without_any_spread_is_the_segments_median() -> None:
    usage = usage_of(**STILL)
    assert usage.shape == (2000, BURN_IN + 12 + 2, 3)
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


def test_later_months_lie_after_the_table() -> None:
    assert usage_of(later_months=4).shape == (2000, BURN_IN + 12 + 4, 3)


def test_light_margins_are_the_documented_quantiles() -> None:
    margins = LightMargins(
        minutes_mean=100, minutes_sd=10, messages_shape=1, messages_scale=10, megabytes_mean=0, megabytes_sd=1
    )
    middle, far = light_margins(np.array([[0.0] * 3, [-8.0] * 3]), margins)
    assert middle == pytest.approx([100, 10 * np.log(2), 0.6745], abs=1e-4)  # a normal, an exponential, half a normal
    assert far == pytest.approx([20, 0, 0], abs=1e-3)


def test_light_profile_has_lighter_tails_than_the_heavy_one() -> None:
    tail = {}
    for profile in ("light", "heavy"):
        used = usage_of(profile=profile, segments=(ONE,), growth=NONE, season=NONE, roaming=0)[..., 2]
        tail[profile] = np.quantile(used, 0.999) / np.median(used[used > 0])
    assert tail["light"] < 3 < tail["heavy"]


def test_light_profile_splits_its_variance_between_and_within_subscribers() -> None:
    still = {k: v for k, v in STILL.items() if k != "segments"}
    minutes = usage_of(**(still | {"profile": "light"}))[..., 0]
    within = minutes.var(axis=1, ddof=1).mean()
    assert 1 - within / minutes.var() == pytest.approx(0.67, abs=0.06)  # noise with memory hides a little of it
    assert minutes.mean() == pytest.approx(458, rel=0.05)


def test_light_typical_usage_is_the_margins_median_for_the_median_subscriber() -> None:
    config = SimulatorConfig(subscribers=4001, profile="light", never_texts=0)
    typical = typical_usage(draw_population(config, np.random.default_rng(2)))
    assert np.median(typical, axis=0) == pytest.approx(light_margins(np.zeros(3), config.light), rel=0.05)


def test_light_margins_refuse_a_share_above_one() -> None:
    with pytest.raises(ValueError, match="`between` holds shares"):
        LightMargins(between=ServiceValues(minutes=2, messages=0, megabytes=0))


def test_as_recorded_rounds_each_service() -> None:
    assert as_recorded(np.array([[1.456, 1.4, 1.456]]), whole_minutes=False).tolist() == [[1.46, 1, 1.46]]
