"""What a command line asks, as one frozen object a command; light, so that help is quick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from planrec.commands.options import AnswerMode, NoticeChoice, Source

__all__ = [
    "BillRequest",
    "CardRequest",
    "DraftRequest",
    "EvaluateRequest",
    "NoticeRequest",
    "PredictRequest",
    "RecommendRequest",
    "ServeRequest",
    "SettingsRequest",
    "StudyRequest",
    "WhatIfRequest",
]


@dataclass(frozen=True, slots=True)
class SettingsRequest:
    """Where the settings come from.

    Attributes
    ----------
    config : Path or None
        What `--config` gave.
    overrides : tuple of str
        What `--set` gave, and the options that override a setting.
    """

    config: Path | None = None
    overrides: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, config: Path | None, overrides: list[str] | None, source: Source | None = None, data: Path | None = None
    ) -> SettingsRequest:
        """Return what the shared options ask for; `source` and `data` are settings of their own.

        Examples
        --------
        >>> SettingsRequest.of(None, ["training.seed=7"], Source.megaline).overrides
        ('training.seed=7', 'data.source=megaline')
        """
        given = list(overrides or [])
        if source is not None:
            given.append(f"data.source={source.value}")
        if data is not None:
            given.append(f"data.folder={data.resolve()}")
        return cls(config, tuple(given))


@dataclass(frozen=True, slots=True)
class BillRequest:
    """`planrec bill`."""

    usage: Path
    plans: Path
    output: Path


@dataclass(frozen=True, slots=True)
class RecommendRequest:
    """`planrec recommend`; what is None is taken from settings, rules and bundle."""

    settings: SettingsRequest
    usage: Path
    as_of: str
    output: Path
    mode: AnswerMode
    top: int
    explain: bool
    plans: Path | None
    rules: Path | None
    min_gain_cents: int | None
    history_months: int | None
    risk_weight: float | None
    excluded_output: Path | None
    bundle: Path | None


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """`planrec predict`."""

    settings: SettingsRequest
    usage: Path
    as_of: str
    output: Path
    bundle: Path | None


@dataclass(frozen=True, slots=True)
class NoticeRequest:
    """`planrec notices`; with `verify` only that file and the rate card are read."""

    settings: SettingsRequest
    plans: Path
    usage: Path | None
    as_of: date | None
    output: Path | None
    kind: NoticeChoice
    sent: tuple[Path, ...]
    history_months: int | None
    verify: Path | None


@dataclass(frozen=True, slots=True)
class EvaluateRequest:
    """`planrec evaluate`."""

    settings: SettingsRequest
    source: Source | None
    bundle: Path | None
    as_json: bool
    output: Path | None
    plots: Path | None


@dataclass(frozen=True, slots=True)
class CardRequest:
    """`planrec card`."""

    settings: SettingsRequest
    bundle: Path | None
    output: Path | None


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """`planrec study`."""

    settings: SettingsRequest
    output: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class ServeRequest:
    """`planrec serve`; what is None is taken from the settings."""

    settings: SettingsRequest
    host: str | None
    port: int | None
    workers: int | None
    bundle: Path | None
    rules: Path | None


@dataclass(frozen=True, slots=True)
class WhatIfRequest:
    """`planrec what-if`; the service factors are None where `usage_factor` holds."""

    settings: SettingsRequest
    usage: Path
    as_of: str
    output: Path
    usage_factor: float
    minutes_factor: float | None
    messages_factor: float | None
    megabytes_factor: float | None
    travel: bool
    travel_minutes_factor: float
    travel_megabytes_factor: float
    plan: Path | None
    plans: Path | None
    bundle: Path | None


@dataclass(frozen=True, slots=True)
class DraftRequest:
    """`planrec draft`."""

    settings: SettingsRequest
    usage: Path
    as_of: str
    draft: Path | None
    plan: Path | None
    output: Path | None
    bound_decide: bool
    bundle: Path | None
