"""Settings of a made-up project, and how they are loaded."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from common_utils.config import BaseConfig, load_config


class Split(BaseConfig):
    test_months: int = Field(2, ge=1, description="Length of the test window, whole months")
    share: float = Field(0.2, gt=0, lt=1)


class Training(BaseConfig):
    seed: int = 42
    algorithm: Literal["logit", "boosting"] = "logit"
    split: Split = Split()
    drop_columns: tuple[str, ...] = ()


class Source(BaseConfig):
    path: Path = Path("data")
    columns: dict[str, str] = Field(default_factory=dict)
    start: date | None = None
    label: str | None = None


class Plan(BaseConfig):
    fee_cents: int


class Serving(BaseConfig):
    api_key: str = ""
    token: SecretStr = SecretStr("")
    debug: bool = False

    @field_validator("api_key")
    @classmethod
    def _careless(cls, value: str) -> str:
        if value.startswith("bad"):
            raise ValueError(f"{value!r} is not a key")
        return value

    @model_validator(mode="after")
    def _debug_needs_a_key(self) -> Serving:
        if self.debug and not self.api_key.startswith("dev"):
            raise ValueError(f"debug with key {self.api_key}")
        return self


class Config(BaseConfig):
    training: Training = Training()
    data: Source = Source()
    serving: Serving = Serving()
    plans: dict[str, Plan] = Field(default_factory=dict)
    history: tuple[Plan, ...] = ()
    fallback: Plan | None = None


def load(
    tmp_path: Path, text: str | None = None, *, environ: dict[str, str] | None = None, overrides: tuple[str, ...] = ()
) -> Config:
    path = None
    if text is not None:
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
    return load_config(Config, path=path, env_prefix="PLANREC", overrides=overrides, environ=environ or {})
