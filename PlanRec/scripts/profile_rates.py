"""What counting what is seen costs `/predict`: the same service with and without hourly profiles, turn by turn.

    python scripts/profile_rates.py            (trains a small bundle; --bundle names another)

Processor time is what counts on a machine with other work: the ratio of a turn, and the median of these.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from decision_rates import compared, requests
from decision_service import Service
from decisions_check import small_bundle

LEAST = 0.97
"""Of the rate without profiles, by processor time."""


def main() -> int:
    """Print a line for each number of connections; leave with 5 if one is below the least."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="what answers; one is trained unless it is named")
    parser.add_argument("--turns", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=0.5)
    options = parser.parse_args()
    kept = True
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        root = Path(place)
        bundle = options.bundle or small_bundle(root / "artifacts")
        services: list[Service] = []
        for said in ("false", "true"):
            (root / said).mkdir()
            settings = {"decisions.log": "false", "monitoring.profiles": said}
            folder = {"monitoring.folder": str(root / said / "seen")}
            services.append(stack.enter_context(Service(bundle, root / said, **settings, **folder)))
        for connections in (1, 16):
            asked = requests(500)
            off, on = compared(services, connections, turns=options.turns, seconds=options.seconds, asked=asked)
            turns = list(zip(off, on, strict=True))
            ratio = statistics.median(plain.processor / one.processor for plain, one in turns)
            rate = statistics.median(one.rate / plain.rate for plain, one in turns)
            spent = statistics.median(one.processor for one in on)
            print(
                f"{connections} connections: {ratio:.3f} of the rate without profiles by processor time "
                f"({spent * 1e6:.0f} us an answer), {rate:.3f} by the clock, {options.turns} turns",
                flush=True,
            )
            kept = kept and ratio >= LEAST
    return 0 if kept else 5


if __name__ == "__main__":
    sys.exit(main())
