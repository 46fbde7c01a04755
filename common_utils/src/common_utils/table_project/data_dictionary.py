"""The data dictionary of a project on one table: the training table, the records to answer, and what is written."""

from __future__ import annotations

from typing import Any

from common_utils.command_line.data_dictionary import (
    ColumnEntry,
    ColumnTexts,
    described,
    show_dictionary,
    written_columns,
)
from common_utils.table_project.task import TableTask

__all__ = ["dictionary", "run_columns"]


def dictionary(task: TableTask[Any]) -> list[ColumnEntry]:
    """Return every column of every file that the commands read and write.

    Raises
    ------
    ConfigError
        If a column has no words in the package's `templates/columns.yaml`.
    """
    texts = ColumnTexts(task.spec.name)
    read = {"training table (read)": task.schema(), "records to answer (read)": task.record_schema()}
    entries = [entry for file, schema in read.items() for entry in described(file, schema, texts)]
    return entries + written_columns(texts)


def run_columns(task: TableTask[Any], file: str | None, form: str) -> None:
    """Show the dictionary.

    Raises
    ------
    ConfigError
        As `dictionary`, or if no file has such a name.
    """
    show_dictionary(dictionary(task), file, form, f"{task.spec.title}: data dictionary")
