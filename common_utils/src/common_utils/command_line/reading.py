"""What every command that reads a table offers: how it is written, and a file of the rows that were rejected."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from common_utils.command_line.options import table_file
from common_utils.errors import ConfigError, PortfolioError

__all__ = ["reads_table"]

Decimal = Literal["point", "comma"]

_OPTIONS: dict[str, tuple[Any, object]] = {
    "decimal": (
        Annotated[
            Decimal | None,
            typer.Option(
                "--decimal", help="Decimal sign, if the numbers leave it in doubt; overrides data.table.decimal."
            ),
        ],
        None,
    ),
    "accept_units": (
        Annotated[bool, typer.Option("--accept-units", help="Accept amounts even if they look like another unit.")],
        False,
    ),
    "rejects": (
        Annotated[
            Path | None,
            typer.Option(
                "--rejects",
                writable=True,
                dir_okay=False,
                callback=table_file,
                help="Write each rejected row: number, column, reason.",
            ),
        ],
        None,
    ),
}


def reads_table(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of tables; it takes them as its parameter `reading`.

    Where the command fails, the account of every table it read is shown all the same. The file of rejected rows is
    written then, too, unless it was refused before a table was read.

    Examples
    --------
    >>> @reads_table
    ... def check(reading) -> None: ...
    >>> list(inspect.signature(check).parameters)
    ['decimal', 'accept_units', 'rejects']
    """
    command.__annotations__.pop("reading", None)  # its type would load the readers of tables, and help is to be quick
    hints = get_type_hints(command, include_extras=True)
    own = [p for name, p in inspect.signature(command).parameters.items() if name != "reading"]
    hints = {name: hint for name, hint in hints.items() if name != "return"}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]

    @wraps(command)
    def run(
        *given: Any,
        decimal: Decimal | None = None,
        accept_units: bool = False,
        rejects: Path | None = None,
        **named: Any,
    ) -> None:
        if any(getattr(one, "invoked_subcommand", None) is not None for one in (*given, *named.values())):
            return  # the further word does the work, and its help loads no reader

        from common_utils.tables import reading as tables

        accounts = tables.Accounts(whole=not named.get("dry_run"))
        reading = tables.Reading(decimal=decimal, accept_units=accept_units, accounts=accounts)
        began = True
        try:
            command(*given, reading=reading, **named)
        except PortfolioError as error:
            began = not isinstance(error, ConfigError) or bool(accounts.reports)
            for report in accounts.reports:
                if report.summary() not in str(error):
                    typer.echo(report.summary(), err=True)
            raise
        finally:
            if rejects is not None and began and accounts.whole:
                typer.echo(f"{accounts.write_rejects(rejects):,} rejected rows written to {rejects}", err=True)
            elif rejects is not None and began:
                typer.echo(f"rejected rows are not written to {rejects}: not every row was looked at", err=True)

    typed = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in own]
    run.__signature__ = inspect.Signature([*typed, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {**hints, **{name: kind for name, (kind, _) in _OPTIONS.items()}}
    del run.__wrapped__  # type: ignore[attr-defined] - its signature is not that of the options
    return run
