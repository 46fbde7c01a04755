"""Usage months of an operator of any size as a folder of Parquet parts, a subscriber whole in one of them by hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from synthetic import MONTHS, usage_block

from common_utils.mixing import mixed
from planrec.billing import Catalogue

__all__ = ["MONTHS", "PARTS", "RUN_DAY", "write_part"]

PARTS = 32
RUN_DAY = "2026-01-05"  # of the notices: the month before has ended
_BLOCK = 50_000
_BOUND, _LONGEST = 0.6, 18  # share under contract; months it binds at most


def write_part(path: Path, catalogue: Catalogue, subscribers: int, part: int, seed: int) -> int:
    """Write one of `PARTS` parts, and return its rows. The same arguments make the same bytes.

    Some 7 of 100 subscribers are due a notice on `RUN_DAY`: those whose contract ends in that month, and those
    without a contract who complete a year.
    """
    numbers = np.flatnonzero(mixed(np.arange(subscribers, dtype=np.uint64)) % np.uint64(PARTS) == part)
    rng = np.random.default_rng([seed, subscribers, part])
    writer: Any = None
    for first in range(0, max(len(numbers), 1), _BLOCK):
        table = usage_block(rng, catalogue, numbers[first : first + _BLOCK])
        for name, values in _contracts(rng, len(numbers[first : first + _BLOCK])).items():
            table = table.append_column(name, pa.array(values))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
    return len(numbers) * len(MONTHS)


def _contracts(rng: np.random.Generator, n: int) -> dict[str, Any]:
    at_the_end = np.where(rng.random(n) < _BOUND, rng.integers(1, _LONGEST + 1, n), 0)
    tenure = rng.integers(6, 120, n)
    before = np.arange(len(MONTHS))[::-1]
    left = np.where(at_the_end[:, None] > 0, at_the_end[:, None] + before, 0)
    return {
        "contract_months_left": left.ravel().astype(np.float64),
        "tenure_months": (tenure[:, None] - before).ravel(),
    }
