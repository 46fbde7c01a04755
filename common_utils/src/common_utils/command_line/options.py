"""Options that every command line has, said once, and what is asked of their values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from common_utils.outputs import is_stream

__all__ = [
    "BatchWorkersOption",
    "BundleOption",
    "ConfigOption",
    "DataOption",
    "DryRunOption",
    "FileNameOption",
    "FormOption",
    "OutputOption",
    "PartOption",
    "SetOption",
    "TableOutputOption",
    "holds_parts",
    "table_file",
    "table_or_folder",
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


def holds_parts(output: Path) -> bool:
    """Return whether an output is a folder of parts: a name without an ending that is no pipe and no device.

    Examples
    --------
    >>> holds_parts(Path("out/advice")), holds_parts(Path("advice.csv")), holds_parts(Path("/dev/null"))
    (True, False, False)
    """
    return not output.suffix and not is_stream(output)


def table_or_folder(path: Path | None) -> Path | None:
    """Take a file as `table_file`, or a folder; for `callback=` of an option.

    Raises
    ------
    typer.BadParameter
        If it ends otherwise.

    Examples
    --------
    >>> table_or_folder(Path("out/advice")).name
    'advice'
    """
    return path if path is None or holds_parts(path) else table_file(path)


BatchWorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        max=256,
        help="Processes that answer; the output is the same. Default: the cores this process may use, as far as memory "
        "allows at 0.6 GB each.",
    ),
]

PartOption = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="I/N",
        help="Compute only the parts of job I of N, for job arrays; --output is one folder for all jobs. The last one "
        "to end sums up and writes _SUCCESS.",
    ),
]

DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Answer a sample only, and say what the run will take: rows, parts, memory, disk and time."
    ),
]

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

TableOutputOption = Annotated[
    Path,
    typer.Option(
        "--output",
        writable=True,
        callback=table_or_folder,
        help="File to write, CSV or Parquet by its ending; a name without an ending is a folder of 64 Parquet parts, "
        "and a run that was killed goes on there.",
    ),
]
