"""Settings of the simulated operator; light, so that the project's configuration can carry them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from common_utils.config import BaseConfig
from planrec.months import MONTH_PATTERN, month_index
from planrec.simulator.process_settings import FlatRateConfig, LatentClass, checked_classes

__all__ = [
    "ChoiceProcess",
    "ChurnConfig",
    "DefectConfig",
    "Drift",
    "DriftKind",
    "HabitConfig",
    "Leak",
    "LightMargins",
    "OffersConfig",
    "SatisficingConfig",
    "Segment",
    "ServiceValues",
    "SimulatorConfig",
]

_Share = Annotated[float, Field(ge=0, le=1)]
_Spread = Annotated[float, Field(ge=0, le=3)]


ChoiceProcess = Literal["logit", "satisficing", "habit", "loss_averse", "flat_rate", "latent_classes"]
DriftKind = Literal["price_rise", "flagship_launch", "data_growth", "unit_slip", "roaming_ban", "new_segment"]
Leak = Literal[
    "monthly_charge", "overage_fee", "plan_discount_code", "next_month_usage", "retention_call", "account_ref"
]

_SmallShare = Annotated[float, Field(ge=0, le=0.1)]


class Drift(BaseConfig):
    """One change of the world, or of how it is recorded, from a month on.

    Examples
    --------
    >>> Drift(kind="data_growth", start="2025-07", size=1.5).size
    1.5
    """

    kind: DriftKind = Field(
        description="price_rise, flagship_launch, data_growth, unit_slip (MB recorded as GB), roaming_ban, new_segment"
    )
    start: str = Field(pattern=MONTH_PATTERN, description="first month it holds in")
    size: float = Field(
        gt=0,
        le=1000,
        description="price_rise: share added to every fee; flagship_launch: its fee, in currency; data_growth: factor "
        "on megabytes; unit_slip: share of subscribers; roaming_ban: share of a travel month's megabytes that is lost; "
        "new_segment: share of those who join",
    )


class DefectConfig(BaseConfig):
    """Shares of rows of the written tables that are damaged; every damaged row has one defect.

    Examples
    --------
    >>> DefectConfig().duplicates
    0.0
    """

    duplicates: _SmallShare = Field(default=0.0, description="usage months written twice")
    negatives: _SmallShare = Field(default=0.0, description="usage months with negative megabytes")
    month_13: _SmallShare = Field(default=0.0, description="usage months dated to a month 13")
    unknown_plan: _SmallShare = Field(default=0.0, description="usage months on a plan that is in no catalogue")
    decimal_comma: _SmallShare = Field(default=0.0, description="usage months with megabytes written 12,5")
    plan_changed: _SmallShare = Field(default=0.0, description="usage months in two rows: a plan changed mid-month")
    clock_shift: _SmallShare = Field(default=0.0, description="events dated before their subscriber joined")
    orphans: _SmallShare = Field(default=0.0, description="events of subscribers that are not listed")


class ServiceValues(BaseConfig):
    """One number for each service.

    Examples
    --------
    >>> ServiceValues(minutes=1, messages=2, megabytes=3).as_tuple()
    (1.0, 2.0, 3.0)
    """

    minutes: float
    messages: float
    megabytes: float

    def as_tuple(self) -> tuple[float, float, float]:
        """Return the values in the order minutes, messages, megabytes."""
        return self.minutes, self.messages, self.megabytes


class Segment(BaseConfig):
    """A kind of subscriber.

    Examples
    --------
    >>> Segment(name="light", share=1, minutes=110, messages=20, megabytes=2000, age=50).share
    1.0
    """

    name: str = Field(min_length=1, max_length=40)
    share: float = Field(gt=0, le=1, description="share of subscribers; all segments' shares add up to 1")
    minutes: float = Field(gt=0, le=50_000, description="median minutes a month")
    messages: float = Field(gt=0, le=50_000, description="median messages a month of those who send any")
    megabytes: float = Field(gt=0, le=5_000_000, description="median megabytes a month")
    age: float = Field(ge=18, le=90, description="mean age in years")


class LightMargins(BaseConfig):
    """Light-tailed usage a month: a normal cut off at 0 for minutes and megabytes, a Weibull for messages.

    The defaults are fitted to the whole months of the Megaline events.

    Examples
    --------
    >>> LightMargins().minutes_sd > 0
    True
    """

    minutes_mean: float = Field(default=438, description="mean of the normal before it is cut off at 0, minutes")
    minutes_sd: float = Field(default=245, gt=0, description="its standard deviation")
    messages_shape: float = Field(default=1.33, gt=0, le=20, description="shape of the texters' Weibull")
    messages_scale: float = Field(default=48, gt=0, description="its scale, messages")
    megabytes_mean: float = Field(default=15_300, description="mean of the normal before it is cut off at 0, megabytes")
    megabytes_sd: float = Field(default=7_000, gt=0, description="its standard deviation")
    between: ServiceValues = Field(
        default=ServiceValues(minutes=0.67, messages=0.84, megabytes=0.51),
        description="share of the variance of normal scores that lies between subscribers, 0 to 1",
    )

    @model_validator(mode="after")
    def _between_are_shares(self) -> LightMargins:
        if not all(0 <= share <= 1 for share in self.between.as_tuple()):
            raise ValueError("`between` holds shares, 0 to 1")
        return self


class SatisficingConfig(BaseConfig):
    """The second choice process: look at a few salient plans, take one that is good enough, fear regret.

    Examples
    --------
    >>> SatisficingConfig().considered
    3
    """

    considered: int = Field(default=3, ge=1, le=6, description="plans looked at besides the current one")
    regret_weight: float = Field(
        default=1.0, ge=0, le=10, description="units of bill that one unit of anticipated regret weighs"
    )
    effort: float = Field(
        default=0.3, ge=0, le=10, description="gain a move must bring, in units of inertia over price sensitivity"
    )
    restless: _Share = Field(
        default=0.5, description="chance that a subscriber wants a change: then a plan within the slack will do"
    )
    slack: float = Field(
        default=6.0,
        ge=0,
        le=1000,
        description="in currency, above the current plan's cost (the restless) or above the least (newcomers)",
    )
    fee_salience: float = Field(
        default=1.0, ge=0, le=20, description="salience lost per unit of log distance of the fee from the usual bill"
    )
    unlimited_salience: float = Field(default=0.5, ge=0, le=20, description="salience of everything being unlimited")
    new_salience: float = Field(default=1.0, ge=0, le=20, description="salience of a plan in its first three months")


class ChurnConfig(BaseConfig):
    """The monthly hazard of leaving, as the summands of its logit.

    Examples
    --------
    >>> ChurnConfig().salience > 0
    True
    """

    base: float = Field(default=-3.95, ge=-60, le=10, description="logit for a newcomer who pays what is least")
    overpay: float = Field(default=0.06, ge=0, le=5, description="per unit of currency overpaid a month")
    shock: float = Field(default=0.3, ge=0, le=5, description="after a bill shock")
    competitor: float = Field(default=0.3, ge=0, le=5, description="while a competitor campaigns")
    competitor_months: tuple[Annotated[int, Field(ge=1, le=12)], ...] = Field(
        default=(3, 9), description="calendar months in which it does"
    )
    tenure: float = Field(default=0.1, ge=0, le=5, description="less per year with the operator, five at most")
    binding: float = Field(default=1.0, ge=0, le=60, description="less while a contract binds")
    salience: float = Field(
        default=0.155, ge=0, le=5, description="per unit of currency overpaid, within three months of a contact"
    )
    accepted: float = Field(default=1.2, ge=0, le=5, description="less within three months of accepting an offer")


class OffersConfig(BaseConfig):
    """The logged campaign, and how offers are answered.

    Examples
    --------
    >>> OffersConfig().holdout_share
    0.1
    """

    campaign_share: _Share = Field(
        default=0.15, description="share of the free subscribers without a decision of their own selected each month"
    )
    first_month: int = Field(default=3, ge=0, description="months of the table before the campaign starts")
    holdout_share: _Share = Field(default=0.1, description="share of subscribers never contacted")
    holdout_seed: int = Field(default=2025, ge=0, description="with the id, decides who that is")
    min_propensity: float = Field(default=0.02, gt=0, le=0.5, description="least chance with which a plan is offered")
    temperature: float = Field(
        default=5.0, gt=0, le=1000, description="saving, in currency a month, that makes an offer e times as likely"
    )
    accept_base: float = Field(default=0.2, ge=-20, le=20, description="logit of accepting an equal plan")
    accept_utility: float = Field(default=0.8, ge=0, le=20, description="per unit of utility gained")
    accept_inertia: float = Field(default=0.5, ge=0, le=20, description="less per unit of the subscriber's inertia")
    accept_fatigue: float = Field(default=0.4, ge=0, le=20, description="less per contact in the last 90 days")
    truth_of_all: bool = Field(
        default=False,
        description="whether the truth holds what an offer would do to every free subscriber each month; else only to "
        "those the campaign draws and those who decide",
    )


_SEGMENTS = (
    Segment(name="light", share=0.22, minutes=80, messages=12, megabytes=1_400, age=54),
    Segment(name="talker", share=0.20, minutes=650, messages=25, megabytes=3_500, age=58),
    Segment(name="everyday", share=0.26, minutes=300, messages=35, megabytes=9_500, age=42),
    Segment(name="data", share=0.20, minutes=170, messages=60, megabytes=19_000, age=28),
    Segment(name="heavy", share=0.12, minutes=750, messages=90, megabytes=36_000, age=37),
)


_CLASSES = (
    LatentClass(name="settled", share=0.45, price=0.6, inertia=2.2, flat_rate=1.4, contract=0.6),
    LatentClass(name="price watcher", share=0.35, price=2.2, inertia=0.1, flat_rate=0.3, contract=1.2),
    LatentClass(name="fond of extras", share=0.2, inertia=0.8, perk=3.0, contract=1.6),
)


class HabitConfig(BaseConfig):
    """When a subscriber of habit looks at the plans.

    Examples
    --------
    >>> HabitConfig().threshold
    0.25
    """

    threshold: _Share = Field(
        default=0.25, description="share of the believed bill that the best plan must save to be noticed"
    )
    attention: _Share = Field(default=0.1, description="chance to look all the same")


class SimulatorConfig(BaseConfig):
    """The simulated operator: who its subscribers are, how they use and how they choose.

    The generative model and the ranges of its figures: Lambrecht & Skiera 2006 (flat-rate bias), Grubb & Osborne 2015
    (underestimated variance); spreads within a subscriber as measured on the Megaline events. Prices enter in units of
    the rate card's currency (1.00), not in cents.

    Examples
    --------
    >>> SimulatorConfig(subscribers=100).months
    12
    """

    subscribers: int = Field(20_000, ge=1, le=5_000_000, description="number of subscribers")
    months: int = Field(12, ge=1, le=120, description="length of the table in months")
    first_month: str = Field("2025-01", pattern=MONTH_PATTERN, description="first month of the table")
    event_subscribers: int = Field(500, ge=0, description="subscribers for whom single events are written as well")

    later_months: int = Field(3, ge=2, le=24, description="months after the table whose bills the truth holds too")

    segments: tuple[Segment, ...] = Field(_SEGMENTS, min_length=1)
    profile: Literal["heavy", "light"] = Field(
        "heavy",
        description="heavy: lognormal usage by segment; light: truncated normal and Weibull, one population",
    )
    light: LightMargins = LightMargins()
    usage_response: float = Field(
        0.08, ge=0, le=0.5, description="share by which usage rises where nothing of a plan's allowance is used up"
    )
    level_sd: ServiceValues = Field(
        ServiceValues(minutes=0.45, messages=0.65, megabytes=0.45),
        description="spread of the log usage level within a segment",
    )
    service_correlation: float = Field(0.2, ge=0, lt=1, description="correlation of log levels in a segment")
    age_sd: float = Field(13, ge=0, le=30, description="spread of age within a segment, years")
    never_texts: _Share = Field(0.18, description="share of subscribers who never send a message")
    growth: ServiceValues = Field(
        ServiceValues(minutes=-0.002, messages=-0.01, megabytes=0.012), description="mean growth of log usage a month"
    )
    growth_sd: _Spread = Field(0.008, description="spread of growth between subscribers")
    season: ServiceValues = Field(
        ServiceValues(minutes=0.04, messages=0.06, megabytes=0.05), description="half the log swing over the year"
    )
    season_peak: int = Field(12, ge=1, le=12, description="calendar month of most usage")
    noise_sd: ServiceValues = Field(
        ServiceValues(minutes=0.21, messages=0.28, megabytes=0.26), description="spread of log usage between months"
    )
    noise_rho: float = Field(0.4, ge=0, lt=1, description="correlation of the noise of two successive months")
    roaming: _Share = Field(0.04, description="share of months spent travelling")
    roaming_factor: float = Field(1.5, gt=0, le=10, description="what travelling does to megabytes")
    absent: _Share = Field(0.005, description="share of months without any usage")
    joins_late: _Share = Field(0.15, description="share of subscribers who join after the first month, on any day")

    overestimation: float = Field(1.1, gt=0, le=3, description="mean of believed over real usage")
    overestimation_sd: _Spread = Field(0.2, description="spread of its logarithm between subscribers")
    perceived_variance: _Share = Field(0.5, description="believed over real variance of log usage")
    guess_sd: _Spread = Field(0.3, description="spread of a new subscriber's guess of their log usage")

    price_sensitivity: float = Field(0.145, gt=0, le=10, description="median utility lost per unit of currency a month")
    price_sensitivity_sd: _Spread = Field(0.3, description="spread of its logarithm between subscribers")
    risk_aversion: float = Field(0.5, ge=0, le=5, description="units of spread that weigh as much as one unit of bill")
    flat_rate_bias: float = Field(1.2, ge=0, le=20, description="mean utility of everything being unlimited")
    contract_dislike: float = Field(0.5, ge=0, le=20, description="mean utility lost per year of a new contract")
    inertia: float = Field(1.4, ge=0, le=20, description="mean utility of staying with the current plan")
    perk_taste: float = Field(0.3, ge=0, le=20, description="mean utility of one perk")
    taste_sd: _Spread = Field(0.4, description="relative spread of the four tastes above between subscribers")
    choice_process: ChoiceProcess = Field("logit", description="how a plan is picked at a decision")
    satisficing: SatisficingConfig = SatisficingConfig()
    habit: HabitConfig = HabitConfig()
    loss_aversion: float = Field(
        2.25,
        ge=1,
        le=20,
        description="loss_averse: factor on what a plan is believed to cost beyond today's bill",
    )
    flat_rate: FlatRateConfig = FlatRateConfig()
    latent_classes: tuple[LatentClass, ...] = Field(_CLASSES, min_length=1)

    shock_ratio: float = Field(1.3, ge=1, le=10, description="a bill this many times the mean of the three before ...")
    shock_amount: float = Field(4.0, ge=0, description="... and this much above it, in currency, is a shock")
    review_probability: _Share = Field(0.34, description="chance a month that a free subscriber looks at the plans")
    churn: ChurnConfig = ChurnConfig()
    offers: OffersConfig = OffersConfig()
    months_since_choice: int = Field(30, ge=1, le=120, description="at the start, the current plan is at most so old")

    drift: tuple[Drift, ...] = Field((), description="changes from a month on, in the order they are applied")
    defects: DefectConfig = DefectConfig()
    leaks: tuple[Leak, ...] = Field(
        (), description="columns of the usage months that hold what belongs to the month after"
    )

    def drifts(self, kind: DriftKind) -> list[tuple[int, float]]:
        """Return month (counted from the table's first one) and size of each change of a kind."""
        first = month_index(self.first_month)
        return [(month_index(d.start) - first, d.size) for d in self.drift if d.kind == kind]

    @model_validator(mode="after")
    def _drift_fits(self) -> SimulatorConfig:
        kinds = [d.kind for d in self.drift]
        if kinds.count("flagship_launch") > 1 or kinds.count("new_segment") > 1:
            raise ValueError("drift: flagship_launch and new_segment happen at most once")
        if "new_segment" in kinds and self.profile == "light":
            raise ValueError("drift: new_segment needs the profile heavy; the light one has no segments")
        return self

    @model_validator(mode="after")
    def _shares_add_up(self) -> SimulatorConfig:
        total = sum(segment.share for segment in self.segments)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the segments' shares add up to {total:g}, not 1")
        checked_classes(self.latent_classes)
        return self
