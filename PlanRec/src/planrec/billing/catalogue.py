"""The catalogue: all plans and the rate card that prices them, read once and checked.

A rate card says how usage becomes billable units: minutes are rounded up per call (before they are summed) or per
month, data in started units of a fixed size. Prices are whole cents per unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common_utils.config.marked_yaml import YamlProblem, read_marked
from common_utils.errors import ConfigError, DataError
from planrec.billing.detailed_plan import DetailedPlan
from planrec.months import MONTH_PATTERN, month_index

__all__ = [
    "UNLIMITED",
    "Catalogue",
    "Eligibility",
    "Included",
    "OnSale",
    "Overage",
    "Plan",
    "PlanPrices",
    "Rounding",
    "load_catalogue",
    "parse_catalogue",
]

# Larger than any billable quantity the rater accepts, small enough that subtracting from it cannot overflow.
UNLIMITED = 2**62

_Cents = Annotated[int, Field(ge=0, le=10_000_000)]
_Allowance = Annotated[int, Field(ge=0, le=1_000_000_000)]
_Month = Annotated[str, Field(pattern=MONTH_PATTERN)]
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Rounding(_Part):
    """How usage becomes billable units.

    Examples
    --------
    >>> Rounding(minutes="call").data_unit_megabytes
    1024
    """

    minutes: Literal["call", "month"] = Field(
        description="call: each call is rounded up to whole minutes before it is summed; month: only the sum is"
    )
    data_unit_megabytes: int = Field(
        1024,
        ge=1,
        le=1_048_576,
        description="data is charged per started unit of this size, on the month's sum",
    )


class Included(_Part):
    """What the monthly fee covers; None is unlimited."""

    minutes: _Allowance | None = Field(description="minutes a month")
    messages: _Allowance | None = Field(description="messages a month")
    megabytes: _Allowance | None = Field(description="megabytes a month, whole data units")


class Overage(_Part):
    """What a further unit costs."""

    cents_per_minute: _Cents = Field(description="cents per further started minute")
    cents_per_message: _Cents = Field(description="cents per further message")
    cents_per_data_unit: _Cents = Field(description="cents per further started data unit")


class OnSale(_Part):
    """The months in which a plan can be taken, both ends included; None is open."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)

    first: _Month | None = Field(default=None, alias="from", description="first month on sale, YYYY-MM")
    last: _Month | None = Field(default=None, alias="to", description="last month on sale, YYYY-MM")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> OnSale:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("`to` lies before `from`")
        return self


class Eligibility(_Part):
    """Who may take a plan; None is everybody."""

    min_age: int | None = Field(default=None, ge=0, le=130, description="youngest age in completed years")
    max_age: int | None = Field(default=None, ge=0, le=130, description="oldest age in completed years: 27 admits 27.5")


class Plan(_Part):
    """One plan of the catalogue.

    Examples
    --------
    >>> plan = Plan(
    ...     plan_id="surf",
    ...     name="Surf",
    ...     monthly_fee_cents=2000,
    ...     included=Included(minutes=500, messages=50, megabytes=15360),
    ...     overage=Overage(cents_per_minute=3, cents_per_message=3, cents_per_data_unit=1000),
    ... )
    >>> plan.contract_months, plan.on_sale.first
    (0, None)
    """

    plan_id: _Id = Field(description="stable identifier")
    name: str = Field(min_length=1, max_length=80, description="name a subscriber knows")
    monthly_fee_cents: _Cents = Field(description="fee per month")
    included: Included
    overage: Overage
    contract_months: int = Field(0, ge=0, le=60, description="minimum term in months; 0 can be left any month")
    perks: tuple[Annotated[str, Field(min_length=1, max_length=40)], ...] = Field(
        (), max_length=20, strict=False, description="what comes with the plan beyond its allowances"
    )
    on_sale: OnSale = OnSale()
    eligibility: Eligibility = Eligibility()


class _RateCardFile(_Part):
    version: str = Field(min_length=1, max_length=64)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    rounding: Rounding
    plans: tuple[Plan, ...] = Field(max_length=1000, strict=False)

    @model_validator(mode="after")
    def _holds_a_plan(self) -> _RateCardFile:
        if not self.plans:
            raise ValueError("the catalogue holds no plan")
        return self


