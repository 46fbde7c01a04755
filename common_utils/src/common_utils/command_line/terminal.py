"""What a person at a terminal sees: tables that line up, and what is going on while it takes long."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from common_utils.command_line.clashes import given_again, set_again
from common_utils.command_line.columns_of_text import fitted, folded, holds_words, total_width, widths_within
from common_utils.command_line.wide import is_wide

__all__ = ["note", "note_next", "show_table", "steps", "tracked"]

_WIDTH = 80  # of a table that goes to a file or a pipe


def note(text: str) -> None:
    """Write a line to standard error, so that standard output stays the answer.

    Examples
    --------
    >>> note("3 rows rejected")
    """
    _stderr().print(text, highlight=False, markup=False, soft_wrap=True)


def note_next(name: str, commands: Mapping[str, str], bundles: Path | None) -> None:
    """Write to standard error which commands come next, ready to be typed: with the settings of the table given before.

    Parameters
    ----------
    name : str
        Of the command line.
    commands : mapping of str to str
        What follows the name, by what it is good for.
    bundles : Path, optional
        Root of the bundles, where it is not the configured one.

    Examples
    --------
    >>> note_next("planrec", {"answers over HTTP": "serve"}, None)
    """
    note("next:")
    tail = (
        f" --bundle {shlex.quote(str(bundles))}" * (bundles is not None) + given_again("--config") + set_again("data.")
    )
    for what, words in commands.items():
        note(f"  {name} {words}{tail}  # {what}")


def show_table(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows of text as a table, figures to the right.

    It fits the screen, or 80 characters in a file or a pipe (COLUMNS says otherwise): words fold at blanks, numbers
    never, and what does not fit is shown in further tables, intervals last. With `--wide` it is one table.

    Parameters
    ----------
    title : str
    rows : sequence of mapping of str to str
        The keys of the first row are the columns.

    Examples
    --------
    >>> show_table("Bills", [{"plan": "surf", "cents": "2000"}])  # doctest: +ELLIPSIS
    Bills
     plan   cents...
    """
    width = _width()
    for number, (part, piece) in enumerate(fitted(rows, width)):
        _show_piece(f"{title}, {part}" if part else title if number == 0 else f"{title}, continued", piece, width)


def _show_piece(title: str, rows: Sequence[Mapping[str, str]], width: int | None) -> None:
    from rich import box

    widths = widths_within(rows, width)
    console = Console(width=max(total_width(widths), len(title), width or 0, 1))
    console.print(title, style="bold", highlight=False, markup=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for number, (name, wide) in enumerate(zip(rows[0] if rows else (), widths, strict=True)):
        side: Literal["left", "right"] = "left" if number == 0 or holds_words(rows, name) else "right"
        table.add_column(Text(folded(name, wide)), justify=side, width=wide, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(folded(cell, wide)) for cell, wide in zip(row.values(), widths, strict=True)))
    console.print(table)


def _width() -> int | None:
    """Return how many characters fit; None: any number."""
    if is_wide():
        return None
    console = Console()
    said = os.environ.get("COLUMNS", "").isdecimal()
    return console.width if console.is_terminal or said else _WIDTH


@contextmanager
def steps() -> Generator[Callable[[str], None]]:
    """Yield a function that is told what begins: a spinner with the time so far on a terminal, lines elsewhere.

    Examples
    --------
    >>> with steps() as step:
    ...     step("reading")
    """
    console = _stderr()
    if not console.is_terminal:
        yield note
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=None)

        def step(text: str) -> None:
            console.print(f"  {text}", highlight=False, markup=False)
            progress.update(task, description=text)

        yield step


@contextmanager
def tracked(label: str, total: int) -> Generator[Callable[[int], None]]:
    """Yield a function that advances a progress bar with the rate and the time left; silent where no terminal watches.

    Parameters
    ----------
    label : str
    total : int
        Units of work.

    Examples
    --------
    >>> with tracked("rating", total=10) as advance:
    ...     advance(10)
    """
    console = _stderr()
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    columns = (SpinnerColumn(), TextColumn(label), BarColumn(), MofNCompleteColumn(), _Rate(), *times)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.advance(task, done)


class _Rate(ProgressColumn):
    """Units of work a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:z,.1f}/s")


def _stderr() -> Console:
    return Console(stderr=True)
