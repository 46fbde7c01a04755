"""The bytes of a CSV file as UTF-8 without byte order marks, block by block, as often as they are asked for.

What is wrong with the whole (a NUL, another encoding) is found in a first pass, in constant memory.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

from common_utils.errors import DataError
from common_utils.tables.encodings import likely_encoding

__all__ = ["Blocks", "TextSource", "text_of"]

Blocks = Callable[[], Iterator[bytes]]
"""Returns the bytes of a file in blocks of any size, each time from the start."""

_HINT = re.compile(rb'"?sep=.?"?(\r\n|\n|\r)', re.IGNORECASE)
_HINT_BYTES = 16  # enough to tell whether there is one
_START, _WIDE = 1 << 12, 0.5  # in UTF-16 every other byte of plain text is a NUL
_MOST_WIDE = 0.6  # in UTF-32 three of four
_BEFORE = 64  # bytes before the first odd one that tell what stands around it
_SAMPLE = 1 << 20
_ENDS = b"\r\n"


class TextSource:
    r"""The text of a file.

    Parameters
    ----------
    raw : callable
        Returns the blocks of the file.
    where : str
        How messages name it.

    Attributes
    ----------
    repairs : list of str
        What is done to the whole.
    notes : tuple of str
    encoding : str or None
        What the file is most likely written in, in words; None: it is UTF-8.
    quoted : bool
        Whether there is any quotation mark.
    ends : bool
        Whether the last value is followed by a line break or a quotation mark.

    Raises
    ------
    DataError
        If there is a NUL or nothing, or it is UTF-32, or starts like UTF-16 and is not.

    Examples
    --------
    >>> source = TextSource(lambda: iter([b"\xef\xbb", b"\xbfid\n", b"7\n\n"]), "usage")
    >>> b"".join(source.blocks()), source.repairs
    (b'id\n7', ['byte order mark removed'])
    """

    def __init__(self, raw: Blocks, where: str) -> None:
        self._raw, self._where = raw, where
        self.repairs: list[str] = []
        self.notes: tuple[str, ...] = ()
        self.encoding: str | None = None
        self.quoted = False
        start = _start(raw(), 4)
        if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise DataError(f"{where}: the file is UTF-32. Export the table again, as UTF-8.")
        self._wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if self._wide:
            self.repairs.append("UTF-16 decoded")
        self._marked = self._hinted = False
        self._look()

    def blocks(self) -> Iterator[bytes]:
        """Yield the text, UTF-8, without line ends after the last row; what cannot be read is `encodings.LOST`."""
        blocks = self._without_hint(self._written())
        return blocks if self.encoding is None else _replaced(blocks)

    def _look(self) -> None:
        """Go through the whole once."""
        check, empty = _Utf8Check(), True
        for block in self._without_hint(self._written(looking=True)):
            empty = empty and not block.strip()
            self.quoted = self.quoted or b'"' in block
            check.add(block)
        if self._marked:
            self.repairs.append("byte order mark removed")
        if empty and not self._hinted:
            raise DataError(f"{self._where}: the file is empty; a header and at least one row are needed.")
        if self._hinted:
            self.repairs.append("line sep= taken off")
        self.encoding, self.notes = check.found()

    def _written(self, *, looking: bool = False) -> Iterator[bytes]:
        """Yield the text without byte order marks and last line ends; on the first pass NULs are looked for."""
        blocks = self._ended(self._raw())
        if self._wide:
            blocks = self._narrow(blocks)
        if looking:
            blocks = _without_nuls(blocks, self._where)
        return _without_last_ends(self._unmarked(blocks))

    def _ended(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        last = b""
        for block in blocks:
            last = (last + block)[-4:] if len(block) < 4 else block[-4:]
            yield block
        self.ends = last.rstrip(b"\0").endswith((b"\n", b"\r", b'"'))

    def _narrow(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-16")()
        try:
            for block in blocks:
                yield decoder.decode(block).encode()
            yield decoder.decode(b"", final=True).encode()
        except UnicodeError as error:
            raise DataError(f"{self._where}: starts like UTF-16 but is not; save it as UTF-8.") from error

    def _unmarked(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Take byte order marks out, also where files were joined."""
        mark, rest = codecs.BOM_UTF8, b""
        for block in blocks:
            data = rest + block if rest else block
            cut = next((n for n in (2, 1) if data.endswith(mark[:n])), 0)
            data, rest = (data[:-cut], data[-cut:]) if cut else (data, b"")
            if mark in data:
                self._marked = True
                data = data.replace(mark, b"")
            yield data
        yield rest

    def _without_hint(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Take off the line `sep=;` by which a spreadsheet says what separates fields; they are told apart without."""
        start = _start(blocks, _HINT_BYTES)
        if (hint := _HINT.match(start)) is not None:
            self._hinted, start = True, start[hint.end() :]
        yield start
        yield from blocks


def text_of(blocks: Iterator[bytes]) -> io.TextIOWrapper:
    r"""Return blocks of UTF-8 as a file of text, line ends as they are.

    Examples
    --------
    >>> text_of(iter([b"a\r", b"\nb"])).readlines()
    ['a\r\n', 'b']
    """
    return io.TextIOWrapper(io.BufferedReader(_Raw(blocks)), encoding="utf-8", errors="replace", newline="")


class _Raw(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            if (block := next(self._blocks, None)) is None:
                return 0
            self._rest = block
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _start(blocks: Iterator[bytes], least: int) -> bytes:
    """Return the first blocks, so many bytes at least where there are as many."""
    start = b""
    for block in blocks:
        start += block
        if len(start) >= least:
            break
    return start


def _without_last_ends(blocks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for block in blocks:
        kept = block.rstrip(_ENDS)
        if kept:
            yield held + kept if held else kept
            held = b""
        held += block[len(kept) :]


def _replaced(blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for block in blocks:
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _without_nuls(blocks: Iterator[bytes], where: str) -> Iterator[bytes]:
    """Yield blocks until the first NUL; what comes then only tells what the file most likely is."""
    start, before, lines = b"", 0, 0
    for block in blocks:
        if len(start) < _START:
            start = (start + block)[:_START]
        place = block.find(b"\0")
        if place < 0:
            before, lines = before + len(block), lines + block.count(b"\n")
            yield block
            continue
        nothing_else, nuls = not block[place:].strip(b"\0"), len(block) - place
        for further in blocks:
            if len(start) < _START:
                start = (start + further)[:_START]
            nothing_else, nuls = nothing_else and not further.strip(b"\0"), nuls + len(further)
        line = lines + block.count(b"\n", 0, place) + 1
        what = _with_nuls(start, only=nothing_else and nuls > 3)
        raise DataError(
            f"{where}: NUL at byte {before + place} (line {line}); {what}. Export the table again, as UTF-8."
        )


def _with_nuls(start: bytes, *, only: bool) -> str:
    """Return what a file with NULs most likely is."""
    if only:
        return "from there on the file holds nothing but NULs, as where a disk was full or a copy was broken off"
    if start.count(b"\0") > _MOST_WIDE * len(start):
        return "it looks like UTF-32 without a byte order mark"
    wide = 2 * start.count(b"\0") > _WIDE * len(start)
    return "it looks like UTF-16 without a byte order mark" if wide else "this is no CSV text"


class _Utf8Check:
    """Looks for the first bytes that are not UTF-8, and keeps what stands around them."""

    def __init__(self) -> None:
        self._rest = self._before = b""  # not yet looked at, since a character may go on; looked at last
        self._lines = 0
        self._sample: bytes | None = None

    def add(self, block: bytes) -> None:
        """Look at a block."""
        if self._sample is not None:
            if len(self._sample) < _SAMPLE:
                self._sample = (self._sample + block)[:_SAMPLE]
            return
        self._check(self._rest + block, last=False)

    def found(self) -> tuple[str | None, tuple[str, ...]]:
        """Return the likely encoding of what is not UTF-8, and a note that says so."""
        if self._sample is None:
            self._check(self._rest, last=True)
        if self._sample is None:
            return None, ()
        encoding = likely_encoding(self._sample)
        return encoding, (f"the file is not UTF-8 from line {self._lines + 1} on; it looks like {encoding}",)

    def _check(self, data: bytes, *, last: bool) -> None:
        end = len(data)
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError as error:
                end = error.start
                if last or error.end < len(data) or "unexpected end" not in error.reason:
                    self._lines += data.count(b"\n", 0, end)
                    self._sample = ((self._before + data[:end])[-_BEFORE:] + data[end:])[:_SAMPLE]
                    return
        self._lines += data.count(b"\n", 0, end)
        self._before = (self._before + data[max(end - _BEFORE, 0) : end])[-_BEFORE:]
        self._rest = data[end:]
