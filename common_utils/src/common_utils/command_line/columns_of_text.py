"""Tables of text that fit a screen: words fold at blanks, numbers never; what does not fit becomes a second table."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["fitted", "folded", "holds_words", "total_width", "widths_within"]

_NUMBER = re.compile(r"[-+<>≤≥~]*\d[\d,.:]*( ?%)?( [A-Z]{3})?|-|n/a")
_INTERVAL = re.compile(r"(?P<estimate>[^\[\]]*\S) (?P<interval>\[[^\[\]]*\])")
# A cell of several figures: each may have an interval.
_SEVERAL = re.compile(r"(?P<estimate>\S+) (?P<interval>\[[^\[\]]*\])(?=;|$)")
_BRACKETS = re.compile(r"\[[-+\d][^\[\]]*\]")
_KEPT = "\N{NO-BREAK SPACE}"
_INTERVALS = "intervals"
_ROOM = 24  # characters up to which a phrase stays on one line

Rows = Sequence[Mapping[str, str]]


def fitted(rows: Rows, width: int | None) -> Iterator[tuple[str, Rows]]:
    """Yield the pieces of a table that each fit a width, with a title for those after the first.

    Parameters
    ----------
    rows : sequence of mapping of str to str
        The keys of the first row are the columns.
    width : int or None
        Characters; None takes any width.

    Yields
    ------
    tuple of str and sequence of mapping
        Figures first; intervals, where they do not fit beside their figures, in pieces of their own.

    Examples
    --------
    >>> row = {"policy": "stay", "regret": "4.17 [3.87, 4.53]"}
    >>> list(fitted([row], 40))
    [('', [{'policy': 'stay', 'regret': '4.17 [3.87, 4.53]'}])]
    >>> [(title, *rows) for title, rows in fitted([row], 20)]
    [('', {'policy': 'stay', 'regret': '4.17'}), ('intervals', {'policy': 'stay', 'regret': '[3.87, 4.53]'})]
    """
    names, labels = list(rows[0]) if rows else [], _labels(rows) if rows else []
    if width is None or total_width([_natural(rows, name) for name in names]) <= width:
        yield "", rows
        return
    with_interval = [name for name in names if _holds_intervals(rows, name)]
    if not with_interval:
        yield from (("", piece) for piece in _pieces(rows, width, labels))
        return
    figures = [{name: _part(row[name], "estimate") for name in names} for row in rows]
    yield from (("", piece) for piece in _pieces(figures, width, labels))
    shown = [name for name in names if name in labels or name in with_interval]
    intervals = [
        {name: row[name] if name in labels else _part(row[name], "interval") for name in shown} for row in rows
    ]
    yield from ((_INTERVALS, piece) for piece in _pieces(intervals, width, labels))


def widths_within(rows: Rows, width: int | None) -> list[int]:
    """Return how wide each column is: as wide as its cells, or less where words can fold.

    Examples
    --------
    >>> widths_within([{"rule": "offers", "meaning": "a b c d e f"}], 17)
    [6, 7]
    """
    names = list(rows[0]) if rows else []
    widths = [_natural(rows, name) for name in names]
    for least in ([_readable(rows, name) for name in names], [_least(rows, name) for name in names]):
        while width is not None and total_width(widths) > width:
            spare = [wide - low for wide, low in zip(widths, least, strict=True)]
            if not any(spare):
                break
            # The widest of those that can still fold gives way.
            place = max((i for i in range(len(widths)) if spare[i]), key=lambda i: widths[i])
            widths[place] -= 1
    return widths


def folded(text: str, width: int) -> str:
    r"""Return a cell over several lines, broken at blanks; a number is never broken.

    Examples
    --------
    >>> folded("cheapest of six months", 10), folded("1,234,567 EUR", 5)
    ('cheapest\nof six\nmonths', '1,234,567 EUR')
    """
    if _NUMBER.fullmatch(text) or _INTERVAL.fullmatch(f". {text}"):
        return text
    whole = _BRACKETS.sub(lambda found: found[0].replace(" ", _KEPT), text)  # textwrap breaks at no such blank
    lines = textwrap.wrap(whole, max(1, width), break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_KEPT, " ") or text


def holds_words(rows: Rows, name: str) -> bool:
    """Return whether a column holds anything but numbers and intervals.

    Examples
    --------
    >>> holds_words([{"plan": "surf", "saving": "-"}], "plan"), holds_words([{"a": "[0.1, 0.2]"}], "a")
    (True, False)
    """
    return not _holds_numbers(rows, name) and not all(
        _INTERVAL.fullmatch(f". {row[name]}") for row in rows if row[name]
    )


def total_width(widths: Sequence[int]) -> int:
    """Return how many characters a line of a table takes: a blank on each side of a cell, and one between cells.

    Examples
    --------
    >>> total_width([4, 5])
    14
    """
    return sum(widths) + 3 * len(widths) - 1 if widths else 0


def _pieces(rows: Rows, width: int, labels: Sequence[str]) -> Iterator[Rows]:
    """Yield the columns in groups that fit, each after the columns that say what a row is."""
    held = [_readable(rows, name) for name in labels]
    group: list[str] = []
    for name in list(rows[0])[len(labels) :]:
        taken = [*held, *(_readable(rows, one) for one in group), _readable(rows, name)]
        if group and total_width(taken) > width:
            yield [{one: row[one] for one in (*labels, *group)} for row in rows]
            group = []
        group.append(name)
    yield [{one: row[one] for one in (*labels, *group)} for row in rows]


def _labels(rows: Rows) -> list[str]:
    """Return the first column, and the second where both are words before figures."""
    names = list(rows[0])
    words = [name for name in names[:2] if not (_holds_numbers(rows, name) or _holds_intervals(rows, name))]
    return names[: len(words)] if len(words) == 2 and len(names) > 2 and _holds_numbers(rows, names[2]) else names[:1]


def _holds_numbers(rows: Rows, name: str) -> bool:
    cells = [_part(row[name], "estimate") for row in rows if row[name]]
    return bool(cells) and all(_NUMBER.fullmatch(cell) for cell in cells)


def _holds_intervals(rows: Rows, name: str) -> bool:
    return any(_part(row[name], "interval") for row in rows)


def _part(cell: str, name: str) -> str:
    """Return the "estimate" or the "interval" of a cell, of each of its figures if it has several; empty if none."""
    match = _INTERVAL.fullmatch(cell)
    if match:
        return match[name]
    found = _SEVERAL.sub(rf"\g<{name}>", cell)
    return found if name == "estimate" or found != cell else ""


def _natural(rows: Rows, name: str) -> int:
    return max(len(line) for cell in (name, *(row[name] for row in rows)) for line in (cell.splitlines() or [""]))


def _readable(rows: Rows, name: str) -> int:
    """Return a width at which short phrases stay on one line."""
    return max(_least(rows, name), min(_natural(rows, name), _ROOM))


def _least(rows: Rows, name: str) -> int:
    return max(len(line) for cell in (name, *(row[name] for row in rows)) for line in folded(cell, 1).split("\n"))
