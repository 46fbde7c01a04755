"""What a person at a terminal sees: tables that line up, and what is going on while it takes long."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

__all__ = ["note", "show_table", "steps", "tracked"]

_WIDE = 200  # columns of a table that goes to a file or a pipe: nothing is cut there


def note(text: str) -> None:
    """Write a line to standard error, so that standard output stays the answer.

    Examples
    --------
    >>> note("3 rows rejected")
    """
    _stderr().print(text, highlight=False, markup=False, soft_wrap=True)


def show_table(title: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows of text as a table; all but the first column are right-aligned.

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
    from rich import box

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    console.print(title, style="bold", highlight=False, markup=False)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=True)
    for number, name in enumerate(rows[0] if rows else ()):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    console.print(table)


@contextmanager
def steps() -> Generator[Callable[[str], None]]:
    """Yield a function that is told what begins: a spinner where a terminal watches, lines elsewhere.

    Examples
    --------
    >>> with steps() as step:
    ...     step("reading")
    """
    console = _stderr()
    if not console.is_terminal:
        yield note
        return
    with console.status("starting") as status:

        def step(text: str) -> None:
            console.print(f"  {text}", highlight=False, markup=False)
            status.update(text)

        yield step


@contextmanager
def tracked(label: str, total: int) -> Generator[Callable[[int], None]]:
    """Yield a function that advances a progress bar; silent where no terminal watches.

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
    columns = (SpinnerColumn(), TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.advance(task, done)


def _stderr() -> Console:
    return Console(stderr=True)
