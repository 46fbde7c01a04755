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
    "training.split.folds=2",
    "training.split.repeats=1",
    "evaluation.resamples=50",
)
MONTH = {"calls": 85, "minutes": 516.75, "messages": 56, "mb_used": 22696.96}


def steps(folder: Path) -> None:
    """Run the steps in a folder."""
    table_steps(
        EndToEnd("telecom", PROJECT),
        folder,
        train=[part for setting in SMALL for part in ("--set", setting)],
        record=MONTH,
        refused={**MONTH, "minutes": -1},
        records=f"{','.join(MONTH)}\n{','.join(str(value) for value in MONTH.values())}\n",
    )


if __name__ == "__main__":
    sys.exit(run_steps("telecom", steps))
