"""The command line: `carvision train | evaluate | predict | explain | market | dashboard | serve | card`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carvision import QUESTION
from common_utils.command_line.options import BundleOption, ConfigOption, SetOption
from common_utils.command_line.run import run_command_line
from common_utils.command_line.wide import shows_tables
from common_utils.table_project.cli import settings_of, table_cli

if TYPE_CHECKING:
    from carvision.config import CarVisionConfig
    from carvision.training import CarTask
    from common_utils.config.project import ProjectSpec

__all__ = ["app", "main"]


def _spec() -> ProjectSpec[CarVisionConfig]:
    from carvision.config import SPEC

    return SPEC


def _task() -> CarTask:
    from carvision.training import TASK

    return TASK


app = table_cli("carvision", QUESTION, _spec, _task)


@app.command()
@shows_tables
def market(
    bundle: BundleOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", writable=True, file_okay=False, help="Folder for the tables and figures as well."),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
) -> None:
    """Show depreciation, days listed, and ads above or below the expected price, from a bundle's ads."""
    from carvision.market_report import run_market

    settings, folder = settings_of(_spec(), config, overrides)
    run_market(settings, folder, bundle, output)


@app.command()
def dashboard(
    bundle: BundleOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
    config: ConfigOption = None,
) -> None:
    """Open the dashboard of a bundle in a browser on this machine; needs the extra `dashboard` (Streamlit)."""
    from carvision.dashboard_server import serve_dashboard

    serve_dashboard(_spec().folder(config), bundle, port=port)


def main() -> None:
    """Run the command line; leave with 0, or with the error's code: 2 settings, 3 data, 4 artifact, 5 gate."""
    run_command_line(app, "carvision")


if __name__ == "__main__":
    main()
