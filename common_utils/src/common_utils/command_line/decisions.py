"""The `decisions` and `outcomes` commands of every project: parse, call one method of `decision_log.desk`, show.

A project adds them with one line, `add_decisions(app, find)`, where `find` says which settings count.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from common_utils.command_line.lifecycle.options import author_of
from common_utils.command_line.options import ConfigOption, SetOption
from common_utils.command_line.reading import reads_table
from common_utils.command_line.run import Group
from common_utils.errors import ConfigError, DataError
from common_utils.identifiers import LONGEST_ID, cleaned_id, is_subject

if TYPE_CHECKING:
    from common_utils.decision_log.desk import Desk
    from common_utils.decision_log.privacy import Forgotten
    from common_utils.tables import Reading

__all__ = ["FindDecisions", "add_decisions"]

FindDecisions: TypeAlias = "Callable[[Path | None, list[str] | None], Desk]"
"""From `--config` and `--set` to the project's log."""


def _subject(text: str) -> str:
    """Return a subject in the form that is keyed, or refuse one that nobody can be."""
    subject = cleaned_id(text)
    if not is_subject(subject):
        raise ConfigError(
            f"--subject has {len(subject)} characters: give 1 to {LONGEST_ID}, as requests and files name the subject; "
            "blanks around it and characters nobody sees do not count."
        )
    return subject


_Subject = Annotated[
    str, typer.Option("--subject", callback=_subject, help="The subject, as requests name it; 1 to 64 characters.")
]
_Who = Annotated[str | None, typer.Option("--who", help="Who does it; default: RELEASE_WHO, or user@host.")]
_Why = Annotated[str, typer.Option("--why", help="The reason, written to the audit.")]
_TABLES = "tables you keep are not reached: remove the subject there; this project does not train on one that holds it"
_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Day, UTC.")]
_Route = Annotated[str | None, typer.Option("--route", help="Only decisions of this route or command.")]
_Mode = Annotated[str | None, typer.Option("--mode", help="Only decisions of this mode.")]
_Event = Annotated[str | None, typer.Option("--event", help="Only this event.")]


