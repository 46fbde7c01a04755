"""`planrec recommend` with one worker and with two, on one Parquet file: time by the clock, processor time and memory.

Pairs of runs, one after the other, so that what else the machine does meets both; the middle pair counts. The ratio by
the clock means something on an idle machine with two cores only. Processor seconds of all processes say what the second
worker costs, whatever else is running; peak memory is that of the largest process. Both must write the same bytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from figures import arguments, report
from synthetic import MONTHS, write_usage

from planrec.billing import load_catalogue

CARD = Path(__file__).resolve().parents[2] / "PlanRec" / "configs" / "plans.yaml"


@dataclass(frozen=True)
class Run:
    """What a command took: seconds by the clock and of all its processes, megabytes of the largest; its output."""

    seconds: float
    processor_seconds: float
    peak_megabytes: int
    sha256: str


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--subscribers", type=int, help="default 3,000,000; with --quick 20,000")
    parser.add_argument("--pairs", type=int, help="default 3; with --quick 1")
    parser.add_argument("--bundle", type=Path, help="answer by a bundle; default: by the rate card and the past months")
    options = parser.parse_args()
    subscribers = options.subscribers or (20_000 if options.quick else 3_000_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        usage = folder / "usage.parquet"
        write_usage(usage, load_catalogue(CARD), subscribers)
        pairs = [
            [_run(usage, folder, workers, options.bundle) for workers in (1, 2)]
            for _ in range(options.pairs or (1 if options.quick else 3))
        ]
    one, two = sorted(pairs, key=lambda pair: pair[0].seconds / pair[1].seconds)[len(pairs) // 2]
    report(
        "planrec_workers",
        {
            "subscribers": subscribers,
            "answered_by": "rate card" if options.bundle is None else "bundle",
            "load_of_the_machine": round(os.getloadavg()[0], 1),
            "one_worker_seconds": round(one.seconds, 1),
            "two_workers_seconds": round(two.seconds, 1),
            "one_over_two": round(one.seconds / two.seconds, 2),
            "one_worker_processor_seconds": round(one.processor_seconds, 2),
            "two_workers_processor_seconds": round(two.processor_seconds, 2),
            "one_worker_peak_megabytes": one.peak_megabytes,
            "two_workers_peak_megabytes": two.peak_megabytes,
            "same_bytes": str(len({run.sha256 for pair in pairs for run in pair}) == 1),
        },
        options,
    )


def _run(usage: Path, folder: Path, workers: int, bundle: Path | None) -> Run:
    by = ["--plans", str(CARD)] if bundle is None else ["--bundle", str(bundle)]
    output = folder / "advice.parquet"
    asked = ["--usage", str(usage), "--as-of", MONTHS[-1], "--output", str(output), "--workers", str(workers)]
    # Compiled modules are kept, as in any installation, wherever this runs: the first command makes them.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")} | kept
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        call = [sys.executable, "-m", "planrec.cli", "recommend", *by, *asked]
        process = subprocess.Popen(call, stderr=said, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"planrec recommend failed:\n{said.read()}")
    digest = sha256(output.read_bytes()).hexdigest()
    output.unlink()
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, digest)


if __name__ == "__main__":
    main()
