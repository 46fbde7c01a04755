"""`planrec recommend` on a large Parquet file against a loop over subscribers: processor time, time and peak memory.

The batch is the command line in a process of its own: start, read, check, rate, rank, write. The loop does what a
service does for one subscriber after another: takes the rows as they come from the file, builds the record, advises,
writes the answer; it checks nothing of the file. It runs on the first subscribers, and its time is extrapolated. Both
give 3 of 13 plans over 6 months; the service's advice always comes with its sentence, so the loop is shown without
sentences, too. The ratio is of processor time, all threads and the start of the command counted: other work on the
machine changes it least, and a second processor, which the batch uses and the loop cannot, adds nothing to it.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from figures import arguments, report
from synthetic import MONTHS, write_usage

from planrec.advice import advise
from planrec.advice.ranking import AdvicePolicy
from planrec.advice.subscriber import advise_subscriber
from planrec.billing import Catalogue, load_catalogue
from planrec.decisions import SubscriberRecord, UsageMonth
from planrec.decisions.record import record_facts, record_history
from planrec.months import month_index
from planrec.rules import built_in_rules

CARD = Path(__file__).resolve().parents[2] / "PlanRec" / "configs" / "plans.yaml"
AS_OF, TOP, HISTORY = MONTHS[-1], 3, len(MONTHS)
POLICY = AdvicePolicy(risk_weight=0.5, min_gain_cents=0)


@dataclass(frozen=True)
class Child:
    """What a command took: seconds by the clock and of processors, and megabytes at its peak."""

    seconds: float
    processor_seconds: float
    peak_megabytes: int


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("--subscribers", type=int, help="default 1,000,000; with --quick 20,000")
    options = parser.parse_args()
    subscribers = options.subscribers or (20_000 if options.quick else 1_000_000)
    sample = min(500 if options.quick else 2_000, subscribers)
    catalogue = load_catalogue(CARD)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = _measure(folder, catalogue, subscribers, sample, quick=options.quick)
    report("planrec_batch", figures, options)


def _measure(
    folder: Path, catalogue: Catalogue, subscribers: int, sample: int, *, quick: bool
) -> dict[str, float | int | str]:
    usage, smaller = folder / "usage.parquet", folder / "smaller.parquet"
    write_usage(usage, catalogue, subscribers)
    write_usage(smaller, catalogue, subscribers // 4)
    quarter = _command("recommend", smaller, folder / "advice.parquet")
    loops = [_loop(usage, sample, folder, answer) for answer in (_advice(catalogue), _bare_advice(catalogue))]
    whole = _command("recommend", usage, folder / "advice.parquet")
    again = [_loop(usage, sample, folder, answer) for answer in (_advice(catalogue), _bare_advice(catalogue))]
    # The fastest loop counts: what slowed it down was not the loop.
    loop, bare = (min(pair) for pair in zip(loops, again, strict=True))
    # A start takes seconds whatever the file; a small file shows what each subscriber takes beyond it.
    seconds = _warm(usage, folder, catalogue) if quick else whole.processor_seconds
    each = seconds / subscribers
    figures: dict[str, float | int | str] = {
        "subscribers": subscribers,
        "timed": "in a warm process" if quick else "the whole command, its start included",
        "batch_processor_seconds": round(seconds, 2),
        "batch_microseconds_each": round(each * 1e6, 2),
        "loop_microseconds_each": round(loop * 1e6, 1),
        "loop_without_sentences_microseconds_each": round(bare * 1e6, 1),
        "loop_over_batch": round(loop / each, 1),
        "loop_without_sentences_over_batch": round(bare / each, 1),
        "peak_megabytes": whole.peak_megabytes,
        "peak_megabytes_of_a_quarter": quarter.peak_megabytes,
    }
    if not quick:
        shuffled = _shuffled(smaller, folder / "shuffled.parquet")
        figures["batch_seconds_by_the_clock"] = round(whole.seconds, 1)
        figures["peak_megabytes_of_a_quarter_unsorted"] = _command(
            "recommend", shuffled, folder / "advice.parquet"
        ).peak_megabytes
        bills = _command("bill", smaller, folder / "bills.parquet")
        figures |= {"bill_subscribers": subscribers // 4, "bill_peak_megabytes": bills.peak_megabytes}
    return figures


def _shuffled(usage: Path, path: Path) -> Path:
    rows = pq.read_table(usage)
    pq.write_table(rows.take(np.random.default_rng(3).permutation(rows.num_rows)), path)
    return path


def _command(command: str, usage: Path, output: Path) -> Child:
    """Run a command of `planrec` and return what it took, by the kernel's own account of that process."""
    further = ["--as-of", AS_OF, "--top", str(TOP), "--min-gain-cents", "0"] if command == "recommend" else []
    call = [sys.executable, "-m", "planrec.cli", command, "--plans", str(CARD), "--usage", str(usage)]
    start = time.perf_counter()
    # Compiled modules are kept, as in any installation, wherever this runs: the first command makes them.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {"PYTHONPYCACHEPREFIX": str(output.parent / "bytecode")} | kept
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen([*call, "--output", str(output), *further], stderr=said, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"planrec {command} failed:\n{said.read()}")
    output.unlink()
    return Child(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


def _warm(usage: Path, folder: Path, catalogue: Catalogue) -> float:
    """Return the processor seconds the command takes once everything is loaded; the best of three."""
    from planrec.advice import AnswerPolicy, Engine
    from planrec.batch.answers import Recommender
    from planrec.batch.files import write_recommendations
    from planrec.batch.rankers import policy_ranker

    month = month_index(AS_OF)
    engine = Engine(catalogue, built_in_rules())
    ranker = policy_ranker(engine, AnswerPolicy(HISTORY, POLICY.risk_weight, POLICY.min_gain_cents))
    recommender = Recommender(catalogue, ranker, month, HISTORY, TOP)
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        write_recommendations(usage, recommender, folder / "warm.parquet")
        times.append(time.process_time() - start)
    return min(times)


def _loop(usage: Path, sample: int, folder: Path, answer: Callable[[SubscriberRecord], list[list[Any]]]) -> float:
    """Return the processor seconds a subscriber takes, one after another from file to file; the best of three."""
    times: list[float] = []
    for _ in range(3):
        start = time.process_time()
        with (folder / "loop.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            for subscriber, record in _records(usage, sample):
                writer.writerows([subscriber, *row] for row in answer(record))
        times.append((time.process_time() - start) / sample)
    return min(times)


def _records(usage: Path, sample: int) -> Iterator[tuple[str, SubscriberRecord]]:
    batch = next(pq.ParquetFile(usage).iter_batches(sample * len(MONTHS)))
    for subscriber, group in groupby(batch.to_pylist(), key=lambda row: row["subscriber_id"]):
        rows = list(group)
        months = [UsageMonth(month_index(r["month"]), r["minutes"], r["messages"], r["megabytes"]) for r in rows]
        yield subscriber, SubscriberRecord(months, rows[-1]["current_plan"], rows[-1]["age"])


def _advice(catalogue: Catalogue) -> Callable[[SubscriberRecord], list[list[Any]]]:
    month, rules = month_index(AS_OF), built_in_rules()

    def answer(record: SubscriberRecord) -> list[list[Any]]:
        advice = advise_subscriber(record, catalogue, POLICY, rules, month=month, history_months=HISTORY, top_k=TOP)
        return [
            [p.rank, p.plan.plan_id, p.is_current, p.expected_bill_cents, p.saving_cents, p.p_pay_more, p.reason]
            for p in advice.plans
        ]

    return answer


def _bare_advice(catalogue: Catalogue) -> Callable[[SubscriberRecord], list[list[Any]]]:
    month, rules = month_index(AS_OF), built_in_rules()

    def answer(record: SubscriberRecord) -> list[list[Any]]:
        current = catalogue.index(record.current_plan)
        facts = record_facts(record, month=month, current=current)
        history = record_history(record, history_months=HISTORY)
        advice = advise(history, catalogue, POLICY, rules=rules, facts=facts)
        figures = (advice.expected_cents, advice.saving_cents, advice.p_pay_more)
        return [
            [rank, catalogue.plan_ids[plan], plan == current, *(float(figure[0, plan]) for figure in figures)]
            for rank, plan in enumerate(advice.order[0, :TOP].tolist(), start=1)
            if plan >= 0
        ]

    return answer


if __name__ == "__main__":
    main()
