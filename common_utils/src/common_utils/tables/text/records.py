"""The text of a CSV file in pieces that end where a row ends; a line break inside quotes ends none."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from common_utils.errors import DataError
from common_utils.tables.text.source import TextSource, text_of

__all__ = ["PIECE_BYTES", "check_quotes", "pieces_of_rows"]

PIECE_BYTES = 1 << 22  # of text at once, unless a row is longer; parsed it is twice that
_QUOTE, _NEWLINE, _RETURN = (ord(character) for character in '"\n\r')


def check_quotes(source: TextSource, delimiter: str, where: str) -> bool:
    """Tell whether each quotation mark opens a field, closes one or stands doubled inside one.

    Raises
    ------
    DataError
        If some quoted field is not closed, or text follows its closing quote.
    """
    if not source.quoted or _quotes_are_regular(source.blocks(), ord(delimiter)):
        return True
    # Slow, and only for files with odd quotes: a quote inside an unquoted field is text, the rest is an error.
    records = csv.reader(text_of(source.blocks()), delimiter=delimiter, strict=True)
    start = 1
    try:
        for _ in records:
            start = records.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{where}: line {start}: a quoted field is not closed, or text follows its closing quote; rows from "
            "there on cannot be told apart. Double the quotes inside quoted fields."
        ) from error
    return False


def pieces_of_rows(source: TextSource, delimiter: str, *, regular: bool, size: int | None = None) -> Iterator[bytes]:
    r"""Yield the text in pieces of whole rows, about so many bytes each.

    Parameters
    ----------
    source : TextSource
    delimiter : str
    regular : bool
        As `check_quotes` says.
    size : int, optional
        Bytes of a piece; else `PIECE_BYTES`.

    Examples
    --------
    >>> source = TextSource(lambda: iter([b'a,"b\n', b'c"\nd,e']), "usage")
    >>> list(pieces_of_rows(source, ",", regular=True, size=1))
    [b'a,"b\nc"\n', b'd,e']
    """
    least = size or PIECE_BYTES
    return _cut(source.blocks(), least) if regular else _read(source, delimiter, least)


def _cut(blocks: Iterator[bytes], least: int) -> Iterator[bytes]:
    waiting: list[bytes] = []
    held, wanted = 0, least
    for block in blocks:
        waiting.append(block)
        held += len(block)
        if held < wanted:
            continue
        data = b"".join(waiting)
        cut = _last_row_end(data)
        if cut:
            yield data[:cut]
        waiting, held = [data[cut:]], len(data) - cut
        wanted = max(least, 2 * held)  # a row longer than a piece is not looked through again with each block
    data = b"".join(waiting)
    if data:
        yield data


def _last_row_end(data: bytes) -> int:
    """Return the place behind the last line end outside quotes, 0 where there is none; `data` begins with a row."""
    content = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(content == _QUOTE) if b'"' in data else np.array([], dtype=np.int64)
    for mark, end in ((b"\n", len(data)), (b"\r", len(data) - 1)):  # a return at the end may have its newline to come
        last = end
        while (place := data.rfind(mark, 0, last)) >= 0:
            before = int(np.searchsorted(quotes, place))
            if before % 2 == 0:
                return place + 1
            last = int(quotes[before - 1])
    return 0


def _read(source: TextSource, delimiter: str, least: int) -> Iterator[bytes]:
    """Yield pieces as the csv module tells the rows apart."""
    taken: list[str] = []
    held = 0

    def lines() -> Iterator[str]:
        nonlocal held
        for line in text_of(source.blocks()):
            taken.append(line)
            held += len(line)
            yield line

    for _ in csv.reader(lines(), delimiter=delimiter, strict=True):
        if held >= least:
            yield "".join(taken).encode()
            taken.clear()
            held = 0
    if taken:
        yield "".join(taken).encode()


def _quotes_are_regular(blocks: Iterator[bytes], delimiter: int) -> bool:
    """Tell whether each quote opens a field, closes one or stands doubled inside one."""
    edges = np.zeros(256, dtype=np.bool_)
    edges[[delimiter, _NEWLINE, _RETURN, _QUOTE]] = True
    seen, last, closed = 0, b"", False  # quotes so far, the last byte, and whether it closed a field
    for block in blocks:
        if not block:
            continue
        content: NDArray[np.uint8] = np.frombuffer(block, dtype=np.uint8)
        quotes = np.flatnonzero(content == _QUOTE)
        opening, closing = quotes[seen % 2 :: 2], quotes[1 - seen % 2 :: 2]
        around = [content[opening[opening > 0] - 1], content[closing[closing < len(content) - 1] + 1]]
        if last and len(opening) and not opening[0]:
            around.append(np.frombuffer(last, dtype=np.uint8))
        if closed:
            around.append(content[:1])
        if not all(edges[some].all() for some in around):
            return False
        seen, last = seen + len(quotes), block[-1:]
        closed = bool(len(closing)) and int(closing[-1]) == len(content) - 1
    return seen % 2 == 0
