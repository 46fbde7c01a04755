"""What can be made to go wrong with the simulated operator, all off by default."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from common_utils.config import BaseConfig
from planrec.months import MONTH_PATTERN

__all__ = ["Drift", "DriftKind"]

DriftKind = Literal["price_rise", "flagship_launch", "data_growth", "unit_slip", "roaming_ban", "new_segment"]


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
