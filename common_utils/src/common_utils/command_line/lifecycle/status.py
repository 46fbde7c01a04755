"""The command `lifecycle status`: what is live since when and why, what challenges it, what waits for whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import typer

from common_utils.command_line.lifecycle.options import ArtifactsOption, JsonOption, print_json, say
from common_utils.command_line.options import ConfigOption, SetOption

if TYPE_CHECKING:
    from common_utils.command_line.lifecycle.places import LifecyclePlaces

__all__ = ["FindPlaces", "add_status"]

FindPlaces: TypeAlias = "Callable[[Path | None, list[str] | None], LifecyclePlaces]"
"""From `--config` and `--set` to where the page looks."""


def add_status(app: typer.Typer, find: FindPlaces) -> None:
    """Add the command status.

    Parameters
    ----------
    app : Typer
    find : callable
        From `--config` and `--set` to where it looks.

    Examples
    --------
    >>> app = typer.Typer()
    >>> add_status(app, lambda config, overrides: None)
    >>> [command.name for command in app.registered_commands]
    ['status']
    """

    @app.command("status")
    def status(
        as_json: JsonOption = False,
        artifacts: ArtifactsOption = None,
        config: ConfigOption = None,
        overrides: SetOption = None,
    ) -> None:
        """Say in ten lines what is live and why, its data and verdicts, what challenges, is barred, and waits.

        Leaves with 0 whatever it says, and as `release history` does where the record's chain is broken.
        """
        from common_utils.command_line.lifecycle.page import lifecycle_page

        places = find(config, overrides)
        page = lifecycle_page(places if artifacts is None else replace(places, artifacts=artifacts))
        if as_json:
            print_json(page.to_dict())
        else:
            for line in page.lines():
                say(line)
        page.refuse_broken()

    del status  # registered by name
