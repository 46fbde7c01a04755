r"""The choice model in one process on one core: a table of subscribers, and one alone the quick way.

The table is scored twice: from arrays, as commands and batches do, and by the estimators that arrays are compiled from.
A bundle holds no estimators, so trees of the bundle's settings are fitted on choices drawn from its own answers.

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

from planrec.bundle import NextChoice, PlanRecBundle
from planrec.choice.boosting import MonotoneBoosting
from planrec.choice.compiling import compile_choice_model
from planrec.choice.selection import CalibratedChoice
from planrec.columns import AGE, MONTH
from planrec.decisions import SubscriberRecord
from planrec.decisions.record import decision_columns
from planrec.months import month_text
from planrec.quick import RowChoice

ROWS = 10_000
MUST_TABLE = 2.3
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


def table_ways(
    bundle: PlanRecBundle, choice: NextChoice, records: list[SubscriberRecord], months: list[int]
) -> dict[str, tuple[int, Callable[[], Any]]]:
    """Return the same trees as estimators and as arrays, each with a table to score; proven equal on the way."""
    settings, model = bundle.config, choice.model
    columns = decision_columns(records, history_months=model.history_months, extra_columns=(AGE,))
    columns[MONTH] = np.array([month_text(month) for month in months], dtype=object)
    table = pd.DataFrame(columns)
    rng = np.random.default_rng(settings.training.seed)
    reached = choice.of_records(records, months).p_take.cumsum(axis=1) >= rng.random((len(records), 1))
    taken = np.array(model.classes, dtype=object)[reached.argmax(axis=1)]
    fitted = MonotoneBoosting(
        model.catalogue,
        settings.training.challenger,
        model.history_months,
        with_current_plan=model.with_current_plan,
        seed=settings.training.seed,
    ).fit(table, taken)
    calibrated = CalibratedChoice(fitted, model.temperature)
    arrays, _ = compile_choice_model(calibrated, table, seed=settings.training.seed)
    return {
        "estimator": (ROWS, lambda: calibrated.predict_proba(table)),
        "arrays": (ROWS, lambda: arrays.predict_proba(columns)),
    }


def measure(bundle_path: Path, rounds: int) -> dict[str, list[float]]:
    """Return processor time, us a row, of each way, by round."""
    bundle = PlanRecBundle.open(bundle_path)
    choice = bundle.next_choice()
    alone = RowChoice(choice.model, choice.rules)
    records = [record(body) for body in bodies(ROWS)]
    months = [max(month.month for month in one.months) for one in records]
    few = list(zip(records, months, strict=True))[:1000]
    expected = choice.of_records(*zip(*few, strict=True))
    quick = [alone(*one) for one in few]
    if quick != list(zip(expected.p_take.tolist(), expected.decides_from.tolist(), strict=True)):
        raise SystemExit("one subscriber alone is answered otherwise than in a table; report it with the bundle")
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "table": (ROWS, lambda: choice.of_records(records, months)),
        "table of one": (50, lambda: each(lambda one: choice.of_records(*([part] for part in one)), few[:50])),
        "alone": (len(few), lambda: each(lambda one: alone(*one), few)),
    }
    ways |= table_ways(bundle, choice, records, months)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (count, work) in ways.items():
            found[name].append(seconds(work) / count * 1e6)
    return found


def report(found: dict[str, list[float]], rounds: int, ceiling: float) -> tuple[str, bool]:
    """Return the table, and whether the musts hold, where the constant endpoint answers `ceiling` requests/s."""
    must_row = MUST_ROW * CEILING / ceiling
    times = [a / b for a, b in zip(found["table of one"], found["alone"], strict=True)]
    row = sorted(found["alone"])[rounds // 2]
    quicker = [a / b for a, b in zip(found["estimator"], found["arrays"], strict=True)]
    lines = [
        "# The choice model in process",
        "",
        f"`python benchmarks/serving/in_process.py {' '.join(sys.argv[1:])}`",
        "",
        f"Python {platform.python_version()}, one core; processor time a subscriber, us, min / median / max of "
        f"{rounds} rounds, from record to probabilities; another subscriber each time.",
        "",
        "| what | us | must |",
        "|---|---|---|",
        f"| table of {ROWS:,} subscribers | {three(found['table'], ',.1f')} | - |",
        f"| table of one subscriber | {three(found['table of one'], ',.1f')} | - |",
        f"| one subscriber the quick way, with the same bits | {three(found['alone'], ',.1f')} | <= {must_row:.1f} |",
        "",
        f"Trees of the bundle's settings on a table of {ROWS:,}, us a subscriber: by estimators "
        f"{three(found['estimator'], ',.1f')}, from arrays {three(found['arrays'], ',.1f')}; "
        f"{three(quicker, '.1f')} times as fast, must >= {MUST_TABLE}.",
        "",
        f"The quick way is {three(times, '.1f')} times as fast as a table of one.",
        "",
        f"One subscriber over the time of one request to a constant endpoint ({ceiling:,.0f}/s here, 16 connections, "
        f"`results.md`): {row * ceiling / 1e6:.3f}; must <= {MUST_ROW * CEILING / 1e6:.3f}, "
        f"which is {MUST_ROW:g} us at {CEILING:,.0f}/s.",
    ]
    return "\n".join([*lines, ""]), row <= must_row and sorted(quicker)[rounds // 2] >= MUST_TABLE


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
