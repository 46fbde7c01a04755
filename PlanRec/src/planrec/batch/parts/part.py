"""The answer to a part of a table: a pure function that any process can run, and what it gives back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pandas as pd

from common_utils.monitoring.profiles.profile import Profile
from common_utils.tables.write import csv_rows
from planrec.usage.pieces.block import BlockAccount, BlockCheck, UsageBlock

__all__ = ["AnswerPart", "Output", "PartAnswer"]

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Output(Generic[Answer]):
    """What of an answer goes to one file.

    Attributes
    ----------
    schema : pyarrow.Schema
    tables : callable
        Answer -> pyarrow tables, one for each row group.
    as_csv : bool
        Whether the rows are made into text where they are answered: that is most of the work of a CSV file.
    """

    schema: Any
    tables: Callable[[Answer], Sequence[Any]]
    as_csv: bool = False


@dataclass(frozen=True, slots=True)
class PartAnswer(Generic[Answer]):
    """What became of a block.

    Attributes
    ----------
    account : BlockAccount
        What became of its rows.
    months : int
        Usage months that could be used.
    counted : Counter of str
        What is counted of the answer; counts of blocks add up.
    tables : tuple of tuple
        For each file what is written to it, tables or rows of CSV.
    rows : int
        Rows for the first file.
    seen : Profile or None
        What monitoring counts of the answer, where it is asked for.
    answer : object or None
        None where no month could be used, or nobody asked for it.
    """

    account: BlockAccount
    months: int = 0
    counted: Counter[str] = field(default_factory=Counter[str])
    tables: tuple[tuple[Any, ...], ...] = ()
    rows: int = 0
    seen: Profile | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class AnswerPart(Generic[Answer]):
    r"""Checks and answers a block of whole subscribers; plain values that can be sent to another process.

    Rate card, rules and models travel as they were read from a bundle that was verified once; a process needs neither
    the bundle nor its keys.

    Attributes
    ----------
    check : BlockCheck
    answer : callable
        Usage months -> answer.
    count : callable
        Answer -> what is counted of it.
    outputs : sequence of Output
        Of the files to write.
    watch : callable, optional
        Answer -> what monitoring counts of it, None where nobody was seen.
    whole : bool
        Whether the answer itself is wanted beside its tables, for the decision log.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from common_utils.tables import Reading
    >>> row = {"subscriber_id": "u1", "month": "2025-01", "minutes": 1, "messages": 1, "megabytes": 1}
    >>> block = UsageBlock(pa.Table.from_pylist([row | {"row_in_file": 1}]))
    >>> output = Output(pa.schema({"months": pa.int64()}), lambda n: [pa.table({"months": [n]})], as_csv=True)
    >>> part = AnswerPart(BlockCheck(Reading()), len, lambda n: Counter(answered=n), [output])
    >>> found = part(block)
    >>> found.tables, found.counted
    (((b'1\n',),), Counter({'answered': 1}))
    """

    check: BlockCheck
    answer: Callable[[pd.DataFrame], Answer]
    count: Callable[[Answer], Counter[str]]
    outputs: Sequence[Output[Answer]]
    watch: Callable[[Answer], Profile | None] | None = None
    whole: bool = False

    def __call__(self, block: UsageBlock) -> PartAnswer[Answer]:
        """Return the answer to a block."""
        checked = self.check.check(block)
        if not len(checked.months):
            return PartAnswer(checked.account)
        answer = self.answer(checked.months)
        made = [list(output.tables(answer)) for output in self.outputs]
        written = tuple(
            tuple(csv_rows(table) if output.as_csv else table for table in tables)
            for output, tables in zip(self.outputs, made, strict=True)
        )
        return PartAnswer(
            checked.account,
            len(checked.months),
            self.count(answer),
            written,
            sum(table.num_rows for table in made[0]),
            None if self.watch is None else self.watch(answer),
            answer if self.whole else None,
        )
