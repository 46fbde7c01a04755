"""Synthetic subscribers and rate cards: plausible amounts, the same for the same seed, nobody's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from planrec.billing import Catalogue, Plan
from planrec.billing.catalogue import Included, Overage, Rounding

__all__ = ["DRAFTED", "MONTHS", "large_catalogue", "usage_block", "write_usage"]

MONTHS = tuple(f"2025-{month:02d}" for month in range(7, 13))
DRAFTED = """\
plan_id: drafted
name: Drafted
monthly_fee_cents: 1900
included: {minutes: 300, messages: 100, megabytes: 20480}
overage: {cents_per_minute: 5, cents_per_message: 5, cents_per_data_unit: 300}
contract_months: 0
perks: []
"""
"""A plan that is not on the card, as YAML."""
_BLOCK = 50_000  # subscribers made at once


def large_catalogue(n_plans: int, seed: int = 1) -> Catalogue:
    """Return a rate card of so many plans, every tenth of its allowances unlimited."""
    rng = np.random.default_rng(seed)

    def allowance(highest: int, step: int = 1) -> int | None:
        return None if rng.random() < 0.1 else int(rng.integers(0, highest)) * step

    plans = tuple(
        Plan(
            plan_id=f"plan-{number}",
            name=f"Plan {number}",
            monthly_fee_cents=int(rng.integers(300, 9000)),
            included=Included(minutes=allowance(1500), messages=allowance(300), megabytes=allowance(60, 1024)),
            overage=Overage(
                cents_per_minute=int(rng.integers(1, 20)),
                cents_per_message=int(rng.integers(1, 20)),
                cents_per_data_unit=int(rng.integers(50, 1500)),
            ),
            contract_months=0,
            perks=(),
        )
        for number in range(n_plans)
    )
    return Catalogue("synthetic", "EUR", Rounding(minutes="call", data_unit_megabytes=1024), plans)


def write_usage(path: Path, catalogue: Catalogue, subscribers: int, seed: int = 1) -> None:
    """Write six usage months of each subscriber as Parquet, a block of subscribers at a time."""
    rng = np.random.default_rng(seed)
    writer: Any = None
    for first in range(0, subscribers, _BLOCK):
        table = usage_block(rng, catalogue, np.arange(first, min(first + _BLOCK, subscribers)))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def usage_block(rng: np.random.Generator, catalogue: Catalogue, numbers: NDArray[np.int64]) -> Any:
    """Return six usage months of each numbered subscriber as a table of Arrow."""
    n = len(numbers)
    who = np.repeat(np.arange(n), len(MONTHS))
    level = rng.lognormal(0, 0.6, (3, n))[:, who]
    noise = rng.gamma(4, 0.25, (3, len(who)))
    minutes, messages, megabytes = level * noise * np.array([[300.0], [40.0], [9000.0]])
    held = rng.integers(0, len(catalogue.plans), n)[who]
    return pa.table(
        {
            "subscriber_id": pa.array([f"s{number:08d}" for number in numbers.tolist()]).take(pa.array(who)),
            "month": pa.array(list(MONTHS)).take(pa.array(np.tile(np.arange(len(MONTHS)), n))),
            "minutes": np.ceil(minutes),
            "messages": np.rint(messages),
            "megabytes": np.round(megabytes, 2),
            "current_plan": pa.array(list(catalogue.plan_ids)).take(pa.array(held)),
            "age": rng.integers(18, 90, n)[who].astype(np.float64),
        }
    )
