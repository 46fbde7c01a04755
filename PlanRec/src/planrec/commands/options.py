"""The options of all commands by name, and the words they take."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from common_utils.command_line.options import table_file, table_or_folder
from common_utils.errors import DataError

__all__ = [
    "AdviceCardOption",
    "AdviceWeightOption",
    "AnswerBasis",
    "AnswerMode",
    "BasisOption",
    "BoundDecideOption",
    "CardFolderOption",
    "CheckOption",
    "CheckedPlansOption",
    "ChoicesPlotOption",
    "ChoicesTableOption",
    "ConfigOption",
    "DataOption",
    "DayOption",
    "DraftOption",
    "EvaluationOutputOption",
    "ExcludedOption",
    "ExplainOption",
    "FactorOption",
    "FullCardOption",
    "HistoryOption",
    "HostOption",
    "JsonOption",
    "MegabytesOption",
    "MessagesOption",
    "MinGainOption",
    "MinutesOption",
    "ModeOption",
    "MonthOption",
    "NoticeChoice",
    "NoticeKindOption",
    "NoticeOutputOption",
    "NoticeUsageOption",
    "OneMorePlanOption",
    "PastCardOption",
    "PlanFileOption",
    "PlansOption",
    "PlotsOption",
    "PortOption",
    "PricedCellsOption",
    "RootOption",
    "RulesOption",
    "SentOption",
    "ServedRulesOption",
    "SimulationOption",
    "Source",
    "SourceOption",
    "StudyJsonOption",
    "StudyKeepOption",
    "StudyOperatorOption",
    "StudyOutputOption",
    "StudyPublishedOption",
    "StudySeedsOption",
    "StudySubscribersOption",
    "StudyTruthsOption",
    "TableOption",
    "TopOption",
    "TravelMegabytesOption",
    "TravelMinutesOption",
    "TravelOption",
    "UsageOption",
    "VerifyOption",
    "WorkersOption",
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


class AnswerBasis(StrEnum):
    """Which months are rated: those a bundle's forecast expects, or those known."""

    forecast = "forecast"
    past = "past"


class AnswerMode(StrEnum):
    """What a recommendation is for."""

    advice = "advice"
    offer = "offer"


def _month(text: str) -> str:
    from planrec.months import month_index  # NumPy, which help does without

    try:
        month_index(text)
    except DataError as error:
        raise typer.BadParameter(str(error)) from error
    return text


