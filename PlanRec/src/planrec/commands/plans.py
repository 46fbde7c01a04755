"""The commands `plans explain` and `plans diff`, added to the command line; heavy libraries load inside them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from common_utils.command_line.run import Group
from common_utils.command_line.wide import shows_tables

__all__ = ["AccountsOption", "CardOption", "EventsOption", "add_plans"]

CardOption = Annotated[Path, typer.Option("--card", help="Full rate card, YAML.")]
AccountsOption = Annotated[
    Path | None, typer.Option("--accounts", help="Subscribers, what they hold, periods to bill; YAML.")
]
EventsOption = Annotated[Path | None, typer.Option("--events", help="Calls, messages and data sessions, CSV.")]


def _full_cards() -> ModuleType:
    from planrec.commands.run import full_cards

    return full_cards


def add_plans(app: typer.Typer) -> None:
    """Add the group `plans` to `app`.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_plans(app)
    >>> len(app.registered_groups)
    1
    """
    plans = typer.Typer(
        name="plans", cls=Group, help="Plans of a full rate card in words.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(plans)

    @plans.command("explain")
    def explain(plan: Annotated[str, typer.Argument(help="Plan or option of the card.")], card: CardOption) -> None:
        """Show a plan in words a customer knows."""
        _full_cards().run_plan_explain(plan, card)

    @plans.command("diff")
    @shows_tables
    def diff(
        first: Annotated[str, typer.Argument(help="Plan held.")],
        second: Annotated[str, typer.Argument(help="Plan compared with it.")],
        card: CardOption,
        accounts: AccountsOption = None,
        events: EventsOption = None,
    ) -> None:
        """Show what differs between two plans, and who would pay more or less for given events."""
        _full_cards().run_plan_diff(first, second, card, accounts, events)

    _ = (explain, diff)
