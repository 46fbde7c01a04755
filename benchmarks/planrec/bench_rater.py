"""Re-rating one subscriber, 500 plans x 6 months, against the bare NumPy arithmetic on ready arrays.

The bare version is the sum a bill is, written plainly: fee, and for each service what exceeds the allowance times its
price. It checks nothing, rounds nothing and knows no unit; the rater does all of it and may cost three times as much.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

import numpy as np
from figures import arguments, report
from numpy.typing import NDArray
from synthetic import large_catalogue

from planrec.billing import Usage, bill_totals, rate
from planrec.billing.month_bills import billable_units

PLANS, MONTHS = 500, 6
CALLS = 20  # of each version in a row, so that a clock tick does not show


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__).parse_args()
    catalogue = large_catalogue(PLANS)
    prices = catalogue.prices
    rng = np.random.default_rng(2)
    usage = Usage.of(np.ceil(rng.gamma(2, 300, MONTHS)), rng.poisson(40, MONTHS), rng.gamma(2, 9000, MONTHS))
    minutes, messages, data = (units[:, None] for units in billable_units(usage, catalogue))

    def bare() -> NDArray[np.int64]:
        return (
            prices.fee_cents
            + np.maximum(minutes - prices.included_minutes, 0) * prices.cents_per_minute
            + np.maximum(messages - prices.included_messages, 0) * prices.cents_per_message
            + np.maximum(data - prices.included_data_units, 0) * prices.cents_per_data_unit
        )

    np.testing.assert_array_equal(bare(), bill_totals(usage, catalogue))
    times = _medians(
        {"bare": bare, "totals": lambda: bill_totals(usage, catalogue), "items": lambda: rate(usage, catalogue)},
        rounds=50 if options.quick else 500,
    )
    report(
        "planrec_rater",
        {
            "plans": PLANS,
            "months": MONTHS,
            "bare_microseconds": round(times["bare"], 1),
            "bills_over_bare": round(times["totals"] / times["bare"], 2),
            "bills_with_line_items_over_bare": round(times["items"] / times["bare"], 2),
        },
        options,
    )


def _medians(versions: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Return microseconds of CPU a call; the versions take turns, so that a busy machine slows all of them."""
    times: dict[str, list[float]] = {name: [] for name in versions}
    for _ in range(rounds):
        for name, version in versions.items():
            times[name].append(timeit.timeit(version, timer=time.process_time, number=CALLS) / CALLS * 1e6)
    return {name: float(np.median(found)) for name, found in times.items()}


if __name__ == "__main__":
    main()
