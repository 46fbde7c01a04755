"""Options that every command line has, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BundleOption", "ConfigOption", "DataOption", "SetOption"]

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; default: <NAME>_CONFIG, or configs/config.yaml.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; may be repeated.")
]
DataOption = Annotated[Path | None, typer.Option("--data", help="Table, CSV or Parquet; overrides data.file.")]
BundleOption = Annotated[
    Path | None, typer.Option("--bundle", help="A bundle or a root of bundles; default: the configured artifacts.")
]
