"""The `runs` commands of every project: what was tried, one run, and two side by side.

A project adds them with one line, `add_typer(runs_app(find), name="runs")`, where `find` says where its runs lie.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from common_utils.command_line.options import ConfigOption, SetOption
from common_utils.command_line.run import Group
from common_utils.command_line.wide import shows_tables

if TYPE_CHECKING:
    from common_utils.bundle.signing import Trust
    from common_utils.tracking.config import TrackingConfig

__all__ = ["FindRuns", "runs_app", "views"]

FindRuns: TypeAlias = "Callable[[Path | None, list[str] | None], tuple[TrackingConfig, str, Path, Path, Trust]]"
"""From `--config` and `--set` to the settings, the package, the project's folder, the bundles' root and whose
signatures count."""

_Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
_Kind = Annotated[Literal["training", "study"] | None, typer.Option("--kind", help="Only runs of this kind.")]
_Run = Annotated[str, typer.Argument(help="A run, how its name begins, or 'latest'.")]
_All = Annotated[bool, typer.Option("--all", help="Also the figures that have no interval.")]


def runs_app(find: FindRuns) -> typer.Typer:
    """Return the commands list, show and compare.

    Parameters
    ----------
    find : callable
        From `--config` and `--set` to the settings of runs and to where things lie.

    Examples
    --------
    >>> app = runs_app(lambda config, overrides: None)
    >>> sorted(command.name for command in app.registered_commands)
    ['compare', 'list', 'show']
    """
    app = typer.Typer(
        cls=Group,
        help="What was tried, on which data and code, with which figures.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @app.command("list")
    @shows_tables
    def list_(
        kind: _Kind = None, as_json: _Json = False, config: ConfigOption = None, overrides: SetOption = None
    ) -> None:
        """Show every run, the newest last: what it was, how it ended, its figure, what it took, and its bundle."""
        views().run_list(find(config, overrides), kind, as_json=as_json)

    @app.command("show")
    @shows_tables
    def show(run: _Run, as_json: _Json = False, config: ConfigOption = None, overrides: SetOption = None) -> None:
        """Show one run: facts, figures with intervals, and the settings it ran with."""
        views().run_show(find(config, overrides), run, as_json=as_json)

    @app.command("compare")
    @shows_tables
    def compare(
        first: _Run,
        second: _Run,
        every: _All = False,
        as_json: _Json = False,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Show what was set otherwise, then the figures: paired where the folds are the same, else side by side."""
        views().run_compare(find(config, overrides), first, second, every=every, as_json=as_json)

    del list_, show, compare  # registered by name
    return app


def views() -> ModuleType:
    """Return what the commands do, loaded when one runs."""
    from common_utils.command_line.tracking import views as loaded

    return loaded
