"""Settings of monitoring, the same section in every project."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from common_utils.config import BaseConfig

__all__ = ["MonitoringConfig"]


class MonitoringConfig(BaseConfig):
    """Whether services and commands count what they see, where, for how long.

    Examples
    --------
    >>> MonitoringConfig().keep_days
    100
    """

    profiles: bool = Field(
        default=True, description="whether services and commands that answer a file count what they saw; no values"
    )
    folder: Path = Field(
        default=Path("data/monitoring"),
        description="folder of hourly profiles, days, reports and verdicts, relative to the project",
    )
    keep_days: int = Field(default=100, ge=1, le=3_650, description="days after which an hour's profile is deleted")
