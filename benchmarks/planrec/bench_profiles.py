"""Profile and compare a table of a million rows and forty columns, against DuckDB's group-by of the same counts.

Processor time of this process, all in one run, as a ratio. Twenty columns of lognormal numbers with
zeros, ten of small whole numbers, ten categories of 3 to 300 levels. Both get the table in memory (DuckDB as an Arrow
table, on one thread); ours counts it in pieces of 100,000 rows and merges them. `compare` is a chi-square of every
feature against the reference.
"""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from figures import arguments, report
from scipy.stats import chi2

from common_utils.monitoring.profiles.counting import empty_like, profile_like, reference_profile
from common_utils.monitoring.profiles.profile import Profile, merge

_PIECE = 100_000


def _table(rows: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"usage{i}": rng.lognormal(3, 1, rows) * (rng.random(rows) > 0.3) for i in range(20)}
    columns |= {f"count{i}": rng.poisson(3 + i, rows).astype(np.float64) for i in range(10)}
    for i, levels in enumerate(np.linspace(3, 300, 10).astype(int)):
        names = np.array([f"level {j}" for j in range(levels)], dtype=object)
        columns[f"text{i}"] = names[np.minimum(rng.geometric(3 / levels, rows) - 1, levels - 1)]
    return columns


def _profiled(reference: Profile, columns: dict[str, Any], rows: int) -> Profile:
    whole = empty_like(reference)
    for start in range(0, rows, _PIECE):
        whole = merge(whole, profile_like(reference, {n: c[start : start + _PIECE] for n, c in columns.items()}))
    return whole


def _compared(reference: Profile, now: Profile) -> int:
    """Return how many features differ; the plainest test there is."""
    found = 0
    for name, known in {**reference.numbers, **reference.categories}.items():
        other = now.numbers[name] if name in now.numbers else now.categories[name]
        a, b = (np.array(_counts(one), dtype=np.float64) for one in (known, other))
        expected = (a + b) * b.sum() / (a.sum() + b.sum())
        kept = expected >= 5
        x2 = (((b - expected) ** 2 / np.maximum(expected, 1)) * kept).sum() * (1 + b.sum() / a.sum())
        found += bool(chi2.sf(x2, max(int(kept.sum()) - 1, 1)) < 1e-4)
    return found


def _counts(known: Any) -> list[int]:
    return known.counts.tolist() if hasattr(known, "edges") else [*known.counts.values(), known.other, known.unknown]


def _group_by(reference: Profile, table: Any) -> int:
    """Return the number of groups of the same bins and levels, one query a column."""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.register("t", table)
        groups = 0
        for name, known in reference.numbers.items():
            cases = " ".join(f"WHEN {name} <= {edge!r} THEN {at}" for at, edge in enumerate(known.edges.tolist()))
            query = f"SELECT CASE {cases} ELSE {len(known.edges)} END AS bin, count(*) FROM t GROUP BY bin"  # noqa: S608
            groups += len(connection.execute(query).fetchall())
        for name in reference.categories:
            groups += len(connection.execute(f"SELECT {name}, count(*) FROM t GROUP BY {name}").fetchall())  # noqa: S608
    return groups


def main() -> None:
    """Measure both three times, in turns, and report the ratio of the least."""
    options = arguments(__doc__).parse_args()
    rows = 400_000 if options.quick else 1_000_000
    reference = reference_profile(_table(50_000, 1))
    columns = _table(rows, 2)
    table = pa.table({name: pa.array(column) for name, column in columns.items()})
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(3):
        start = time.process_time()
        _compared(reference, _profiled(reference, columns, rows))
        middle = time.process_time()
        _group_by(reference, table)
        ours.append(middle - start)
        theirs.append(time.process_time() - middle)
    pieces = (2, rows // _PIECE)
    few, many = (_peak_megabytes(reference, columns, number * _PIECE) for number in pieces)
    report(
        "monitoring_profiles",
        {
            "rows": rows,
            "columns": len(columns),
            "duckdb": duckdb.__version__,
            "profile_and_compare_seconds": round(min(ours), 2),
            "duckdb_seconds": round(min(theirs), 2),
            "ours_over_duckdb": round(min(ours) / min(theirs), 2),
            "peak_megabytes_of_200000_rows": round(few, 1),
            "peak_megabytes": round(many, 1),
        },
        options,
    )


def _peak_megabytes(reference: Profile, columns: dict[str, Any], rows: int) -> float:
    tracemalloc.start()
    _profiled(reference, columns, rows)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    main()
