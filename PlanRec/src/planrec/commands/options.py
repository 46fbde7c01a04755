"""Options that several commands share, and the words they take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AnswerMode",
    "BundleOption",
    "ConfigOption",
    "DataOption",
    "MonthOption",
    "NoticeChoice",
    "OfferPolicyName",
    "OutputOption",
    "SetOption",
    "Source",
    "SourceOption",
    "UsageOption",
]


class Source(StrEnum):
    """Where usage months come from."""

    simulator = "simulator"
    megaline = "megaline"
    table = "table"


class NoticeChoice(StrEnum):
    """Which best-tariff notices are written."""

    yearly = "yearly"
    end_of_contract = "end-of-contract"
    both = "both"


class OfferPolicyName(StrEnum):
    """Which policy an off-policy estimate judges."""

    logged = "logged"
    best = "best"
    accept = "accept"
    uniform = "uniform"


class AnswerMode(StrEnum):
    """What a recommendation is for."""

    advice = "advice"
    offer = "offer"


ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else PLANREC_CONFIG, else configs/config.yaml.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeatable.")
]
SourceOption = Annotated[Source | None, typer.Option("--data-source", help="Override data.source.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="File or folder of the source; overrides data.folder.")]
BundleOption = Annotated[
    Path | None, typer.Option("--bundle", help="A bundle or a root of bundles; else the configured artifacts.")
]
UsageOption = Annotated[Path, typer.Option("--usage", help="Usage months, CSV or Parquet.")]
OutputOption = Annotated[Path, typer.Option("--output", help="File to write, CSV or Parquet by its ending.")]
MonthOption = Annotated[str, typer.Option("--as-of", metavar="YYYY-MM", help="Last month that may be looked at.")]
