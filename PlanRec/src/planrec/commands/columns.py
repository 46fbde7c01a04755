"""`planrec columns`: the data dictionary."""

from __future__ import annotations

from common_utils.command_line.options import FileNameOption, FormOption
from common_utils.command_line.wide import shows_tables

__all__ = ["columns"]


@shows_tables
def columns(*, file: FileNameOption = None, form: FormOption = "table") -> None:
    """Show the data dictionary: every column read or written, with type, unit, meaning, and when it may be empty."""
    from planrec.commands.run.columns import run_columns

    run_columns(file, form)
