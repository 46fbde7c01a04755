"""`predict` of the three projects on one table, on CSV and Parquet of two sizes: time of a record, and memory.

Each is a command in a process of its own. The records are drawn by each project's sample generator; the model is one
that is trained small here, or with --shipped the one that ships, trained on the sample. What a record costs is the
difference of the two sizes, so that the start counts in neither.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
from figures import arguments, report
from taken import taken_by

from common_utils.tables import write_table

REPOSITORY = Path(__file__).resolve().parents[2]
_FOREST = "[{kind: hist, iterations: 30, leaves: 8, learning_rate: 0.2}]"
_SMALL = (
    *("data.source=sample", "data.sample_rows=800", "training.split.folds=2", "evaluation.resamples=50"),
    *("model.calibration_folds=2", f"model.members={_FOREST}"),
)
_PROJECTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "bankchurn": ("BankChurn-Predictor", (*_SMALL, "training.split.repeats=1")),
    "carvision": ("CarVision-Market-Intelligence", (*_SMALL, f"model.interval_members={_FOREST}")),
    "telecom": ("TelecomAI-Customer-Intelligence", (*_SMALL, "training.split.repeats=1")),
}


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--records", type=int, help="default 1,000,000; with --quick 20,000")
    parser.add_argument("--project", choices=list(_PROJECTS), help="one of them; default: all three")
    parser.add_argument("--shipped", action="store_true", help="train the model that ships, on the sample: slow")
    options = parser.parse_args()
    many = options.records or (20_000 if options.quick else 1_000_000)
    few = many // 10
    figures: dict[str, float | int | str] = {"records": many, "records_of_the_smaller_file": few}
    for package in [options.project] if options.project else _PROJECTS:
        with tempfile.TemporaryDirectory() as name:
            figures |= _measured(package, Path(name), few, many, shipped=options.shipped)
    report("tables", figures, options)


def _measured(package: str, folder: Path, few: int, many: int, *, shipped: bool) -> dict[str, float | int]:
    """Return the figures of one project."""
    member, small = _PROJECTS[package]
    project = REPOSITORY / member
    said = ("data.source=sample",) if shipped else small
    unrecorded = ("--set", f"tracking.folder={folder / 'runs'}")
    bundle = folder / "artifacts"
    settings = (part for one in said for part in ("--set", one))
    taken_by(package, project, folder, "train", "--output", str(bundle), *settings, *unrecorded)
    _write_records(package, folder, (few, many))
    found: dict[str, float | int] = {}
    for ending in ("csv", "parquet"):
        small_file, large_file = (
            taken_by(
                *(package, project, folder, "predict", "--input", str(folder / f"{count}.{ending}")),
                *("--output", str(folder / f"answers.{ending}"), "--bundle", str(bundle)),
                *("--set", f"monitoring.folder={folder / 'monitoring'}"),
            )
            for count in (few, many)
        )
        each = (large_file.seconds - small_file.seconds) / (many - few) * 1e6
        found[f"{package}_{ending}_microseconds_each"] = round(each, 1)
        found[f"{package}_{ending}_peak_megabytes"] = large_file.megabytes
        found[f"{package}_{ending}_peak_megabytes_of_the_smaller_file"] = small_file.megabytes
    return found


def _write_records(package: str, folder: Path, sizes: tuple[int, ...]) -> None:
    """Write records without their target, each under an id of its own where there are ids."""
    task = import_module(f"{package}.training").TASK
    for size in sizes:
        sample = task.sample(size, np.random.default_rng(7))
        records = sample[[column for column in task.record_schema().columns if column in sample]]
        for ending in ("csv", "parquet"):
            write_table(records, folder / f"{size}.{ending}")


if __name__ == "__main__":
    main()
