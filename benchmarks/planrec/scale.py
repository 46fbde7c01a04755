"""Ten million subscribers on one machine: every batch command on simulated operators of four sizes; `make scale`.

Every command is a process of its own on a folder of 32 Parquet parts, six months a subscriber. What each took is kept
in `manifest.json` in the folder as soon as it is done, so a run that was stopped goes on; another commit measures anew.
The outputs are deleted once their bytes are counted. A process above 2 GB, or a run above its processor seconds, stops
it with 5. Growth is the slope of the logarithms over the sizes: 1 is linear, 0 is flat; that of time is beyond what a
command takes on 1,000 subscribers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from operator_files import MONTHS, PARTS, RUN_DAY, write_part
from synthetic import DRAFTED

from common_utils.bundle import git_commit
from common_utils.outputs import replacing
from planrec.billing import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "PlanRec"
CARD = PROJECT / "configs" / "plans.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "scale.json"
START = 1_000  # subscribers of the operator that shows what a command takes before it works
SIZES = (100_000, 1_000_000, 3_000_000, 10_000_000)
SEED = 19
MOST_SECONDS, MOST_MEGABYTES = 6_000.0, 2_048.0
BYTES_A_SUBSCRIBER = 4_000  # of disk, free before it begins: 40 GB for ten million
STOPPED = 5


def commands(folder: Path, bundle: Path, wanted: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """Return what is asked of each operator by its name in the table, without usage and output; all if none wanted."""
    plan, card, asked = str(folder / "plan.yaml"), ("--plans", str(CARD)), ("--bundle", str(bundle))
    month, day = ("--as-of", MONTHS[-1]), ("--as-of", RUN_DAY)
    asked_of = {
        "bill": ("bill", *card),
        "advice": ("recommend", *asked, *month),
        "offers": ("recommend", "--mode", "offer", *asked, *month),
        "predict": ("predict", *asked, *month),
        "notices": ("notices", *card, *day),
        "draft": ("draft", "--plan", plan, *asked, *month),
        "what-if": ("what-if", "--usage-factor", "1.2", *asked, *month),
    }
    return {name: call for name, call in asked_of.items() if not wanted or name in wanted}


def refuse_small_disk(folder: Path, sizes: Iterable[int]) -> None:
    """Say what the disk has and what is asked of it, and stop where that is not enough."""
    needed, free = max(sizes) * BYTES_A_SUBSCRIBER, shutil.disk_usage(folder).free
    print(f"disk: {needed / 1e9:z.2f} GB asked in {folder}, {free / 1e9:z.2f} GB free", flush=True)
    if free < needed:
        raise SystemExit(f"scale: too little room in {folder}. Name another folder with --folder, or smaller --sizes.")


class Ledger:
    """What was measured so far, in a file that is whole at any moment."""

    def __init__(self, path: Path, commit: str) -> None:
        self.path, self.commit = path, commit
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if kept and kept["commit"] != commit:
            print(f"{path} is of commit {kept['commit']}: measured anew", flush=True)
            kept = {}
        self.steps: dict[str, dict[str, float]] = kept.get("steps", {})

    def keep(self, size: int, name: str, taken: Mapping[str, float]) -> None:
        """Add a step."""
        self.steps[f"{size} {name}"] = dict(taken)
        with replacing(self.path) as file:
            file.write(json.dumps({"commit": self.commit, "steps": self.steps}, indent=1).encode() + b"\n")

    def of(self, size: int, name: str) -> dict[str, float] | None:
        """Return a step, or None where it was not done."""
        return self.steps.get(f"{size} {name}")

    @property
    def seconds(self) -> float:
        """Processor seconds of all steps."""
        return sum(step["processor_seconds"] for step in self.steps.values())


def measured(call: Sequence[str], output: Path, said: Path) -> dict[str, float]:
    """Run a command and return what it took, by the kernel's own account of that process."""
    # Compiled modules are kept, as in any installation, wherever this runs: the first command makes them.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPYCACHEPREFIX": str(said.parent / "bytecode")} | kept
    start = time.perf_counter()
    with said.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(call, stdout=errors, stderr=errors, env=environment, cwd=PROJECT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"{' '.join(call)} left with {process.returncode}:\n{said.read_text(encoding='utf-8')[-2000:]}"
        )
    size = output.stat().st_size
    output.unlink()
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_megabytes": round(used.ru_maxrss / 1024),
        "output_megabytes": round(size / 1e6, 1),
    }


