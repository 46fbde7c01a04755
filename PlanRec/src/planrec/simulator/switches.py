"""What can be made to go wrong with the simulated operator, all off by default: drift, defects, leaks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from common_utils.config import BaseConfig
from planrec.months import MONTH_PATTERN

__all__ = ["DefectConfig", "Drift", "DriftKind", "Leak"]

DriftKind = Literal["price_rise", "flagship_launch", "data_growth", "unit_slip", "roaming_ban", "new_segment"]
Leak = Literal[
    "monthly_charge", "overage_fee", "plan_discount_code", "next_month_usage", "retention_call", "account_ref"
]

_Share = Annotated[float, Field(ge=0, le=0.1)]


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

    duplicates: _Share = Field(default=0.0, description="usage months written twice")
    negatives: _Share = Field(default=0.0, description="usage months with negative megabytes")
    month_13: _Share = Field(default=0.0, description="usage months dated to a month 13")
    unknown_plan: _Share = Field(default=0.0, description="usage months on a plan that is in no catalogue")
    decimal_comma: _Share = Field(default=0.0, description="usage months with megabytes written 12,5")
    plan_changed: _Share = Field(default=0.0, description="usage months in two rows: a plan changed mid-month")
    clock_shift: _Share = Field(default=0.0, description="events dated before their subscriber joined")
    orphans: _Share = Field(default=0.0, description="events of subscribers that are not listed")
