"""From data to answers, with nothing faked: train on the sample, verify, serve, ask over HTTP, predict, explain.

Exit code 0 when every step held, 1 otherwise. Works in a temporary folder; the project's artifacts are not touched.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common_utils.testing.end_to_end import EndToEnd, run_steps, table_steps

PROJECT = Path(__file__).resolve().parents[1]
SMALL = (
    "data.source=sample",
    "data.sample_rows=1500",
    "model.members=[{kind: hist, iterations: 20, leaves: 8}]",
    "model.interval_members=[{kind: hist, iterations: 20, leaves: 8}]",
    "training.split.folds=2",
    "evaluation.resamples=50",
)
CAR = {
    "model": "ford f-150",
    "model_year": 2013,
    "odometer": 92000,
    "condition": "good",
    "cylinders": None,
    "fuel": "gas",
    "transmission": "automatic",
    "type": "truck",
    "paint_color": None,
    "is_4wd": 1,
}


def steps(folder: Path) -> None:
    """Run the steps in a folder."""
    values = ["" if value is None else str(value) for value in CAR.values()]
    table_steps(
        EndToEnd("carvision", PROJECT),
        folder,
        train=[part for setting in SMALL for part in ("--set", setting)],
        record=CAR,
        refused={**CAR, "model_year": 3000},
        records=f"{','.join(CAR)}\n{','.join(values)}\n",
    )


if __name__ == "__main__":
    sys.exit(run_steps("carvision", steps))
