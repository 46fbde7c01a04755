"""Settings of runs, the same section in every project. Light to import: no MLflow."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from common_utils.config import BaseConfig
from common_utils.config.urls import without_password

__all__ = ["TrackingConfig"]


class TrackingConfig(BaseConfig):
    """Where runs are kept, and where they are mirrored to.

    Examples
    --------
    >>> TrackingConfig().folder.as_posix(), TrackingConfig().url
    ('runs', '')
    """

    folder: Path = Field(
        default=Path("runs"), description="folder of the runs and of their outbox, relative to the project"
    )
    url: str = Field(
        default="",
        pattern=r"^$|^(https?|sqlite|postgresql|postgresql\+psycopg)://",
        max_length=1024,
        description="MLflow server, or its database, that `lifecycle sync` mirrors runs to; empty: files only. A "
        "training never connects to it",
    )
    timeout_seconds: int = Field(
        default=10, ge=1, le=600, description="longest wait of `lifecycle sync` for one answer of the server"
    )

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str) -> str:
        return without_password(url, "MLFLOW_TRACKING_PASSWORD, or PGPASSWORD")
