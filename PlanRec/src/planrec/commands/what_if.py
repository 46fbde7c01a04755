"""`planrec what-if` and `draft`: other usage, a month of travel, a plan that does not exist yet."""

from __future__ import annotations

from planrec.commands.options import (
    BoundDecideOption,
    BundleOption,
    ConfigOption,
    DraftOption,
    FactorOption,
    MegabytesOption,
    MessagesOption,
    MinutesOption,
    MonthOption,
    OneMorePlanOption,
    OutputOption,
    PastCardOption,
    PlanFileOption,
    SetOption,
    TableOption,
    TravelMegabytesOption,
    TravelMinutesOption,
    TravelOption,
    UsageOption,
)
from planrec.commands.requests import DraftRequest, SettingsRequest, WhatIfRequest

__all__ = ["draft", "what_if"]


def what_if(
    usage: UsageOption,
    as_of: MonthOption,
    output: OutputOption,
    usage_factor: FactorOption = 1.0,
    minutes_factor: MinutesOption = None,
    messages_factor: MessagesOption = None,
    megabytes_factor: MegabytesOption = None,
    travel: TravelOption = False,
    travel_minutes_factor: TravelMinutesOption = 1.0,
    travel_megabytes_factor: TravelMegabytesOption = 1.5,
    plan: PlanFileOption = None,
    plans: PastCardOption = None,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show what bills and advice become with other usage, a month of travel, or a plan that is only drafted."""
    from planrec.commands.run.what_if import run_what_if

    run_what_if(
        WhatIfRequest(
            SettingsRequest.of(config, overrides),
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
        )
    )


def draft(
    usage: UsageOption,
    as_of: MonthOption,
    draft: DraftOption = None,
    plan: OneMorePlanOption = None,
    output: TableOption = None,
    bound_decide: BoundDecideOption = False,
    bundle: BundleOption = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Score a draft rate card on everybody in a table: demand, what it takes from other plans, revenue."""
    from planrec.commands.run.what_if import run_draft

    settings = SettingsRequest.of(config, overrides)
    run_draft(DraftRequest(settings, usage, as_of, draft, plan, output, bound_decide, bundle))
