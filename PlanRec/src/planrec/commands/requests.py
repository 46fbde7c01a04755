"""What a command line asks, as one frozen object a command; light, so that help is quick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from planrec.commands.options import AnswerBasis, AnswerMode, NoticeChoice, Source

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = [
    "BillCommand",
    "CardCommand",
    "ChoicesCommand",
    "DraftCommand",
    "EvaluateCommand",
    "MonitorCommand",
    "NoticeCommand",
    "PredictCommand",
    "RecommendCommand",
    "ServeCommand",
    "SettingsCommand",
    "StudyCommand",
    "WhatIfCommand",
]


@dataclass(frozen=True, slots=True)
class SettingsCommand:
    """Where the settings come from.

    Attributes
    ----------
    config : Path or None
        What `--config` gave.
    overrides : tuple of str
        What `--set` gave, and the options that override a setting.
    reading : Reading or None
        What the options of tables gave, and where their accounts go.
    """

    config: Path | None = None
    overrides: tuple[str, ...] = ()
    reading: Reading | None = None

    @classmethod
    def of(
        cls,
        config: Path | None,
        overrides: list[str] | None,
        source: Source | None = None,
        data: Path | None = None,
        reading: Reading | None = None,
    ) -> SettingsCommand:
        """Return what the shared options ask for; `source` and `data` are settings of their own.

        Examples
        --------
        >>> SettingsCommand.of(None, ["training.seed=7"], Source.megaline).overrides
        ('training.seed=7', 'data.source=megaline')
        """
        given = list(overrides or [])
        if source is not None:
            given.append(f"data.source={source.value}")
        if data is not None:
            given.append(f"data.folder={data.resolve()}")
        return cls(config, tuple(given), reading)


@dataclass(frozen=True, slots=True)
class BillCommand:
    """`planrec bill`."""

    settings: SettingsCommand
    usage: Path
    plans: Path
    output: Path
    workers: int | None = None
    part: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RecommendCommand:
    """`planrec recommend`; what is None is taken from settings, rules and bundle."""

    settings: SettingsCommand
    usage: Path
    as_of: str
    output: Path
    mode: AnswerMode
    basis: AnswerBasis | None
    top: int
    explain: bool
    plans: Path | None
    rules: Path | None
    min_gain_cents: int | None
    history_months: int | None
    risk_weight: float | None
    excluded_output: Path | None
    bundle: Path | None
    cells: Path | None = None
    workers: int | None = None
    part: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class PredictCommand:
    """`planrec predict`."""

    settings: SettingsCommand
    usage: Path
    as_of: str
    output: Path
    rules: Path | None
    bundle: Path | None
    workers: int | None = None
    part: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class MonitorCommand:
    """`planrec monitor`; without `usage` the hourly profiles of traffic are looked at."""

    settings: SettingsCommand
    as_of: date
    usage: tuple[Path, ...]
    plans: Path | None
    decisions: bool
    bundle: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class NoticeCommand:
    """`planrec notices`; with `verify` only that file and the rate card are read."""

    settings: SettingsCommand
    plans: Path
    usage: Path | None
    as_of: date | None
    output: Path | None
    kind: NoticeChoice
    sent: tuple[Path, ...]
    history_months: int | None
    verify: Path | None
    workers: int | None = None
    dry_run: bool = False
    cells: Path | None = None


@dataclass(frozen=True, slots=True)
class EvaluateCommand:
    """`planrec evaluate`."""

    settings: SettingsCommand
    source: Source | None
    bundle: Path | None
    as_json: bool
    output: Path | None
    plots: Path | None


@dataclass(frozen=True, slots=True)
class CardCommand:
    """`planrec card`."""

    settings: SettingsCommand
    bundle: Path | None
    output: Path | None


@dataclass(frozen=True, slots=True)
class StudyCommand:
    """`planrec study`; what is None is as the settings say."""

    settings: SettingsCommand
    output: Path | None
    as_json: bool
    operator: Path | None = None
    seeds: str | None = None
    subscribers: int | None = None
    keep: Path | None = None
    truths: str | None = None
    published: int | None = None


@dataclass(frozen=True, slots=True)
class ChoicesCommand:
    """`planrec choices`; without `data` the table lies in the folder that PORTFOLIO_DATA names."""

    settings: SettingsCommand
    data: Path | None
    output: Path | None
    plot: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class ServeCommand:
    """`planrec serve`; what is None is taken from the settings."""

    settings: SettingsCommand
    host: str | None
    port: int | None
    workers: int | None
    bundle: Path | None
    rules: Path | None


@dataclass(frozen=True, slots=True)
class WhatIfCommand:
    """`planrec what-if`; the service factors are None where `usage_factor` holds."""

    settings: SettingsCommand
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
    cells: Path | None = None
    workers: int | None = None
    part: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class DraftCommand:
    """`planrec draft`."""

    settings: SettingsCommand
    usage: Path
    as_of: str
    draft: Path | None
    plan: Path | None
    output: Path | None
    bound_decide: bool
    bundle: Path | None
    workers: int | None = None
    dry_run: bool = False
