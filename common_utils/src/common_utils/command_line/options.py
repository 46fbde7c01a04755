"""Options that every command line has, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["BundleOption", "ConfigOption", "DataOption", "SetOption"]

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else <NAME>_CONFIG, else configs/config.yaml.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting; repeatable.")
]
DataOption = Annotated[Path | None, typer.Option("--data", help="Table, CSV or Parquet; overrides data.file.")]
BundleOption = Annotated[
    Path | None, typer.Option("--bundle", help="A bundle or a root of bundles; else the configured artifacts.")
]
