"""`planrec what-if` and `draft` on a large Parquet file, `recommend` on it as CSV: time of a subscriber, and memory.

Each is a command in a process of its own. What a subscriber costs is the difference of the two sizes, so that the start
counts in neither; the ratio is to `planrec recommend --basis past` on Parquet, 3 of 13 plans over 6 months. The
draft is one more plan, scored with a bundle that is trained small here; its resamples are the shipped settings' 500.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from figures import arguments, report
from synthetic import DRAFTED, MONTHS, write_usage
from taken import taken_by

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
            taken_by("planrec", PROJECT, folder, "train", *trained)
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
                taken_by("planrec", PROJECT, folder, word, "--usage", str(path), "--as-of", AS_OF, *further)
                for path in (folder / f"{few}.{ending}", folder / f"{many}.{ending}")
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


if __name__ == "__main__":
    main()
