"""The commands `what-if` and `draft`, added to the command line; heavy libraries load inside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from common_utils.command_line.reading import reads_table
from planrec.commands.options import BundleOption, ConfigOption, MonthOption, OutputOption, SetOption, UsageOption

if TYPE_CHECKING:
    from common_utils.tables import Reading
    from planrec.config import PlanRecConfig

__all__ = ["add_what_if"]


def _factor(name: str, text: str) -> object:
    return typer.Option(name, min=0, max=100, help=text)


def add_what_if(
    app: typer.Typer,
    settings: Callable[[Path | None, list[str] | None], tuple[PlanRecConfig, Path]],
    stated: Callable[[Reading, PlanRecConfig | None], Reading],
) -> None:
    """Add the commands to `app`; `settings` turns --config and --set into settings and a folder.

    `stated` puts the reading of the command line over the settings.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_what_if(app, lambda config, overrides: None, lambda reading, config: reading)
    >>> [command.name for command in app.registered_commands]
    ['what-if', 'draft']
    """

    @app.command("what-if")
    @reads_table
    def ask(
        *,
        reading: Reading,
        usage: UsageOption,
        as_of: MonthOption,
        output: OutputOption,
        usage_factor: Annotated[float, _factor("--usage-factor", "On all usage; 1.2 is a fifth more.")] = 1.0,
        minutes_factor: Annotated[float | None, _factor("--minutes-factor", "On minutes, instead.")] = None,
        messages_factor: Annotated[float | None, _factor("--messages-factor", "On messages, instead.")] = None,
        megabytes_factor: Annotated[float | None, _factor("--megabytes-factor", "On megabytes, instead.")] = None,
        travel: Annotated[bool, typer.Option("--travel", help="One month of twelve abroad, at home's prices.")] = False,
        travel_minutes_factor: Annotated[
            float, _factor("--travel-minutes-factor", "On minutes in that month, with --travel.")
        ] = 1.0,
        travel_megabytes_factor: Annotated[
            float, _factor("--travel-megabytes-factor", "On megabytes in that month, with --travel.")
        ] = 1.5,
        plan: Annotated[Path | None, typer.Option("--plan", help="A plan that does not exist yet, YAML.")] = None,
        plans: Annotated[
            Path | None, typer.Option("--plans", help="Rate past months on this card, without a bundle's forecast.")
        ] = None,
        bundle: BundleOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show what bills and advice become with other usage, a month of travel, or a plan that is only drafted."""
        from planrec.advice.what_if import UsageChange
        from planrec.commands.what_if import asked, run_what_if

        factors = (minutes_factor, messages_factor, megabytes_factor)
        change = UsageChange(*(usage_factor if factor is None else factor for factor in factors))
        away = UsageChange(travel_minutes_factor, 1.0, travel_megabytes_factor) if travel else None
        question = asked(change, away, plan)
        given, project = settings(config, overrides)
        run_what_if(
            given, project, usage, as_of, output, question, plans=plans, bundle=bundle, reading=stated(reading, given)
        )

    @app.command("draft")
    @reads_table
    def score(
        *,
        reading: Reading,
        usage: UsageOption,
        as_of: MonthOption,
        draft: Annotated[Path | None, typer.Option("--draft", help="Draft rate card, YAML, with all plans.")] = None,
        plan: Annotated[Path | None, typer.Option("--plan", help="One plan more than the bundle's, YAML.")] = None,
        output: Annotated[Path | None, typer.Option("--output", help="Also write the table, CSV or Parquet.")] = None,
        bound_decide: Annotated[
            bool, typer.Option("--bound-decide", help="Let those decide, too, whom a contract binds.")
        ] = False,
        bundle: BundleOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Score a draft rate card on everybody in a table: demand, what it takes from other plans, revenue."""
        from planrec.commands.what_if import run_draft

        given, project = settings(config, overrides)
        run_draft(
            given,
            project,
            usage,
            as_of,
            draft=draft,
            plan=plan,
            bundle=bundle,
            output=output,
            bound_decide=bound_decide,
            reading=stated(reading, given),
        )

    del ask, score  # they live in `app`
