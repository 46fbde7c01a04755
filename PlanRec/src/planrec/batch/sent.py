"""What earlier batch files of notices say, as columns: who was sent one, when, and about which end of a contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from numpy.typing import NDArray

from common_utils.bundle import fingerprint_file
from planrec.columns import SUBSCRIBER
from planrec.notices import read_notices

__all__ = ["SentLog", "read_sent"]

pc: Any = pyarrow.compute  # its functions are made at import, the type checker sees none of them

_SENT = 100_000  # earlier notices held as objects at once
_LAST, _END = "last", "end"


@dataclass(frozen=True)
class SentLog:
    """What earlier batch files say.

    Attributes
    ----------
    table : pyarrow.Table
        One row for each subscriber who was sent a notice: `subscriber_id`, day of the latest notice (`last`), and the
        latest contract end a notice was sent for (`end`), empty where there was none. Columns, and no dictionary:
        it holds all who ever got a notice.
    sha256 : list of str
        Of the files, sorted.
    """

    table: Any
    sha256: list[str]

    def of(self, who: NDArray[np.object_]) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
        """Return the day of the latest notice, and the latest contract end announced, of each; NaT where none.

        Parameters
        ----------
        who : array of str of shape (n,)
            In ascending order: only the part of the log around them is looked up.
        """
        if not len(who):
            return _days(_no_days()), _days(_no_days())
        ids = self.table[SUBSCRIBER]
        table = self.table.filter(pc.and_(pc.greater_equal(ids, who[0]), pc.less_equal(ids, who[-1]))).combine_chunks()
        places = pc.index_in(pa.array(who, pa.string()), value_set=table[SUBSCRIBER].combine_chunks())
        last, end = (table[name].combine_chunks().take(places) for name in (_LAST, _END))
        return _days(last), _days(end)


def read_sent(paths: Sequence[Path], as_of: date) -> SentLog:
    """Read the batch files written before; notices of later days do not count.

    Raises
    ------
    DataError
        If a file cannot be read or is not a batch file of notices.
    """
    found = pa.table({SUBSCRIBER: pa.array([], pa.string()), _LAST: _no_days(), _END: _no_days()})
    for path in paths:
        header, notices = read_notices(path)
        if header.as_of > as_of:
            continue
        said = ((notice.subscriber_id, notice.basis.contract_end) for _, notice in notices)
        while some := list(islice(said, _SENT)):
            who, ends = zip(*some, strict=True)
            days = pa.array([header.as_of] * len(some), pa.date32())
            more = pa.table({SUBSCRIBER: pa.array(who, pa.string()), _LAST: days, _END: pa.array(ends, pa.date32())})
            latest = pa.concat_tables([found, more]).group_by(SUBSCRIBER, use_threads=False)
            found = latest.aggregate([(_LAST, "max"), (_END, "max")]).rename_columns([SUBSCRIBER, _LAST, _END])
    return SentLog(found.sort_by(SUBSCRIBER), sorted(fingerprint_file(path) for path in paths))


def _no_days() -> Any:
    return pa.array([], pa.date32())


def _days(dates: Any) -> NDArray[np.datetime64]:
    days = dates.cast(pa.int32())
    whole = days.fill_null(0).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    whole[np.asarray(dates.is_null())] = np.datetime64("NaT", "D")
    return whole