def add_decisions(app: typer.Typer, find: FindDecisions) -> typer.Typer:
    """Add the commands `decisions ...` and `outcomes` to a project's command line, and return those of `decisions`.

    Parameters
    ----------
    app : Typer
    find : callable
        From `--config` and `--set` to the project's log.

    Examples
    --------
    >>> added = add_decisions(typer.Typer(), lambda config, overrides: None)
    >>> sorted(command.name for command in added.registered_commands)
    ['audit', 'export', 'forget', 'object', 'query', 'retain', 'rotate-key', 'ship', 'show', 'stats']
    """
    decisions = typer.Typer(
        cls=Group,
        help="What was decided: ship it to the store, look at it, and act for a subject.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    _add_ship(decisions, find)
    _add_views(decisions, find)
    _add_export(decisions, find)
    _add_rights(decisions, find)
    _add_upkeep(decisions, find)
    app.add_typer(decisions, name="decisions")
    _add_outcomes(app, find)
    return decisions


def _add_outcomes(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("outcomes")
    @reads_table
    def outcomes(
        *,
        reading: Reading,
        input_: Annotated[
            Path, typer.Option("--input", help="Table of kind, value, date, and event_id or subject; month of a bill.")
        ],
        window_days: Annotated[
            int, typer.Option("--window-days", min=1, max=3650, help="Days after a decision in which outcomes count.")
        ] = 120,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Read what came of decisions; each row is new, known already, a correction, or rejected with a reason."""
        _say(find(config, overrides).read_outcomes(input_, reading=reading, window_days=window_days))

    del outcomes  # registered by name


def _add_ship(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("ship")
    def ship(
        *,
        follow: Annotated[
            bool, typer.Option("--follow", help="Go on until SIGTERM; for a process beside the service.")
        ] = False,
        seconds: Annotated[
            float, typer.Option("--seconds", min=0.01, max=3600, help="Pause after a round without entries.")
        ] = 1.0,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Load the journal into the store; what is acknowledged there is deleted here. Safe to repeat."""
        desk = find(config, overrides)
        if follow:
            desk.follow(seconds, lambda done: _say(done.summary()))
        else:
            _say(desk.ship().summary())

    del ship  # registered by name


def _add_views(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("query")
    def query(
        since: _Day = None,
        until: _Day = None,
        route: _Route = None,
        mode: _Mode = None,
        event: _Event = None,
        limit: Annotated[int, typer.Option("--limit", min=1, help="Decisions shown.")] = 20,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Print decisions with their outcomes as JSON Lines, the oldest first."""
        desk = find(config, overrides)
        for one in desk.query(desk.selection(since, until, route=route, mode=mode, event=event), limit):
            _print(one)

    @app.command("stats")
    def stats(config: ConfigOption = None, overrides: SetOption = None) -> None:
        """Print counts as JSON: decisions, conflicts, outcomes, and what waits for its decision."""
        sys.stdout.write(json.dumps(find(config, overrides).stats(), indent=1) + "\n")

    @app.command("audit")
    def audit(config: ConfigOption = None, overrides: SetOption = None) -> None:
        """Print who did what for which keyed subject, when and why, as JSON Lines."""
        for one in find(config, overrides).audit():
            _print(one)

    del query, stats, audit  # registered by name


def _add_export(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("export")
    def export(
        output: Annotated[
            Path, typer.Option("--output", writable=True, dir_okay=False, help="File: .parquet, .csv or .json (lines).")
        ],
        why: _Why,
        who: _Who = None,
        since: _Day = None,
        until: _Day = None,
        route: _Route = None,
        mode: _Mode = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Write decisions with their outcomes to a file, which `forget` deletes."""
        desk = find(config, overrides)
        chosen = desk.selection(since, until, route=route, mode=mode)
        rows = desk.export(chosen, output, who=author_of(who, why).who, why=why)
        _say(f"{rows:,} decisions written to {output}")

    del export  # registered by name


def _add_rights(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("show")
    def show(
        subject: _Subject, why: _Why, who: _Who = None, config: ConfigOption = None, overrides: SetOption = None
    ) -> None:
        """Say in words everything that is held about a subject: the access request.

        Exit code 0 where nothing is held, too: the answer then says so.
        """
        sys.stdout.write(find(config, overrides).show(subject, who=author_of(who, why).who, why=why))

    @app.command("forget")
    def forget(
        subject: _Subject, why: _Why, who: _Who = None, config: ConfigOption = None, overrides: SetOption = None
    ) -> None:
        """Delete what is held about a subject: journal, store, outcomes, exports of this host, registered stores.

        Exit code 0 where nothing is held, too: it says so, and other hosts' journals bring nothing back.
        """
        _tell_deleted(find(config, overrides).forget(subject, who=author_of(who, why).who, why=why))
        _say(_TABLES)

    @app.command("object")
    def object_(
        *,
        subject: _Subject,
        why: _Why,
        withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the objection back.")] = False,
        who: _Who = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Keep a subject out of offers, experiments and joins of the log from now on.

        Exit code 0 where nothing is held, too: it says so, and the objection counts for what comes.
        """
        desk = find(config, overrides)
        _say(desk.object(subject, who=author_of(who, why).who, why=why, withdraw=withdraw))

    del show, forget, object_  # registered by name


def _add_upkeep(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("retain")
    def retain(
        days: Annotated[
            int | None, typer.Option("--days", min=1, help="Days kept; default: decisions.retention_days.")
        ] = None,
        why: _Why = "retention period",
        who: _Who = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Delete decisions older than the retention period, with outcomes and exports that hold such; run it daily."""
        _tell_deleted(find(config, overrides).retain(days, who=author_of(who, why).who, why=why))

    @app.command("rotate-key")
    def rotate_key(config: ConfigOption = None, overrides: SetOption = None) -> None:
        """Put a new key on top of the key file, or make it with a first one; services take it at their next start.

        The old keys stay: what was logged, and who objected, is known under them.
        """
        _say(find(config, overrides).rotate_key())

    del retain, rotate_key  # registered by name


def _tell_deleted(done: Forgotten) -> None:
    for line in done.lines():
        _say(line)
    if done.left:
        raise DataError(f"{len(done.left)} export(s) could not be deleted; all else was done.")


def _print(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
