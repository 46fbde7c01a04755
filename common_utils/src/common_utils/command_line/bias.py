"""The `bias` commands of every project: parse, call one method of `monitoring.bias.desk`, show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from common_utils.command_line.lifecycle.options import author_of
from common_utils.command_line.options import ConfigOption, SetOption
from common_utils.command_line.run import Group

if TYPE_CHECKING:
    from common_utils.monitoring.bias.desk import BiasDesk

__all__ = ["FindBias", "bias_app"]

FindBias: TypeAlias = "Callable[[Path | None, list[str] | None], BiasDesk]"
"""From `--config` and `--set` to what the commands work with."""

_Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Day, UTC; that of --until does not count."),
]
_By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Group that entries of the log carry; may be repeated. Default: all of them."),
]


def bias_app(find: FindBias) -> typer.Typer:
    """Return the commands report and escalate.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to what they work with.

    Examples
    --------
    >>> sorted(command.name for command in bias_app(lambda config, overrides: None).registered_commands)
    ['escalate', 'report']
    """
    app = typer.Typer(
        name="bias",
        cls=Group,
        help="Is a group treated worse than others alike? From the decision log; see docs/runbooks/bias.md.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @app.command("report")
    def report(
        *,
        since: _Day = None,
        until: _Day = None,
        by: _By = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
        output: Annotated[
            Path | None,
            typer.Option("--output", writable=True, dir_okay=False, help="Also write the report as Markdown."),
        ] = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Compare groups within strata of what could be gained, and leave with 0, 5 (alarm) or 6 (too little)."""
        found = find(config, overrides).report(_date(since), _date(until), by or [])
        if output is not None:
            from common_utils.outputs import write_text

            write_text(output, found.markdown())
        text = json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n" if as_json else found.markdown()
        sys.stdout.write(text)
        raise typer.Exit(found.exit_code)

    @app.command("escalate")
    def escalate(
        *,
        why: Annotated[str, typer.Option("--why", help="What is suspected, written to record and audit.")],
        who: Annotated[
            str | None, typer.Option("--who", help="Who does it; default: RELEASE_WHO, or user@host.")
        ] = None,
        rollback: Annotated[
            bool, typer.Option("--rollback", help="Also make the version live again that was live before.")
        ] = False,
        since: _Day = None,
        until: _Day = None,
        by: _By = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Open the record of a suspected bias with the figures of the report; roll back if told."""
        author = author_of(who, why)
        desk = find(config, overrides)
        done = desk.escalate(author, _date(since), _date(until), by or [], roll_back=rollback)
        told = len(done.report.at("alarm", "notice"))
        sys.stdout.write(f"escalation {done.number} opened ({done.report.level}, {told} figure(s)): {done.record}\n")
        if done.live is not None:
            sys.stdout.write(f"{done.live} is live again\n")

    del report, escalate  # registered by name
    return app


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()
