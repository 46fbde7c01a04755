"""`planrec what-if` and `draft` on a large Parquet file, `recommend` on it as CSV: time of a subscriber, and memory.

Each is a command in a process of its own. What a subscriber costs is the difference of the two sizes, so that the start
counts in neither; the ratio is to `planrec recommend --basis past` on Parquet, 3 of 13 plans over 6 months. The
draft is one more plan, scored with a bundle that is trained small here; its resamples are the shipped settings' 500.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from figures import arguments, report
from synthetic import DRAFTED, MONTHS, write_usage

from planrec.billing import load_catalogue

PROJECT = Path(__file__).resolve().parents[2] / "PlanRec"
CARD = PROJECT / "configs" / "plans.yaml"
AS_OF = MONTHS[-1]
_RESAMPLES = 500
SMALL = (
    "simulator.subscribers=1200",
    "training.model.max_iter=4",
    "training.challenger.max_iter=4",
    "training.challenger.folds=2",
    "training.split.folds=2",
    "evaluation.resamples=50",
)


@dataclass(frozen=True)
class Taken:
    """Processor seconds of a command, and megabytes at its peak."""

    seconds: float
    megabytes: int


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--subscribers", type=int, help="default 1,000,000; with --quick 20,000")
    parser.add_argument("--bundle", type=Path, help="of this code; else one is trained small")
    options = parser.parse_args()
    many = options.subscribers or (20_000 if options.quick else 1_000_000)
    few = many // 4
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue = load_catalogue(CARD)
        for count in (few, many):
            write_usage(folder / f"{count}.parquet", catalogue, count)
            _as_csv(folder / f"{count}.parquet")
        (folder / "plan.yaml").write_text(DRAFTED, encoding="utf-8")
        bundle = options.bundle or folder / "artifacts"
        trained = ["--output", str(folder / "artifacts"), *(part for one in SMALL for part in ("--set", one))]
        if options.bundle is None:
            _command(folder, "train", *trained)
        figures: dict[str, float | int | str] = {"subscribers": many, "subscribers_of_the_smaller_file": few}
        past = ("--plans", str(CARD), "--output", str(folder / "out.parquet"))
        asked = {
            "recommend": (*past, "--top", "3"),
            "recommend_csv": (*past, "--top", "3"),
            "what_if": (*past, "--usage-factor", "1.2"),
            "draft": (
                *("--bundle", str(bundle), "--plan", str(folder / "plan.yaml")),
                *("--set", f"evaluation.resamples={_RESAMPLES}"),
            ),
        }
        each: dict[str, float] = {}
        for command, further in asked.items():
            ending = "csv" if command.endswith("_csv") else "parquet"
            word = command.removesuffix("_csv").replace("_", "-")
            small, large = (
                _command(folder, word, "--usage", str(folder / f"{count}.{ending}"), "--as-of", AS_OF, *further)
                for count in (few, many)
            )
            each[command] = (large.seconds - small.seconds) / (many - few) * 1e6
            figures[f"{command}_microseconds_each"] = round(each[command], 1)
            figures[f"{command}_peak_megabytes"] = large.megabytes
            figures[f"{command}_peak_megabytes_of_the_smaller_file"] = small.megabytes
        for command in ("recommend_csv", "what_if", "draft"):
            figures[f"{command}_over_recommend"] = round(each[command] / each["recommend"], 2)
    report("planrec_streams", figures, options)


def _as_csv(path: Path) -> None:
    """Write a Parquet file as CSV, too, beside it."""
    file = pq.ParquetFile(path)
    with pacsv.CSVWriter(path.with_suffix(".csv"), file.schema_arrow) as writer:
        for batch in file.iter_batches():
            writer.write_batch(batch)


def _command(folder: Path, *call: str) -> Taken:
    """Run a command of `planrec`; its memory is that of the process alone (VmHWM), its time includes its threads."""
    code = (
        "import re, sys, time; from pathlib import Path; from planrec.cli import main\n"
        "sys.argv[0] = 'planrec'\n"
        "try: main()\n"
        "finally: print('taken', time.process_time(), re.search(r'VmHWM:\\s+(\\d+)', "
        "Path('/proc/self/status').read_text())[1], file=sys.stderr)"
    )
    environment = {"PYTHONPYCACHEPREFIX": str(folder / "bytecode")} | dict(os.environ)
    done = subprocess.run(
        [sys.executable, "-c", code, *call], capture_output=True, text=True, env=environment, cwd=PROJECT, check=False
    )
    said = re.search(r"^taken (\S+) (\d+)$", done.stderr, re.MULTILINE)
    if done.returncode or said is None:
        raise SystemExit(f"planrec {call[0]} failed:\n{done.stderr}")
    return Taken(float(said[1]), int(said[2]) // 1024)


if __name__ == "__main__":
    main()
