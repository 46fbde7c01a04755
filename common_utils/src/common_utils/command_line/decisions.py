"""The `decisions` and `outcomes` commands of every project: parse, call one function of `decision_log`, show."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from common_utils.decision_log.config import DecisionsConfig
    from common_utils.decision_log.keys import KeyRing
    from common_utils.decision_log.privacy import Office
    from common_utils.decision_log.store import Store

__all__ = ["FindDecisions", "add_outcomes", "decisions_app"]

FindDecisions: TypeAlias = "Callable[[Path | None, list[str] | None], tuple[DecisionsConfig, str, Path]]"
"""From `--config` and `--set` to the settings, the package's name and the project's folder."""

_Config = Annotated[Path | None, typer.Option("--config", help="Settings file; else the project's.")]
_Set = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeatable.")]
_Subject = Annotated[str, typer.Option("--subject", help="The subject, as requests name it.")]
_Who = Annotated[str | None, typer.Option("--who", help="Who does it; else RELEASE_WHO, else user@host.")]
_Why = Annotated[str, typer.Option("--why", help="The reason, for the audit.")]
_Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Day, UTC.")]
_Route = Annotated[str | None, typer.Option("--route", help="Only decisions of this route or command.")]
_Mode = Annotated[str | None, typer.Option("--mode", help="Only decisions of this mode.")]
_Event = Annotated[str | None, typer.Option("--event", help="Only this event.")]


def decisions_app(find: FindDecisions) -> typer.Typer:
    """Return the commands ship, query, export, stats, show, forget, object, retain, audit and rotate-key.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the settings, the package's name and the project's folder.

    Examples
    --------
    >>> app = decisions_app(lambda config, overrides: None)
    >>> sorted(command.name for command in app.registered_commands)
    ['audit', 'export', 'forget', 'object', 'query', 'retain', 'rotate-key', 'ship', 'show', 'stats']
    """
    app = typer.Typer(
        help="What was decided: ship it to the store, look at it, and act for a subject.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    _add_ship(app, find)
    _add_views(app, find)
    _add_rights(app, find)
    _add_upkeep(app, find)
    return app


def add_outcomes(app: typer.Typer, find: FindDecisions) -> None:
    """Add the command `outcomes` to a project's command line."""

    @app.command("outcomes")
    def outcomes(
        input_: Annotated[
            Path, typer.Option("--input", help="CSV or Parquet: kind, value, date, and event_id or subject.")
        ],
        rejects: Annotated[
            Path | None, typer.Option("--rejects", help="Where to write row and reason of what was not taken.")
        ] = None,
        window_days: Annotated[
            int, typer.Option("--window-days", min=1, max=3650, help="Days after a decision in which outcomes count.")
        ] = 120,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Read what came of decisions; rows are new, known already, corrections, or rejected with a reason."""
        from common_utils.decision_log.outcome_files import read_outcomes

        with _opened(find, config, overrides) as at:
            report = read_outcomes(input_, at.store, at.keys, at.project, rejects=rejects, window_days=window_days)
            _say(f"{report.summary()}; window {window_days} days")

    del outcomes  # registered by name


class _At:
    """An opened log: what the settings name."""

    def __init__(self, settings: DecisionsConfig, project: str, folder: Path) -> None:
        from common_utils.config import resolve_path
        from common_utils.decision_log.keys import load_keys
        from common_utils.decision_log.store import open_store

        self.settings = settings
        self.project = project
        self.folder = folder
        self.journal = resolve_path(folder, settings.journal)
        self.keys: KeyRing = load_keys(settings, folder)
        self.store: Store = open_store(settings.url, folder)

    @property
    def office(self) -> Office:
        from common_utils.decision_log.privacy import Office

        return Office(self.store, self.keys, self.project, self.journal)


@contextmanager
def _opened(find: FindDecisions, config: Path | None, overrides: list[str] | None) -> Generator[_At]:
    at = _At(*find(config, overrides))
    try:
        yield at
    finally:
        at.store.close()


def _add_ship(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("ship")
    def ship(
        follow: Annotated[
            bool, typer.Option("--follow", help="Go on until SIGTERM; a process beside the service.")
        ] = False,
        seconds: Annotated[
            float, typer.Option("--seconds", min=0.01, max=3600, help="Pause where nothing came, with --follow.")
        ] = 1.0,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Load the journal into the store; what is acknowledged there is deleted here. Safe to repeat."""
        from common_utils.decision_log.shipper import Shipper

        with _opened(find, config, overrides) as at:
            shipper = Shipper(at.journal, at.store)
            if not follow:
                _say(shipper.round().summary())
                return
            ended = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: ended.set())
            shipper.follow(seconds, lambda done: _say(done.summary()), until=ended.is_set)
            _say(shipper.round().summary())

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
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Print decisions with their outcomes as JSON Lines, the oldest first."""
        from itertools import islice

        from common_utils.decision_log.exports import joined

        with _opened(find, config, overrides) as at:
            for one in islice(joined(at.store, _selection(since, until, route, mode, event)), limit):
                _print(one)

    @app.command("export")
    def export_(
        output: Annotated[Path, typer.Option("--output", help="File to write: .parquet, .csv or .json.")],
        why: _Why,
        who: _Who = None,
        since: _Day = None,
        until: _Day = None,
        route: _Route = None,
        mode: _Mode = None,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Write decisions with their outcomes to a file that `forget` knows of."""
        from common_utils.decision_log.exports import export

        with _opened(find, config, overrides) as at:
            rows = export(at.store, _selection(since, until, route, mode, None), output)
            at.office.note("export", who=_who(who, why), why=why, about=output.name, rows=rows)
            _say(f"{rows:,} decisions written to {output}")

    @app.command("stats")
    def stats_(config: _Config = None, overrides: _Set = None) -> None:
        """Print counts as JSON: decisions, conflicts, outcomes, what exploration cost."""
        from common_utils.decision_log.exports import stats

        with _opened(find, config, overrides) as at:
            sys.stdout.write(json.dumps(stats(at.store), indent=1) + "\n")

    @app.command("audit")
    def audit(config: _Config = None, overrides: _Set = None) -> None:
        """Print who did what for which keyed subject, when and why, as JSON Lines."""
        names = ("at_ms", "who", "what", "why", "about", "rows")
        with _opened(find, config, overrides) as at:
            for row in at.store.database.rows(f"SELECT {', '.join(names)} FROM audit ORDER BY at_ms"):  # noqa: S608
                _print(dict(zip(names, row, strict=True)))

    del query, export_, stats_, audit  # registered by name


