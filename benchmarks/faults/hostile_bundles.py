"""1,000 hostile bundles: all must be refused by `open_bundle`, quickly, and without a byte unpacked or unpickled."""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hostile import KEY, MUTATIONS, make_good, reseal
from report import Result, finish

from common_utils.bundle import open_bundle
from common_utils.bundle.signing import INTEGRITY_ONLY
from common_utils.errors import ArtifactError


def main() -> int:
    """Make, open, count; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--control", action="store_true", help="ask for no signature: some must get through")
    options = parser.parse_args()
    trust = INTEGRITY_ONLY if options.control else KEY
    accepted: Counter[str] = Counter()
    opening, unpickled, slowest = False, 0, 0.0

    def watch(event: str, _: object) -> None:
        nonlocal unpickled
        unpickled += opening and event == "pickle.find_class"  # making an array of objects looks a class up, too

    sys.addaudithook(watch)
    kinds = list(MUTATIONS)
    with tempfile.TemporaryDirectory() as name:
        good = make_good(Path(name) / "artifacts")
        reseal(good, KEY)
        open_bundle(good, trust=KEY)  # what the mutations start from, and how they end, is accepted
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(options.bundles):
            kind = kinds[number % len(kinds)]
            folder = Path(name) / str(number) / good.name
            shutil.copytree(good, folder)
            MUTATIONS[kind](folder, random.Random(f"{options.seed}-{number}"))
            started, opening = time.perf_counter(), True
            try:
                open_bundle(folder, trust=trust)
                accepted[f"accepted: {kind} (bundle {number})"] += 1
            except ArtifactError:
                pass
            opening = False
            slowest = max(slowest, time.perf_counter() - started)
            shutil.rmtree(folder.parent)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return finish(
        f"{options.bundles} hostile bundles of {len(kinds)} kinds, seed {options.seed}",
        [
            Result("bundles accepted", accepted.total(), 0),
            *(Result(what, count, 0) for what, count in sorted(accepted.items())[:5]),
            Result("classes looked up by an unpickler", unpickled, 0),
            Result("slowest refusal, ms", slowest * 1000),
            Result("growth of the process at its peak, MB", grown, 64),
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