class _MixedRateCardFile(_Part):
    """The plans in the short form of a card that holds others as well; None at the place of another."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    version: str
    currency: str
    rounding: Rounding
    plans: tuple[Plan | None, ...] = Field(max_length=1000, strict=False)

    @model_validator(mode="before")
    @classmethod
    def _short_part(cls, value: dict[str, object]) -> dict[str, object]:
        plans, rounding = value.get("plans"), value.get("rounding")
        kept = {**value, "plans": [p if _is_short(p) else None for p in plans] if isinstance(plans, list) else plans}
        if isinstance(rounding, dict):
            kept["rounding"] = {key: rounding[key] for key in Rounding.model_fields if key in rounding}
        return kept


def _is_short(plan: object) -> bool:
    return isinstance(plan, dict) and "monthly_fee_cents" in plan


@dataclass(frozen=True)
class PlanPrices:
    """The plans as columns: int64 arrays of shape (n_plans,), allowances in billable units."""

    fee_cents: NDArray[np.int64]
    included_minutes: NDArray[np.int64]
    included_messages: NDArray[np.int64]
    included_data_units: NDArray[np.int64]
    cents_per_minute: NDArray[np.int64]
    cents_per_message: NDArray[np.int64]
    cents_per_data_unit: NDArray[np.int64]


@dataclass(frozen=True)
class Catalogue:
    """All plans of one rate card version.

    Attributes
    ----------
    version : str
        Version of the rate card; returned with every answer.
    currency : str
        ISO 4217 code.
    rounding : Rounding
    plans : tuple of Plan
        In the order of the file; a plan's position is its index everywhere.
    detailed : tuple of DetailedPlan
        Plans of the file that three totals of a month cannot price; they have no index.

    Examples
    --------
    >>> megaline.plan_ids, megaline.index("ultimate")
    (('surf', 'ultimate'), 1)
    """

    version: str
    currency: str
    rounding: Rounding
    plans: tuple[Plan, ...]
    detailed: tuple[DetailedPlan, ...] = ()

    @cached_property
    def plan_ids(self) -> tuple[str, ...]:
        """Identifiers in index order."""
        return tuple(plan.plan_id for plan in self.plans)

    @cached_property
    def detailed_ids(self) -> frozenset[str]:
        """Identifiers of the plans that three totals of a month cannot price."""
        return frozenset(plan.plan_id for plan in self.detailed)

    def left_out(self) -> tuple[str, ...]:
        """Return a sentence for each plan that three totals of a month cannot price: why, and what it would need."""
        return tuple(plan.remark for plan in self.detailed)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {plan_id: i for i, plan_id in enumerate(self.plan_ids)}

    def index(self, plan_id: str | None) -> int:
        """Return a plan's position, -1 where it is unknown or None."""
        return -1 if plan_id is None else self._positions.get(plan_id, -1)

    def check_held(self, plan_id: str | None) -> None:
        """Refuse a plan held that the card does not know; one that needs usage detail is taken as unknown.

        Raises
        ------
        DataError
            If the plan is named and not of this card.
        """
        if plan_id is not None and plan_id not in self._positions and plan_id not in self.detailed_ids:
            raise DataError(
                "current_plan is not a plan of this catalogue; ask GET /plans for the ids, or leave it out."
            )

    @cached_property
    def prices(self) -> PlanPrices:
        """The plans as arrays for the rater."""
        unit = self.rounding.data_unit_megabytes

        def column(values: list[int | None], divisor: int = 1) -> NDArray[np.int64]:
            return np.array([UNLIMITED if v is None else v // divisor for v in values], dtype=np.int64)

        plans = self.plans
        return PlanPrices(
            fee_cents=column([p.monthly_fee_cents for p in plans]),
            included_minutes=column([p.included.minutes for p in plans]),
            included_messages=column([p.included.messages for p in plans]),
            included_data_units=column([p.included.megabytes for p in plans], unit),
            cents_per_minute=column([p.overage.cents_per_minute for p in plans]),
            cents_per_message=column([p.overage.cents_per_message for p in plans]),
            cents_per_data_unit=column([p.overage.cents_per_data_unit for p in plans]),
        )

    @cached_property
    def sale_windows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and last month index in which each plan is sold; int64 arrays of shape (n_plans,)."""
        first = [month_index(p.on_sale.first) if p.on_sale.first else -1 for p in self.plans]
        last = [month_index(p.on_sale.last) if p.on_sale.last else UNLIMITED for p in self.plans]
        return np.array(first, dtype=np.int64), np.array(last, dtype=np.int64)

    def sale_state(self, month: int | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return -1 not yet on sale, 0 on sale, 1 no longer sold.

        Parameters
        ----------
        month : int or int64 array of shape (n,)
            Month index.

        Returns
        -------
        int64 array of shape (n_plans,) or (n, n_plans)
        """
        first, last = self.sale_windows
        at = np.asarray(month, dtype=np.int64)[..., None]
        return np.where(at < first, -1, np.where(at > last, 1, 0))

    @cached_property
    def unlimited_shares(self) -> NDArray[np.float64]:
        """Share of the three services that each plan does not limit; float64 array of shape (n_plans,)."""
        included = [p.included for p in self.plans]
        return np.array([((i.minutes is None) + (i.messages is None) + (i.megabytes is None)) / 3 for i in included])

    @cached_property
    def perk_counts(self) -> NDArray[np.float64]:
        """Number of perks of each plan; float64 array of shape (n_plans,)."""
        return np.array([len(p.perks) for p in self.plans], dtype=np.float64)

    @cached_property
    def contract_years(self) -> NDArray[np.float64]:
        """Minimum term of each plan in years; float64 array of shape (n_plans,)."""
        return np.array([p.contract_months / 12 for p in self.plans])

    @cached_property
    def age_limits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Youngest and oldest age of each plan, -inf and inf where open; float64 arrays of shape (n_plans,)."""
        youngest = [p.eligibility.min_age for p in self.plans]
        oldest = [p.eligibility.max_age for p in self.plans]
        return (
            np.array([-np.inf if a is None else a for a in youngest], dtype=np.float64),
            np.array([np.inf if a is None else a for a in oldest], dtype=np.float64),
        )


def load_catalogue(path: Path) -> Catalogue:
    """Read and check a rate card.

    Parameters
    ----------
    path : Path
        YAML file with `version`, `currency`, `rounding` and `plans`.

    Returns
    -------
    Catalogue

    Raises
    ------
    ConfigError
        If the file is missing, is not YAML, or a plan breaks a rule; the message names line and key.

    Examples
    --------
    >>> len(load_catalogue(project / "configs" / "plans.yaml").plans) >= 12
    True
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"rate card {path}: no such file. Name an existing one with --plans or `plans:`.") from error
    except OSError as error:
        raise ConfigError(f"rate card {path}: cannot be read ({type(error).__name__}).") from error
    return parse_catalogue(data, str(path))


def parse_catalogue(data: bytes, name: str) -> Catalogue:
    """Check the bytes of a rate card; `name` is what messages call it.

    Raises
    ------
    ConfigError
        If the bytes are not YAML, a key is given twice, or a plan breaks a rule; with line and key.

    Examples
    --------
    >>> parse_catalogue(b"plans: [", "draft")
    Traceback (most recent call last):
    common_utils.errors.ConfigError: rate card draft: line 1: expected the node content, but found '<stream end>'. \
Correct it and try again.
    """
    if b"timezone" in data:
        from planrec.billing.mixed_cards import detailed_in  # the full schema takes a third of a second to build

        detailed = detailed_in(data, f"rate card {name}")
        if detailed is not None:
            return _mixed(data, detailed, name)
    card = read_marked(_RateCardFile, data, f"rate card {name}", check=_misfits, anchors=True)
    return Catalogue(card.version, card.currency, card.rounding, card.plans)


def _mixed(data: bytes, detailed: tuple[DetailedPlan, ...], name: str) -> Catalogue:
    """Return the plans in the short form of a full card; the others only say what pricing them would need."""
    card = read_marked(_MixedRateCardFile, data, f"rate card {name}", check=_misfits, anchors=True)
    return Catalogue(
        card.version, card.currency, card.rounding, tuple(p for p in card.plans if p is not None), detailed
    )


def _misfits(card: _RateCardFile | _MixedRateCardFile) -> list[YamlProblem]:
    first: dict[str, int] = {}
    problems: list[YamlProblem] = []
    for i, plan in enumerate(card.plans):
        if plan is None:
            continue
        if plan.plan_id in first:
            problems.append((("plans", i, "plan_id"), f"plan_id {plan.plan_id!r} stands twice"))
        first.setdefault(plan.plan_id, i)
        megabytes = plan.included.megabytes
        if megabytes is not None and megabytes % card.rounding.data_unit_megabytes:
            said = (
                f"plan {plan.plan_id!r}: included megabytes {megabytes} are not whole data units of "
                f"{card.rounding.data_unit_megabytes}; part of a charged unit would be included"
            )
            problems.append((("plans", i, "included", "megabytes"), said))
    return problems
