"""Options that every command line has, said once, and what is asked of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from common_utils.outputs import is_stream

__all__ = [
    "BundleOption",
    "ConfigOption",
    "DataOption",
    "FileNameOption",
    "FormOption",
    "OutputOption",
    "SetOption",
    "table_file",
]

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
FileNameOption = Annotated[str | None, typer.Option("--file", help="Show only files whose name contains this.")]
FormOption = Annotated[
    Literal["table", "csv", "json", "markdown"], typer.Option("--format", help="How the dictionary is printed.")
]


def table_file(path: Path | None) -> Path | None:
    """Take a file that a table can be written to; for `callback=` of an option.

    Raises
    ------
    typer.BadParameter
        If it ends otherwise and is neither a pipe nor a device.

    Examples
    --------
    >>> table_file(Path("advice.xlsx"))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    BadParameter: advice.xlsx ends in '.xlsx'; a table is written as .csv or .parquet.
    """
    if path is None or path.suffix.lower() in (".csv", ".parquet") or (not path.suffix and is_stream(path)):
        return path
    raise typer.BadParameter(f"{path.name} ends in {path.suffix!r}; a table is written as .csv or .parquet.")


OutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        writable=True,
        dir_okay=False,
        callback=table_file,
        help="File to write, CSV or Parquet by its ending.",
    ),
]
