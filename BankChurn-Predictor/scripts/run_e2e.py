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
CUSTOMER = {
    "CreditScore": 619,
    "Geography": "Germany",
    "Gender": "Female",
    "Age": 52,
    "Tenure": None,
    "Balance": 83807.86,
    "NumOfProducts": 1,
    "HasCrCard": 1,
    "IsActiveMember": 0,
    "EstimatedSalary": 101348.88,
}


def steps(folder: Path) -> None:
    """Run the steps in a folder."""
    values = ["" if value is None else str(value) for value in CUSTOMER.values()]
    table_steps(
        EndToEnd("bankchurn", PROJECT),
        folder,
        train=[part for setting in SMALL for part in ("--set", setting)],
        record=CUSTOMER,
        refused={**CUSTOMER, "Age": 7},
        records=f"{','.join(CUSTOMER)}\n{','.join(values)}\n",
    )


if __name__ == "__main__":
    sys.exit(run_steps("bankchurn", steps))
