"""Calls to usage months, read strictly with every call accounted for, against one plain DuckDB query of the same file.

Both run in a process of their own, with one thread, on a Parquet file of calls without ids; both end with months of a
subscriber in order, written YYYY-MM, each call rounded up. The query checks nothing. Processor seconds are counted
from after a run on some first calls, which imports what is needed; peak memory is that of the whole process (VmHWM, for
ru_maxrss would count the parent, too).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import arguments, report

CARD = Path(__file__).resolve().parents[2] / "PlanRec" / "configs" / "plans_megaline.yaml"
_ROWS = 1_000_000  # made at once
_CALLS_EACH = 100
_DAYS = 184  # from 1 May 2025: six months

_PLAIN = """
import duckdb
connection = duckdb.connect()
connection.execute("SET threads = 1")
connection.execute(f"SELECT count(*) FROM '{few}'")
start = time.process_time()
connection.execute(
    f"COPY (SELECT subscriber_id, strftime(date, '%Y-%m') AS month, sum(ceil(minutes)) AS minutes FROM '{calls}' "
    f"GROUP BY ALL ORDER BY ALL) TO '{output}' (FORMAT parquet)"
)
months = connection.execute(f"SELECT count(*), sum(minutes) FROM '{output}'").fetchone()
"""
_OURS = """
from planrec.billing import load_catalogue
from planrec.usage.event_files import read_event_tables
catalogue = load_catalogue(Path(card))
read_event_tables({"calls": Path(few)}, catalogue)
start = time.process_time()
read = read_event_tables({"calls": Path(calls)}, catalogue)
read.months.to_parquet(output)
months = len(read.months), float(read.months["minutes"].sum())
"""
_AROUND = """
import json, re, sys, time
from pathlib import Path
calls, few, output, card = sys.argv[1:]
{body}
taken = time.process_time() - start
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps([taken, peak // 1024, *map(float, months)]))
"""


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--calls", type=int, help="default 20,000,000; with --quick 1,000,000")
    options = parser.parse_args()
    calls = options.calls or (1_000_000 if options.quick else 20_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole, quarter = (_written(folder / f"{n}.parquet", n) for n in (calls, calls // 4))
        _written(folder / "few.parquet", 1000)
        rounds = [(_run(_PLAIN, whole), _run(_OURS, whole)) for _ in range(1 if options.quick else 2)]
        smaller = _run(_OURS, quarter)
    plain, ours = (min(one) for one in zip(*rounds, strict=True))
    if plain[2:] != ours[2:]:
        raise SystemExit(f"the two disagree: {plain[2:]} months and minutes by the query, {ours[2:]} by us")
    figures: dict[str, float | int | str] = {
        "calls": calls,
        "usage_months": int(ours[2]),
        "plain_query_processor_seconds": round(plain[0], 2),
        "processor_seconds": round(ours[0], 2),
        "processor_over_plain_query": round(ours[0] / plain[0], 2),
        "peak_megabytes_of_plain_query": int(plain[1]),
        "peak_megabytes": int(ours[1]),
        "peak_megabytes_of_a_quarter": int(smaller[1]),
    }
    report("planrec_events", figures, options)


def _written(path: Path, calls: int) -> Path:
    """Write calls of whoever, in the order of time within each block, lengths in hundredths of a minute."""
    rng = np.random.default_rng(1)
    kinds = pa.schema([("subscriber_id", pa.string()), ("date", pa.timestamp("us")), ("minutes", pa.float64())])
    with pq.ParquetWriter(path, kinds) as writer:
        for start in range(0, calls, _ROWS):
            n = min(_ROWS, calls - start)
            people = np.char.add("s", rng.integers(0, max(calls // _CALLS_EACH, 1), n).astype(str))
            seconds = np.sort(rng.integers(0, _DAYS * 86_400, n)).astype("timedelta64[s]")
            times = (np.datetime64("2025-05-01", "s") + seconds).astype("datetime64[us]")
            minutes = np.round(rng.exponential(4, n), 2)
            writer.write_table(pa.table([pa.array(people.tolist()), times, minutes], schema=kinds))
    return path


def _run(body: str, calls: Path) -> tuple[float, ...]:
    code = _AROUND.format(body=body)
    few, output = calls.with_name("few.parquet"), calls.with_name("months.parquet")
    call = [sys.executable, "-c", code, *map(str, (calls, few, output, CARD))]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed:\n{done.stderr}")
    return tuple(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
