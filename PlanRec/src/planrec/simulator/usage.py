"""Who the simulated subscribers are and what they would use; arrays in, arrays out.

Heavy-tailed profile: log usage = level of the subscriber + growth x time + season of the year + AR(1) noise; the level
comes from a mixture of segments, its services correlated. Light-tailed profile: the same normal scores of subscriber
and noise, mapped to the quantiles of a truncated normal or a Weibull, times growth and season.

What is drawn here is demand: what somebody would use on a plan that includes nothing. `simulator.bills.respond` turns
it into usage on a plan.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from planrec.months import month_index
from planrec.simulator.config import LightMargins, Segment, SimulatorConfig

__all__ = [
    "BURN_IN",
    "Population",
    "all_segments",
    "as_recorded",
    "draw_population",
    "draw_usage",
    "light_margins",
    "subscriber_ids",
    "typical_usage",
]

BURN_IN = 3  # months before the table's first one, so that its first decisions rest on experience
_YOUNGEST, _OLDEST = 18, 95
_NEW_SEGMENT = Segment(name="streamer", share=1, minutes=60, messages=5, megabytes=70_000, age=22)
_MOST = 1e6  # of any unit in a month: far above any segment, far below what the rater refuses


@dataclass(frozen=True, slots=True)
class Population:
    """Subscribers as columns; every array has `n` = number of subscribers rows.

    Attributes
    ----------
    segment : int64 array of shape (n,)
        Position in the settings' segments.
    age : int64 array of shape (n,)
        Years.
    level : float64 array of shape (n, 3)
        Median log usage a month: minutes, messages, megabytes.
    score : float64 array of shape (n, 3)
        Where the subscriber stands among all of the segment, in standard deviations; the services are correlated.
    growth : float64 array of shape (n, 3)
        Change of log usage a month.
    texts : bool array of shape (n,)
        Whether the subscriber ever sends a message.
    joined : int64 array of shape (n,)
        First month, counted from the table's first one; -`BURN_IN` for those already there.
    first_day : int64 array of shape (n,)
        Day of the month they joined; 1 for those already there.
    first_share : float64 array of shape (n,)
        Share of their first month they were there.
    """

    segment: NDArray[np.int64]
    age: NDArray[np.int64]
    level: NDArray[np.float64]
    score: NDArray[np.float64]
    growth: NDArray[np.float64]
    texts: NDArray[np.bool_]
    joined: NDArray[np.int64]
    first_day: NDArray[np.int64]
    first_share: NDArray[np.float64]


def all_segments(config: SimulatorConfig) -> tuple[Segment, ...]:
    """Return the segments, the one that drift brings last."""
    return (*config.segments, _NEW_SEGMENT) if config.drifts("new_segment") else config.segments


def subscriber_ids(count: int) -> list[str]:
    """Return the ids of so many subscribers, all of one length.

    Examples
    --------
    >>> subscriber_ids(11)[-2:]
    ['S09', 'S10']
    """
    width = len(str(count - 1))
    return [f"S{i:0{width}d}" for i in range(count)]


def draw_population(config: SimulatorConfig, rng: np.random.Generator) -> Population:
    """Draw the subscribers.

    Parameters
    ----------
    config : SimulatorConfig
    rng : numpy.random.Generator

    Returns
    -------
    Population

    Examples
    --------
    >>> people = draw_population(SimulatorConfig(subscribers=50), np.random.default_rng(1))
    >>> people.level.shape, bool((people.age >= 18).all())
    ((50, 3), True)
    """
    n = config.subscribers
    shares = np.array([s.share for s in config.segments])
    segment = rng.choice(len(shares), size=n, p=shares / shares.sum())
    # One common factor gives every pair of services the same correlation.
    common, own = rng.standard_normal((n, 1)), rng.standard_normal((n, 3))
    rho = config.service_correlation
    score = np.sqrt(rho) * common + np.sqrt(1 - rho) * own
    age_noise = config.age_sd * rng.standard_normal(n)
    growth = np.array(config.growth.as_tuple()) + config.growth_sd * rng.standard_normal((n, 3))
    texts = rng.random(n) >= config.never_texts
    joined, first_day, first_share = _draw_joining(config, rng)
    for start, share in config.drifts("new_segment"):
        segment[(joined >= max(start, 0)) & (rng.random(n) < share)] = len(config.segments)
    kinds = all_segments(config)
    medians = np.log([(s.minutes, s.messages, s.megabytes) for s in kinds])
    ages = np.array([s.age for s in kinds])[segment] + age_noise
    if config.profile == "light":
        between = np.array(config.light.between.as_tuple())
        level = np.log(np.maximum(light_margins(np.sqrt(between) * score, config.light), 1e-9))
    else:
        level = medians[segment] + score * np.array(config.level_sd.as_tuple())
    return Population(
        segment=segment,
        age=np.clip(np.rint(ages), _YOUNGEST, _OLDEST).astype(np.int64),
        level=level,
        score=score,
        growth=growth,
        texts=texts,
        joined=joined,
        first_day=first_day,
        first_share=first_share,
    )


def _draw_joining(
    config: SimulatorConfig, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    n = config.subscribers
    late = (rng.random(n) < config.joins_late) & (config.months > 1)
    joined = np.where(late, rng.integers(1, max(config.months, 2), size=n), -BURN_IN)
    start = month_index(config.first_month)
    lengths = np.array([calendar.monthrange(*_year_and_month(start + t))[1] for t in range(config.months)])
    length = lengths[np.maximum(joined, 0)]
    day = np.where(late, 1 + (rng.random(n) * length).astype(np.int64), 1)
    return joined, day, (length - day + 1) / length


def _year_and_month(index: int) -> tuple[int, int]:
    return index // 12, index % 12 + 1


def light_margins(score: NDArray[np.float64], margins: LightMargins) -> NDArray[np.float64]:
    """Return the usage at normal scores, light-tailed.

    Parameters
    ----------
    score : float64 array of shape (..., 3)
        Standard normal: minutes, messages, megabytes.
    margins : LightMargins

    Returns
    -------
    float64 array of shape (..., 3)
        Usage a month, > 0 but for rounding.

    Examples
    --------
    >>> light_margins(np.zeros(3), LightMargins(minutes_mean=400, minutes_sd=1)).round()[0]
    np.float64(400.0)
    """
    below = ndtr(score)
    usage = np.empty_like(below)
    for i, (mean, sd) in (
        (0, (margins.minutes_mean, margins.minutes_sd)),
        (2, (margins.megabytes_mean, margins.megabytes_sd)),
    ):
        cut = ndtr(-mean / sd)
        usage[..., i] = mean + sd * ndtri(cut + (1 - cut) * below[..., i])
    usage[..., 1] = margins.messages_scale * (-np.log(ndtr(-score[..., 1]))) ** (1 / margins.messages_shape)
    return np.maximum(usage, 0.0)


def typical_usage(people: Population) -> NDArray[np.float64]:
    """Return the median month of every subscriber: minutes, messages, megabytes; float64 array of shape (n, 3)."""
    usage = np.exp(people.level)
    usage[~people.texts, 1] = 0.0
    return usage


def draw_usage(
    config: SimulatorConfig, people: Population, rng: np.random.Generator, *, whole_minutes: bool
) -> NDArray[np.float64]:
    """Draw what everybody would use in every month: `BURN_IN` months before the table, the table, the later months.

    Parameters
    ----------
    config : SimulatorConfig
    people : Population
        Of n subscribers.
    rng : numpy.random.Generator
    whole_minutes : bool
        Whether each call is rounded up, so that a month's minutes are whole; else they have two decimals.

    Returns
    -------
    float64 array of shape (n, BURN_IN + months + later_months, 3)
        Minutes, messages (whole), megabytes (two decimals); 0 before a subscriber joins.

    Examples
    --------
    >>> config = SimulatorConfig(subscribers=5, months=2, later_months=2)
    >>> rng = np.random.default_rng(1)
    >>> draw_usage(config, draw_population(config, rng), rng, whole_minutes=True).shape
    (5, 7, 3)
    """
    time = np.arange(-BURN_IN, config.months + config.later_months)
    shape = config.subscribers, len(time)
    calendar_month = (month_index(config.first_month) + time) % 12 + 1
    swing = np.cos(2 * np.pi * (calendar_month - config.season_peak) / 12)
    season = swing[:, None] * np.array(config.season.as_tuple())
    trend = people.growth[:, None, :] * time[:, None] + season
    noise = _noise(config, len(time), rng)
    if config.profile == "light":
        between = np.array(config.light.between.as_tuple())
        score = np.sqrt(between) * people.score[:, None, :] + np.sqrt(1 - between) * noise
        usage = np.minimum(light_margins(score, config.light) * np.exp(trend), _MOST)
    else:
        log_usage = people.level[:, None, :] + trend + noise * np.array(config.noise_sd.as_tuple())
        usage = np.exp(np.minimum(log_usage, np.log(_MOST)))
    travels = rng.random(shape) < config.roaming
    abroad, growth = np.full(len(time), config.roaming_factor), np.ones(len(time))
    for start, lost in config.drifts("roaming_ban"):
        abroad[time >= start] = max(1 - lost, 0.0)
    for start, factor in config.drifts("data_growth"):
        growth[time >= start] *= factor
    usage[..., 2] *= np.where(travels, abroad, 1.0) * growth
    usage *= (rng.random(shape) >= config.absent)[..., None]
    usage[~people.texts, :, 1] = 0.0
    usage *= _presence(people, time)[..., None]
    usage[..., 0] = np.ceil(usage[..., 0]) if whole_minutes else usage[..., 0]
    return as_recorded(usage, whole_minutes=whole_minutes)


def as_recorded(usage: NDArray[np.float64], *, whole_minutes: bool) -> NDArray[np.float64]:
    """Return usage as an operator records it.

    Parameters
    ----------
    usage : float64 array of shape (..., 3)
        Minutes, messages, megabytes.
    whole_minutes : bool
        Whether a month's minutes are whole; else they have two decimals.

    Returns
    -------
    float64 array of shape (..., 3)
        Messages whole, megabytes with two decimals.

    Examples
    --------
    >>> as_recorded(np.array([10.4, 2.6, 7.126]), whole_minutes=True).tolist()
    [10.0, 3.0, 7.13]
    """
    minutes = np.rint(usage[..., 0]) if whole_minutes else np.round(usage[..., 0], 2)
    return np.stack([minutes, np.rint(usage[..., 1]), np.round(usage[..., 2], 2)], axis=-1)


def _presence(people: Population, time: NDArray[np.int64]) -> NDArray[np.float64]:
    at = time[None, :] - people.joined[:, None]
    return np.where(at < 0, 0.0, np.where(at == 0, people.first_share[:, None], 1.0))


def _noise(config: SimulatorConfig, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return standard normal AR(1) noise."""
    noise = rng.standard_normal((config.subscribers, length, 3))
    rho = config.noise_rho
    for t in range(1, length):
        noise[:, t] = rho * noise[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    return noise