def _add_rights(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("show")
    def show(subject: _Subject, why: _Why, who: _Who = None, config: _Config = None, overrides: _Set = None) -> None:
        """Say in words everything that is held about a subject: the access request."""
        with _opened(find, config, overrides) as at:
            sys.stdout.write(at.office.show(subject, who=_who(who, why), why=why))

    @app.command("forget")
    def forget(subject: _Subject, why: _Why, who: _Who = None, config: _Config = None, overrides: _Set = None) -> None:
        """Delete what is held about a subject: journal, store, outcomes, exports of this host, registered stores."""
        with _opened(find, config, overrides) as at:
            done = at.office.forget(subject, who=_who(who, why), why=why)
            _say(", ".join(f"{name}: {count}" for name, count in done.counts.items()))
            for path in done.out_of_reach:
                _say(f"NOT deleted, on another host: {path}; delete it there")

    @app.command("object")
    def object_(
        subject: _Subject,
        why: _Why,
        withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the objection back.")] = False,
        who: _Who = None,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Keep a subject out of offers, experiments and joins of the log from now on."""
        with _opened(find, config, overrides) as at:
            at.office.object(subject, who=_who(who, why), why=why, withdraw=withdraw)
            _say("objection withdrawn" if withdraw else "objection recorded")

    del show, forget, object_  # registered by name


def _add_upkeep(app: typer.Typer, find: FindDecisions) -> None:
    @app.command("retain")
    def retain(
        days: Annotated[int | None, typer.Option("--days", min=1, help="Else decisions.retention_days.")] = None,
        why: _Why = "retention period",
        who: _Who = None,
        config: _Config = None,
        overrides: _Set = None,
    ) -> None:
        """Delete decisions older than the retention period, with their outcomes; run it daily."""
        with _opened(find, config, overrides) as at:
            count = at.office.retain(days or at.settings.retention_days, who=_who(who, why), why=why)
            _say(f"{count:,} decisions deleted")

    @app.command("rotate-key")
    def rotate_key(config: _Config = None, overrides: _Set = None) -> None:
        """Put a new key on top of the key file; the old ones stay for joins. Services take it at their next start."""
        from common_utils.decision_log.keys import default_key_file, load_keys, rotate

        settings, _, folder = find(config, overrides)
        _say(f"key {rotate(default_key_file(settings, folder), load_keys(settings, folder, environ={}))} is in use")

    del retain, rotate_key  # registered by name


def _selection(
    since: datetime | None, until: datetime | None, route: str | None, mode: str | None, event: str | None
) -> Any:
    from common_utils.decision_log.exports import DecisionSelection

    return DecisionSelection(
        since=since and since.date(), until=until and until.date(), route=route, mode=mode, event=event
    )


def _who(who: str | None, why: str) -> str:
    from common_utils.releases.author import Author, default_who

    return Author(who or default_who(), why).who


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