# Settings, and where data and bundles lie
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; default: PLANREC_CONFIG, or configs/config.yaml.")
]
SourceOption = Annotated[Source | None, typer.Option("--data-source", help="Override data.source.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="File or folder of the source; overrides data.folder.")]

# Files in and out
UsageOption = Annotated[Path, typer.Option("--usage", help="Usage months, CSV or Parquet.")]
MonthOption = Annotated[
    str,
    typer.Option("--as-of", metavar="YYYY-MM", callback=_month, help="Last month that counts; later usage is ignored."),
]
PlansOption = Annotated[Path, typer.Option("--plans", help="Rate card, YAML.")]
HistoryOption = Annotated[int | None, typer.Option("--history-months", min=1, max=120, help="Months looked back over.")]

# Learning
SimulationOption = Annotated[
    Path | None,
    typer.Option("--output", writable=True, file_okay=False, help="Folder to write; default: data/simulated."),
]
FullCardOption = Annotated[
    Path | None,
    typer.Option(
        "--full-card",
        help="Also write events with classes, zones and times, accounts and a full card; YAML file of their traits.",
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--output", writable=True, file_okay=False, help="Root of the bundles; default: the configured artifacts."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON and nothing else.")]
EvaluationOutputOption = Annotated[
    Path | None,
    typer.Option("--output", writable=True, dir_okay=False, help="Also write the Megaline back-test as Markdown."),
]
PlotsOption = Annotated[
    Path | None,
    typer.Option(
        "--plots",
        writable=True,
        file_okay=False,
        help="Folder to write figures to: reliability, gain, regret, frontier.",
    ),
]
CardFolderOption = Annotated[
    Path | None, typer.Option("--output", writable=True, file_okay=False, help="Folder to write; default: docs.")
]
StudyOutputOption = Annotated[
    Path | None, typer.Option("--output", writable=True, dir_okay=False, help="Also write the tables as Markdown.")
]
StudyOperatorOption = Annotated[
    Path | None,
    typer.Option(
        "--operator",
        exists=True,
        dir_okay=False,
        help="Operator to simulate: YAML with keys of configs/simulator.yaml; a key left out has its default.",
    ),
]
StudySeedsOption = Annotated[
    str | None, typer.Option("--seeds", help="Operators to simulate, one for each seed: 1,2,3. Overrides the settings.")
]
StudySubscribersOption = Annotated[
    int | None, typer.Option("--subscribers", min=200, max=1_000_000, help="Subscribers of each operator.")
]
StudyKeepOption = Annotated[
    Path | None,
    typer.Option(
        "--keep",
        writable=True,
        file_okay=False,
        help="Folder that keeps the figures so far; an interrupted study goes on there.",
    ),
]
StudyTruthsOption = Annotated[
    str | None,
    typer.Option(
        "--truths",
        help="How subscribers choose, with commas between: logit, satisficing, habit, loss_averse, flat_rate, "
        "latent_classes; default: the first two, or what the operator's file says.",
    ),
]
StudyPublishedOption = Annotated[
    int | None,
    typer.Option(
        "--published",
        min=2,
        max=100,
        help="So many operators with seeds drawn from the commit, which must be clean; the run is written down in "
        "docs/study_runs.json, and the document to docs/promises.md.",
    ),
]
StudyJsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON and nothing else.")]
ChoicesTableOption = Annotated[
    Path | None,
    typer.Option("--data", help="Table of choices; default: electricity_supplier_choice.csv in PORTFOLIO_DATA."),
]
ChoicesPlotOption = Annotated[
    Path | None,
    typer.Option("--plot", writable=True, dir_okay=False, help="Also write log loss by choices known, PNG."),
]

# Recommending
AdviceCardOption = Annotated[
    Path | None,
    typer.Option("--plans", help="Rate card, YAML: rate the past months on it; without it, a bundle answers."),
]
TopOption = Annotated[int, typer.Option("--top", min=1, max=1000, help="Plans for each subscriber.")]
BasisOption = Annotated[
    AnswerBasis | None,
    typer.Option(
        "--basis",
        help="Months rated: those the bundle's forecast expects, or the past ones; default: forecast, but past with "
        "--plans.",
    ),
]
ModeOption = Annotated[
    AnswerMode,
    typer.Option("--mode", help="advice: lowest risk-adjusted bill; offer: P(accept) x saving, from a bundle."),
]
RulesOption = Annotated[
    Path | None, typer.Option("--rules", help="Rule file, YAML; default: the configured file, or the built-in rules.")
]
MinGainOption = Annotated[
    int | None,
    typer.Option(
        "--min-gain-cents", min=0, help="If the gain a month is smaller, the answer is stay; overrides the rules."
    ),
]
AdviceWeightOption = Annotated[
    float | None,
    typer.Option("--risk-weight", min=0, max=1000, help="Standard deviations added to the mean bill, on either basis."),
]
ExcludedOption = Annotated[
    Path | None,
    typer.Option(
        "--excluded-output",
        writable=True,
        callback=table_or_folder,
        help="Also write which plans were not offered, and why; a folder where --output is one.",
    ),
]
PricedCellsOption = Annotated[
    Path | None,
    typer.Option(
        "--cells",
        help="The same months as cells, CSV or Parquet: plans of a full card that they price are compared as well.",
    ),
]
ExplainOption = Annotated[bool, typer.Option("--explain", help="Add a sentence to each answer; slower.")]

# Rules
CheckOption = Annotated[
    Path | None, typer.Option("--check", help="Rule file, YAML; default: the configured file, or the built-in rules.")
]
CheckedPlansOption = Annotated[Path | None, typer.Option("--plans", help="Rate card whose plans the rules may name.")]

# Notices
NoticeUsageOption = Annotated[Path | None, typer.Option("--usage", help="Usage months, CSV or Parquet.")]
DayOption = Annotated[
    datetime | None,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        metavar="YYYY-MM-DD",
        help="Day of the run; only months that ended before it count.",
    ),
]
NoticeOutputOption = Annotated[
    Path | None, typer.Option("--output", writable=True, dir_okay=False, help="File to write, JSON Lines.")
]
NoticeKindOption = Annotated[NoticeChoice, typer.Option("--kind", help="Which notices to write.")]
SentOption = Annotated[
    list[Path] | None,
    typer.Option("--sent", help="Earlier notice files, so that nobody is notified twice; may be repeated."),
]
VerifyOption = Annotated[
    Path | None, typer.Option("--verify", help="Only verify: work out the notices of this file again and compare.")
]

# Serving
HostOption = Annotated[str | None, typer.Option("--host", help="Overrides serving.host.")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Overrides serving.port; 0 takes a free one.")
]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, max=64, help="Overrides serving.workers.")]
ServedRulesOption = Annotated[
    Path | None,
    typer.Option("--rules", help="Rule file to follow instead of the bundle's; serve: overrides serving.rules."),
]

# What if, and drafts
FactorOption = Annotated[
    float,
    typer.Option("--usage-factor", min=0, max=100, help="Factor on all usage; 1.2 is a fifth more."),
]
MinutesOption = Annotated[
    float | None,
    typer.Option("--minutes-factor", min=0, max=100, help="Factor on minutes, instead of --usage-factor."),
]
MessagesOption = Annotated[
    float | None,
    typer.Option("--messages-factor", min=0, max=100, help="Factor on messages, instead of --usage-factor."),
]
MegabytesOption = Annotated[
    float | None,
    typer.Option("--megabytes-factor", min=0, max=100, help="Factor on megabytes, instead of --usage-factor."),
]
TravelOption = Annotated[bool, typer.Option("--travel", help="One month of twelve abroad, charged at home prices.")]
TravelMinutesOption = Annotated[
    float,
    typer.Option(
        "--travel-minutes-factor",
        min=0,
        max=100,
        help="Factor on minutes in the month of travel, with --travel.",
    ),
]
TravelMegabytesOption = Annotated[
    float,
    typer.Option(
        "--travel-megabytes-factor",
        min=0,
        max=100,
        help="Factor on megabytes in the month of travel, with --travel.",
    ),
]
PlanFileOption = Annotated[Path | None, typer.Option("--plan", help="A plan that does not exist yet, YAML.")]
PastCardOption = Annotated[
    Path | None, typer.Option("--plans", help="Rate past months on this card, without a bundle's forecast.")
]
DraftOption = Annotated[Path | None, typer.Option("--draft", help="Draft rate card, YAML, with all plans.")]
OneMorePlanOption = Annotated[
    Path | None, typer.Option("--plan", help="One plan to add to the bundle's rate card, YAML.")
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--output", writable=True, dir_okay=False, callback=table_file, help="Also write the table, CSV or Parquet."
    ),
]
BoundDecideOption = Annotated[bool, typer.Option("--bound-decide", help="Let subscribers under contract decide too.")]
