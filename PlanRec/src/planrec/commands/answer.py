"""`planrec bill`, `recommend` and `predict`: files of usage months in, files of answers out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.options import (
    BatchWorkersOption,
    BundleOption,
    DryRunOption,
    PartOption,
    SetOption,
    TableOutputOption,
    table_file,
    table_or_folder,
)
from common_utils.command_line.reading import reads_table
from common_utils.errors import ConfigError
from planrec.commands.options import (
    AdviceCardOption,
    AdviceWeightOption,
    AnswerMode,
    BasisOption,
    ConfigOption,
    ExcludedOption,
    ExplainOption,
    HistoryOption,
    MinGainOption,
    ModeOption,
    MonthOption,
    PricedCellsOption,
    RulesOption,
    ServedRulesOption,
    TopOption,
    UsageOption,
)
from planrec.commands.plans import AccountsOption, CellsOption, EventsOption
from planrec.commands.requests import BillCommand, PredictCommand, RecommendCommand, SettingsCommand

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["bill", "predict", "recommend"]


@reads_table
def bill(
    *,
    reading: Reading,
    usage: Annotated[Path | None, typer.Option("--usage", help="Usage months, CSV or Parquet; with --plans.")] = None,
    plans: Annotated[Path | None, typer.Option("--plans", help="Rate card, YAML; with --usage.")] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            writable=True,
            callback=table_or_folder,
            help="File to write, CSV; for usage months also Parquet by its ending, or a folder of 64 Parquet parts.",
        ),
    ] = None,
    card: Annotated[
        Path | None, typer.Option("--card", help="Full rate card, YAML; with --accounts, --events.")
    ] = None,
    accounts: AccountsOption = None,
    events: EventsOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    explain: Annotated[str | None, typer.Option("--explain", help="Say why this event cost what it did.")] = None,
    billed: Annotated[
        Path | None,
        typer.Option("--billed", help="With --events: the events of the bills that are out, as they were billed."),
    ] = None,
    late_output: Annotated[
        Path | None,
        typer.Option(
            "--late-output",
            writable=True,
            dir_okay=False,
            help="Also write which events are late, corrected or in no bill, with the reason, CSV.",
        ),
    ] = None,
    cells: CellsOption = None,
    cells_output: Annotated[
        Path | None,
        typer.Option(
            "--cells-output",
            writable=True,
            dir_okay=False,
            callback=table_file,
            help="With --events: also write their usage months as cells, CSV or Parquet, for --cells.",
        ),
    ] = None,
    workers: BatchWorkersOption = None,
    part: PartOption = None,
    dry_run: DryRunOption = False,
) -> None:
    """Bill usage months on every plan of a rate card, or events or cells by a full rate card; line items in cents."""
    from planrec.commands.run.answer import run_bill
    from planrec.commands.run.full_cards import EventBilling, run_bill_cells, run_bill_events

    for_events = (events, explain, billed, late_output, cells_output)
    for_card = (card, accounts, cells, *for_events)
    if usage is not None and plans is not None and output is not None and not any(for_card):
        run_bill(
            BillCommand(
                SettingsCommand.of(config, overrides, reading=reading), usage, plans, output, workers, part, dry_run
            )
        )
    elif workers is not None or part is not None or dry_run:
        raise ConfigError(
            "bill: --workers, --part and --dry-run go with --usage; events and cells are billed by one process."
        )
    elif usage is not None or plans is not None or card is None:
        raise ConfigError(
            "bill: give --usage, --plans and --output for usage months, --card, --accounts and --events for events, or "
            "--card, --cells and --output for cells."
        )
    elif accounts is not None and events is not None and cells is None:
        asked = EventBilling(card, accounts, events, billed, reading.decimal)
        run_bill_events(asked, output, explain, late_output, cells_output)
    elif cells is not None and output is not None and not any(for_events):
        run_bill_cells(card, accounts, cells, output)
    else:
        raise ConfigError(
            "bill --card: give --accounts and --events for events, or --cells and --output for cells, not both."
        )


@reads_table
def recommend(
    *,
    reading: Reading,
    usage: UsageOption,
    as_of: MonthOption,
    output: TableOutputOption,
    plans: AdviceCardOption = None,
    top: TopOption = 3,
    mode: ModeOption = AnswerMode.advice,
    basis: BasisOption = None,
    rules: RulesOption = None,
    min_gain_cents: MinGainOption = None,
    history_months: HistoryOption = None,
    risk_weight: AdviceWeightOption = None,
    excluded_output: ExcludedOption = None,
    explain: ExplainOption = False,
    cells: PricedCellsOption = None,
    bundle: BundleOption = None,
    workers: BatchWorkersOption = None,
    part: PartOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Rank each subscriber's plans by the bills a bundle expects, or choose an offer; the answer may be to stay."""
    from planrec.commands.run.answer import run_recommend

    run_recommend(
        RecommendCommand(
            SettingsCommand.of(config, overrides, reading=reading),
            usage,
            as_of,
            output,
            mode,
            basis=basis,
            top=top,
            explain=explain,
            plans=plans,
            rules=rules,
            min_gain_cents=min_gain_cents,
            history_months=history_months,
            risk_weight=risk_weight,
            excluded_output=excluded_output,
            bundle=bundle,
            cells=cells,
            workers=workers,
            part=part,
            dry_run=dry_run,
        )
    )


@reads_table
def predict(
    *,
    reading: Reading,
    usage: UsageOption,
    as_of: MonthOption,
    output: TableOutputOption,
    rules: ServedRulesOption = None,
    bundle: BundleOption = None,
    workers: BatchWorkersOption = None,
    part: PartOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Write the plan each subscriber is expected to choose once free to decide, with P(take) of every plan."""
    from planrec.commands.run.answer import run_predict

    settings = SettingsCommand.of(config, overrides, reading=reading)
    run_predict(PredictCommand(settings, usage, as_of, output, rules, bundle, workers, part, dry_run))
