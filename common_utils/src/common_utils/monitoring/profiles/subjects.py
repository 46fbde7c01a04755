"""How many distinct subjects, over parts in which they repeat, without keeping who they are.

The state is 4,096 small registers (HyperLogLog): the largest of each is the registers of the union, exactly, so that
hours, shards and days add up in any order. The count read from them is an estimate: its standard error is .5 % at 200
subjects, 1.3 % at 3,400 and 1.6 % from 10,000 on. No subject can be read back. Where every subject stands in one row,
as in a table made for it, nothing is estimated: leave the subjects out, and each row counts as one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common_utils.mixing import mixed

__all__ = ["REGISTERS", "SubjectSketch"]

_BITS = 12
REGISTERS = 1 << _BITS
_REST = 64 - _BITS
LARGEST = _REST + 1
"""The largest value of a register."""

_CHUNK = 65_536
_LONGEST = 256  # characters of a name that count
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # of FNV-1a


@dataclass(frozen=True, eq=False)
class SubjectSketch:
    """The subjects of some rows, as registers that can be joined.

    Attributes
    ----------
    registers : uint8 array of shape (4096,)
        Each between 0 and 53.
    rows : int
        Rows whose subject is known; there are never more subjects than that.

    Examples
    --------
    >>> first, second = SubjectSketch.of(np.array(["a", "b", "a"])), SubjectSketch.of(np.array(["b", "c"]))
    >>> first.count, first.joined(second).count, first.joined(second).rows
    (2, 3, 5)
    """

    registers: NDArray[np.uint8]
    rows: int

    @classmethod
    def of(cls, subjects: NDArray[np.generic]) -> SubjectSketch:
        """Return the sketch of one subject a row; a number and its text are the same subject."""
        registers = np.zeros(REGISTERS, dtype=np.uint8)
        for start in range(0, len(subjects), _CHUNK):
            hashes = _hashed(subjects[start : start + _CHUNK])
            rest = hashes & np.uint64((1 << _REST) - 1)
            bits = np.frexp(rest.astype(np.float64))[1]  # below 2**53, so exact
            np.maximum.at(registers, (hashes >> np.uint64(_REST)).astype(np.intp), (LARGEST - bits).astype(np.uint8))
        return cls(registers, len(subjects))

    def joined(self, other: SubjectSketch) -> SubjectSketch:
        """Return the sketch of the rows of both; the same as of the rows together."""
        return SubjectSketch(np.maximum(self.registers, other.registers), self.rows + other.rows)

    @property
    def count(self) -> int:
        """Distinct subjects, estimated."""
        empty = int((self.registers == 0).sum())
        raw = 0.7213 / (1 + 1.079 / REGISTERS) * REGISTERS**2 / np.ldexp(1.0, -self.registers.astype(np.int64)).sum()
        if raw <= 2.5 * REGISTERS and empty:
            raw = REGISTERS * np.log(REGISTERS / empty)
        return min(round(float(raw)), self.rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SubjectSketch):
            return NotImplemented
        return self.rows == other.rows and np.array_equal(self.registers, other.registers)

    __hash__ = None  # type: ignore[assignment] - arrays are compared, not hashed


def _hashed(subjects: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits of each name; how long the others are does not count."""
    texts = subjects.astype(np.str_) if subjects.dtype.kind in "iuUS" else _texts(subjects)
    width = texts.dtype.itemsize // 4
    hashes = np.full(len(texts), _OFFSET)
    if width:
        for letters in np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), width).T:
            hashes = np.where(letters != 0, (hashes ^ letters) * _PRIME, hashes)
    return mixed(hashes)


def _texts(subjects: NDArray[np.generic]) -> NDArray[np.str_]:
    return np.array([str(subject)[:_LONGEST] for subject in subjects.tolist()], dtype=np.str_)
