"""Settings of the next bundle, the same section in every project."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from common_utils.config import BaseConfig

__all__ = ["GateConfig", "LifecycleConfig"]


class GateConfig(BaseConfig):
    """What a bundle must prove against the live one, on rows that neither learnt from.

    Examples
    --------
    >>> GateConfig().margin
    0.03
    """

    margin: float = Field(
        default=0.03,
        gt=0,
        le=0.5,
        description="how much worse a figure of all may be, as a share of the live bundle's; the worse end of the "
        "paired 95 % interval must lie within it",
    )
    segment_margin: float = Field(
        default=0.1, gt=0, le=1, description="the same in each segment, where intervals are wider"
    )
    harm_margin: float = Field(
        default=0.02, gt=0, le=0.5, description="how many more of those moved may be worse off, as a share of them"
    )
    least_subjects: int = Field(
        default=100, ge=3, le=1_000_000, description="subjects below which a figure of all is not decidable"
    )
    least_in_segment: int = Field(
        default=200, ge=3, le=1_000_000, description="subjects below which a segment is named and not judged"
    )
    least_moved: int = Field(
        default=50, ge=3, le=1_000_000, description="subjects moved, below which harm among them is not decidable"
    )
    resamples: int = Field(default=1000, ge=50, le=100_000, description="bootstrap resamples, by subject")
    most_size_ratio: float = Field(
        default=2.0,
        gt=0,
        le=100,
        description="bytes of the bundle's files against the live one's, at most; trees grow with the table, so raise "
        "it for a training on several times as many rows",
    )
    most_latency_ratio: float = Field(
        default=2.0, gt=0, le=100, description="time of the same answers against the live bundle's, at most"
    )
    accept_other_inputs: bool = Field(
        default=False, description="take a bundle that reads more or fewer columns than the live one"
    )


class LifecycleConfig(BaseConfig):
    """When a new bundle is trained by itself, and what it must prove.

    Examples
    --------
    >>> LifecycleConfig().retrain_every_days
    30
    """

    folder: Path = Field(
        default=Path("data/lifecycle"),
        description="folder of the days of retraining, their reports and half-done work, relative to the project",
    )
    retrain_every_days: int = Field(
        default=30, ge=1, le=3_650, description="days after the last training that are a reason to train"
    )
    accept_periods: tuple[str, ...] = Field(
        default=(),
        description="periods (2025-10, 2025-10-03) whose quality alarm somebody has looked at: it blocks no retraining",
    )
    gate: GateConfig = GateConfig()
