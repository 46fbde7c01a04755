"""`planrec what-if` and `draft`: other usage, a month of travel, a plan that does not exist yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_utils.command_line.options import (
    BatchWorkersOption,
    BundleOption,
    DryRunOption,
    PartOption,
    SetOption,
    TableOutputOption,
)
from common_utils.command_line.reading import reads_table
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import (
    BoundDecideOption,
    ConfigOption,
    DraftOption,
    FactorOption,
    MegabytesOption,
    MessagesOption,
    MinutesOption,
    MonthOption,
    OneMorePlanOption,
    PastCardOption,
    PlanFileOption,
    PricedCellsOption,
    TableOption,
    TravelMegabytesOption,
    TravelMinutesOption,
    TravelOption,
    UsageOption,
)
from planrec.commands.requests import DraftCommand, SettingsCommand, WhatIfCommand

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["draft", "what_if"]


@shows_tables
@reads_table
def what_if(
    *,
    reading: Reading,
    usage: UsageOption,
    as_of: MonthOption,
    output: TableOutputOption,
    usage_factor: FactorOption = 1.0,
    minutes_factor: MinutesOption = None,
    messages_factor: MessagesOption = None,
    megabytes_factor: MegabytesOption = None,
    travel: TravelOption = False,
    travel_minutes_factor: TravelMinutesOption = 1.0,
    travel_megabytes_factor: TravelMegabytesOption = 1.5,
    plan: PlanFileOption = None,
    plans: PastCardOption = None,
    cells: PricedCellsOption = None,
    bundle: BundleOption = None,
    workers: BatchWorkersOption = None,
    part: PartOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show what bills and advice become with other usage, a month of travel, or a draft plan."""
    from planrec.commands.run.what_if import run_what_if

    run_what_if(
        WhatIfCommand(
            SettingsCommand.of(config, overrides, reading=reading),
            usage,
            as_of,
            output,
            usage_factor=usage_factor,
            minutes_factor=minutes_factor,
            messages_factor=messages_factor,
            megabytes_factor=megabytes_factor,
            travel=travel,
            travel_minutes_factor=travel_minutes_factor,
            travel_megabytes_factor=travel_megabytes_factor,
            plan=plan,
            plans=plans,
            bundle=bundle,
            cells=cells,
            workers=workers,
            part=part,
            dry_run=dry_run,
        )
    )


@shows_tables
@reads_table
def draft(
    *,
    reading: Reading,
    usage: UsageOption,
    as_of: MonthOption,
    draft: DraftOption = None,
    plan: OneMorePlanOption = None,
    output: TableOption = None,
    bound_decide: BoundDecideOption = False,
    bundle: BundleOption = None,
    workers: BatchWorkersOption = None,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Estimate what a draft rate card does to the subscribers of a table: demand, switches between plans, revenue."""
    from planrec.commands.run.what_if import run_draft

    settings = SettingsCommand.of(config, overrides, reading=reading)
    run_draft(DraftCommand(settings, usage, as_of, draft, plan, output, bound_decide, bundle, workers, dry_run))
