"""Settings of how a user's table is written; the same section, `data.table`, in every project. Light to import."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from common_utils.config.settings import BaseConfig

__all__ = ["ReadingConfig"]


class ReadingConfig(BaseConfig):
    """How the columns of a user's table are written; the same section in every project.

    Examples
    --------
    >>> config = ReadingConfig(columns={"user": "subscriber_id", "billsec": {"is": "minutes", "unit": "seconds"}})
    >>> config.columns["billsec"]
    {'is': 'minutes', 'unit': 'seconds'}
    """

    columns: dict[str, str | dict[Literal["is", "unit"], str]] = Field(
        default={},
        description="column in the file: our name for it, or {is: our name, unit: the unit it is written in}",
    )
    decimal: Literal["point", "comma"] | None = Field(
        default=None, description="sign of decimals where the numbers leave it in doubt: point or comma"
    )
    timezone: str | None = Field(
        default=None, description="zone whose calendar days count where times carry an offset, such as Europe/Madrid"
    )
    accept_units: bool = Field(default=False, description="take amounts that cannot be in the unit they should have")
    max_rejected_share: float = Field(
        default=0.05, ge=0, le=1, description="share of the rows of a table that may be rejected before nothing is done"
    )

    @field_validator("columns")
    @classmethod
    def _each_says_what_it_is(cls, value: dict[str, str | dict[str, str]]) -> dict[str, str | dict[str, str]]:
        lacking = [name for name, said in value.items() if not isinstance(said, str) and "is" not in said]
        if lacking:
            raise ValueError(f"{lacking[:5]}: write {{is: our name, unit: a unit}}")
        return value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str | None) -> str | None:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"{value!r} is no time zone; write one such as Europe/Madrid or UTC") from error
        return value
