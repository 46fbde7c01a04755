r"""The compiled scorer against the pipeline it was compiled from, in one process on one core: a batch, and one row.

python benchmarks/serving/in_process.py --bundle PlanRec/artifacts --ceiling 6751 \
    --output benchmarks/serving/in_process.md
"""

# ruff: noqa: E402  the threads are set before NumPy is there to read them
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from compare import three
from payloads import bodies, record

from planrec.bundle import PlanRecBundle
from planrec.decisions.record import decision_columns
from planrec.quick import RowFeatures

ROWS = 10_000
MUST_BATCH = 2.3
MUST_ROW, CEILING = 25.0, 7000.0  # us, on a machine where the constant endpoint answers that many requests/s


def seconds(work: Callable[[], Any]) -> float:
    """Return the processor time of one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def each(work: Callable[[Any], Any], given: Iterable[Any]) -> None:
    """Call for each, and keep no answer, as a service keeps none."""
    for one in given:
        work(one)


def measure(bundle_path: Path, rounds: int) -> dict[str, list[float]]:
    """Return processor time, us a row, of each way, by round."""
    bundle = PlanRecBundle.open(bundle_path)
    config, scorer, pipeline = bundle.config, bundle.scorer, bundle.pipeline_scorer().model
    row_features = RowFeatures(bundle.matrix)
    score_row = scorer.by_row(row_features.names, row_features.decided)
    records = [record(body) for body in bodies(ROWS)]
    columns = decision_columns(
        records, history_months=config.features.history_months, extra_columns=config.data.chosen().extra_columns
    )
    table = pd.DataFrame(columns)
    few, one_row = records[:1000], table.iloc[[0]]
    rows = [row_features(one) for one in few]
    apart = float(np.abs(pipeline.predict_proba(table) - scorer.score(columns)).max())
    if apart > 1e-12:
        raise SystemExit(f"the scorer is {apart:g} from the pipeline; train the bundle again")
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "pipeline, batch": (ROWS, lambda: pipeline.predict_proba(table)),
        "scorer, batch": (ROWS, lambda: scorer.score(columns)),
        "pipeline, one row": (20, lambda: each(pipeline.predict_proba, [one_row] * 20)),
        "scorer, one row": (len(few), lambda: each(lambda one: score_row(row_features(one)), few)),
        "scorer, features given": (len(few), lambda: each(score_row, rows)),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (count, work) in ways.items():
            found[name].append(seconds(work) / count * 1e6)
    return found


def report(found: dict[str, list[float]], rounds: int, ceiling: float) -> tuple[str, bool]:
    """Return the table, and whether every must holds, where the constant endpoint answers `ceiling` requests/s."""
    must_row = MUST_ROW * CEILING / ceiling
    lines = [
        "# The scorer in process",
        "",
        f"`python benchmarks/serving/in_process.py {' '.join(sys.argv[1:])}`",
        "",
        f"Python {platform.python_version()}, one core; processor time a row, us, min / median / max of {rounds} "
        "rounds; ratios are taken within a round. One row: another subscriber each time, from record to probabilities.",
        "",
        "| what | pipeline | compiled scorer | times as fast | must |",
        "|---|---|---|---|---|",
    ]
    holds = True
    for what, must in ((f"batch of {ROWS:,} rows", MUST_BATCH), ("one row", None)):
        kind = "batch" if must else "one row"
        slow, quick = found[f"pipeline, {kind}"], found[f"scorer, {kind}"]
        times = [a / b for a, b in zip(slow, quick, strict=True)]
        holds &= must is None or sorted(times)[len(times) // 2] >= must
        said = f">= {must}" if must else f"scorer <= {must_row:.1f} us"
        lines.append(f"| {what} | {three(slow, ',.1f')} | {three(quick, ',.1f')} | {three(times, '.1f')} | {said} |")
    given = three(found["scorer, features given"], ",.1f")
    row = sorted(found["scorer, one row"])[rounds // 2]
    lines += [
        "",
        f"Of one row, from its features to the probabilities: {given} us.",
        "",
        f"One row over the time of one request to a constant endpoint ({ceiling:,.0f}/s here, 16 connections, "
        f"`results.md`): {row * ceiling / 1e6:.3f}; must <= {MUST_ROW * CEILING / 1e6:.3f}, "
        f"which is {MUST_ROW:g} us at {CEILING:,.0f}/s.",
    ]
    return "\n".join([*lines, ""]), holds and row <= must_row


def main() -> int:
    """Measure, print the table, write it if asked; return 1 if a must does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="root of bundles, or a bundle")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--ceiling", type=float, default=CEILING, help="requests/s of the constant endpoint here, as compare.py says"
    )
    parser.add_argument("--output", type=Path, help="write the table to this file")
    options = parser.parse_args()
    text, holds = report(measure(options.bundle, options.rounds), options.rounds, options.ceiling)
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
