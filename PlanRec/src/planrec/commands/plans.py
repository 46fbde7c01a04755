"""The commands `plans explain` and `plans diff`, added to the command line; heavy libraries load inside them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.options import OutputOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.command_line.run import Group
from common_utils.command_line.wide import shows_tables
from planrec.commands.options import ConfigOption
from planrec.commands.requests import SettingsCommand

if TYPE_CHECKING:
    from common_utils.tables import Reading

__all__ = ["AccountsOption", "CardOption", "CellsOption", "EventsOption", "add_plans"]

CardOption = Annotated[
    Path | None, typer.Option("--card", help="Rate card, YAML, full or in the short form; else the configured one.")
]
MonthsOption = Annotated[
    Path | None, typer.Option("--usage", help="Usage months, CSV or Parquet; for a card in the short form.")
]
AccountsOption = Annotated[
    Path | None, typer.Option("--accounts", help="Subscribers, what they hold, periods to bill; YAML.")
]
CellsOption = Annotated[
    Path | None,
    typer.Option("--cells", help="Usage months as cells, CSV or Parquet, which `bill --cells-output` writes."),
]
EventsOption = Annotated[Path | None, typer.Option("--events", help="Calls, messages and data sessions, CSV.")]


def _plans() -> ModuleType:
    from planrec.commands.run import plans

    return plans


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
        name="plans", cls=Group, help="Plans of a rate card in words.", no_args_is_help=True, rich_markup_mode=None
    )
    app.add_typer(plans)

    @plans.command("explain")
    def explain(
        plan: Annotated[str, typer.Argument(help="Plan or option of the card.")],
        card: CardOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show a plan in words a customer knows."""
        _plans().run_plan_explain(plan, card, SettingsCommand.of(config, overrides))

    @plans.command("diff")
    @shows_tables
    @reads_table
    def diff(
        *,
        reading: Reading,
        first: Annotated[str, typer.Argument(help="Plan held.")],
        second: Annotated[str, typer.Argument(help="Plan compared with it.")],
        card: CardOption = None,
        accounts: AccountsOption = None,
        events: EventsOption = None,
        cells: CellsOption = None,
        usage: MonthsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show what differs between two plans, and who would pay more or less for events, cells or usage months."""
        plans = _plans()
        settings = SettingsCommand.of(config, overrides, reading=reading)
        plans.run_plan_diff(first, second, card, plans.DiffFiles(accounts, events, usage, cells), settings)

    @plans.command("rank")
    @reads_table
    def rank(
        *,
        reading: Reading,
        card: Annotated[Path, typer.Option("--card", help="Full rate card, YAML.")],
        accounts: Annotated[Path, typer.Option("--accounts", help="Subscribers, what they hold, past periods; YAML.")],
        events: Annotated[Path, typer.Option("--events", help="Calls, messages and data sessions, CSV.")],
        output: OutputOption,
        rules: Annotated[
            Path | None, typer.Option("--rules", help="Rule file, YAML; default: the built-in rules.")
        ] = None,
    ) -> None:
        """Rank the plans of a full card for each subscriber by the bills to expect; with the range of 80 in 100."""
        from planrec.commands.run.full_cards import EventBilling
        from planrec.commands.run.rank import run_plan_rank

        run_plan_rank(EventBilling(card, accounts, events, decimal=reading.decimal), output, rules)

    _ = (explain, diff, rank)