def generate(folder: Path, size: int, seed: int) -> dict[str, float]:
    """Write the parts of an operator that are not there yet, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    catalogue, start, used = load_catalogue(CARD), time.perf_counter(), time.process_time()
    for part in range(PARTS):
        path = folder / f"part-{part:03d}.parquet"
        if not path.exists():
            begun = folder.parent / f".{folder.name}-{part:03d}"
            write_part(begun, catalogue, size, part, seed)
            begun.replace(path)
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(time.process_time() - used, 1),
        "peak_megabytes": 0,
        "output_megabytes": round(sum(path.stat().st_size for path in folder.iterdir()) / 1e6, 1),
    }


def growth(sizes: Sequence[int], values: Sequence[float]) -> float | None:
    """Return the slope of the logarithm of a value over that of the size; 1 is linear.

    None for one size, and where a value is not above 0: what is not measurable has no growth.

    >>> growth([10, 100, 1000], [2.0, 20.0, 200.0])
    1.0
    """
    if len(sizes) < 2 or min(values) <= 0:
        return None
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 3)


def summary(ledger: Ledger, sizes: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    """Return of each command what it took on the largest operator, and how it grows over all of them."""
    found: dict[str, Any] = {}
    for name in names:
        steps = {size: step for size in sizes if (step := ledger.of(size, name)) is not None}
        if not steps:
            continue
        done, last = list(steps), steps[max(steps)]
        start = (ledger.of(START, name) or {"processor_seconds": 0.0})["processor_seconds"]
        beyond = [step["processor_seconds"] - start for step in steps.values()]
        found[name] = {
            "subscribers": max(steps),
            "rows_a_processor_second": round(max(steps) * len(MONTHS) / max(last["processor_seconds"], 0.1)),
            **last,
            "growth_of_time": growth(done, beyond),
            "growth_of_memory": growth(done, [step["peak_megabytes"] for step in steps.values()]),
        }
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the summary as the table of a page."""
    head = "| command | subscribers | rows/CPU s | CPU s | peak MB | output MB | time grows | memory grows |"
    rows: list[str] = []
    for command, one in found.items():
        counts = f"{one['subscribers']:,} | {one['rows_a_processor_second']:,}"
        used = " | ".join(f"{one[name]:z.0f}" for name in ("processor_seconds", "peak_megabytes", "output_megabytes"))
        slopes = [one["growth_of_time"], one["growth_of_memory"]]
        grown = " | ".join("-" if slope is None else f"{slope:z.2f}" for slope in slopes)
        rows.append(f"| {command} | {counts} | {used} | {grown} |")
    return "\n".join([head, "|" + "---|" * head.count(" | ") + "---|", *rows])


def run(
    folder: Path, calls: Mapping[str, Sequence[str]], sizes: Sequence[int], ledger: Ledger, most_seconds: float
) -> int:
    """Do every step that is not done; return 5 where a bound stops it."""
    (folder / "plan.yaml").write_text(DRAFTED, encoding="utf-8")
    planrec = [sys.executable, "-m", "planrec.cli"]
    for size in sorted({START, *sizes}):
        usage = folder / f"usage-{size}"
        if ledger.of(size, "generate") is None:
            ledger.keep(size, "generate", generate(usage, size, SEED))
        for name, call in calls.items():
            if (taken := ledger.of(size, name)) is None:
                if ledger.seconds >= most_seconds:
                    print(
                        f"stopped before {name} of {size:,}: {ledger.seconds:z.0f} processor seconds are used",
                        flush=True,
                    )
                    return STOPPED
                output = folder / ("out.jsonl" if name == "notices" else "out.parquet")
                asked = [*planrec, *call, "--usage", str(usage), "--output", str(output)]
                taken = measured(asked, output, folder / "said.txt")
                if size == START:  # the first time, Python compiles its modules
                    taken = measured(asked, output, folder / "said.txt")
                ledger.keep(size, name, taken)
            print(
                f"{size:>10,} {name:8} {taken['processor_seconds']:8,.1f} CPU s {taken['peak_megabytes']:6,.0f} MB "
                f"{taken['output_megabytes']:8,.1f} MB written",
                flush=True,
            )
            if taken["peak_megabytes"] > MOST_MEGABYTES:
                print(f"stopped: {name} of {size:,} took more than {MOST_MEGABYTES:.0f} MB", flush=True)
                return STOPPED
        if size != max(sizes):
            shutil.rmtree(usage, ignore_errors=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and return 5 if a bound was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    place = Path(tempfile.gettempdir()) / "planrec-scale"
    parser.add_argument("--folder", type=Path, default=place, help=f"for data and manifest, kept; default {place}")
    parser.add_argument("--bundle", type=Path, default=PROJECT / "artifacts", help="of PlanRec, or a root of them")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="subscribers")
    parser.add_argument("--commands", nargs="+", choices=list(commands(Path(), Path())), default=[], help="all if none")
    parser.add_argument("--most-seconds", type=float, default=MOST_SECONDS, help="processor seconds of all steps")
    parser.add_argument("--write", action="store_true", help=f"keep the figures in benchmarks/results/{RESULTS.name}")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    refuse_small_disk(folder, options.sizes)
    ledger = Ledger(folder / "manifest.json", git_commit(ROOT, aside=["benchmarks/results/scale.json"]) or "none")
    calls = commands(folder, options.bundle.resolve(), options.commands)
    code = run(folder, calls, options.sizes, ledger, options.most_seconds)
    found = summary(ledger, options.sizes, ["generate", *calls])
    print(table(found))
    print(f"{ledger.seconds:,.0f} processor seconds in all")
    if options.write:
        about = {"commit": ledger.commit, "python": platform.python_version(), "processors": os.cpu_count()}
        kept = {**about, "bytes_a_subscriber": BYTES_A_SUBSCRIBER, "commands": found, "steps": ledger.steps}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
