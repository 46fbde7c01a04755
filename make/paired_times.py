"""Hold the processor time of two commits against each other: /recommend and the rater on cards of the short form.

    python make/paired_times.py BEFORE AFTER [--bundle FOLDER [FOLDER]] [--rater] [--rounds 60] [--write]

Each commit is checked out in a folder of its own and measured by a process of its own. The two take turns in short
rounds, each first in every other one, so that a busy machine slows both. /recommend is what its route does for a body,
from JSON to JSON, without the server, the decision log and profiles: these are later than the cards and have gates of
their own. The rater is that of benchmarks/planrec/bench_rater.py, 500 plans x 6 months. Told are the median of the
rounds' ratios, its quartiles, and the ratio of the two least times. Without --bundle, each side trains a small one;
--rater leaves /recommend out.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from earlier_tree import ROOT, checked_out, environment, trained

RESULTS = ROOT / "benchmarks" / "results" / "planrec_paired_times.json"
MOST = 1.05
_BODIES, _CALLS = 100, 100  # of one round
_HELPERS = ("benchmarks/planrec", "benchmarks/serving")  # today's, over the modules of either side


def measure(bundle: str) -> None:
    """Answer each line of standard input by the processor microseconds a call of one round; "" is the rater alone."""
    works = _rater()
    if bundle:
        works = {"recommend": (_BODIES, _recommend(Path(bundle))), **works}
    for _, work in works.values():
        work()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        took = {}
        for name, (calls, work) in works.items():
            began = time.process_time()
            work()
            took[name] = (time.process_time() - began) / calls * 1e6
        sys.stdout.write(json.dumps(took) + "\n")
        sys.stdout.flush()


def _recommend(bundle: Path) -> Callable[[], None]:
    """Return what answers some bodies as the route does."""
    live_module, schemas = importlib.import_module("app.live"), importlib.import_module("app.schemas")
    live = live_module.open_live(bundle)
    said = importlib.import_module("payloads").bodies(_BODIES)
    to_json = importlib.import_module("pydantic_core").to_json

    def work() -> None:
        for body in said:
            question = live.question(schemas.RecommendRequest.model_validate_json(body))
            answer = live.recommended(question, live.advised(question))
            if not isinstance(answer, bytes):  # of a commit that writes the JSON afterwards
                to_json(answer)

    return work


def _rater() -> dict[str, tuple[int, Callable[[], None]]]:
    from planrec.billing import Usage, bill_totals, rate

    catalogue = importlib.import_module("synthetic").large_catalogue(500)
    rng = np.random.default_rng(2)
    usage = Usage.of(np.ceil(rng.gamma(2, 300, 6)), rng.poisson(40, 6), rng.gamma(2, 9000, 6))

    def totals() -> None:
        for _ in range(_CALLS):
            bill_totals(usage, catalogue)

    def items() -> None:
        for _ in range(_CALLS):
            rate(usage, catalogue)

    return {"bill_totals": (_CALLS, totals), "rate": (_CALLS, items)}


class Side:
    """One commit's process."""

    def __init__(self, tree: Path, bundle: str | None) -> None:
        environ = environment(tree)
        environ["PYTHONPATH"] += "".join(f":{ROOT / helper}" for helper in _HELPERS)
        words = [
            sys.executable,
            str(Path(__file__).resolve()),
            "--measure",
            str(trained(tree)) if bundle is None else bundle,
        ]
        self.process = subprocess.Popen(
            words, cwd=tree / "PlanRec", env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        while self._line() != "ready\n":
            pass

    def _line(self) -> str:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError("a side has ended; what it said stands above")
        return line

    def round(self) -> dict[str, float]:
        """Return processor microseconds a call, by what is measured."""
        print("go", file=self.process.stdin, flush=True)
        return json.loads(self._line())

    def end(self) -> None:
        """Let the process end."""
        self.process.communicate()


def compared(rounds: list[tuple[dict[str, float], dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Return, for each measure, the median time before and after, and the ratio's median, quartiles and least times'.

    Examples
    --------
    >>> compared([({"a": 2.0}, {"a": 2.2}), ({"a": 4.0}, {"a": 4.0})])["a"]["ratio"]
    1.05
    """
    found: dict[str, dict[str, Any]] = {}
    for name in rounds[0][0]:
        before, after = (np.array([pair[side][name] for pair in rounds]) for side in (0, 1))
        low, middle, high = np.quantile(after / before, (0.25, 0.5, 0.75)).tolist()
        found[name] = {
            "before_us": round(float(np.median(before)), 1),
            "after_us": round(float(np.median(after)), 1),
            "ratio": round(middle, 3),
            "ratio_quartiles": [round(low, 3), round(high, 3)],
            "ratio_of_least": round(float(after.min() / before.min()), 3),
        }
    return found


def main() -> int:
    """Measure; return 5 if a median is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", nargs="?")
    parser.add_argument("after", nargs="?")
    parser.add_argument("--bundle", nargs="+", help="for both sides, or one for each")
    parser.add_argument("--rater", action="store_true", help="the rater alone, without a bundle")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--measure", metavar="BUNDLE", help="only measure here, by the code on the path")
    parser.add_argument("--write", action="store_true", help="keep the figures in benchmarks/results")
    options = parser.parse_args()
    if options.measure is not None:
        measure(options.measure)
        return 0
    with checked_out(options.before) as then, checked_out(options.after) as now:
        bundles = [""] if options.rater else options.bundle or [None]
        sides = Side(then, bundles[0]), Side(now, bundles[-1])
        rounds: list[tuple[dict[str, float], dict[str, float]]] = []
        for i in range(options.rounds):
            order = (0, 1) if i % 2 else (1, 0)
            took = {side: sides[side].round() for side in order}
            rounds.append((took[0], took[1]))
        for side in sides:
            side.end()
    found = compared(rounds)
    pair = f"{options.before}..{options.after}"
    for name, figures in found.items():
        print(pair, name, figures)
    if options.write:
        kept: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[pair] = {"rounds": options.rounds, "most": MOST, **found}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 5 if any(figures["ratio"] > MOST for figures in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
